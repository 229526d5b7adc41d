/* The registration of an IRC client: CAP, PASS, NICK and USER, until it is a member of the chat. */
#pragma once

#include "irc.h"
#include "message.h"
#include "numerics.h"
#include "requests.h"

/* Take these commands. NICK is taken at any time. */
void registration_cap(struct irc *i, const struct irc_message *m);
void registration_pass(struct irc *i, const struct irc_message *m);
void registration_nick(struct irc *i, const struct irc_message *m);
void registration_user(struct irc *i, const struct irc_message *m);

/* chatd took the client as a member, under the name talk_name(). `members` is how many are here; 0: unknown. */
void registration_welcome(struct irc *i, uint64_t members);

/* The client may have another name now: talk_name(). Tells it of that once. */
void registration_renamed(struct irc *i);

/* Tells the client in this numeric why it cannot have the nick `target`. */
void registration_refuse_nick(struct irc *i, struct slice target, enum numeric number, struct slice why);

/* Returns true if the client has not stated all that it must. While chatd has to answer, the time does not count. */
static inline bool registration_waits_for_client(const struct irc *i)
{
        return i->stage == IRC_REGISTERING || (i->stage == IRC_RENAMING && !requests_must_wait(i));
}

/* Closes a client that has not registered in time. */
void registration_expire(struct irc *i);

/* Shows the message of the day. If there is none yet, says so with this text. */
void registration_show_motd(struct irc *i, const char *if_none);

/* Keeps the message of the day, and shows it as soon as the client is in the chat. */
void registration_take_motd(struct irc *i, struct slice lines);

/* Writes what this server supports: a part of the welcome, and of the answer to VERSION. */
void registration_isupport(struct irc *i);
