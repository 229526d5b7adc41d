/* The subscriptions: to records of other hosts, from the stream or directly, to their ALIVE messages, and to their
 * messages to this host alone.
 *
 * The subscription to the stream is a push consumer without acknowledgements. It is made for one subscription, and the
 * server forgets it when the subscription ends. The link subscribes to it as to an ordinary inbox, so the link sees
 * every message of it, even those for flow control and the heartbeats (NATS documentation, consumers; ADR-9 and ADR-15
 * for their format).
 */
#pragma once

#include <stdbool.h>

#include "connection.h"
#include "inbound.h"
#include "resend.h"
#include "stream.h"
#include "twin.h"

enum {
        /* Messages that libnats holds for a subscription while the queue is full. libnats drops further ones, and the
         * link reads those again. */
        READER_PENDING_MAX = 16384,
        READER_PENDING_MAX_BYTES = 8 * 1024 * 1024,
};

struct reader {
        struct connection *connection;
        struct inbound *inbound;
        struct resend *resend;
        struct report *report;
        const struct config *config;
        struct twin *twin;
        natsSubscription *said, *alive, *ask, *again; /* NULL: none */
        natsSubscription *previous;           /* the subscription before `said`, still to be freed; NULL: none */
        char said_prefix[STREAM_NAME_BYTES];  /* chat.NETWORK.said. */
        char alive_prefix[STREAM_NAME_BYTES]; /* chat.NETWORK.alive. */
};

void reader_init(struct reader *r, struct connection *c, struct inbound *in, struct resend *resend, struct twin *twin);

/* Subscribes to ALIVE messages, questions and answers. Returns false if the connection is of no use. */
bool reader_listen(struct reader *r);

/* Replaces the subscription to records of other hosts by one behind the requested or reached place. Returns false if
 * that failed. The failure was reported, and the caller tries again. Blocks as long as stream_consume(). */
bool reader_subscribe(struct reader *r, struct stream *s);

/* Frees the subscriptions, after the connection was closed. */
void reader_close(struct reader *r);
