/* Lists of rooms and of the people in them, for answers. */
#pragma once

#include <chat/answer.h>

#include "chat.h"

/* Appends a room with the names of the members in it. `yours` is the room of the asking member, or NULL. */
void list_people(struct answer_rooms *l, const struct room *room, const struct room *yours);

/* Appends each room that has members, except `yours`, with their names. */
void list_other_rooms(struct answer_rooms *l, const struct rooms *rooms, const struct room *yours);

/* Appends each room that has members, with their names, and without its topic, which would take the place of names. */
void list_all_people(struct answer_rooms *l, const struct rooms *rooms);

/* Appends each room that has members or a topic, and the first room, all without the names of their members. */
void list_rooms(struct answer_rooms *l, const struct rooms *rooms, const struct room *yours);
