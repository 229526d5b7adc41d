/* Messages of other hosts and the status of the network, as network.h hands them over. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "message.h"

enum {
        NETWORK_QUEUE_MAX = 64, /* messages that wait for network_next(); a thread that adds more waits for room */
};

/* A place in the messages that other hosts published. */
struct network_place {
        uint64_t stream;   /* the stream's identity; 0: without JetStream */
        uint64_t sequence; /* the stream's sequence of the last message before the place */
};

enum network_event {
        NETWORK_BEGIN, /* later messages are those behind `place`, whose stream may be another than the requested one */
        NETWORK_SAID,  /* a message: `place` is its own; without JetStream, its sequence is 0 */
        NETWORK_ALIVE,
        NETWORK_AGAIN, /* an answer: only network_answer() returns it */
};

struct network_message {
        struct network_message *next;
        enum network_event event;
        struct network_place place;
        char host[HOST_MAX_BYTES + 1]; /* a label, from the subject; never this host's own */
        size_t size;                   /* MESSAGE_MAX_BYTES at most: larger messages are ignored */
        uint8_t data[];
};

struct network_status {
        bool is_connected;                       /* to a server */
        bool is_stored;                          /* JetStream keeps what is published */
        bool is_stuck;                           /* connected, but the stream takes or gives no messages at present */
        char server[CONFIG_VALUE_MAX_BYTES + 1]; /* the server, without a password */
        char problem[512];      /* the obstacle, and how to remove it: one line of clean text; empty: none */
        uint64_t ignored_count; /* messages that were too large, or of a host whose name is no label */
        uint64_t twin;          /* ALIVE messages of another host that has this host's label */
        uint64_t clone;         /* the instance of the last of these, if this host's records had it, too; else 0 */
};
