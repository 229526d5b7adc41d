#include "channels.h"

#include <stdio.h>

#include <chat/assert.h>
#include <chat/safe-text.h>

#include "lists.h"
#include "numerics.h"
#include "output.h"
#include "requests.h"

#define CHANNEL_RULE "A channel is # and a name of 1 to 24 characters that starts with a letter"

/* ---- the channels that the client is in ---- */

/* Returns the index of the channel, or `channels_count`. */
static size_t channels_find(const struct irc *i, struct slice room)
{
        size_t n = 0;
        while (n < i->channels_count && !slice_equal_case(room, slice_of(i->channels[n].room)))
                n++;
        return n;
}

bool channels_has(const struct irc *i, struct slice room)
{
        return channels_find(i, room) < i->channels_count;
}

void channels_add(struct irc *i, struct slice room)
{
        assert(i->channels_count < MEMBER_ROOMS_MAX && !channels_has(i, room));
        bool is_last = !channels_must_rejoin(i);
        snprintf(i->channels[i->channels_count++].room, sizeof(i->channels[0].room), "%.*s", (int)room.len, room.at);
        i->rejoined += is_last;
}

void channels_remove(struct irc *i, struct slice room)
{
        size_t n = channels_find(i, room);
        if (n == i->channels_count)
                return;
        i->channels_count--;
        memmove(&i->channels[n], &i->channels[n + 1], (i->channels_count - n) * sizeof(i->channels[0]));
        i->rejoined -= n < i->rejoined;
}

void channels_rejoin(struct irc *i)
{
        i->rejoined = 0;
}

void channels_rejoin_next(struct irc *i)
{
        struct slice room = slice_of(i->channels[i->rejoined++].room);
        requests_send(i, IRC_WISH_REJOIN, room, (struct frame){.type = FRAME_ENTER, .name = room});
}

/* ---- JOIN and PART ---- */

static void channels_join_one(struct irc *i, struct slice channel)
{
        struct slice room;
        if (nick_channel_to_room(channel, &room))
                requests_send(i, IRC_WISH_JOIN, channel, (struct frame){.type = FRAME_ENTER, .name = room});
        else
                output_refuse(i, ERR_NOSUCHCHANNEL, channel, CHANNEL_RULE);
}

void channels_refuse_unknown(struct irc *i, struct slice channel)
{
        output_refuse(i, ERR_NOSUCHCHANNEL, channel, "There is no such channel");
}

/* Returns true if the client is in the channel, and sets `*room`. Otherwise sends a request that finds out if there is
 * such a channel: `wish` says what for. */
static bool channels_is_in(struct irc *i, enum irc_wish wish, struct slice channel, struct slice *room)
{
        if (!nick_channel_to_room(channel, room)) {
                channels_refuse_unknown(i, channel);
                return false;
        }
        if (channels_has(i, *room))
                return true;
        requests_send(i, wish, channel, (struct frame){.type = FRAME_PEOPLE, .name = *room});
        return false;
}

/* Sends a request about the room of `channel`, in which the client must be. */
static void channels_ask(struct irc *i, enum irc_wish wish, struct slice channel, struct frame f)
{
        if (channels_is_in(i, IRC_WISH_ABSENT, channel, &f.name))
                requests_send(i, wish, channel, f);
}

static void channels_part_one(struct irc *i, struct slice channel)
{
        channels_ask(i, IRC_WISH_PART, channel, (struct frame){.type = FRAME_EXIT});
}

void channels_join(struct irc *i, const struct irc_message *m)
{
        char name[LINE_CHANNEL_BYTES];
        bool leaves_all = slice_equal(m->params[0], slice_of("0"));
        lists_begin(i, leaves_all ? slice_of("") : m->params[0], leaves_all ? channels_part_one : channels_join_one,
                    NULL);
        for (size_t n = 0; leaves_all && n < i->channels_count; n++)
                lists_append(i, line_channel(slice_of(i->channels[n].room), name));
}

void channels_part(struct irc *i, const struct irc_message *m)
{
        lists_begin(i, m->params[0], channels_part_one, NULL);
}

/* ---- what is in a channel ---- */

void channels_topic(struct irc *i, const struct irc_message *m)
{
        char clean[OUTPUT_CLEAN_MAX_BYTES];
        struct slice topic = m->params_count > 1 ? m->params[1] : slice_of("");
        struct slice text = {clean, text_clean_all(topic.at, topic.len, clean, sizeof(clean))};
        if (m->params_count > 1 && text.len == 0)
                text = slice_of(TOPIC_NONE);
        channels_ask(i, IRC_WISH_TOPIC, m->params[0], (struct frame){.type = FRAME_ROOM_TOPIC, .text = text});
}

static void channels_names_one(struct irc *i, struct slice channel)
{
        struct slice room;
        if (nick_channel_to_room(channel, &room))
                requests_send(i, IRC_WISH_NAMES, channel, (struct frame){.type = FRAME_PEOPLE, .name = room});
        else
                output_refuse(i, RPL_ENDOFNAMES, channel, "End of /NAMES list");
}

void channels_names(struct irc *i, const struct irc_message *m)
{
        if (m->params_count > 0)
                lists_begin(i, m->params[0], channels_names_one, NULL);
        else
                output_refuse(i, RPL_ENDOFNAMES, slice_of("*"), "End of /NAMES list");
}

void channels_show_modes(struct irc *i, struct slice channel)
{
        output_numeric(i, RPL_CHANNELMODEIS, IRC_PARAMS(output_quote(channel), slice_of("+")));
}

void channels_mode(struct irc *i, const struct irc_message *m)
{
        struct slice target = m->params[0], room;
        char nick[IRC_NICK_MAX_BYTES], channel[LINE_CHANNEL_BYTES];
        bool is_channel = target.len > 0 && target.at[0] == '#', asks = m->params_count == 1;
        bool asks_for_bans = m->params_count == 2 &&
                             (slice_equal(m->params[1], slice_of("b")) || slice_equal(m->params[1], slice_of("+b")));
        if (is_channel && !channels_is_in(i, asks ? IRC_WISH_MODES : IRC_WISH_ABSENT, target, &room))
                return;
        if (is_channel) /* in the room's own spelling */
                target = line_channel(slice_of(i->channels[channels_find(i, room)].room), channel);
        if (is_channel && asks)
                channels_show_modes(i, target);
        else if (is_channel && asks_for_bans)
                output_refuse(i, RPL_ENDOFBANLIST, target, "End of channel ban list");
        else if (is_channel)
                output_refuse(i, ERR_CHANOPRIVSNEEDED, target, "Channels have no operators and no modes");
        else if (!slice_equal_case(target, output_own_nick(i, nick)))
                output_numeric(i, ERR_USERSDONTMATCH, IRC_PARAMS(slice_of("You cannot change modes of others")));
        else /* there are none, and clients ask for +i by themselves */
                output_numeric(i, RPL_UMODEIS, IRC_PARAMS(slice_of("+")));
}

void channels_refuse_power(struct irc *i, const struct irc_message *m)
{
        bool is_invite = slice_equal_case(m->command, slice_of("INVITE"));
        struct slice channel = m->params[is_invite ? 1 : 0], room;
        if (channels_is_in(i, IRC_WISH_ABSENT, channel, &room))
                output_refuse(i, ERR_CHANOPRIVSNEEDED, channel, "Channels have no operators");
}
