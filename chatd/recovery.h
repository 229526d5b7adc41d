/* What a starting chatd finds out about the time before it: who is a member, who died meanwhile, and whose HELLO is
 * still in the queue.
 */
#pragma once

#include "chat.h"

/* Fills the roster of `b` and asks every session to answer with HERE, and the link with HELLO. Returns how many
 * sessions there are, or a negative errno. */
int recovery_run(struct chat *chat);
