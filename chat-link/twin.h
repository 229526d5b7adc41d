/* Detects another host of the network that has this host's label, by the numbers that message.h describes.
 *
 * All functions may be called from any thread. twin_take() stores `other_process` before `other_at`, and twin_say()
 * loads them in the reverse order. The other fields are values by themselves. All have the default memory order,
 * because this happens only once in seconds.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "message.h"

enum {
        TWIN_LOST_MS = 10000, /* the other host is gone after this time without a sign of life */
        TWIN_LATE_MS = 10000, /* after this time no sign of life of an earlier link of this host arrives any more */
};

enum twin_sign {
        TWIN_UNKNOWN, /* the message may be a late one of an earlier connection of this host */
        TWIN_THERE,   /* there is another host with the same label */
        /* there is another host with the same label, and it numbers its records under the same instance: it was cloned
         * while it ran */
        TWIN_OF_CLONE,
};

struct twin {
        _Atomic uint64_t process;       /* the number of this host's connection, never 0 */
        _Atomic uint64_t instance;      /* of this host's records, as its last ALIVE said */
        _Atomic uint64_t other_process; /* the last other number with this label */
        /* times in ms of CLOCK_MONOTONIC */
        _Atomic int64_t other_at;     /* when `other_process` arrived; 0: never */
        _Atomic int64_t connected_at; /* when this host's connection began */
};

void twin_init(struct twin *t);

/* Begins a connection, under another number. */
void twin_connect(struct twin *t, int64_t now_ms);

/* Adds the number of this connection to an ALIVE message, and the other number that was received lately. Remembers the
 * message's instance. */
void twin_say(struct twin *t, struct message *alive, int64_t now_ms);

/* Takes an ALIVE with this host's label from another connection. Returns its meaning. */
enum twin_sign twin_take(struct twin *t, const struct message *alive, int64_t now_ms);
