#include "member.h"

#include <poll.h>

#include <chat/assert.h>

bool member_is_running(const struct member *m)
{
        struct pollfd p = {.fd = m->pidfd, .events = POLLIN};
        return m->pidfd >= 0 && !member_is_dead(m) && poll(&p, 1, 0) == 0;
}

bool member_is_held(const struct member *m)
{
        return m->arrival == ARRIVAL_HELD || m->arrival == ARRIVAL_NAMED;
}

bool member_is_here(const struct member *m)
{
        return m->id != LINK_ID && m->presence == PRESENT && !member_is_held(m);
}

void member_live(struct member *m, enum life to)
{
        assert(m->life != to && (to != LIFE_GONE || (m->life == LIFE_DEAD && m->id != LINK_ID)));
        m->life = to;
}

void member_expel(struct member *m, enum removal to)
{
        assert(to > m->removal);
        m->removal = to;
}

void member_arrive(struct member *m, enum arrival to)
{
        enum arrival from = m->arrival;
        assert(to != ARRIVAL_NAMED && from != to && (to == ARRIVAL_ANNOUNCED || from != ARRIVAL_NAMED));
        assert(to != ARRIVAL_HELD || from == ARRIVAL_ANNOUNCED);
        m->arrival = to;
}

void member_go_on(struct member *m, enum presence to)
{
        assert(to > m->presence);
        m->presence = to;
}
