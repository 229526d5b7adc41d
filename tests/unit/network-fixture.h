/* A network in memory that replaces chat-link/network.c. The tests and the fuzz target fill it. */
#pragma once

#include <stdlib.h>

#include "../../chat-link/network.h"

enum { NETWORK_STORED_MAX = 4096 };

struct network_stored {
        char host[HOST_MAX_BYTES + 1];
        enum network_event event;
        size_t size;
        uint8_t *data;
};

struct network {
        uint64_t stream; /* 0: without JetStream */
        struct network_stored all[NETWORK_STORED_MAX];
        size_t count;   /* message i has the sequence i + 1 */
        size_t next;    /* the next message to be handed over */
        bool reading;   /* network_read() was called */
        bool begin_due; /* NETWORK_BEGIN comes first */
        struct network_place from;
        unsigned reads, publishes;
        uint64_t members;
        bool counted;          /* network_count() was called */
        void (*on_next)(void); /* called at each network_next(), unless it is NULL */
        unsigned asked, anew;
        uint64_t twin;  /* signs of life with the label of this host */
        uint64_t clone; /* the instance of the last twin, if it is the instance of this host */
        bool disconnected;
        struct network_message *answer;
        /* called at each network_ask(), unless it is NULL */
        void (*on_ask)(struct network *n, const char *host, uint64_t instance, uint64_t position);
};

/* Publishes a message of another host. */
static inline void network_add(struct network *n, enum network_event event, const char *host, const void *data,
                               size_t size)
{
        struct network_stored *m = &n->all[n->count++];
        snprintf(m->host, sizeof(m->host), "%s", host);
        m->event = event;
        m->size = size;
        m->data = malloc(size + 1);
        memcpy(m->data, data, size);
}

struct network_message *network_answer(struct network *n)
{
        struct network_message *m = n->answer;
        n->answer = NULL;
        return m;
}

/* Replaces the stream by another one. */
static inline void network_replace(struct network *n, uint64_t stream)
{
        for (size_t i = 0; i < n->count; i++)
                free(n->all[i].data);
        free(network_answer(n));
        n->stream = stream;
        n->count = n->next = 0;
        n->begin_due = true;
}

/* Puts the stream back to its first `count` messages. */
static inline void network_put_back(struct network *n, size_t count)
{
        while (n->count > count)
                free(n->all[--n->count].data);
        if (n->next > n->count) {
                n->next = n->count;
                n->begin_due = true;
        }
}

static inline struct network_message *network_make(const struct network *n, enum network_event event, const char *host,
                                                   const void *data, size_t size)
{
        struct network_message *m = calloc(1, sizeof(*m) + size);
        m->event = event;
        m->place = (struct network_place){.stream = n->stream, .sequence = n->stream != 0 ? n->next : 0};
        m->size = size;
        snprintf(m->host, sizeof(m->host), "%s", host);
        if (size > 0)
                memcpy(m->data, data, size);
        return m;
}

void network_read(struct network *n, struct network_place from)
{
        bool there = from.stream != 0 && from.stream == n->stream && from.sequence < n->count;
        n->next = there ? (size_t)from.sequence : n->count;
        n->from = from;
        n->reading = n->begin_due = true;
        n->reads++;
}

struct network_message *network_next(struct network *n)
{
        if (n->on_next)
                n->on_next();
        if (!n->reading)
                return NULL;
        if (n->begin_due) {
                n->begin_due = false;
                return network_make(n, NETWORK_BEGIN, "", "", 0);
        }
        if (n->next == n->count)
                return NULL;
        const struct network_stored *m = &n->all[n->next++];
        return network_make(n, m->event, m->host, m->data, m->size);
}

void network_publish(struct network *n)
{
        n->publishes++;
}

void network_count(struct network *n, uint64_t members)
{
        n->members = members;
        n->counted = true;
}

void network_ask(struct network *n, const char *host, uint64_t instance, uint64_t position)
{
        n->asked++;
        if (n->on_ask)
                n->on_ask(n, host, instance, position);
}

void network_read_anew(struct network *n)
{
        n->anew++;
}

void network_get_status(struct network *n, struct network_status *status)
{
        *status = (struct network_status){.is_connected = !n->disconnected,
                                          .is_stored = n->stream != 0,
                                          .twin = n->twin,
                                          .clone = n->clone,
                                          .server = "nats://a:4222"};
}
