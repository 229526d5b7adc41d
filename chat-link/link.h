/* The link: ties chatd, the spool, the network and the knowledge of other hosts together.
 *
 * Out: records in the inbox go to the spool, and the network thread publishes them from there. In: messages of other
 * hosts become records for chatd. The number of a record encodes its place in the stream:
 *
 *   generation (13 bits) | sequence of its message in the stream (36 bits) | index in the message (14 bits)
 *
 * chatd keeps the number of the last record that it relayed, and sends it with WELCOME. So after kill -9 of either
 * process the link knows what to read again, and chatd knows which records it has already. The generation grows when
 * another stream takes the place of the one before. Without JetStream nothing can be read again, and the sequence only
 * counts messages.
 *
 * Records that are missing before a message have the first index of the message. The link asks the host that said them.
 * In the place of these records, members are told how many of them the host no longer has.
 */
#pragma once

#include "link-state.h"

/* Begins to work with the inbox's socket `inbox`. Returns 0 or a negative errno. `lost_records` is the value from
 * spool_open(). All other arguments stay the caller's and must outlive `l`. `l` begins as zeros. */
int link_begin(struct link *l, const struct config *c, const char *run_dir, int inbox, struct spool *spool,
               struct network *network, struct journal *journal, uint64_t lost_records);

/* Does all work that can be done now. Returns the time at which there may be more, ms of CLOCK_MONOTONIC. */
int64_t link_work(struct link *l);

/* Only moves datagrams from the inbox to the spool. chat-link calls this while it waits for the end of the network,
 * before the next network begins. Returns the same as link_work(). */
int64_t link_drain(struct link *l);

/* Closes what link_begin() opened. */
void link_end(struct link *l);
