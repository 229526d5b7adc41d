/* Decides that a client has vanished: it acknowledges nothing, or it left while there is no chatd.
 *
 * A client that is slow, or stopped for a night, still acknowledges, and stays. TCP_USER_TIMEOUT, tcp(7), would
 * disconnect it.
 */
#pragma once

#include <stdint.h>

#include <chat/frame.h>

struct session;

enum {
        /* How often the session checks that the client acknowledges what was sent. While the connection is lent
         * (loan.h), the session also looks this often if chatd sent anything. */
        CLIENT_CHECK_MS = 30000,
        /* How long a client may acknowledge nothing if another member asks for its name. TCP sends lost data again
         * after 0.2, 0.6 … 12.6 and 25.4 s, so a client that was cut off for 25 s stays. */
        PROBE_MS = 30000,
        PROBE_AGAIN_MS = 60000, /* how often at most the client is told that its name was asked for */
};

/* Ends the session of a client that acknowledges nothing for as long as the options say. */
void liveness_check(struct session *s);

/* Tells the client that another member, `asker`, asks for its name: then it has something to acknowledge. */
void liveness_probe(struct session *s, const struct frame *f);

/* Ends the session of a client that has not acknowledged the notice of a probe in time. */
void liveness_check_probe(struct session *s);

/* Ends the session of a client that left while no chatd takes its last lines. */
void liveness_give_up_gone(struct session *s);

/* Returns when liveness_check() or liveness_check_probe() must be called, in ms of CLOCK_MONOTONIC; INT64_MAX for
 * never. */
int64_t liveness_due(const struct session *s);
