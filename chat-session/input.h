/* What the client types: bytes of the connection in; lines to say, commands to obey, and words about both out.
 *
 * - What is no chat client is turned away before anything of it is said (protocol.h).
 * - A command is never said aloud: one that is disguised (disguise.h), too long, or interrupted in its middle is not sent,
 *   and its user is told so.
 * - Several lines in one read are a paste (paste.h).
 * - A client that sends single keys, or whole lines, is known by its reads (keys.h).
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
        enum protocol protocol; /* another one than PROTOCOL_CHAT: the client was turned away */
        bool decided;           /* it is a chat client */
        uint8_t first_count;
        uint8_t first[PROTOCOL_FIRST_BYTES]; /* of what it sent */
        int64_t first_at;                    /* when that came, or the first of it, ms of CLOCK_MONOTONIC */
        bool swallows;                       /* nothing is said up to the end of the line */
        bool continues;                      /* pieces of the line went before */
        uint8_t hinted;                      /* a bit for each word that was taken for a command once, and not said */
        struct keys keys;
        bool charset_told;  /* its user was told that it does not send what it is said to send */
        bool interrupt_due; /* ^C came: the client is to be told */
        bool interrupted;   /* it was told; the next one leaves */
        bool discarded;     /* what it had typed of a line was discarded by that */
        int64_t ayt_at;     /* when IAC AYT is answered again, ms of CLOCK_MONOTONIC */
        /* of one read */
        const uint8_t *behind, *end; /* what is not taken yet */
        size_t size;
        struct paste paste;
};

struct session;

/* Prepares to take input. */
void input_begin(struct session *s);

/* Returns how much may be read from the client now, so that whatever it becomes has a place. */
size_t input_may_read(const struct session *s);

/* Reads what the client sent, and does what it says. Begins to leave where the input ended. */
void input_take(struct session *s);
