/* The channels that the client is in, and the commands about channels. The channel #den is the room den. */
#pragma once

#include "irc.h"
#include "message.h"

/* Returns true if the client is in the channel of this room. */
bool channels_has(const struct irc *i, struct slice room);

/* Note that the client is in the channel of a room now, or that it is not any more. There must be room for it. */
void channels_add(struct irc *i, struct slice room);
void channels_remove(struct irc *i, struct slice room);

/* Joins all channels again: chatd may have forgotten them, with everything that it knew. */
void channels_rejoin(struct irc *i);

/* Returns true while channels are to be joined again. Joins the next one, if there is room for a request. */
static inline bool channels_must_rejoin(const struct irc *i)
{
        return i->rejoined < i->channels_count;
}
void channels_rejoin_next(struct irc *i);

void channels_join(struct irc *i, const struct irc_message *m);
void channels_part(struct irc *i, const struct irc_message *m);
void channels_topic(struct irc *i, const struct irc_message *m);
void channels_names(struct irc *i, const struct irc_message *m);
void channels_mode(struct irc *i, const struct irc_message *m);

/* Answers that there is no such channel. */
void channels_refuse_unknown(struct irc *i, struct slice channel);

/* Shows the modes of a channel: there are none. */
void channels_show_modes(struct irc *i, struct slice channel);

/* Takes KICK or INVITE: nobody may do that. */
void channels_refuse_power(struct irc *i, const struct irc_message *m);
