/* Commands about people: WHO, WHOIS, WHOWAS, ISON, USERHOST. */
#pragma once

#include "irc.h"
#include "message.h"

void people_who(struct irc *i, const struct irc_message *m);
void people_whois(struct irc *i, const struct irc_message *m);
void people_whowas(struct irc *i, const struct irc_message *m);
void people_ison(struct irc *i, const struct irc_message *m);
void people_userhost(struct irc *i, const struct irc_message *m);

/* Shows one person in answer to WHO. `channel` is "*" if the client did not ask for a channel. */
void people_show(struct irc *i, struct slice channel, struct slice name);

/* Notes that there is a member of this name, for ISON or USERHOST. */
void people_found(struct irc *i, enum irc_wish wish, struct slice name);
