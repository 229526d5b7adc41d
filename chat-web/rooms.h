/* The rooms of a client, and the past lines that come with an entry. */
#pragma once

#include "web.h"

/* Returns the room of this name, or NULL. An empty name stands for the first room. */
struct web_room *rooms_find(struct web *w, struct slice name);

/* Adds a room, or returns it if it is there. Returns NULL if there are too many. */
struct web_room *rooms_add(struct web *w, struct slice name);
void rooms_remove(struct web *w, struct slice name);

/* Returns the room for which this request to enter it was the last, or NULL. */
struct web_room *rooms_entered_by(struct web *w, uint64_t number);

/* Notes that the client has this line of somebody else. */
void rooms_saw(struct web *w, struct slice room, uint64_t id, uint64_t number);

/* Sends the request to enter a room, with past lines if the client has, or had, a line of this room. Returns the number
 * of the request. */
uint64_t rooms_enter(struct web *w, struct web_room *room);

/* Notes that the client entered the room of this name by the request `number`, or is in it already; or that it is not
 * there, unless it has asked to enter it since. */
struct web_room *rooms_is_in(struct web *w, struct slice name, uint64_t number);
void rooms_is_out(struct web *w, struct slice name, uint64_t number);

/* Lets all rooms be entered again. */
void rooms_reenter(struct web *w);

/* Returns true if another of these rooms can be entered now: the client has not left, and the queue to chatd has room
 * for the request. */
bool rooms_may_reenter(const struct web *w);

/* Enters the next of these rooms. */
void rooms_reenter_next(struct web *w);
