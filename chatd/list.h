/* Lists of rooms and of the people in them, for answers. */
#pragma once

#include <chat/answer.h>

#include "chat.h"

/* Appends a room with the names of the members in it. `you` is the asking member. */
void list_people(struct answer_rooms *l, const struct room *room, const struct member *you);

/* Appends each room that has members, except the only room of a member that does not roam, with their names. */
void list_other_rooms(struct answer_rooms *l, const struct rooms *rooms, const struct member *you);

/* Appends each room that has members, with their names, and without its topic, which would take the place of names. */
void list_all_people(struct answer_rooms *l, const struct rooms *rooms);

/* Appends each room that has members or a topic, and the first room, all without the names of their members. */
void list_rooms(struct answer_rooms *l, const struct rooms *rooms, const struct member *you);
