/* Remembers which records reached this member last, so that a batch that is relayed again counts once.
 *
 * chatd consumes a batch from its queue only after it has relayed it. If it dies in between, the next chatd (a new
 * epoch) relays the batch again. So a record that comes twice is among the last BATCH_MAX_RECORDS records before the
 * change of epoch, and among the first BATCH_MAX_RECORDS after it; no other records are compared. A record that is
 * dropped stays remembered, because the next chatd may die in the same place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

struct seen {
        /* A ring. It is filled from its end, so a session that has seen few records uses one page of memory for them and
         * for the fields behind them. */
        struct {
                uint64_t id, key; /* of a record: record_key() */
        } last[BATCH_MAX_RECORDS];
        unsigned next;        /* where the next record goes, counted from the end */
        unsigned count;       /* how many records there are */
        unsigned checks_left; /* how many records of this epoch are still to be compared */
        uint64_t epoch;       /* 0: none yet */
};

/* Notes the epoch of a datagram. Returns true if it differs from that of the datagram before. A struct of zeros is a
 * valid beginning. */
static inline bool seen_epoch(struct seen *s, uint64_t epoch)
{
        if (s->epoch == epoch)
                return false;
        s->checks_left = s->epoch == 0 ? 0 : BATCH_MAX_RECORDS;
        s->epoch = epoch;
        return true;
}

static inline bool seen_remembers(const struct seen *s, uint64_t id, uint64_t key)
{
        for (unsigned i = BATCH_MAX_RECORDS - s->count; i < BATCH_MAX_RECORDS; i++)
                if (s->last[i].id == id && s->last[i].key == key)
                        return true;
        return false;
}

/* Remembers a record that was received. */
static inline void seen_remember(struct seen *s, uint64_t id, uint64_t key)
{
        unsigned i = BATCH_MAX_RECORDS - 1 - s->next;
        s->last[i].id = id;
        s->last[i].key = key;
        s->next = (s->next + 1) % BATCH_MAX_RECORDS;
        if (s->count < BATCH_MAX_RECORDS)
                s->count++;
}

/* Returns true if this record was received before. Otherwise remembers it. */
static inline bool seen_before(struct seen *s, uint64_t id, uint64_t key)
{
        if (s->checks_left > 0) {
                s->checks_left--;
                if (seen_remembers(s, id, key))
                        return true;
        }
        seen_remember(s, id, key);
        return false;
}
