/* What happens between relaying a batch and consuming its frames, and right behind that: steps 3 to 6 of a batch
 * (broker.h). Every member has the batch, and the frames are still in the queue: if chatd died now, the next one would
 * take them again. So it finds notes of what it must not do again.
 */
#pragma once

#include <stddef.h>

struct chat;

/* Notes what the next chatd must not do again, sends leaving members their last datagram, consumes the first `frames`
 * frames in the queue, of which the batch was made, and forgets members and rooms that are gone. Returns 0, or a
 * negative errno if the frames cannot be consumed: then chatd must end. */
int consume_batch(struct chat *chat, size_t frames);
