/* Members go to other rooms.
 *
 * A move is noted before any member is told (changes.h). One that cannot be noted is not made, and the member is told
 * so.
 */
#pragma once

#include "chat.h"

void moves_take(struct chat *chat, struct member *m, const struct frame *f);

/* Returns true if the last member of this room, or of one with a similar name, leaves within the batch. A later room of
 * the name will be another one, without its history and topic. */
bool moves_end_a_room(const struct rooms *rooms, struct slice name);
