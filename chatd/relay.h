/* Sends a batch (batch.h) to its members.
 *
 * Each member gets its part in one datagram. If its session lends the client's connection (lent.h), the client gets it by
 * one write of text instead. Only members that get something are visited: the members of rooms for which the batch has
 * records, and members with a share of the batch. If a record is for everybody, all members are visited.
 *
 * chatd waits a bounded moment for members whose inbox is full, for all of them together. A member that gets no room in
 * this time lags (lagging.h): nothing is relayed to it, the records that it misses are counted, and it is told their
 * number when its inbox has room. So when relay_send() returns, every member has the batch in its inbox, lags, or is
 * dead: the batch may be consumed. Letters to a lagging member wait until its inbox has room, and come behind the
 * notice of how much it missed. If there are too many of them, the rest counts as missed as well.
 *
 * A session that got a datagram has to write it out before chatd may write to its client again. Under load the next
 * batch always comes before that, so such a session would never sleep again. Therefore chatd now and then waits for
 * sessions that are behind, after all other members have the batch. The wait is short, and a small part of the time.
 * chatd does not wait for a session whose client is slow, or for which it has waited in vain.
 */
#pragma once

#include <stdint.h>

#include "batch.h"
#include "lagging.h"
#include "roster.h"

enum {
        RELAY_CATCH_UP_MS = 20,    /* how long chatd waits for sessions that are behind */
        RELAY_CATCH_UP_SHARE = 50, /* one ms in so many is spent on that wait */
};

struct relay {
        uint64_t epoch;
        int64_t catch_up_ms;      /* when chatd may wait again for sessions that are behind, CLOCK_MONOTONIC */
        struct patience patience; /* the patience with full inboxes */
        uint64_t batches;         /* batches of this epoch so far */
        uint64_t deliveries;      /* records sent so far: each record counts once for each receiver */
        uint64_t misses;          /* records that receivers missed so far because they lagged */
};

/* Sends the batch to every member that gets something of it. Marks members as dead, or as lagging, which it notes.
 * Blocks for a bounded moment (see the top of this file). */
void relay_send(struct relay *r, struct batch *b, struct roster *roster);

/* Tells the lagging member `m`, whose inbox may have room, how much it missed, and sends it the letters that waited. If
 * the inbox takes all of this, `m` no longer lags. If the inbox is gone, marks `m` dead; the link continues to lag in
 * that case. */
void relay_resume(const struct relay *r, struct roster *roster, struct member *m);

/* Tells `m` that its lines went to everybody, unless it knows that. Returns true if it knows that now. */
bool relay_confirm(const struct relay *r, struct member *m);
