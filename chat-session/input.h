/* The client's input: bytes of the connection go in; lines to say, commands to obey, and notices about both come out.
 *
 * - A client that does not speak chat is turned away before anything of it is said (protocol.h).
 * - A command is never said aloud: a command that is disguised (disguise.h), too long, or interrupted in its middle is
 *   not sent, and its user is told so.
 * - Several lines in one read are a paste (paste.h).
 * - The reads tell a client that sends single keys from one that sends whole lines (keys.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"
#include "paste.h"
#include "protocol.h"

enum {
        INPUT_AYT_MS = 60 * 1000, /* IAC AYT is answered once in that time */
};

struct input {
        enum protocol protocol; /* other than PROTOCOL_CHAT: the client was turned away */
        bool decided;           /* the client speaks chat */
        uint8_t first_count;
        uint8_t first[PROTOCOL_FIRST_BYTES]; /* of the client's input */
        int64_t first_at;                    /* when the first of these bytes came, ms of CLOCK_MONOTONIC */
        bool swallows;                       /* nothing is said until the line ends */
        bool continues;                      /* pieces of the line went out already */
        uint8_t hinted;                      /* a bit for each word that was taken for a command once, and not said */
        struct keys keys;
        bool charset_told;  /* the user was told that the input is not in the client's character set */
        bool interrupt_due; /* ^C came, and the client must be told */
        bool interrupted;   /* the client was told: the next ^C leaves */
        bool discarded;     /* ^C discarded a half-typed line */
        int64_t ayt_at;     /* when IAC AYT is answered again, ms of CLOCK_MONOTONIC */
        /* the current read */
        const uint8_t *behind, *end; /* the bytes that are not taken yet */
        size_t size;
        struct paste paste;
};

struct session;

/* Prepares to take input. */
void input_begin(struct session *s);

/* Returns how many bytes may be read from the client now, so that there is room for everything that they can become. */
size_t input_may_read(const struct session *s);

/* Reads the client's input and does what it says. Begins to leave if the input ended. */
void input_take(struct session *s);
