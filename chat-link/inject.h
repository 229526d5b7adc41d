/* What the link tells chatd: datagrams to chatd's intake, each kept until the intake took it.
 *
 * Records of other hosts are gathered into INJECT frames, numbered by the caller with numbers that only grow; notices
 * go out in between, in the order of the calls. At most one frame waits: while it does, nothing more is accepted.
 *
 * A new connection begins with HELLO, and nothing else is handed over before chatd answered it with WELCOME.
 *
 * Owns the socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/record.h>

enum {
        INJECT_RETRY_MIN_MS = 50,
        INJECT_RETRY_MAX_MS = 1000,
};

struct inject {
        const char *dir;
        int socket;       /* -1: none */
        uid_t broker;     /* who chatd is; (uid_t)-1 before it was found for the first time */
        bool hello_due;   /* HELLO goes out before anything else */
        bool welcome;     /* chatd knows us: what waits may go out */
        bool blocked;     /* the intake was full */
        int64_t retry_at; /* ms of CLOCK_MONOTONIC */
        int retry_ms;
        uint64_t at_hello;    /* `handed_over` when HELLO went out */
        uint64_t handed_over; /* the number of the last record that an intake took */
        uint64_t last;        /* … of the last that was accepted, or what inject_number_above() said */
        uint64_t last_waits;  /* … and of the last in the frame that waits */
        uint64_t notices;     /* the number of the last notice */
        size_t size;          /* of the frame that waits; 0: none */
        bool open;            /* it is an INJECT that takes more records */
        uint8_t frame[FRAME_MAX_BYTES];
};

/* `dir`, the run directory, must outlive it. Draws the number of the first notice at random. */
void inject_init(struct inject *in, const char *dir);
void inject_close(struct inject *in);

/* Connects to chatd if it is time, and says HELLO. */
void inject_connect(struct inject *in, int64_t now_ms);

/* HELLO goes out, again. */
void inject_hello(struct inject *in);

/* chatd answered it. */
void inject_welcome(struct inject *in);

/* Each accepts something, or returns false: then inject_flush() is to be called, and it is tried again. A notice is for
 * the member of the id `to` alone, or for everybody where that is 0. */
bool inject_notice(struct inject *in, struct slice text, uint64_t to);
bool inject_record(struct inject *in, const struct record *rec);

/* Hands over what waits. Returns true when nothing waits any more; false while the intake is full, or there is none, or
 * chatd does not know us yet. */
bool inject_flush(struct inject *in, int64_t now_ms);

/* Forgets the records that wait, and that anything behind `number` was accepted. A notice still goes out. */
void inject_rewind(struct inject *in, uint64_t number);

/* What is accepted from now on has numbers above `number`. What waits still goes out. */
void inject_number_above(struct inject *in, uint64_t number);
