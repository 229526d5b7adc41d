/* chat-link's connection to a NATS server: which server, how, and why not.
 *
 * libnats connects to one server at a time, and does not reconnect by itself: so we know why it did not work, with
 * every attempt; nothing waits in a buffer of libnats meanwhile; and what belongs to a connection (JetStream,
 * subscriptions) ends with it. The next attempt is with the next of Servers=.
 *
 * libnats calls back from threads of its own, also after what it calls for was destroyed. Who gives it a pointer holds
 * the connection until the last call is through; what the pointer leads to must not be freed before
 * connection_is_quiet().
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
        CONNECTION_TIMEOUT_MS = 1500, /* of each step: TCP, the server's greeting, TLS */
        CONNECTION_WRITE_MS = 1000,
        CONNECTION_PING_MS = 2000, /* … so a server that hangs is given up after 6 s */
        CONNECTION_PINGS_MAX = 2,
        CONNECTION_RETRY_MIN_MS = 500, /* after all of the servers were tried */
        CONNECTION_RETRY_MAX_MS = 5000,
        CONNECTION_STEADY_MS = 5000, /* one that held so long is replaced at once */
        PERMISSION_MS = 10000,       /* for so long a violation is told; then is tried again what happens just once */
};

enum { CONNECTION_INBOX_BYTES = sizeof("_INBOX.") + HOST_MAX_BYTES };

struct connection {
        const struct config *config;
        struct report *report;
        int work;                                /* an eventfd that the network's thread waits for, not owned */
        natsConnection *nc;                      /* NULL: none. Of the network's thread alone, and so is what follows */
        char server[CONFIG_VALUE_MAX_BYTES + 1]; /* the last one, without user and password */
        unsigned next_server;
        unsigned failures;       /* attempts, since a connection was good for something */
        int64_t retry_at, since; /* ms of CLOCK_MONOTONIC */

        atomic_bool lost;
        atomic_bool refused;             /* a subscription */
        atomic_int_least64_t refused_at; /* when permission for something was refused; 0: it was not */

        pthread_mutex_t lock;
        pthread_cond_t let_go;
        unsigned held;
};

void connection_init(struct connection *c, const struct config *config, struct report *report, int work);

/* Frees what connection_close() and connection_is_quiet() left. */
void connection_destroy(struct connection *c);

/* Connects if there is no connection and it is time to. Notices the loss of one: whoever has something of it finds it
 * in `nc` until connection_close(). Blocks for 5 s at most, if the name service answers. Returns whether it is
 * connected. */
bool connection_check(struct connection *c, int64_t now);

/* When connection_check() is to be called next, ms of CLOCK_MONOTONIC. */
int64_t connection_wake_ms(const struct connection *c);

/* Whether there was one, and it is over: subscriptions and so on are to be destroyed, and then connection_close()
 * called. */
bool connection_is_over(struct connection *c, int64_t now);

void connection_close(struct connection *c);

/* The server did something for us: if the connection breaks, it was not in vain. */
void connection_is_good(struct connection *c);

/* What libnats says about the last thing that failed in this thread, without the place in its source. */
const char *connection_error(void);

/* Writes the prefix of subjects for answers to this host alone: who cannot see those of others cannot answer in their
 * place. */
void connection_inbox(const struct config *config, char prefix[static CONNECTION_INBOX_BYTES]);

/* ---- from any thread ---- */

/* libnats has a pointer that leads here. */
void connection_hold(struct connection *c);
void connection_let_go(struct connection *c);

/* Waits until nobody holds it. Returns false if somebody still does at `deadline`, ms of CLOCK_MONOTONIC. */
bool connection_is_quiet(struct connection *c, int64_t deadline);
