/* How fast a client may speak: a token bucket.
 *
 * It is full to begin with; a line takes one token out, and tokens come in at a steady rate until it is full again. So a
 * burst passes at once, and what is typed by hand is never held up; a paste goes out line by line. Nothing is dropped
 * here: who finds the bucket empty waits.
 *
 * Kept as one number, the time at which the bucket will be full again (the virtual scheduling form of the generic cell
 * rate algorithm, ITU-T I.371), in µs so that rates which do not divide 1000 are exact enough.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
        PACE_RATE_DEFAULT = 10,  /* lines per second */
        PACE_BURST_DEFAULT = 20, /* lines */
        PACE_MAX = 1000000,      /* of either */
};

struct pace {
        int64_t interval_us; /* between two lines; 0: no limit */
        int64_t burst;
        int64_t full_at_us; /* CLOCK_MONOTONIC */
};

/* A full bucket of `burst` lines that fills at `rate` lines per second, both 1 to PACE_MAX. */
struct pace pace_of(unsigned rate, unsigned burst);

/* Reads "RATE", "RATE:BURST" (BURST is twice the rate otherwise) or "off". Returns 0, or -EINVAL. */
int pace_parse(struct pace *p, const char *text);

/* When the next line may go, in ms of CLOCK_MONOTONIC: not after `now_ms` where it may go at once. */
int64_t pace_next_ms(const struct pace *p, int64_t now_ms);

/* Takes out a token; the caller has seen to it that pace_next_ms() has come. */
void pace_take(struct pace *p, int64_t now_ms);
