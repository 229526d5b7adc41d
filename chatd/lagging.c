#include "lagging.h"

#include <chat/clock.h>

#include "member.h"
#include "notes.h"

int64_t lagging_patience(const struct patience *p, int64_t now)
{
        int64_t missing = p->complete_ms > now ? (p->complete_ms - now) / LAGGING_PATIENCE_SHARE : 0;
        int64_t most = LAGGING_PATIENCE_MS - LAGGING_FREE_MS;
        return missing < most ? LAGGING_PATIENCE_MS - missing : LAGGING_FREE_MS;
}

void lagging_waited(struct patience *p, int64_t ms, int64_t now)
{
        if (ms > LAGGING_FREE_MS)
                p->complete_ms =
                        (p->complete_ms > now ? p->complete_ms : now) + (ms - LAGGING_FREE_MS) * LAGGING_PATIENCE_SHARE;
}

bool lagging_is_on_probation(const struct member *m, int64_t now)
{
        return m->lag_ms != 0 && now - m->lag_ms < m->probation_ms;
}

void lagging_in_vain(struct member *m, int64_t begin)
{
        if (m->probation_ms == 0 || begin - m->lag_ms >= LAGGING_FORGIVEN_MS)
                m->probation_ms = LAGGING_PROBATION_MIN_MS;
        else
                m->probation_ms = clock_earlier(2 * m->probation_ms, LAGGING_PROBATION_MAX_MS);
}

void lagging_begin(const char *dir, struct member *m)
{
        note_lag(dir, m->id);
        m->is_lagging = true;
}

void lagging_end(const char *dir, struct member *m)
{
        m->is_lagging = false;
        m->lag_ms = clock_ms();
        m->gap = 0;
        note_remove_lag(dir, m->id);
}
