#include "seen.h"

bool seen_epoch(struct seen *s, uint64_t epoch)
{
        if (s->epoch == epoch)
                return false;
        s->to_check = s->epoch == 0 ? 0 : BATCH_MAX_RECORDS;
        s->epoch = epoch;
        return true;
}

static bool remembers(const struct seen *s, uint64_t id, uint64_t number)
{
        for (unsigned i = 0; i < s->kept; i++)
                if (s->last[i].id == id && s->last[i].number == number)
                        return true;
        return false;
}

bool seen_before(struct seen *s, uint64_t id, uint64_t number)
{
        if (s->to_check > 0) {
                s->to_check--;
                if (remembers(s, id, number))
                        return true;
        }
        s->last[s->next].id = id;
        s->last[s->next].number = number;
        s->next = (s->next + 1) % BATCH_MAX_RECORDS;
        if (s->kept < BATCH_MAX_RECORDS)
                s->kept++;
        return false;
}
