/* Ends a process whose loop is stuck, so that systemd starts it again.
 *
 * The watchdog counts the ticks of a thread, not time. Nothing ticks while the machine is suspended, while a virtual
 * machine or a container is paused, or while the process is stopped. systemd's watchdog (WatchdogSec=) counts
 * CLOCK_MONOTONIC, which goes on in all these cases except suspension. So it would kill a healthy process as soon as
 * the process runs again.
 *
 * While the thread runs, `beats` is the only field that both threads use. Its accesses are relaxed: the thread only
 * asks if the number has changed within seconds, and reads no other field because of that.
 */
#pragma once

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "assert.h"

enum {
        WATCHDOG_TICK_MS = 10000, /* the loop must call watchdog_beat() at least that often */
        WATCHDOG_TICKS = 3,       /* a loop is stuck if it has no beat in that many ticks in a row */
};

struct watchdog {
        const char *program; /* the prefix of the line on standard error */
        int tick_ms;
        bool is_running;
        pthread_t thread;
        int end; /* an eventfd that tells the thread to end */
        atomic_uint beats;
        unsigned last_beats, silent_ticks; /* used by the thread alone */
};

/* Tells the watchdog that the loop runs. */
static inline void watchdog_beat(struct watchdog *w)
{
        atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
}

/* Counts a tick. Returns true if the loop is stuck. */
static inline bool watchdog_tick(struct watchdog *w)
{
        unsigned beats = atomic_load_explicit(&w->beats, memory_order_relaxed);
        w->silent_ticks = beats == w->last_beats ? w->silent_ticks + 1 : 0;
        w->last_beats = beats;
        return w->silent_ticks >= WATCHDOG_TICKS;
}

/* Prints on standard error why the process ends. */
static inline void watchdog_explain(const struct watchdog *w)
{
        char text[256];
        snprintf(text, sizeof(text), "%s: stuck; it ends itself, to be started again\n", w->program);
        assert_print(text);
}

static inline void *watchdog_watch(void *user)
{
        struct watchdog *w = user;
        struct pollfd end = {.fd = w->end, .events = POLLIN};
        while (poll(&end, 1, w->tick_ms) == 0) {
                if (!watchdog_tick(w))
                        continue;
                watchdog_explain(w);
                abort();
        }
        return NULL;
}

/* Starts the thread, which takes no signals. `program` is not copied. Returns 0 or a negative errno. */
static inline int watchdog_start(struct watchdog *w, const char *program, int tick_ms)
{
        sigset_t all, before;
        *w = (struct watchdog){.program = program, .tick_ms = tick_ms};
        w->end = eventfd(0, EFD_CLOEXEC);
        if (w->end < 0)
                return -errno;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int error = pthread_create(&w->thread, NULL, watchdog_watch, w);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        w->is_running = error == 0;
        if (!w->is_running)
                close(w->end);
        return -error;
}

/* Ends the thread if it runs. */
static inline void watchdog_stop(struct watchdog *w)
{
        if (!w->is_running)
                return;
        eventfd_write(w->end, 1);
        pthread_join(w->thread, NULL);
        close(w->end);
        w->is_running = false;
}
