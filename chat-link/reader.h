/* The subscriptions: to what other hosts say, from the stream or directly, to their ALIVE messages, and to what they
 * say to us alone.
 *
 * From the stream it is a push consumer without acknowledgements, made for one subscription and forgotten by the server
 * when that ends. It is subscribed to as an ordinary inbox, so every message of it is seen here, those for flow control
 * and the heartbeats, too (NATS documentation, consumers; ADR-9 and ADR-15 for what they look like).
 */
#pragma once

#include <stdbool.h>

#include "connection.h"
#include "inbound.h"
#include "resend.h"
#include "stream.h"
#include "twin.h"

enum {
        /* What libnats holds of a subscription while the queue is full. What is more than that it drops, and we read it
         * again. */
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
        natsSubscription *retired;                    /* what `said` was before; NULL: nothing */
        char said_prefix[STREAM_NAME_BYTES];          /* chat.NETWORK.said. */
        char alive_prefix[STREAM_NAME_BYTES];         /* chat.NETWORK.alive. */
};

void reader_init(struct reader *r, struct connection *c, struct inbound *in, struct resend *resend, struct twin *twin);

/* Subscribes to ALIVE messages, questions and answers. Returns false where the connection is no good. */
bool reader_listen(struct reader *r);

/* Subscribes to what is said, behind the place that was asked for or reached, instead of what there was. Returns false
 * where it failed: it has been reported, and is to be tried again. Blocks as stream_consume(). */
bool reader_subscribe(struct reader *r, struct stream *s);

/* Frees the subscriptions, after the connection was closed. */
void reader_close(struct reader *r);
