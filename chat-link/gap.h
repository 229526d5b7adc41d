/* A gap: records of a host that did not arrive. The link asks that host for them before it shows the records behind the
 * gap.
 *
 * While a gap is open, its user calls gap_next() again and again. Each step is a record, or a number of records that
 * are missing for good. Records that the host no longer has are missing. The rest counts as missing after
 * GAP_QUESTIONS_MAX questions without an answer that has a part of it, or after GAP_OPEN_MAX_MS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "network.h"

enum {
        GAP_ASK_MS = 500, /* the interval of questions; all records of other hosts wait meanwhile */
        GAP_QUESTIONS_MAX = 6,
        GAP_OPEN_MAX_MS = 30000,
};

enum gap_step {
        GAP_WAITS,
        GAP_RECORD,
        GAP_MISSING,
        GAP_CLOSED, /* no gap is open */
};

struct gap {
        char host[HOST_MAX_BYTES + 1];
        uint64_t instance, at, end; /* the open gap: positions in the host's spool */
        uint64_t question_position; /* the position that was asked for last */
        unsigned questions;         /* questions left; counted, because time also passes while the process is stopped */
        int64_t ask_at, opened_at;  /* ms of CLOCK_MONOTONIC */
        struct network_message *answer; /* or NULL */
        struct wire_reader records;     /* records of `answer` that were not taken yet */
        uint64_t answer_position;       /* the position of the next record of `answer` */
};

/* Opens the gap: records `at` to `end` of the spool `instance` of `host` are missing. With `hopeless` no host is
 * asked. */
void gap_open(struct gap *g, const char *host, uint64_t instance, uint64_t at, uint64_t end, bool hopeless,
              int64_t now_ms);

/* Closes the gap and forgets it. */
void gap_close(struct gap *g);

/* Returns the next step. `*rec` is the record, valid until the next call, or `*missing` the number of missing
 * records. */
enum gap_step gap_next(struct gap *g, struct network *n, int64_t now_ms, struct record *rec, uint64_t *missing);

/* Notes that a step was taken: of one record, or of `records` missing records. */
void gap_advance(struct gap *g, uint64_t records, int64_t now_ms);

/* Notes that at present no host can be asked, or no record can be taken. The time that passes meanwhile does not
 * count. */
void gap_hold(struct gap *g, int64_t now_ms);

/* Return true if no gap is open, and for how many ms the gap has been open. */
bool gap_is_closed(const struct gap *g);
int64_t gap_open_ms(const struct gap *g, int64_t now_ms);

/* Returns the time at which gap_next() may have another step without any message. */
int64_t gap_wake_ms(const struct gap *g);
