/* What came from other hosts and was not fetched yet, and where in the stream that is.
 *
 * Threads of libnats put messages in; they are blocked while the queue is full. The network's thread opens it to one
 * subscription at a time, each of its own generation: what an older one still brings is dropped, and an older one that
 * is blocked goes on at once. So a subscription can be replaced, or the whole ended, at any moment.
 *
 * From a JetStream consumer, messages are taken only without a gap in the consumer's sequence: whatever else comes
 * makes the subscription lost, and the next one begins behind the last message that was taken.
 */
#pragma once

#include <pthread.h>

#include "network.h"
#include "report.h"

enum {
        INBOUND_ALIVE_MAX = 256,   /* ALIVE messages that wait, one of each host: they do not wait for room */
        INBOUND_SILENCE_MS = 3000, /* a consumer sends a heartbeat each second */
        INBOUND_BEHIND_MS = 30000, /* how long a stream may end before what was read already */
};

struct inbound {
        pthread_mutex_t lock;
        pthread_cond_t room; /* or another generation */
        struct report *report;
        const char *own; /* our host's label, not owned */
        int work;        /* not owned */
        struct network_message *first, **end;
        unsigned said, alive; /* how many wait */

        uint64_t request;           /* counts the calls of network_read() */
        uint64_t begun;             /* for which one a BEGIN was queued; 0: none */
        struct network_place place; /* of the last message that was taken or dropped; until BEGIN what was asked for */

        int64_t behind_since; /* the stream ends before `place`; 0: it does not */
        uint64_t generations; /* how many there were */
        uint64_t generation;  /* of the subscription it is open to; 0: none */
        uint64_t consumer_sequence;
        int64_t heard_ms; /* when it last said something */
        bool blocked;     /* it waits for room */
        bool lost;        /* it has to be replaced */
};

/* `work` is an eventfd that the network's thread waits for. */
void inbound_init(struct inbound *in, struct report *report, const char *own, int work);

/* Frees what waits. */
void inbound_destroy(struct inbound *in);

/* ---- for who fetches ---- */

/* See network_read() and network_next(). */
void inbound_ask(struct inbound *in, struct network_place from);
struct network_message *inbound_next(struct inbound *in);
void inbound_read_anew(struct inbound *in);

/* ---- for the network's thread ---- */

/* Returns for which request a subscription is wanted, because there is none, or none that is any good at `now`; 0: it is
 * not. Where the stream ends must be known from after that. */
uint64_t inbound_needs_subscription(struct inbound *in, int64_t now);

/* Whether the stream of this identity, with messages up to `last`, ends before what was read of it already. The server
 * that leads it now has not caught up then; or it was put back to an earlier state, and after INBOUND_BEHIND_MS that is
 * what is believed, and false is returned. */
bool inbound_is_behind(struct inbound *in, uint64_t stream, uint64_t last, int64_t now);

/* Opens it to a subscription on the stream of this identity that has messages up to `last`; without JetStream both are
 * 0. Queues BEGIN where it is the first that was asked for, or the stream is another. Writes where to subscribe behind.
 * Returns its generation. */
uint64_t inbound_open(struct inbound *in, uint64_t stream, uint64_t last, struct network_place *behind);

/* Takes nothing more of any subscription until it is opened again. */
void inbound_close(struct inbound *in);

/* ---- for libnats' threads ---- */

struct inbound_message {
        const char *host; /* the last part of the subject, whatever that is; NULL: another subject */
        const void *data;
        size_t size;
        uint64_t sequence, consumer_sequence; /* 0 without JetStream */
};

/* Takes a SAID. Blocks while the queue is full. */
void inbound_said(struct inbound *in, uint64_t generation, const struct inbound_message *m);

/* The consumer is there, and has sent messages up to `consumer_sequence`. */
void inbound_heartbeat(struct inbound *in, uint64_t generation, uint64_t consumer_sequence);

/* The consumer is not there any more, or nonsense. */
void inbound_lose(struct inbound *in, uint64_t generation);

/* Takes an ALIVE, if none of this host waits. */
void inbound_alive(struct inbound *in, const struct inbound_message *m);
