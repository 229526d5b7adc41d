/* One client's visit, from the first byte to the last: ties the client, its kind (kind.h), what chatd tells
 * (incoming.h) and the uplink together in one poll() loop.
 */
#pragma once

#include <signal.h>

#include "session.h"

enum {
        LEAVE_GOODBYE_MS = 2000, /* how long a session that handed over all lines waits for the lines before its BYE */
        PROXY_SILENT_MS = 30000, /* how long a proxy's own connection may be silent */
};

/* Takes the client at `in` and `out`, which is of this kind; `me` is the kind's own state. Does everything that must be
 * done before the session enters its sandbox (sandbox.h). Finds out the client's name, unless a proxy is to state it.
 * Reads nothing from the client yet. Opens no descriptor that stays, except the uplink's socket. `s` must be all zeros;
 * the other arguments must live as long as `s`. */
void visit_begin(struct session *s, const struct kind *kind, void *me, int in, int out,
                 const struct session_options *o);

/* Tells the client and chatd that the session could not enter its sandbox. Call it in place of visit_run(). `error`
 * is an errno. */
void visit_refuse_unconfined(struct session *s, int error);

/* Serves the client until it leaves, the connection breaks or `*stop` becomes true. `unblocked` is the signal mask
 * while the session waits: signals that it does not block come only then. */
void visit_run(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop);
