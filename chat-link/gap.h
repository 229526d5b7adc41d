/* Records of a host that did not come: they are had from that host itself, before what follows them is shown.
 *
 * While it is open, its user asks gap_next() again and again, and takes one step after the other: a record, or that some are
 * missing for good. What was given up by all who had it is missing; and so is all of it once GAP_PATIENCE_MS went by
 * without a good answer, or GAP_OPEN_MAX_MS in all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "network.h"

enum {
        GAP_ASK_MS = 500,       /* how often it is asked */
        GAP_PATIENCE_MS = 3000, /* everything that others say waits meanwhile */
        GAP_OPEN_MAX_MS = 30000,
};

enum gap_step {
        GAP_WAITS,
        GAP_RECORD,
        GAP_MISSING,
        GAP_CLOSED, /* there is none, or no more */
};

struct gap {
        char host[HOST_MAX_BYTES + 1];
        uint64_t instance, at, end; /* what is open: positions in its spool */
        uint64_t asked;             /* the position that was asked for last */
        int64_t ask_at, give_up_at; /* ms of CLOCK_MONOTONIC */
        int64_t close_at;
        bool in_vain;                   /* there was no good answer in time */
        struct network_message *answer; /* or NULL */
        struct wire_reader records;     /* what is left of it … */
        uint64_t answer_at;             /* … from this position on */
};

/* Opens it: records `at` to `end` of the spool `instance` of `host` are missing. With `hopeless` there is no use in asking. */
void gap_open(struct gap *g, const char *host, uint64_t instance, uint64_t at, uint64_t end, bool hopeless,
              int64_t now_ms);

/* Forgets it. */
void gap_close(struct gap *g);

/* The next step: `*rec` is the record (until the next call), or `*missing` how many are missing. */
enum gap_step gap_next(struct gap *g, struct network *n, int64_t now_ms, struct record *rec, uint64_t *missing);

/* The step was taken: of a record, or of so many that are missing. */
void gap_advance(struct gap *g, uint64_t records, int64_t now_ms);

/* Nobody can be asked now: the time of that does not count. */
void gap_hold(struct gap *g, int64_t now_ms);

/* When gap_next() may have another step by the mere passing of time. */
int64_t gap_wake_ms(const struct gap *g);
