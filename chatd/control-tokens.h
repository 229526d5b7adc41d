/* The requests of chatctl that change the tokens (chat/control.h).
 *
 * A change is in effect at once. The answer follows when the change is in the file, or cannot be written (tokens.h).
 */
#pragma once

struct chat;
struct control_client;

/* Adds a token, for any room if `room` is empty. Answers the same request again as it did the first time. */
void control_tokens_add(struct chat *chat, struct control_client *client, const char *name, const char *secret,
                        const char *room);
void control_tokens_remove(struct chat *chat, struct control_client *client, const char *name);
