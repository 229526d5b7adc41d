/* Remembers which records reached this member last, so that a batch that is relayed again counts once.
 *
 * chatd consumes a batch from its queue only after it has relayed it. When it dies in between, the next chatd (a new
 * epoch) relays the batch again. What can come twice is therefore among the last BATCH_MAX_RECORDS records before the
 * change of epoch, and comes among the first BATCH_MAX_RECORDS after it; elsewhere nothing is compared. A record that
 * is dropped stays remembered, because the next chatd may die in the same place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

struct seen {
        struct {
                uint64_t id, number;
        } last[BATCH_MAX_RECORDS]; /* a ring */
        unsigned next;             /* where the next one goes */
        unsigned kept;             /* how many there are */
        unsigned to_check;         /* records of this epoch still to be compared */
        uint64_t epoch;            /* 0: none yet */
};

/* Takes note of the epoch a datagram came with; all zeros to begin with. Returns true when it is not the one before. */
static inline bool seen_epoch(struct seen *s, uint64_t epoch)
{
        if (s->epoch == epoch)
                return false;
        s->to_check = s->epoch == 0 ? 0 : BATCH_MAX_RECORDS;
        s->epoch = epoch;
        return true;
}

static inline bool seen_remembers(const struct seen *s, uint64_t id, uint64_t number)
{
        for (unsigned i = 0; i < s->kept; i++)
                if (s->last[i].id == id && s->last[i].number == number)
                        return true;
        return false;
}

/* Remembers a record that came. */
static inline void seen_remember(struct seen *s, uint64_t id, uint64_t number)
{
        s->last[s->next].id = id;
        s->last[s->next].number = number;
        s->next = (s->next + 1) % BATCH_MAX_RECORDS;
        if (s->kept < BATCH_MAX_RECORDS)
                s->kept++;
}

/* Whether this record came before; if not, it is remembered. */
static inline bool seen_before(struct seen *s, uint64_t id, uint64_t number)
{
        if (s->to_check > 0) {
                s->to_check--;
                if (seen_remembers(s, id, number))
                        return true;
        }
        seen_remember(s, id, number);
        return false;
}
