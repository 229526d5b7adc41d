/* One round: frames become a batch, the batch is relayed, and the frames are consumed.
 *
 * The order of the steps, which order.h asserts, makes a crash between any two of them harmless:
 *
 *   1. notes of each member that joins      the next chatd knows it, even if it dies meanwhile, and announces it as
 *                                           this one would have (arrivals.h)
 *      and of each that is renamed          the next chatd begins with the previous name and room (changes.h)
 *      or goes to another room
 *   2. the batch goes to every member       the next chatd relays it again; sessions drop records that they have seen
 *   3. numbers of the link's records,       all members have them: the next chatd ignores them (remote.h, admin.h,
 *      members not to be announced again,   webhook.h)
 *      mutings, administrators' requests
 *      and keys of webhooks are noted
 *   4. notes of leaving members are marked  all members were told: the next chatd ignores the leaving members' frames
 *   5. the frames are consumed
 *   6. marked notes are removed             no frame is left to ignore
 */
#pragma once

#include <stddef.h>

struct chat;

/* Does all steps for the first of the `left` frames in the window. Returns the number of consumed frames, or a negative
 * errno if they cannot be consumed: then chatd must end. */
int lifecycle_do(struct chat *chat, size_t left);
