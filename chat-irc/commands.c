#include "commands.h"

#include <stdio.h>

#include <chat/clock.h>
#include <chat/safe-text.h>
#include <chat/version.h>

#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "requests.h"

#define ACTION_BEGIN "\001ACTION "

/* a text whose bytes are not UTF-8: each becomes a U+FFFD */
enum { CLEAN_MAX_BYTES = 3 * IRC_LINE_MAX_BYTES + TEXT_CLEAN_MAX };

/* ---- parameters ---- */

static struct slice commands_param(const struct irc_message *m, size_t n)
{
        return n < m->params_count ? m->params[n] : slice_of("");
}

static void commands_refuse(struct irc *i, unsigned number, struct slice subject, const char *why)
{
        output_numeric(i, number, IRC_PARAMS(output_quote(subject), slice_of(why)));
}

/* Returns true if `channel` is the one that the client is in. */
static bool commands_is_own(const struct irc *i, struct slice channel)
{
        struct slice room;
        return nick_channel_to_room(channel, &room) && slice_equal_case(room, slice_of(i->room));
}

/* Does the same, and says so if it is another one. */
static bool commands_is_here(struct irc *i, struct slice channel)
{
        if (!commands_is_own(i, channel))
                commands_refuse(i, ERR_NOTONCHANNEL, channel, "You are not in that channel");
        return commands_is_own(i, channel);
}

/* ---- talk ---- */

/* Takes the CTCP frame off a text. Returns false for a CTCP other than ACTION, which is for IRC clients alone. */
static bool commands_take_ctcp(struct slice *text, bool *is_action)
{
        size_t begin = sizeof(ACTION_BEGIN) - 1;
        *is_action = text->len >= begin && memcmp(text->at, ACTION_BEGIN, begin) == 0;
        if (text->len == 0 || text->at[0] != '\001')
                return true;
        if (!*is_action)
                return false;
        text->at += begin;
        text->len -= begin;
        if (text->len > 0 && text->at[text->len - 1] == '\001')
                text->len--;
        return text->len > 0;
}

/* Says a text in the client's room. */
static void commands_say(struct irc *i, const char *command, struct slice channel, struct slice text, bool is_action)
{
        if (is_action)
                talk_request(i->session, (struct frame){.type = FRAME_ACTION, .text = text}, 1);
        else
                talk_say(i->session, text);
        if (irc_has(i, IRC_ECHO_MESSAGE))
                output_text(i, talk_name(i->session), command, channel, text, is_action, OUTPUT_NOW);
}

/* Says a text to one person. An action becomes a text that begins with a star. */
static void commands_tell(struct irc *i, bool is_notice, struct slice nick, struct slice text, bool is_action)
{
        char name[NAME_MAX_BYTES + 1], starred[CLEAN_MAX_BYTES + 3];
        if (!nick_to_name(nick, name) || !text_is_name(name, strlen(name))) {
                if (!is_notice)
                        commands_refuse(i, ERR_NOSUCHNICK, nick, "No such nick");
                return;
        }
        if (is_action) {
                int len = snprintf(starred, sizeof(starred), "* %.*s", (int)text.len, text.at);
                text = (struct slice){starred, (size_t)len};
        }
        requests_send(i, is_notice ? IRC_WISH_NOTICE : IRC_WISH_MESSAGE, nick,
                      (struct frame){.type = FRAME_PRIVATE, .name = slice_of(name), .text = text});
}

/* Reports that a PRIVMSG has no target or no text. */
static void commands_refuse_empty(struct irc *i, bool has_target)
{
        output_numeric(i, has_target ? ERR_NOTEXTTOSEND : ERR_NORECIPIENT,
                       IRC_PARAMS(slice_of(has_target ? "No text to send" : "No recipient given (PRIVMSG)")));
}

/* Takes PRIVMSG or NOTICE. No error is ever reported for a NOTICE. */
static void commands_message(struct irc *i, const struct irc_message *m)
{
        bool is_notice = slice_equal_case(m->command, slice_of("NOTICE")), is_action;
        struct slice target = commands_param(m, 0), raw = commands_param(m, 1);
        char clean[CLEAN_MAX_BYTES];
        if ((target.len == 0 || raw.len == 0) && !is_notice)
                commands_refuse_empty(i, target.len > 0);
        if (target.len == 0 || raw.len == 0 || !commands_take_ctcp(&raw, &is_action))
                return;
        struct slice text = {clean, text_clean_all(raw.at, raw.len, clean, sizeof(clean))};
        if (target.at[0] != '#')
                commands_tell(i, is_notice, target, text, is_action);
        else if (commands_is_own(i, target))
                commands_say(i, is_notice ? "NOTICE" : "PRIVMSG", target, text, is_action);
        else if (!is_notice)
                commands_refuse(i, ERR_CANNOTSENDTOCHAN, target, "You are not in that channel");
}

