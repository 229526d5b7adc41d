/* Decides for how long chatd waits for a member whose inbox is full, and that it lags then.
 *
 * A lagging member is relayed nothing until its inbox has room; relay.h says what it gets then. A note of it tells the
 * next chatd. The link to other hosts (LINK_ID) also lags while its inbox is gone, because it will have another inbox.
 *
 * The wait is long enough for a session that waits for a processor. Two rules keep its cost for other members low:
 * - A member that was waited for in vain is on probation: it is not waited for again before it has not lagged for that
 *   long. Each probation is twice as long as the last one, up to a maximum. The next one is the shortest again for a
 *   member that did not lag for two of the longest. (Two of its own last one were too few: lagging every 20 s would
 *   cost other members more than lagging all the time.)
 * - All members share one patience. The part of each wait that is longer than a short moment is taken from the
 *   patience, and a tenth of the time that passes is added again; the short moment is there for every member. So
 *   members that lag in turn, or always find room at the last moment, cost a tenth of the time and the short moments,
 *   however many they are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct member;

enum {
        LAGGING_PATIENCE_MS = 500,
        LAGGING_PATIENCE_SHARE = 10, /* of this many ms that pass, one ms of patience is added again */
        LAGGING_FREE_MS = 50,        /* the part of each wait that costs no patience */
        LAGGING_PROBATION_MIN_MS = 10 * 1000,
        LAGGING_PROBATION_MAX_MS = 640 * 1000,
        LAGGING_FORGIVEN_MS = 2 * LAGGING_PROBATION_MAX_MS,
};

/* The patience that all members share; all zeros: it is complete. */
struct patience {
        int64_t complete_ms; /* when it is complete again, CLOCK_MONOTONIC */
};

/* Returns for how many ms a full inbox is waited for now. */
int64_t lagging_patience(const struct patience *p, int64_t now);

/* Takes a wait of so many ms, which ends now, from the patience. */
void lagging_waited(struct patience *p, int64_t ms, int64_t now);

/* Returns true if `m` is not waited for. */
bool lagging_is_on_probation(const struct member *m, int64_t now);

/* Puts `m` on probation: it was waited for in vain, since `begin`. To be called before lagging_begin(). */
void lagging_in_vain(struct member *m, int64_t begin);

/* `m` lags from now on, if it did not before. Notes it below the run directory `dir`. */
void lagging_begin(const char *dir, struct member *m);

/* The same without a note: the next chatd finds out by itself that `m` has to wait. */
void lagging_begin_unnoted(struct member *m);

/* `m` lagged when the previous chatd died, which left a note of it. */
void lagging_recall(struct member *m);

/* The lagging member `m` misses `records`. */
void lagging_miss(struct member *m, uint64_t records);

/* Nobody knows how many records the lagging member `m` missed. */
void lagging_lose_count(struct member *m);

/* Returns how many records `m` missed since it began to lag, or MISSED_UNKNOWN. */
uint64_t lagging_missed(const struct member *m);

/* The lagging member `m` was told how many records it missed. */
void lagging_told(struct member *m);

/* `m` has room, and misses nothing from now on. Removes the note. */
void lagging_end(const char *dir, struct member *m);
