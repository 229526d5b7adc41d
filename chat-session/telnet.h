/* The telnet protocol (RFC 854), as far as a server needs it that wants no option: bytes in, events out.
 *
 * The parser owns no descriptor and allocates nothing; it takes one byte at a time, so it does not matter how reads
 * cut the stream, and a subnegotiation may be of any length. Options are refused, once per option and direction, so
 * that no peer can make it answer for ever (the loops of RFC 1143), but for these:
 * - TIMING-MARK (RFC 860) is answered each time: telnet discards all output after ^C until that answer comes.
 * - BINARY (RFC 856) is agreed to, and asked for as soon as the peer has shown that it speaks telnet. Without it
 *   Debian's telnet looks at seven bits of each byte it sends, and takes the 0x83 within an "ă" for a ^C: it sends IAC IP
 *   in its place. So each command that such a byte can have become says which byte that is, in `data`; the caller knows
 *   whether a character is half-typed that it would continue.
 * - ECHO (RFC 857), SUPPRESS-GO-AHEAD (RFC 858) and NAWS (RFC 1073) are what a peer needs whose line is edited here.
 *   They are asked for by telnet_edit(), and refused before. What the peer says of them while it is edited is taken for
 *   its answer to that, and not answered, but for its first WILL NAWS: kermit drops what it was asked together with ECHO,
 *   makes offers of its own, and sends no more keys before it has an answer.
 *
 * A peer that changes its mind about BINARY for ever, as one does that answers WILL with both WILL and WONT, is answered
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
        TELNET_IGNORED,         /* IAC AO, BRK or SUSP, which mean nothing here; or the byte `data` of a character */
        TELNET_AYT,             /* IAC AYT: are you there? */
        TELNET_ERASE_CHARACTER, /* IAC EC */
        TELNET_ERASE_LINE,      /* IAC EL */
        TELNET_END,    /* IAC EOF (RFC 1184) or IAC ABORT; or the byte `data` of a character, unless that is 0 */
        TELNET_WINDOW, /* `columns` is what the peer says of its window */
        TELNET_ECHOES, /* it was asked not to echo by itself, and refuses */
};

enum {
        TELNET_REPLY_BYTES = 3,
        TELNET_EDIT_BYTES = 12,
        TELNET_SUB_MAX_BYTES = 5, /* of a subnegotiation: NAWS, and two times two bytes */
        TELNET_CHANGES_MAX = 8,   /* of BINARY, that are answered */
};

struct telnet {
        uint8_t state;
        uint8_t verb;           /* WILL, WONT, DO or DONT whose option comes next */
        uint8_t refused[2][32]; /* a bit per option: its WILL, its DO was refused */
        bool speaks;            /* the peer sent a command: it is a telnet */
        bool asked_binary;
        bool asking;     /* … and there was no answer yet */
        bool binary[2];  /* agreed: from the peer, to the peer */
        uint8_t changes; /* of BINARY, by the peer */
        uint8_t data;
        uint8_t reply[TELNET_REPLY_BYTES];
        bool edits;       /* by telnet_edit() */
        bool confirmed;   /* its WILL NAWS was answered */
        bool yields;      /* it agreed to that: it sends each key, and does not echo */
        uint8_t offers;   /* of what it takes to edit */
        uint8_t sub_size; /* bytes of the subnegotiation; one more than the most for any that are more */
        uint8_t sub[TELNET_SUB_MAX_BYTES];
        uint16_t columns; /* of the peer's window; 0: it has not said so */
};

/* Takes the next byte from the peer. A parser begins as all zeros. */
enum telnet_event telnet_push(struct telnet *t, uint8_t byte);

/* Whether it is not within a command: then each byte but IAC is data. */
bool telnet_is_between(const struct telnet *t);

/* Whether there is something to ask the peer; then it is in `reply`. True once at most, and never for a peer that has
 * sent no command: nc would show the bytes. */
bool telnet_ask(struct telnet *t);

/* Whether the peer, not being asked, has offered to tell its window's size, and asked us to suppress go-ahead: so does a
 * telnet in a terminal that begins to negotiate. True once at most, and not after telnet_edit(). */
bool telnet_offers_editing(struct telnet *t);

/* Writes to `commands` what makes the peer send each character as it is typed, show none by itself, and tell its
 * window's size, or what ends that. Returns the bytes. */
size_t telnet_edit(struct telnet *t, bool on, uint8_t commands[static TELNET_EDIT_BYTES]);
