/* Records of a host that did not come: they are had from that host itself, before what follows them is shown.
 *
 * While it is open, its user asks gap_next() again and again, and takes one step after the other: a record, or that
 * some are missing for good. What the host does not have any more is missing; and so is all of it after
 * GAP_QUESTIONS_MAX questions without an answer that has some of it, or after GAP_OPEN_MAX_MS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "network.h"

enum {
        GAP_ASK_MS = 500, /* how often it is asked; everything that others say waits meanwhile */
        GAP_QUESTIONS_MAX = 6,
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
        uint64_t instance, at, end;     /* what is open: positions in its spool */
        uint64_t asked;                 /* the position that was asked for last */
        unsigned questions;             /* left; counted, because time also passes while we do not run ourselves */
        int64_t ask_at, opened_at;      /* ms of CLOCK_MONOTONIC */
        struct network_message *answer; /* or NULL */
        struct wire_reader records;     /* what is left of it … */
        uint64_t answer_at;             /* … from this position on */
};

/* Opens it: records `at` to `end` of the spool `instance` of `host` are missing. With `hopeless` nobody is asked. */
void gap_open(struct gap *g, const char *host, uint64_t instance, uint64_t at, uint64_t end, bool hopeless,
              int64_t now_ms);

/* Forgets it. */
void gap_close(struct gap *g);

/* The next step: `*rec` is the record (until the next call), or `*missing` how many are missing. */
enum gap_step gap_next(struct gap *g, struct network *n, int64_t now_ms, struct record *rec, uint64_t *missing);

/* The step was taken: of a record, or of so many that are missing. */
void gap_advance(struct gap *g, uint64_t records, int64_t now_ms);

/* Nobody can be asked now, or nothing be taken: the time of that does not count. */
void gap_hold(struct gap *g, int64_t now_ms);

/* Whether there is none any more, and for how many ms there has been one. */
bool gap_is_closed(const struct gap *g);
int64_t gap_open_ms(const struct gap *g, int64_t now_ms);

/* When gap_next() may have another step by the mere passing of time. */
int64_t gap_wake_ms(const struct gap *g);
