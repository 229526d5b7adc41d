/* The requests of chatctl that change the bans (chat/control.h).
 *
 * A change is in effect at once. The answer follows when the change is in the file (bans.h). The answer to a ban says
 * what else could be banned.
 */
#pragma once

struct chat;
struct control_client;

/* Adds a ban of an address, a network or a name. `why` is clean text of CONTROL_REASON_MAX_BYTES at most. */
void control_bans_add(struct chat *chat, struct control_client *client, const char *what, const char *why);
void control_bans_remove(struct chat *chat, struct control_client *client, const char *what);
