/* Sends datagrams to chatd's intake, and keeps each until the intake has taken it.
 *
 * Records of other hosts are gathered into INJECT frames. The caller numbers them, and the numbers only grow. Notices
 * go out between them, in the order of the calls. At most one frame waits; while it waits, nothing more is accepted.
 *
 * A new connection begins with HELLO, and nothing else is sent before chatd answered with WELCOME.
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
        int socket;         /* -1: none */
        uid_t broker;       /* the user that chatd runs as; (uid_t)-1 before chatd was found for the first time */
        bool hello_pending; /* HELLO goes out before anything else */
        bool welcome;       /* chatd answered HELLO: the frame that waits may go out */
        bool is_blocked;    /* the intake was full */
        int64_t retry_at;   /* ms of CLOCK_MONOTONIC */
        int retry_ms;
        uint64_t hello_number; /* `sent_number` when HELLO went out */
        uint64_t sent_number;  /* the number of the last record that an intake took */
        uint64_t last; /* the number of the last record that was accepted, or the argument of inject_number_above() */
        uint64_t pending_number; /* the number of the last record in the frame that waits */
        uint64_t notices;        /* the number of the last notice */
        size_t size;             /* of the frame that waits; 0: none */
        bool open;               /* the frame that waits is an INJECT with room for more records */
        uint8_t frame[FRAME_MAX_BYTES];
};

/* Makes an unconnected `in`. `dir`, the run directory, must outlive it. Draws the number of the first notice at
 * random. */
void inject_init(struct inject *in, const char *dir);
void inject_close(struct inject *in);

/* Connects to chatd if an attempt is due, and sends HELLO. */
void inject_connect(struct inject *in, int64_t now_ms);

/* Makes HELLO due once more. */
void inject_hello(struct inject *in);

/* Notes that chatd answered HELLO. */
void inject_welcome(struct inject *in);

/* Accept a notice or a record. Return false if there is no room: then the caller calls inject_flush() and tries again.
 * A notice is for the member with the id `to` alone, or for everybody if `to` is 0; its answer may be empty. */
bool inject_notice(struct inject *in, struct slice text, struct slice answer, uint64_t to);
bool inject_record(struct inject *in, const struct record *rec);

/* Sends the frame that waits. Returns true if no frame waits after that. Returns false if the intake is full or
 * missing, or chatd has not answered HELLO. */
bool inject_flush(struct inject *in, int64_t now_ms);

/* Drops the records that wait, and lets numbers behind `number` be accepted again. A notice that waits still goes
 * out. */
void inject_rewind(struct inject *in, uint64_t number);

/* Lets only numbers above `number` be accepted from now on. A frame that waits still goes out. */
void inject_number_above(struct inject *in, uint64_t number);
