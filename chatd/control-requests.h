/* The table of chatctl's commands, and the function of each (chat/control.h).
 *
 * A request that changes nothing is answered at once, or as a list. A request that changes the chat becomes a frame in
 * the queue (admin.h), so that it has its place in the order. It is answered after its turn in the queue; a removal is
 * answered when the session has left. Bans and tokens do not go through the queue
 * (control-bans.h, control-tokens.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct chat;
struct control_client;

/* Takes a request, and enters its first state. */
void control_requests_take(struct chat *chat, struct control_client *client, const char *data, size_t size);

/* Puts the frame of a client in CONTROL_QUEUE into the queue, if there is room. */
void control_requests_queue(struct chat *chat, struct control_client *client);

/* Handles the result of a client's frame after its turn: see `answer` in struct admin. */
void control_requests_done(const struct chat *chat, struct control_client *client, int result);

/* Ends the answer if the removed member has left, or stays for too long (`late`). */
void control_requests_departure(const struct chat *chat, struct control_client *client, bool late);