/* ---- channels ---- */

/* Returns the first channel of a list with commas. */
static struct slice commands_first_channel(struct slice list)
{
        const char *comma = memchr(list.at, ',', list.len);
        return comma ? (struct slice){list.at, (size_t)(comma - list.at)} : list;
}

static void commands_join(struct irc *i, const struct irc_message *m)
{
        struct slice list = commands_param(m, 0), channel = commands_first_channel(list), room;
        if (channel.len < list.len)
                output_numeric(i, ERR_TOOMANYCHANNELS,
                               IRC_PARAMS(output_quote(commands_first_channel((struct slice){
                                                  list.at + channel.len + 1, list.len - channel.len - 1})),
                                          slice_of("You can be in one channel at a time")));
        if (slice_equal(channel, slice_of("0")))
                requests_send(i, IRC_WISH_PART, channel, (struct frame){.type = FRAME_ROOM, .name = {"", 0}});
        else if (nick_channel_to_room(channel, &room))
                requests_send(i, IRC_WISH_JOIN, channel, (struct frame){.type = FRAME_ROOM, .name = room});
        else
                commands_refuse(i, ERR_NOSUCHCHANNEL, channel,
                                "A channel is # and a name of 1 to 24 characters that starts with a letter");
}

static void commands_part(struct irc *i, const struct irc_message *m)
{
        struct slice channel = commands_first_channel(commands_param(m, 0));
        if (commands_is_here(i, channel))
                requests_send(i, IRC_WISH_PART, channel, (struct frame){.type = FRAME_ROOM, .name = {"", 0}});
}

static void commands_topic(struct irc *i, const struct irc_message *m)
{
        struct slice channel = commands_param(m, 0), topic = commands_param(m, 1);
        char clean[CLEAN_MAX_BYTES];
        if (!commands_is_here(i, channel))
                return;
        struct slice text = {clean, text_clean_all(topic.at, topic.len, clean, sizeof(clean))};
        if (m->params_count > 1 && text.len == 0)
                text = slice_of(TOPIC_NONE);
        requests_send(i, IRC_WISH_TOPIC, channel, (struct frame){.type = FRAME_TOPIC, .text = text});
}

/* Asks for the names in the client's room. Nobody is listed in other channels. */
static void commands_ask_names(struct irc *i, enum irc_wish wish, struct slice channel, unsigned end, const char *text)
{
        if (commands_is_own(i, channel))
                requests_send(i, wish, channel, (struct frame){.type = FRAME_COMPLETE, .name = {"", 0}});
        else
                commands_refuse(i, end, channel, text);
}

static void commands_names(struct irc *i, const struct irc_message *m)
{
        commands_ask_names(i, IRC_WISH_NAMES, commands_param(m, 0), RPL_ENDOFNAMES, "End of /NAMES list");
}

static void commands_who(struct irc *i, const struct irc_message *m)
{
        commands_ask_names(i, IRC_WISH_WHO, commands_param(m, 0), RPL_ENDOFWHO, "End of /WHO list");
}

static void commands_list(struct irc *i, const struct irc_message *m)
{
        (void)m;
        requests_send(i, IRC_WISH_LIST, slice_of(""), (struct frame){.type = FRAME_ROOMS});
}

static void commands_mode(struct irc *i, const struct irc_message *m)
{
        struct slice target = commands_param(m, 0);
        char nick[IRC_NICK_MAX_BYTES];
        bool is_channel = target.len > 0 && target.at[0] == '#';
        if (is_channel && m->params_count == 1)
                output_numeric(i, RPL_CHANNELMODEIS, IRC_PARAMS(output_quote(target), slice_of("+")));
        else if (is_channel)
                commands_refuse(i, ERR_CHANOPRIVSNEEDED, target, "Channels have no operators and no modes");
        else if (!slice_equal_case(target, output_own_nick(i, nick)))
                output_numeric(i, ERR_USERSDONTMATCH, IRC_PARAMS(slice_of("You cannot change modes of others")));
        else /* there are none, and clients ask for +i by themselves */
                output_numeric(i, RPL_UMODEIS, IRC_PARAMS(slice_of("+")));
}

