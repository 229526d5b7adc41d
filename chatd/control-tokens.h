/* The requests of chatctl that change the tokens (chat/control.h).
 *
 * A change is in effect at once. The answer follows when the change is in the file, or cannot be written (tokens.h).
 */
#pragma once

#include <stdbool.h>

#include <chat/names.h>

enum { CONTROL_TOKENS_HINT_BYTES = 2 * NICK_MAX_BYTES + 64 };

struct chat;
struct control_client;

/* Adds a token, for any room if `room` is empty. Answers the same request again as it did the first time. */
void control_tokens_add(struct chat *chat, struct control_client *client, const char *name, const char *secret,
                        const char *room);
void control_tokens_remove(struct chat *chat, struct control_client *client, const char *name);

/* Writes how to end the token of this name, for an administrator who took it for a member. Returns false, with an empty
 * text, if there is no such token. */
bool control_tokens_hint(const struct chat *chat, const char *name, char text[static CONTROL_TOKENS_HINT_BYTES]);
