/* Detects another host of the network that has this host's label, by the numbers that message.h describes.
 *
 * All functions may be called from any thread. The fields have the default order, because `heard` must be there before
 * `heard_at`: twin_take() stores them in this order, and twin_say() loads them in the reverse one. The others are
 * values by themselves. This happens once in seconds, so a stronger order than needed costs nothing.
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
        TWIN_UNKNOWN, /* the message may be a late one of this host's own, from an earlier connection */
        TWIN_THERE,   /* there is another host with the same label */
        /* there is another host with the same label, and it numbers its records under the same instance: it was cloned
         * while it ran */
        TWIN_OF_CLONE,
};

struct twin {
        _Atomic uint64_t process;  /* the number of this host's connection, never 0 */
        _Atomic uint64_t instance; /* of this host's records, as its last ALIVE said */
        _Atomic uint64_t heard;    /* the last other number with this label */
        _Atomic int64_t heard_at;  /* when `heard` arrived; 0: never. ms of CLOCK_MONOTONIC, as is `begun_at` */
        _Atomic int64_t begun_at;  /* when this host's connection began */
};

void twin_init(struct twin *t);

/* Begins a connection, under another number. */
void twin_connect(struct twin *t, int64_t now_ms);

/* Adds to an ALIVE message the number of this connection, and the other number that was received lately. Remembers the
 * message's instance. */
void twin_say(struct twin *t, struct message *alive, int64_t now_ms);

/* Takes an ALIVE with this host's label that its own connection did not publish. Returns what it is a sign of. */
enum twin_sign twin_take(struct twin *t, const struct message *alive, int64_t now_ms);
