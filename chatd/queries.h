/* Answers questions of members: who is here, which rooms there are, what was said before, which names begin with a
 * text.
 *
 * Questions are sent to other hosts, too: the link carries an ASK there, and each chatd that gets it sends a REPLY
 * back, for the asking member alone.
 */
#pragma once

#include "chat.h"

void queries_who(struct chat *chat, struct member *m, const struct frame *f);
void queries_people(struct chat *chat, struct member *m, const struct frame *f);
void queries_rooms(struct chat *chat, struct member *m, const struct frame *f);
void queries_history(struct chat *chat, struct member *m, const struct frame *f);

/* Answers with the members of the room whose names begin with this text, for TAB. */
void queries_complete(struct chat *chat, struct member *m, const struct frame *f);
