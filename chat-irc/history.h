/* The command CHATHISTORY (IRCv3 draft/chathistory): past lines of a channel that the client is in.
 *
 * chatd keeps the last lines of each room, so older ones cannot be had. A message is named by its msgid or by its time.
 */
#pragma once

#include "irc.h"
#include "message.h"

void history_take(struct irc *i, const struct irc_message *m);

/* Shows past lines to the client. `request` is NULL if it did not ask for them: it has just entered the room. The
 * records are as in a PAST for a session that roams. */
void history_show(struct irc *i, const struct irc_request *request, struct wire_reader records);

/* Answers a CHATHISTORY for a channel that the client is not in. */
void history_refuse(struct irc *i, struct slice channel);

/* Answers a CHATHISTORY for a room in which nothing was said. */
void history_show_none(struct irc *i, const struct irc_request *request);
