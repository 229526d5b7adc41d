/* Messages from other hosts that were not fetched yet, and their place in the stream.
 *
 * Threads of libnats put messages in; they block while the queue is full. The network's thread opens the queue to one
 * subscription at a time, each with its own generation. Messages of an older generation are dropped, and a thread that
 * is blocked with an older generation goes on at once. So a subscription can be replaced, or the network ended, at any
 * moment.
 *
 * Messages from a JetStream consumer are taken only without a gap in the consumer's sequence. Any other sequence makes
 * the subscription lost, and the next subscription begins behind the last message that was taken.
 */
#pragma once

#include <pthread.h>

#include "network-message.h"
#include "report.h"

enum {
        INBOUND_ALIVE_MAX = 256,   /* ALIVE messages that wait, one for each host: they do not wait for room */
        INBOUND_SILENCE_MS = 3000, /* a consumer sends a heartbeat each second */
        INBOUND_BEHIND_MS = 30000, /* how long a stream may end before the place up to which it was read */
};

struct inbound {
        pthread_mutex_t lock;
        pthread_cond_t room; /* signals that there is room, or another generation */
        struct report *report;
        const char *own_host; /* our host's label, not owned */
        int work;             /* not owned */
        struct network_message *first, **end;
        unsigned said_count, alive_count; /* how many messages of each kind wait */

        uint64_t request;       /* counts the calls of network_read() */
        uint64_t begin_request; /* the request for which a BEGIN was queued; 0: none */
        /* the place of the last message that was taken or dropped; until BEGIN, the requested place */
        struct network_place place;

        int64_t behind_since; /* since when the stream ends before `place`; 0: it does not */
        uint64_t generations; /* how many generations there were */
        uint64_t generation;  /* of the subscription that the queue is open to; 0: none */
        uint64_t consumer_sequence;
        int64_t delivery_ms; /* when the subscription last delivered anything */
        bool is_blocked;     /* a thread waits for room */
        bool is_lost;        /* the subscription has to be replaced */
};

/* Makes an empty queue. `work` is an eventfd that the network's thread waits for. */
void inbound_init(struct inbound *in, struct report *report, const char *own, int work);

/* Frees the messages that wait. */
void inbound_destroy(struct inbound *in);

/* ---- for the thread that fetches ---- */

/* See network_read() and network_next(). */
void inbound_ask(struct inbound *in, struct network_place from);
struct network_message *inbound_next(struct inbound *in);
void inbound_read_anew(struct inbound *in);

/* ---- for the network's thread ---- */

/* Returns the request that needs a subscription, because there is none or the present one is useless at `now`. Returns
 * 0 if no request needs one. The end of the stream must be determined after this call. */
uint64_t inbound_needs_subscription(struct inbound *in, int64_t now);

/* Returns true if the stream of this identity, with messages up to `last`, ends before the place that was read already.
 * Then the server that leads the stream now has not caught up, or the stream was put back to an earlier state. After
 * INBOUND_BEHIND_MS the latter is assumed, and false is returned. */
bool inbound_is_behind(struct inbound *in, uint64_t stream, uint64_t last, int64_t now);

/* Opens the queue to a subscription on the stream of this identity that has messages up to `last`; without JetStream
 * both are 0. Returns the subscription's generation. Queues BEGIN if the subscription is the first for the request, or
 * the stream is another one. Writes the place behind which to subscribe. */
uint64_t inbound_open(struct inbound *in, uint64_t stream, uint64_t last, struct network_place *behind);

/* Closes the queue to messages of all subscriptions until inbound_open(). */
void inbound_close(struct inbound *in);

/* ---- for libnats' threads ---- */

struct inbound_message {
        const char *host; /* the last part of the subject, unchecked; NULL: another subject */
        const void *data;
        size_t size;
        uint64_t sequence, consumer_sequence; /* 0 without JetStream */
};

/* Takes a SAID message. Blocks while the queue is full. */
void inbound_said(struct inbound *in, uint64_t generation, const struct inbound_message *m);

/* Takes a heartbeat: the consumer is there, and has sent messages up to `consumer_sequence`. */
void inbound_heartbeat(struct inbound *in, uint64_t generation, uint64_t consumer_sequence);

/* Marks the subscription as lost: the consumer is gone, or sends nonsense. */
void inbound_lose(struct inbound *in, uint64_t generation);

/* Takes an ALIVE message, if no other ALIVE of its host waits. */
void inbound_alive(struct inbound *in, const struct inbound_message *m);
