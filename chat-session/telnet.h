/* The telnet protocol (RFC 854), as far as a server needs it that wants no option: bytes in, events out.
 *
 * The parser owns no descriptor and allocates nothing; it takes one byte at a time, so it does not matter how reads
 * cut the stream, and a subnegotiation may be of any length. Every option is refused, once per option and direction,
 * so that no peer can make it answer for ever (the loops of RFC 1143). TIMING-MARK (RFC 860) alone is answered each
 * time: telnet discards all output after ^C until that answer comes.
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
        uint8_t data;
        uint8_t reply[TELNET_REPLY_BYTES];
};

/* Takes the next byte from the peer. A parser begins as all zeros. */
enum telnet_event telnet_push(struct telnet *t, uint8_t byte);
