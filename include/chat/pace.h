/* A token bucket, which limits the rate of something.
 *
 * The bucket begins full. Each step takes one token out, and tokens come in at a steady rate until the bucket is full
 * again. So a burst passes at once, and occasional steps are never held up. Nothing is dropped here: a step that finds
 * the bucket empty waits.
 *
 * The bucket is kept as one number, the time at which it will be full again (the virtual scheduling form of the generic
 * cell rate algorithm, ITU-T I.371), in µs so that rates which do not divide 1000 are exact enough.
 */
#pragma once

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PACE_MAX = 1000000 }; /* the highest rate, and the highest burst */

struct pace {
        int64_t interval_us; /* the time between two tokens; 0: no limit */
        int64_t burst;
        int64_t full_at_us; /* CLOCK_MONOTONIC */
};

/* Returns a full bucket of `burst` tokens that fills at `rate` tokens per second, both 1 to PACE_MAX. */
static inline struct pace pace_of(unsigned rate, unsigned burst)
{
        return (struct pace){.interval_us = 1000000 / (int64_t)rate, .burst = burst};
}

/* Reads a number from 1 to PACE_MAX and moves `*text` behind it. Returns 0 if there is none. */
static inline unsigned pace_parse_number(const char **text)
{
        char *end;
        if (!isdigit((unsigned char)**text))
                return 0;
        unsigned long n = strtoul(*text, &end, 10);
        *text = end;
        return n <= PACE_MAX ? (unsigned)n : 0;
}

/* Reads "RATE", "RATE:BURST" or "off"; without BURST the burst is twice the rate, PACE_MAX at most. Returns 0, or
 * -EINVAL. */
static inline int pace_parse(struct pace *p, const char *text)
{
        if (strcmp(text, "off") == 0) {
                *p = (struct pace){0};
                return 0;
        }
        unsigned rate = pace_parse_number(&text), burst = rate <= PACE_MAX / 2 ? rate * 2 : PACE_MAX;
        if (*text == ':') {
                text++;
                burst = pace_parse_number(&text);
        }
        if (rate == 0 || burst == 0 || *text != '\0')
                return -EINVAL;
        *p = pace_of(rate, burst);
        return 0;
}

/* Returns the time in ms of CLOCK_MONOTONIC from which the next token may be taken; `now_ms` if it may be taken at
 * once. */
static inline int64_t pace_next_ms(const struct pace *p, int64_t now_ms)
{
        if (p->interval_us == 0)
                return now_ms;
        int64_t next_us = p->full_at_us - (p->burst - 1) * p->interval_us;
        return next_us <= now_ms * 1000 ? now_ms : (next_us + 999) / 1000;
}

/* Takes out a token. The time that pace_next_ms() returned must have come. */
static inline void pace_take(struct pace *p, int64_t now_ms)
{
        if (p->full_at_us < now_ms * 1000)
                p->full_at_us = now_ms * 1000;
        p->full_at_us += p->interval_us;
}
