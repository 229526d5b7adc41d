/* What each request of chatctl does (chat/control.h): the table of its commands.
 *
 * A request that only asks is answered at once, or as a list. A request that changes the chat becomes a frame in the
 * queue (admin.h), so that it has its place in the order; it is answered when it had its turn there, and a removal when
 * the session has left. Bans are not in the queue (control-bans.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct chat;
struct control_client;

/* Takes a request, and enters the state that it begins with. */
void control_requests_take(struct chat *chat, struct control_client *client, const char *data, size_t size);

/* Puts the frame of a client in CONTROL_QUEUE into the queue, if there is room. */
void control_requests_queue(struct chat *chat, struct control_client *client);

/* Handles the result of a client's frame, which had its turn: see admin.answer. */
void control_requests_done(const struct chat *chat, struct control_client *client, int result);

/* Ends the answer if the member that was removed has left, or stays for too long (`late`). */
void control_requests_departure(const struct chat *chat, struct control_client *client, bool late);
