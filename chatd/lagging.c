#include "lagging.h"

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/frame.h>

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
        return m->lag.since_ms != 0 && now - m->lag.since_ms < m->lag.probation_ms;
}

void lagging_in_vain(struct member *m, int64_t begin)
{
        if (m->lag.probation_ms == 0 || begin - m->lag.since_ms >= LAGGING_FORGIVEN_MS)
                m->lag.probation_ms = LAGGING_PROBATION_MIN_MS;
        else
                m->lag.probation_ms = clock_earlier(2 * m->lag.probation_ms, LAGGING_PROBATION_MAX_MS);
}

void lagging_begin(const char *dir, struct member *m)
{
        note_lag(dir, m->id);
        lagging_begin_unnoted(m);
}

void lagging_begin_unnoted(struct member *m)
{
        if (member_lags(m))
                return;
        m->lag.state = LAG_COUNTED;
        m->lag.misses = 0;
        m->lag.since_ms = clock_ms();
}

void lagging_recall(struct member *m)
{
        assert(m->lag.state == LAG_NONE);
        m->lag.state = LAG_UNCOUNTED;
}

void lagging_miss(struct member *m, uint64_t records)
{
        assert(member_lags(m));
        if (m->lag.state == LAG_COUNTED)
                m->lag.misses += records;
}

void lagging_lose_count(struct member *m)
{
        assert(member_lags(m));
        m->lag.state = LAG_UNCOUNTED;
}

uint64_t lagging_missed(const struct member *m)
{
        switch (m->lag.state) {
        case LAG_COUNTED:
                return m->lag.misses;
        case LAG_UNCOUNTED:
                return MISSED_UNKNOWN;
        default:
                return 0;
        }
}

void lagging_told(struct member *m)
{
        assert(member_lags(m));
        m->lag.state = LAG_COUNTED;
        m->lag.misses = 0;
}

void lagging_end(const char *dir, struct member *m)
{
        assert(member_lags(m));
        m->lag.state = LAG_NONE;
        m->lag.since_ms = clock_ms();
        note_remove_lag(dir, m->id);
}
