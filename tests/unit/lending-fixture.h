/* A broker as in broker-fixture.h, a clock that can be moved forward, and sessions that chatd asks for their
 * connections. */
#pragma once

#include <chat/clock.h>

#include "../clock-call.h"
#include "broker-fixture.h"

static int64_t later_ms; /* added to the real time; whole seconds */

/* Replaces clock_gettime() of libc. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
        int r = clock_call(clock, t);
        if (r == 0 && clock == CLOCK_MONOTONIC)
                t->tv_sec += later_ms / 1000;
        return r;
}

/* Asserts that chatd asked the session, with the right descriptors. The caller must close the descriptors. */
static inline struct socket_fds take_lend(struct fixture *f, uint32_t who)
{
        struct socket_fds fds;
        assert_true(outlet_is_asked(f->inboxes[who], &fds));
        assert_int_equal(fds.count, LENT_FDS);
        return fds;
}

static inline void decline(struct fixture *f, uint32_t who)
{
        struct socket_fds fds = take_lend(f, who);
        socket_close_fds(&fds);
        take_answers(f);
}

static inline void assert_not_asked(struct fixture *f, uint32_t who)
{
        struct socket_fds fds;
        assert_false(outlet_is_asked(f->inboxes[who], &fds));
}

static inline void come(struct fixture *f, uint32_t who)
{
        hello(f, who);
        serve(f);
}

/* Sends a line, so that everybody except its author gets a batch. */
static inline void say_to_all(struct fixture *f, uint32_t who)
{
        say(f, who, "x");
        serve(f);
}
