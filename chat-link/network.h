/* chat-link's side of NATS: publishes what is in the spool, and hands over what other hosts published.
 *
 * A thread of its own does whatever can block: it connects, sees to the stream, publishes and waits for
 * acknowledgements; libnats has threads of its own besides. None of the functions below blocks. When there is something
 * for network_next(), or another status, the eventfd becomes readable.
 *
 * With JetStream. The stream chat-NETWORK has the subjects chat.NETWORK.said.*; it is made where there is none. One
 * message is published, and acknowledged before the next: so the order is kept whatever happens, and what comes
 * meanwhile goes together into the next. When it is not known whether a message was stored (no acknowledgement, another
 * connection, another process), the last one of our subject in the stream tells. What others published is read from a
 * sequence on, without acknowledgements: where we are is known here, exactly, and a consumer that lost its place, its
 * server or a message is made again from there.
 *
 * Without JetStream. Messages are published and subscribed to, with NoEcho, and are lost to a host that is not
 * connected.
 *
 * Either way something can be missing: then who said it is asked for it, host to host.
 *
 * Sources: the NATS documentation on JetStream (model deep dive, consumers), nats.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "message.h"
#include "spool.h"

enum {
        NETWORK_QUEUE_MAX = 64, /* messages that wait for network_next(): whoever hands over more is blocked */
};

struct network;

/* A place in what others published. */
struct network_place {
        uint64_t stream;   /* the stream's identity, never 0; 0: without JetStream */
        uint64_t sequence; /* the stream's, of the last message before the place */
};

enum network_event {
        NETWORK_BEGIN, /* what follows comes from behind `place`: a stream that may not be the one asked for */
        NETWORK_SAID,  /* a message: `place` is its own; without JetStream, its sequence is 0 */
        NETWORK_ALIVE,
        NETWORK_AGAIN, /* an answer: of network_answer() alone */
};

struct network_message {
        struct network_message *next;
        enum network_event event;
        struct network_place place;
        char host[HOST_MAX_BYTES + 1]; /* a label, from the subject; never our own */
        size_t size;                   /* MESSAGE_MAX_BYTES at most: a larger one is ignored */
        uint8_t data[];
};

struct network_status {
        bool connected;                          /* to a server */
        bool stored;                             /* what is published is kept by JetStream */
        bool stuck;                              /* connected, but the stream does not take or give messages now */
        char server[CONFIG_VALUE_MAX_BYTES + 1]; /* which, without a password */
        char problem[512]; /* what is in the way, and what to do: one line of clean text; empty: nothing */
        uint64_t ignored;  /* messages that were too large, or of a host that is no label */
        uint64_t twin;     /* ALIVE messages of another host that has our label */
        uint64_t clone;    /* the instance of the last of them, if our records had it, too; else 0 */
};

/* Starts the thread. `wake` is an eventfd, which stays the caller's, as do `c` and `s`, and must outlive it. Returns
 * NULL with errno. */
struct network *network_start(const struct config *c, struct spool *s, int wake);

/* Begins to end what is under way, which takes 3 s at most, and does not block. `wake` is readable when it has ended.
 * Of what is here only the next two are to be called then. Returns when the 3 s are over, ms of CLOCK_MONOTONIC. */
int64_t network_stop(struct network *n);

/* Whether network_end() does not have to wait any more. */
bool network_has_stopped(const struct network *n);

/* Waits for the end of what network_stop() began to end, and frees everything. */
void network_end(struct network *n);

/* Begins, or begins again, to hand over what others said behind `from`; where that is not of the stream there is, from
 * now on. What was not fetched by network_next() yet is dropped. */
void network_read(struct network *n, struct network_place from);

/* The spool has something new. */
void network_publish(struct network *n);

/* How many people are here: what ALIVE says. Before the first call nothing is said to be alive. */
void network_count(struct network *n, uint64_t members);

/* The next message, to be freed by the caller, or NULL. */
struct network_message *network_next(struct network *n);

/* Asks `host` for what it said from `position` of its spool `instance` on. The question or the answer may be lost. */
void network_ask(struct network *n, const char *host, uint64_t instance, uint64_t position);

/* An answer, to be freed by the caller, or NULL: from the host that was asked last, of the spool that was asked for. It
 * need not be a good one. */
struct network_message *network_answer(struct network *n);

/* Something was said that did not come: the stream is read anew from where that is, maybe from another server. */
void network_read_anew(struct network *n);

void network_get_status(struct network *n, struct network_status *status);