static void commands_refuse_power(struct irc *i, const struct irc_message *m)
{
        bool is_invite = slice_equal_case(m->command, slice_of("INVITE"));
        commands_refuse(i, ERR_CHANOPRIVSNEEDED, commands_param(m, is_invite ? 1 : 0), "Channels have no operators");
}

/* ---- people and the server ---- */

static void commands_whois(struct irc *i, const struct irc_message *m)
{
        struct slice nick = commands_param(m, m->params_count > 1 ? 1 : 0);
        char name[NAME_MAX_BYTES + 1];
        if (!nick_to_name(nick, name) || !text_is_name(name, strlen(name)))
                commands_refuse(i, ERR_NOSUCHNICK, nick, "No such nick");
        else
                requests_send(i, IRC_WISH_WHOIS, nick, (struct frame){.type = FRAME_FIND, .name = slice_of(name)});
}

static void commands_ping(struct irc *i, const struct irc_message *m)
{
        output_server(i, "PONG", IRC_PARAMS(slice_of(i->options->server), commands_param(m, 0)));
}

static void commands_ignore(struct irc *i, const struct irc_message *m)
{
        (void)i;
        (void)m;
}

static void commands_quit(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_error(i, slice_of("Closing link: you quit"));
        talk_leave(i->session, LEAVE_EXIT);
}

static void commands_motd(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, ERR_NOMOTD, IRC_PARAMS(slice_of("The message of the day is shown to newcomers")));
}

static void commands_version(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, RPL_VERSION,
                       IRC_PARAMS(slice_of("chat-irc-" VERSION), slice_of(i->options->server), slice_of("")));
        registration_isupport(i);
}

static void commands_time(struct irc *i, const struct irc_message *m)
{
        char text[32];
        (void)m;
        snprintf(text, sizeof(text), "%llu s since 1970", (unsigned long long)clock_realtime_s());
        output_numeric(i, RPL_TIME, IRC_PARAMS(slice_of(i->options->server), slice_of(text)));
}

static void commands_info(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, RPL_INFO, IRC_PARAMS(slice_of("chat-irc " VERSION ", a way for IRC clients into the chat")));
        output_numeric(i, RPL_ENDOFINFO, IRC_PARAMS(slice_of("End of /INFO list")));
}

/* ---- the table ---- */

static const struct commands_row {
        char name[12];
        bool when_registering; /* it is also taken before the client has registered */
        uint8_t params_min;
        void (*take)(struct irc *i, const struct irc_message *m);
} commands_table[] = {
        {"CAP", true, 1, registration_cap},
        {"PASS", true, 1, registration_pass},
        {"NICK", true, 0, registration_nick},
        {"USER", true, 0, registration_user},
        {"PING", true, 1, commands_ping},
        {"PONG", true, 0, commands_ignore},
        {"QUIT", true, 0, commands_quit},
        {"JOIN", false, 1, commands_join},
        {"PART", false, 1, commands_part},
        {"PRIVMSG", false, 0, commands_message},
        {"NOTICE", false, 0, commands_message},
        {"TOPIC", false, 1, commands_topic},
        {"NAMES", false, 0, commands_names},
        {"LIST", false, 0, commands_list},
        {"WHO", false, 0, commands_who},
        {"WHOIS", false, 1, commands_whois},
        {"MODE", false, 1, commands_mode},
        {"KICK", false, 2, commands_refuse_power},
        {"INVITE", false, 2, commands_refuse_power},
        {"MOTD", false, 0, commands_motd},
        {"VERSION", false, 0, commands_version},
        {"TIME", false, 0, commands_time},
        {"INFO", false, 0, commands_info},
        {"TAGMSG", false, 0, commands_ignore},
};

static const struct commands_row *commands_find(struct slice name)
{
        for (size_t n = 0; n < sizeof(commands_table) / sizeof(commands_table[0]); n++)
                if (slice_equal_case(name, slice_of(commands_table[n].name)))
                        return &commands_table[n];
        return NULL;
}

void commands_take(struct irc *i, const struct irc_message *m)
{
        const struct commands_row *row = commands_find(m->command);
        if (i->stage != IRC_TALKING && !(row && row->when_registering))
                output_numeric(i, ERR_NOTREGISTERED, IRC_PARAMS(slice_of("You have not registered")));
        else if (!row)
                commands_refuse(i, ERR_UNKNOWNCOMMAND, m->command, "Unknown command");
        else if (m->params_count < row->params_min)
                commands_refuse(i, ERR_NEEDMOREPARAMS, m->command, "Not enough parameters");
        else
                row->take(i, m);
}
