/* The part of the telnet protocol (RFC 854) that a server without options needs: bytes in, events out.
 *
 * The parser owns no descriptor and allocates nothing. It takes one byte at a time, so it does not matter how reads cut
 * the stream, and a subnegotiation may be of any length. Options are refused once per option and direction, so that no
 * peer can make the parser answer for ever (the loops of RFC 1143). These are exceptions:
 * - TIMING-MARK (RFC 860) is answered each time: telnet discards all output after ^C until that answer comes.
 * - BINARY (RFC 856) is agreed to, and asked for as soon as the peer has shown that it speaks telnet. Without it
 *   Debian's telnet looks at seven bits of each byte that it sends, takes the 0x83 within an "ă" for a ^C, and sends
 *   IAC IP in its place. So the event for such a command has the byte in `data`. The caller knows whether that byte
 *   would continue an incomplete character.
 * - ECHO (RFC 857), SUPPRESS-GO-AHEAD (RFC 858) and NAWS (RFC 1073) are needed to edit the peer's line. telnet_edit()
 *   asks for them; before that they are refused. While the line is edited, what the peer says about them counts as its
 *   answer and is not answered. Its first WILL NAWS is answered all the same: kermit drops the requests that come
 *   together with ECHO, makes offers of its own, and sends no more keys before it has an answer.
 *
 * A peer that answers WILL with both WILL and WONT changes its mind about BINARY for ever. It is answered
 * TELNET_CHANGES_MAX times and then ignored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum telnet_event {
        TELNET_NOTHING,         /* the byte was part of a command */
        TELNET_DATA,            /* `data` is a byte of text */
        TELNET_REPLY,           /* send `reply` to the peer */
        TELNET_INTERRUPT,       /* IAC IP, ^C; or the byte `data` of a character */
        TELNET_IGNORED,         /* IAC AO, BRK or SUSP, which have no effect here; or the byte `data` of a character */
        TELNET_AYT,             /* IAC AYT: are you there? */
        TELNET_ERASE_CHARACTER, /* IAC EC */
        TELNET_ERASE_LINE,      /* IAC EL */
        TELNET_END,    /* IAC EOF (RFC 1184) or IAC ABORT; or the byte `data` of a character, unless that is 0 */
        TELNET_WINDOW, /* the peer stated the width of its window: `columns` */
        TELNET_ECHOES, /* the peer was asked not to echo by itself, and refuses */
};

enum {
        TELNET_REPLY_BYTES = 3,
        TELNET_EDIT_BYTES = 12,
        TELNET_SUB_MAX_BYTES = 5, /* of a subnegotiation: NAWS, and two times two bytes */
        TELNET_CHANGES_MAX = 8,   /* changes of BINARY that are answered */
};

struct telnet {
        uint8_t state;
        uint8_t verb;            /* WILL, WONT, DO or DONT, while its option is awaited */
        uint8_t refusals[2][32]; /* a bit for each option: [0] its WILL, [1] its DO was refused */
        bool speaks;             /* the peer sent a command: it speaks telnet */
        bool has_asked_binary;
        bool binary_pending; /* BINARY was asked for, and there was no answer yet */
        bool binary[2];      /* agreed: [0] from the peer, [1] to the peer */
        uint8_t changes;     /* changes of BINARY by the peer */
        uint8_t data;
        uint8_t reply[TELNET_REPLY_BYTES];
        bool edits;        /* by telnet_edit() */
        bool is_confirmed; /* the peer's WILL NAWS was answered */
        bool yields;       /* the peer agreed to telnet_edit(): it sends each key, and does not echo */
        uint8_t offers;    /* offers of the peer that editing needs */
        uint8_t sub_size;  /* bytes of the subnegotiation; TELNET_SUB_MAX_BYTES + 1 for a longer one */
        uint8_t sub[TELNET_SUB_MAX_BYTES];
        uint16_t columns; /* of the peer's window; 0: unknown */
};

/* Takes the next byte from the peer. Returns an event. A struct of zeros is a valid beginning. */
enum telnet_event telnet_push(struct telnet *t, uint8_t byte);

/* Returns true outside a command: then each byte except IAC is data. */
bool telnet_is_between(const struct telnet *t);

/* Puts a request for BINARY into `reply` and returns true, at most once, and only if the peer has sent a command: nc
 * would show the bytes. */
bool telnet_ask(struct telnet *t);

/* Returns true if the peer, without being asked, has offered to state its window's size and asked us to suppress
 * go-ahead: a telnet in a terminal begins so. Returns true once at most, and not after telnet_edit(). */
bool telnet_offers_editing(struct telnet *t);

/* Writes to `commands` what makes the peer send each character as it is typed, show none by itself, and state its
 * window's size. With `on` false, writes what ends that. Returns the size. */
size_t telnet_edit(struct telnet *t, bool on, uint8_t commands[static TELNET_EDIT_BYTES]);
