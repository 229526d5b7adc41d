/* Detects another host of the network that has our label, by the numbers that message.h describes.
 *
 * All functions may be called from any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "message.h"

enum {
        TWIN_LOST_MS = 10000, /* without a sign of life of the other host, and it is gone */
        TWIN_LATE_MS = 10000, /* after which no sign of life of a link that was here before comes any more */
};

enum twin_sign {
        TWIN_UNKNOWN,  /* the message may be a late one of our own, from an earlier connection */
        TWIN_THERE,    /* another host is there that has our label */
        TWIN_OF_CLONE, /* and it numbers its records under our instance, as we do: it was cloned while it ran */
};

struct twin {
        _Atomic uint64_t process;  /* the number of our connection, never 0 */
        _Atomic uint64_t instance; /* of our records, as we said last */
        _Atomic uint64_t heard;    /* the last other number with our label */
        _Atomic int64_t heard_at;  /* when that was; 0: never. ms of CLOCK_MONOTONIC, as the next */
        _Atomic int64_t begun_at;  /* when our connection began */
};

void twin_init(struct twin *t);

/* A connection begins, under another number. */
void twin_connect(struct twin *t, int64_t now_ms);

/* Adds to an ALIVE of ours what it says of this. */
void twin_say(struct twin *t, struct message *alive, int64_t now_ms);

/* An ALIVE with our own label came, which our connection did not publish. */
enum twin_sign twin_take(struct twin *t, const struct message *alive, int64_t now_ms);
