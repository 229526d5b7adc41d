/* The stream that keeps the records of all hosts, and the requests to JetStream.
 *
 * Each function here makes one request at most, and waits for its answer for STREAM_REQUEST_MS at most, so that its
 * caller can do other work between two requests.
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
        /* JetStream's default; it refuses a longer time than the stream keeps messages */
        STREAM_DUPLICATES_S = 120,
        /* How long a server must report that there is no JetStream until the link believes it: if nothing was stored
         * before, and if something was. A server that has just started reports the same. Messages published without
         * JetStream can be lost. */
        STREAM_NONE_MS = 5000,
        STREAM_NONE_ANY_MORE_MS = 60000,
};

enum stream_state {
        STREAM_ASK_ACCOUNT, /* is there JetStream? */
        STREAM_ASK,         /* is there the stream? */
        STREAM_MAKE,
        STREAM_FIND,   /* find the other stream that has its subjects */
        STREAM_UPDATE, /* change a stream that differs from link.conf */
        STREAM_READY,
        STREAM_NONE, /* no JetStream */
};

struct stream {
        const struct config *config;
        struct report *report;
        jsCtx *js; /* NULL: no connection */
        enum stream_state state;
        atomic_bool exists;           /* there was a stream, as far as this host knows */
        int64_t none_since;           /* since when the server reports that there is no JetStream; 0: it does not */
        int replicas;                 /* the number of replicas to make it with */
        bool is_outrun;               /* another host was making the stream when this one tried */
        jsStreamInfo *info;           /* used in STREAM_UPDATE */
        uint64_t identity, last;      /* the stream's identity, never 0, and its last sequence when it was asked for */
        char name[STREAM_NAME_BYTES]; /* chat-NETWORK */
        char said_subjects[STREAM_NAME_BYTES];    /* chat.NETWORK.said.* */
        char said_subject[2 * STREAM_NAME_BYTES]; /* chat.NETWORK.said.HOST */
};

/* Makes an unconnected `s`. A new stream gets a random identity, which is in its description and is the same on all
 * servers. The stream's time of creation is not: if two hosts make the stream at once, servers of a cluster disagree
 * about it, and change it when they are started again (seen with nats-server 2.9.10). The time of creation is the
 * identity of a stream that the link did not make. */
void stream_init(struct stream *s, const struct config *config, struct report *report);

/* Begins anew, on another connection. Returns false if there is no memory. */
bool stream_open(struct stream *s, natsConnection *nc);
void stream_close(struct stream *s);

/* Makes the next step ask for the stream again, because something failed. */
void stream_doubt(struct stream *s);

/* Makes one request towards STREAM_READY or STREAM_NONE. Returns false if it failed. The failure was reported, and the
 * caller tries again in STREAM_RETRY_MS. Also returns false once, without a report, if another host has just made the
 * stream. */
bool stream_step(struct stream *s);

/* Makes the next step ask for the stream again, for its last sequence. Without JetStream, the step asks if JetStream is
 * still missing. */
void stream_refresh(struct stream *s);

/* Returns 1 if the chunk is in the stream, 0 if it is not, or -1 if there is no answer. Also returns 0 if another host
 * has the same label and published last. Readers count a message once that is then stored twice. */
int stream_has(struct stream *s, const struct spool_chunk *chunk);

/* Publishes a chunk, as `message`. Returns true when it is stored. The caller must call stream_has() before another
 * attempt. The message has no identity (Nats-Msg-Id): any user that may publish could use up identities of later
 * messages, and a server in a cluster notes an identity before the message is stored, so it reports a duplicate even if
 * the message was lost with the leader. */
bool stream_publish(struct stream *s, const void *message, size_t size);

/* Makes a consumer that sends the messages of the stream behind `sequence` to `inbox`. Returns false after a report if
 * that failed. */
bool stream_consume(struct stream *s, uint64_t sequence, const char *inbox);
