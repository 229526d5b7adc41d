/* The stream that keeps what all hosts said, and what is asked of JetStream.
 *
 * Each function here makes one request at most, and waits for its answer for STREAM_REQUEST_MS at most, so that its
 * caller can do what is due between two of them.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "spool.h"

enum {
        STREAM_REQUEST_MS = 1500,
        STREAM_RETRY_MS = 500,
        STREAM_NAME_BYTES = HOST_MAX_BYTES + 32, /* of names and subjects */
        STREAM_DUPLICATES_S = 120,               /* JetStream's default; more than it keeps is refused */
        /* A server that has just begun says that there is no JetStream, too. How long it must say so to be believed,
         * where nothing was stored before, and where something was: what is published without JetStream can be lost. */
        STREAM_NONE_MS = 5000,
        STREAM_NONE_ANY_MORE_MS = 60000,
};

enum stream_state {
        STREAM_ASK_ACCOUNT, /* is there JetStream? */
        STREAM_ASK,         /* is there the stream? */
        STREAM_MAKE,
        STREAM_FIND,   /* another one takes its subjects */
        STREAM_UPDATE, /* it is not as link.conf wants it */
        STREAM_READY,
        STREAM_NONE, /* no JetStream */
};

struct stream {
        const struct config *config;
        struct report *report;
        jsCtx *js; /* NULL: no connection */
        enum stream_state state;
        atomic_bool known;                /* there was a stream, as far as anybody knows */
        int64_t none_since;               /* the server says that there is no JetStream; 0: it does not */
        int replicas;                     /* with which it is made */
        bool outrun;                      /* somebody else was making it when we tried */
        jsStreamInfo *info;               /* in STREAM_UPDATE */
        uint64_t identity, last;          /* which one it is, never 0, and its last sequence when it was asked */
        char name[STREAM_NAME_BYTES];     /* chat-NETWORK */
        char all_said[STREAM_NAME_BYTES]; /* chat.NETWORK.said.* */
        char said[2 * STREAM_NAME_BYTES]; /* chat.NETWORK.said.HOST */
};

/* A stream that is made gets a random identity, which is in its description, and stays the same on all servers. When it
 * was made does not: where two hosts make it at once, servers of a cluster disagree about that, and change their minds
 * when they are started again (seen with nats-server 2.9.10). It is the identity of a stream that somebody else made. */
void stream_init(struct stream *s, const struct config *config, struct report *report);

/* Begins anew, on another connection. Returns false without memory. */
bool stream_open(struct stream *s, natsConnection *nc);
void stream_close(struct stream *s);

/* Is to be asked for again, because something failed. */
void stream_doubt(struct stream *s);

/* One request towards STREAM_READY or STREAM_NONE. Returns false where it failed: it has been reported, and is to be
 * tried again in STREAM_RETRY_MS. The same, but not reported, where somebody else has just made the stream, once. */
bool stream_step(struct stream *s);

/* Asks for the stream again with the next step: for its last sequence. Without JetStream, whether that is still so. */
void stream_refresh(struct stream *s);

/* Whether the chunk is in the stream already: 1, 0, or -1 where there is no answer. Where another host has our label and
 * spoke last it says 0: a message that is then stored twice counts once with those who read it. */
int stream_has(struct stream *s, const struct spool_chunk *chunk);

/* Publishes a chunk, as `message`. Returns true when it is stored. Before another attempt stream_has() is to be asked.
 * The message has no identity (Nats-Msg-Id): whoever may publish could use up those that are to come, and a server in a
 * cluster takes note of one before the message is stored, so it says that it is a duplicate even where it was lost with
 * the leader. */
bool stream_publish(struct stream *s, const void *message, size_t size);

/* Makes a consumer that sends what is in the stream behind `sequence` to `inbox`. Returns false where it failed, which
 * has been reported. */
bool stream_consume(struct stream *s, uint64_t sequence, const char *inbox);
