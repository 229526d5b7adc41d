/* The recovery of a starting chatd: finds the members of the previous chatd, members that died meanwhile, and members
 * whose HELLO is still in the queue.
 */
#pragma once

#include "chat.h"

/* Fills the roster of `chat`. Asks every session to answer with HERE, and the link with HELLO. Returns the number of
 * sessions, or a negative errno. */
int recovery_run(struct chat *chat);
