/* Commands about the server and the connection: PING, QUIT, LUSERS, MOTD, VERSION, TIME, INFO, HELP, AWAY. */
#pragma once

#include "irc.h"
#include "message.h"

/* Returns true if parameter `n` is missing or names this server: by a mask of its name, or by the client's own nick.
 * Otherwise says that there is no such server. */
bool about_is_here(struct irc *i, const struct irc_message *m, size_t n);

/* Takes PING. Many clients ask by it if all that they said before was done. So the PONG comes when chatd has answered a
 * request behind all that, or after IRC_PATIENCE_MS. The next messages wait for it. */
void about_ping(struct irc *i, const struct irc_message *m);

/* Returns true if the PONG for the PING that waits can be written. There must be such a PING. */
bool about_may_answer_ping(const struct irc *i);

/* Writes that PONG. */
void about_answer_ping(struct irc *i);

/* Writes a PONG at once. */
void about_pong(struct irc *i, struct slice token);

void about_quit(struct irc *i, const struct irc_message *m);
void about_lusers(struct irc *i, const struct irc_message *m);
void about_motd(struct irc *i, const struct irc_message *m);
void about_version(struct irc *i, const struct irc_message *m);
void about_time(struct irc *i, const struct irc_message *m);
void about_info(struct irc *i, const struct irc_message *m);
void about_away(struct irc *i, const struct irc_message *m);

/* Takes a command that needs no answer, such as PONG. */
void about_ignore(struct irc *i, const struct irc_message *m);
