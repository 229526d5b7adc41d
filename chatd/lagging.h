/* Decides how long chatd waits for a member whose inbox is full, and marks the member as lagging after that.
 *
 * Nothing is relayed to a lagging member until its inbox has room; relay.h says what it gets then. A mark tells the
 * next chatd that the member lags. The link to other hosts (LINK_ID) also lags while its inbox is gone, because it will
 * have another inbox.
 *
 * The wait is long enough for a session that waits for a processor. Two rules limit the time that it costs other
 * members:
 * - If chatd waited for a member in vain, the member is on probation: chatd does not wait for it again until it has not
 *   lagged for the time of the probation. Each probation is twice as long as the last one, up to a maximum. A member
 *   that did not lag for twice the maximum begins with the shortest probation again. (Twice its own last probation was
 *   too short: a member that lags every 20 s would cost other members more than one that lags all the time.)
 * - All members share one patience. A short moment of each wait is free; the rest of the wait is taken from the
 *   patience. A tenth of the time that passes is added to the patience again. So members that lag in turn, or that
 *   always get room at the last moment, cost a tenth of the time and the short moments, however many they are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct member;

enum {
        LAGGING_PATIENCE_MS = 500,
        LAGGING_PATIENCE_SHARE = 10, /* one ms of patience is added for so many ms that pass */
        LAGGING_FREE_MS = 50,        /* the part of each wait that costs no patience */
        LAGGING_PROBATION_MIN_MS = 10 * 1000,
        LAGGING_PROBATION_MAX_MS = 640 * 1000,
        LAGGING_FORGIVEN_MS = 2 * LAGGING_PROBATION_MAX_MS,
};

/* The patience that all members share. All zeros: it is complete. */
struct patience {
        int64_t complete_ms; /* when it is complete again, CLOCK_MONOTONIC */
};

/* Returns how long chatd may wait for a full inbox now, in ms. */
int64_t lagging_patience(const struct patience *p, int64_t now);

/* Takes a wait that lasted so many ms, and ends now, from the patience. */
void lagging_waited(struct patience *p, int64_t ms, int64_t now);

/* Returns true if `m` is on probation: then chatd does not wait for it. */
bool lagging_is_on_probation(const struct member *m, int64_t now);

/* Puts `m` on probation, because chatd has waited for it in vain since `begin`. To be called before lagging_begin(). */
void lagging_in_vain(struct member *m, int64_t begin);

/* Makes `m` lag from now on, unless it lags already. Makes a mark of it below the run directory `dir`. */
void lagging_begin(const char *dir, struct member *m);

/* Does the same without a mark, because the next chatd finds out by itself that `m` has to wait. */
void lagging_begin_unnoted(struct member *m);

/* Makes `m` lag, because the previous chatd left a mark of it. */
void lagging_recall(struct member *m);

/* Counts `records` that the lagging member `m` misses. */
void lagging_miss(struct member *m, uint64_t records);

/* Notes that the number of records that the lagging member `m` missed is unknown. */
void lagging_lose_count(struct member *m);

/* Returns how many records `m` missed since it began to lag, or MISSED_UNKNOWN. */
uint64_t lagging_missed(const struct member *m);

/* Begins the count anew, because the lagging member `m` was told how many records it missed. */
void lagging_told(struct member *m);

/* Ends the lagging of `m`, whose inbox has room. Removes the mark. */
void lagging_end(const char *dir, struct member *m);
