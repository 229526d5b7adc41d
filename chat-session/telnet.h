/* The telnet protocol (RFC 854), as far as a server needs it that wants no option: bytes in, events out.
 *
 * The parser owns no descriptor and allocates nothing; it takes one byte at a time, so it does not matter how reads
 * cut the stream, and a subnegotiation may be of any length. Options are refused, once per option and direction, so
 * that no peer can make it answer for ever (the loops of RFC 1143), but for two:
 * - TIMING-MARK (RFC 860) is answered each time: telnet discards all output after ^C until that answer comes.
 * - BINARY (RFC 856) is agreed to, and asked for as soon as the peer has shown that it speaks telnet. Without it
 *   Debian's telnet looks at seven bits of each byte it sends, and takes the 0x83 within an "ă" for a ^C.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum telnet_event {
        TELNET_NOTHING,    /* the byte was part of a command */
        TELNET_DATA,       /* `data` is a byte of text */
        TELNET_REPLY,      /* send `reply` to the peer */
        TELNET_INTERRUPT,  /* IAC IP: ^C */
        TELNET_AYT,        /* IAC AYT: are you there? */
        TELNET_ERASE_LINE, /* IAC EL */
        TELNET_END,        /* IAC EOF (RFC 1184) or IAC ABORT */
};

enum { TELNET_REPLY_BYTES = 3 };

struct telnet {
        uint8_t state;
        uint8_t verb;           /* WILL, WONT, DO or DONT whose option comes next */
        uint8_t refused[2][32]; /* a bit per option: its WILL, its DO was refused */
        bool speaks;            /* the peer sent a command: it is a telnet */
        bool asked_binary;
        bool asking;    /* … and there was no answer yet */
        bool binary[2]; /* agreed: from the peer, to the peer */
        uint8_t data;
        uint8_t reply[TELNET_REPLY_BYTES];
};

/* Takes the next byte from the peer. A parser begins as all zeros. */
enum telnet_event telnet_push(struct telnet *t, uint8_t byte);

/* Whether it is not within a command: then each byte but IAC is data. */
bool telnet_is_between(const struct telnet *t);

/* Whether there is something to ask the peer; then it is in `reply`. True once at most, and never for a peer that has
 * sent no command: nc would show the bytes. */
bool telnet_ask(struct telnet *t);
