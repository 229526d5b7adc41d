/* chat-link's side of NATS: publishes the records in the spool, and hands over what other hosts published.
 *
 * One thread does all that can block: it connects, checks the stream, publishes and waits for acknowledgements. libnats
 * has threads of its own besides. None of the functions below blocks. The eventfd becomes readable when there is a
 * message for network_next(), or another status.
 *
 * With JetStream, the stream chat-NETWORK keeps the subjects chat.NETWORK.said.*; the link makes it if there is none.
 * One message is published and acknowledged before the next one, which keeps the order. If the answer to a message is
 * lost, the last message of this host's subject in the stream shows if it was stored. Messages of other hosts are read
 * from a sequence on, which this process remembers. Without JetStream, a host that is not connected loses messages. In
 * both cases a link asks other hosts for missing records.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "network-message.h"
#include "spool.h"

struct network;

/* Starts the thread. Returns NULL with errno. `wake` is an eventfd. `wake`, `c` and `s` stay the caller's and must
 * outlive it. */
struct network *network_start(const struct config *c, struct spool *s, int wake);

/* Begins to end all work, which takes 3 s at most, and does not block. Returns the end of the 3 s, ms of
 * CLOCK_MONOTONIC. `wake` becomes readable when all work has ended. After this call only network_has_stopped() and
 * network_end() may be called. */
int64_t network_stop(struct network *n);

/* Returns true if network_end() does not have to wait any more. */
bool network_has_stopped(const struct network *n);

/* Waits for the end of the work after network_stop(), and frees everything. */
void network_end(struct network *n);

/* Begins to hand over messages of other hosts behind `from`, or from now on if `from` is of another stream than the
 * present one. May be called again. Drops messages that network_next() has not returned. */
void network_read(struct network *n, struct network_place from);

/* Notes that the spool has new records. */
void network_publish(struct network *n);

/* Sets the number of members of this host, which ALIVE messages state. No ALIVE is sent before the first call. */
void network_count(struct network *n, uint64_t members);

/* Returns the next message, which the caller frees, or NULL. */
struct network_message *network_next(struct network *n);

/* Asks `host` for the records from `position` of its spool `instance` on. The question or the answer may be lost. */
void network_ask(struct network *n, const char *host, uint64_t instance, uint64_t position);

/* Returns an answer, which the caller frees, or NULL. It is from the host that was asked last, and of the spool that
 * was asked for. The answer may be malformed. */
struct network_message *network_answer(struct network *n);

/* Reads the stream anew from the present place, maybe from another server, because an announced record did not
 * arrive. */
void network_read_anew(struct network *n);

void network_get_status(struct network *n, struct network_status *status);
