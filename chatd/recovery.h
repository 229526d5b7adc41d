/* What a starting chatd finds out about the time before it: the members, the members that died meanwhile, and those
 * whose HELLO is still in the queue.
 */
#pragma once

#include "chat.h"

/* Fills the roster of `chat` and asks every session to answer with HERE, and the link with HELLO. Returns how many
 * sessions there are, or a negative errno. */
int recovery_run(struct chat *chat);
