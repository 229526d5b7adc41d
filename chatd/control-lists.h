/* The requests of chatctl that change nothing (chat/control.h): the status of the chat, its members, bans
 * and tokens.
 *
 * A list is sent in parts, one in each turn of the main loop, as fast as chatctl takes them. chatd keeps only the ids
 * of a list of members.
 */
#pragma once

struct chat;
struct control_client;

/* Sends the status, and ends the answer. */
void control_lists_status(struct chat *chat, struct control_client *client);

/* Begin a list: control_lists_send() sends it. */
void control_lists_members(struct chat *chat, struct control_client *client);
void control_lists_bans(struct control_client *client);
void control_lists_tokens(struct control_client *client);

/* Sends the next part of a list, and ends the answer after the last record. Returns 0; -EAGAIN if the connection has no
 * room now; or another negative errno if it is gone. */
int control_lists_send(struct chat *chat, struct control_client *client);
