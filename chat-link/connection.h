/* chat-link's connection to a NATS server: the choice of the server, the options, and the reason of a failure.
 *
 * libnats connects to one server at a time here, and does not reconnect by itself. So the link knows why each attempt
 * failed, nothing waits in a buffer of libnats meanwhile, and the parts of a connection (JetStream, subscriptions) end
 * with it. The next attempt is with the next server of Servers=.
 *
 * libnats calls back from threads of its own, even after the object that a call is for was destroyed. A caller that
 * gives libnats a pointer holds the connection until the last call has returned. Memory that the pointer leads to must
 * not be freed before connection_is_quiet().
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <nats/nats.h>

#include "config.h"
#include "report.h"

enum {
        CONNECTION_TIMEOUT_MS = 1500, /* for each step: TCP, the server's greeting, TLS */
        CONNECTION_WRITE_MS = 1000,
        CONNECTION_PING_MS = 2000, /* together with CONNECTION_PINGS_MAX: a server that hangs is given up after 6 s */
        CONNECTION_PINGS_MAX = 2,
        CONNECTION_RETRY_MIN_MS = 500, /* after all of the servers were tried */
        CONNECTION_RETRY_MAX_MS = 5000,
        CONNECTION_STEADY_MS = 5000, /* a connection that lasted this long is replaced at once */
        /* how long a violation of permissions is reported; after that, actions that are done once per connection are
         * tried again */
        PERMISSION_MS = 10000,
};

enum { CONNECTION_INBOX_BYTES = sizeof("_INBOX.") + HOST_MAX_BYTES };

struct connection {
        const struct config *config;
        struct report *report;
        int work;           /* an eventfd that the network's thread waits for, not owned */
        natsConnection *nc; /* NULL: no connection. Only the network's thread uses this and the members below */
        char server[CONFIG_VALUE_MAX_BYTES + 1]; /* the last server, without user and password */
        unsigned next_server;
        unsigned failures;       /* attempts since a connection was of use */
        int64_t retry_at, since; /* ms of CLOCK_MONOTONIC */

        /* Threads of libnats set these. The network's thread reads and clears them when `work` wakes it, or in another
         * turn. No other data depends on them, so their order does not matter, and a late read does no harm. */
        atomic_bool is_lost;
        atomic_bool is_refused;          /* a subscription was refused */
        atomic_int_least64_t refused_at; /* when permission for something was refused; 0: never */

        pthread_mutex_t lock;
        pthread_cond_t quiet;
        unsigned references;
};

void connection_init(struct connection *c, const struct config *config, struct report *report, int work);

/* Frees what remains after connection_close() and connection_is_quiet(). */
void connection_destroy(struct connection *c);

/* Connects if there is no connection and an attempt is due. Returns true if it is connected. Notices the loss of a
 * connection: a lost connection stays in `nc` until connection_close(), for users of its subscriptions. Blocks for 5 s
 * at most, if the name service answers. */
bool connection_check(struct connection *c, int64_t now);

/* Returns the time at which connection_check() is due, ms of CLOCK_MONOTONIC. */
int64_t connection_wake_ms(const struct connection *c);

/* Returns true if a connection has ended. The caller then destroys the subscriptions and everything else of the
 * connection, and calls connection_close(). */
bool connection_is_over(struct connection *c, int64_t now);

void connection_close(struct connection *c);

/* Records that the server did something for the link: if the connection breaks later, it does not count as a
 * failure. */
void connection_is_good(struct connection *c);

/* Returns libnats' text about the last failure in this thread, without the place in libnats' source. */
const char *connection_error(void);

/* Writes the prefix of subjects for answers to this host alone. A host that cannot see the subjects of other hosts
 * cannot answer in place of the host that was asked. */
void connection_inbox(const struct config *config, char prefix[static CONNECTION_INBOX_BYTES]);

/* ---- for any thread ---- */

/* Counts a pointer to `c` that libnats has. */
void connection_hold(struct connection *c);
void connection_let_go(struct connection *c);

/* Waits until no pointer to `c` is held. Returns false if one is still held at `deadline`, ms of CLOCK_MONOTONIC. */
bool connection_is_quiet(struct connection *c, int64_t deadline);
