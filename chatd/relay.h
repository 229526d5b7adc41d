/* Sends a batch (batch.h) to its members.
 *
 * Each member gets its part by one datagram or, if its session lends the client's connection (lent.h), by one write of
 * text. Only members that get something are visited: those in the rooms that the batch has records for, and those with
 * a share of the batch; all members if a record is for everybody.
 *
 * A member whose inbox is full is waited for, a bounded moment and all such members together. Then it lags (lagging.h):
 * nothing is relayed to it, the records that it misses are counted, and it is told their number when its inbox has
 * room. So relay_send() returns only when every member has the batch in its inbox, or lags, or is dead: the batch may
 * be consumed. Frames for a lagging member alone wait for it, and come behind the notice of how much it missed; too
 * many of them count as missed as well.
 *
 * A session that got a datagram has to write it out before chatd may write to its client again. Under load the next
 * batch always comes before that, so such a session would never sleep again. Therefore sessions that are behind are
 * waited for, now and then, for a short moment that is a small part of the time, after every other member has the
 * batch. This excludes sessions whose client is slow, or that were waited for in vain.
 */
#pragma once

#include <stdint.h>

#include "batch.h"
#include "lagging.h"
#include "roster.h"

enum {
        RELAY_CATCH_UP_MS = 20,    /* how long members that lend are waited for */
        RELAY_CATCH_UP_SHARE = 50, /* one in this many ms is spent on that wait */
};

struct relay {
        uint64_t epoch;
        int64_t catch_up_ms;      /* when members that lend may be waited for again, CLOCK_MONOTONIC */
        struct patience patience; /* with full inboxes */
        uint64_t batches;         /* batches of this epoch so far */
        uint64_t deliveries;      /* records sent so far: each counts once for each receiver */
        uint64_t misses;          /* records not sent so far because the receiver lagged */
};

/* Sends the batch to every member that it is for. Marks members as lagging (and notes it) or dead. Blocks for a bounded
 * moment (see the top of this file). */
void relay_send(struct relay *r, struct batch *b, struct roster *roster);

/* Tells the lagging member `m`, whose inbox may have room, how much it missed, and sends the letters that waited: then
 * records are relayed to it again. Marks it dead if its inbox is gone; the link lags on in that case. */
void relay_resume(const struct relay *r, struct roster *roster, struct member *m);

/* Tells `m` that its lines went to everybody, if it does not know that yet. Returns true if it knows. */
bool relay_confirm(const struct relay *r, struct member *m);
