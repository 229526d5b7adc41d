#include "member.h"

#include <poll.h>

bool member_is_alive(const struct member *m)
{
        struct pollfd p = {.fd = m->pidfd, .events = POLLIN};
        return m->pidfd >= 0 && !m->dead && poll(&p, 1, 0) == 0;
}

bool member_is_here(const struct member *m)
{
        return m->id != LINK_ID && !m->leaving && !m->expected && !m->held;
}
