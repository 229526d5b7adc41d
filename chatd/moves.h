/* Members go to other rooms. Members that roam enter rooms and leave them.
 *
 * A move is noted before any member is told (changes.h). If it cannot be noted, it is not made, and the member is told
 * so.
 */
#pragma once

#include "chat.h"

void moves_take(struct chat *chat, struct member *m, const struct frame *f);
void moves_enter(struct chat *chat, struct member *m, const struct frame *f);
void moves_exit(struct chat *chat, struct member *m, const struct frame *f);

/* Returns true if the last member of this room, or of a room with a similar name, has left it in this batch. A later
 * room of that name is a new one, without this history and topic. */
bool moves_end_a_room(const struct rooms *rooms, struct slice name);
