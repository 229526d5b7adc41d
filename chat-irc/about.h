/* Commands about the server and the connection: PING, QUIT, LUSERS, MOTD, VERSION, TIME, INFO, HELP, AWAY. */
#pragma once

#include "irc.h"
#include "message.h"

void about_ping(struct irc *i, const struct irc_message *m);
void about_quit(struct irc *i, const struct irc_message *m);
void about_lusers(struct irc *i, const struct irc_message *m);
void about_motd(struct irc *i, const struct irc_message *m);
void about_version(struct irc *i, const struct irc_message *m);
void about_time(struct irc *i, const struct irc_message *m);
void about_info(struct irc *i, const struct irc_message *m);
void about_away(struct irc *i, const struct irc_message *m);

/* Takes a command that needs no answer, such as PONG. */
void about_ignore(struct irc *i, const struct irc_message *m);
