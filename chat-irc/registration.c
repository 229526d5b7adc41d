#include "registration.h"

#include <stdio.h>

#include <chat/version.h>

#include "numerics.h"
#include "output.h"

#define NICK_RULE "A nick has 1 to 24 characters and starts with a letter: plain letters, digits, - _ and ."

enum {
        CAPABILITY_BYTES = 24,
        CAPABILITIES_BYTES = IRC_CAPABILITIES * CAPABILITY_BYTES,
};

/* The capabilities, in the order of enum irc_capability. */
static const char capability_names[IRC_CAPABILITIES][CAPABILITY_BYTES] = {
        [IRC_BATCH] = "batch",
        [IRC_CAP_NOTIFY] = "cap-notify",
        [IRC_CHATHISTORY] = "draft/chathistory",
        [IRC_ECHO_MESSAGE] = "echo-message",
        [IRC_EXTENDED_JOIN] = "extended-join",
        [IRC_LABELED_RESPONSE] = "labeled-response",
        [IRC_MESSAGE_TAGS] = "message-tags",
        [IRC_MULTI_PREFIX] = "multi-prefix",
        [IRC_SERVER_TIME] = "server-time",
        [IRC_STANDARD_REPLIES] = "standard-replies",
        [IRC_USERHOST_IN_NAMES] = "userhost-in-names",
};

/* ---- the welcome ---- */

/* The parentheses say that no nick has a prefix. An empty value says the same, but is a bool for Python's irc library,
 * which then fails at NAMES. */
#define NO_PREFIXES "PREFIX=()"

void registration_isupport(struct irc *i)
{
        char nicklen[24], channellen[24], chanlimit[24], chathistory[24];
        snprintf(chathistory, sizeof(chathistory), "CHATHISTORY=%d", IRC_HISTORY_MAX_LINES);
        snprintf(nicklen, sizeof(nicklen), "NICKLEN=%d", NICK_MAX_BYTES);
        snprintf(channellen, sizeof(channellen), "CHANNELLEN=%d", NICK_MAX_BYTES + 1);
        snprintf(chanlimit, sizeof(chanlimit), "CHANLIMIT=#:%d", MEMBER_ROOMS_MAX);
        output_numeric(i, RPL_ISUPPORT,
                       IRC_PARAMS(slice_of("CASEMAPPING=ascii"), slice_of("CHANTYPES=#"), slice_of(chanlimit),
                                  slice_of(NO_PREFIXES), slice_of("CHANMODES=,,,"), slice_of(nicklen),
                                  slice_of(channellen), slice_of("TOPICLEN=256"), slice_of("LINELEN=512"),
                                  slice_of("are supported by this server")));
        output_numeric(i, RPL_ISUPPORT,
                       IRC_PARAMS(slice_of("TARGMAX=JOIN:,PART:,NAMES:,LIST:,PRIVMSG:1,NOTICE:1,WHOIS:1"),
                                  slice_of("WHOX"), slice_of("UTF8ONLY"), slice_of(chathistory),
                                  slice_of("MSGREFTYPES=msgid,timestamp"), slice_of("NETWORK=chat"),
                                  slice_of("CLIENTTAGDENY=*"), slice_of("ELIST=MNU"),
                                  slice_of("are supported by this server")));
}

static void registration_greet(struct irc *i)
{
        char text[160 + IRC_NICK_MAX_BYTES], nick[IRC_NICK_MAX_BYTES];
        struct slice server = slice_of(i->options->server), own = output_own_nick(i, nick);
        snprintf(text, sizeof(text), "Welcome to the chat, %.*s", (int)own.len, own.at);
        output_numeric(i, RPL_WELCOME, IRC_PARAMS(slice_of(text)));
        snprintf(text, sizeof(text), "Your host is %s, running chat-irc %s", i->options->server, VERSION);
        output_numeric(i, RPL_YOURHOST, IRC_PARAMS(slice_of(text)));
        output_numeric(i, RPL_CREATED, IRC_PARAMS(slice_of("This server has been here since the chat was opened")));
        output_numeric(i, RPL_MYINFO, IRC_PARAMS(server, slice_of("chat-irc-" VERSION), slice_of("-"), slice_of("-")));
        registration_isupport(i);
        if (i->members > 0)
                output_people(i, i->members);
        registration_show_motd(i, "A message of the day comes by itself, if there is one");
}

/* ---- the message of the day ---- */

void registration_show_motd(struct irc *i, const char *if_none)
{
        struct slice lines = {i->motd, i->motd_len}, line;
        if (i->motd_len == 0) {
                output_numeric(i, ERR_NOMOTD, IRC_PARAMS(slice_of(if_none)));
                return;
        }
        output_numeric(i, RPL_MOTDSTART, IRC_PARAMS(slice_of("- Message of the day -")));
        for (bool more = true; more;) {
                more = line_next(&lines, &line);
                output_numeric(i, RPL_MOTD, IRC_PARAMS(line));
        }
        output_numeric(i, RPL_ENDOFMOTD, IRC_PARAMS(slice_of("End of /MOTD command")));
}

void registration_take_motd(struct irc *i, struct slice lines)
{
        if (lines.len == 0 || lines.len > sizeof(i->motd))
                return;
        memcpy(i->motd, lines.at, lines.len);
        i->motd_len = lines.len;
        if (i->stage == IRC_TALKING)
                registration_show_motd(i, "");
}

/* ---- the steps ---- */

/* Gives the client time to join a channel, before others are told of it. */
static void registration_await_channel(struct irc *i)
{
        i->arrive_at = talk_now(i->session) + IRC_ARRIVE_MS;
}

/* Notes that the client knows its name, or is told now. */
static void registration_note_name(struct irc *i)
{
        struct slice name = talk_name(i->session);
        snprintf(i->name, sizeof(i->name), "%.*s", (int)name.len, name.at);
}

/* Greets the client, which has the nick that it asked for. It is in no channel yet. */
static void registration_complete(struct irc *i)
{
        i->stage = IRC_TALKING;
        i->may_get_more = true;
        registration_note_name(i);
        registration_await_channel(i);
        registration_greet(i);
}

/* chatd took the client as a member once more: it met the same HELLO again, or had forgotten the client. Meanwhile
 * another member may have taken the client's name. */
static void registration_welcome_again(struct irc *i)
{
        if (i->stage != IRC_TALKING)
                return;
        registration_renamed(i);
        registration_await_channel(i);
}

void registration_welcome(struct irc *i, uint64_t members)
{
        i->members = members;
        if (i->stage != IRC_JOINING) {
                registration_welcome_again(i);
                return;
        }
        if (slice_equal(talk_name(i->session), slice_of(i->wanted))) {
                registration_complete(i);
                return;
        }
        registration_refuse_nick(i, slice_of(i->wanted), ERR_NICKNAMEINUSE, slice_of("Nickname is already in use"));
        i->stage = IRC_RENAMING;
        i->wanted[0] = '\0';
}

/* Joins the chat if the client has stated all that it needs. */
static void registration_go_on(struct irc *i)
{
        if (i->stage != IRC_REGISTERING || i->wanted[0] == '\0' || !i->has_user || i->negotiates)
                return;
        i->stage = IRC_JOINING;
        talk_introduce(i->session, slice_of(i->wanted));
}

void registration_expire(struct irc *i)
{
        output_error(i, slice_of("Closing link: registration timed out"));
        if (i->stage == IRC_REGISTERING)
                talk_not_chat(i->session, "no nick");
        else
                talk_leave(i->session, LEAVE_TIMEOUT);
}

/* ---- NICK ---- */

void registration_refuse_nick(struct irc *i, struct slice target, enum numeric number, struct slice why)
{
        output_numeric(i, number, IRC_PARAMS(output_quote(target), why));
}

void registration_renamed(struct irc *i)
{
        char nick[IRC_NICK_MAX_BYTES], old_name[sizeof(i->name)];
        if (i->stage == IRC_RENAMING) {
                registration_complete(i);
                return;
        }
        if (slice_equal(talk_name(i->session), slice_of(i->name)))
                return;
        memcpy(old_name, i->name, sizeof(old_name));
        registration_note_name(i);
        nick_of_name(talk_name(i->session), nick);
        output_own(i, slice_of(old_name), "NICK", IRC_PARAMS(slice_of(nick)));
}

void registration_nick(struct irc *i, const struct irc_message *m)
{
        struct slice nick = m->params_count > 0 ? m->params[0] : slice_of("");
        if (nick.len == 0) {
                output_numeric(i, ERR_NONICKNAMEGIVEN, IRC_PARAMS(slice_of("No nickname given")));
        } else if (!name_is_nick(nick.at, nick.len) || name_is_reserved(nick.at, nick.len)) {
                registration_refuse_nick(i, nick, ERR_ERRONEUSNICKNAME, slice_of(NICK_RULE));
        } else if (i->stage == IRC_REGISTERING) {
                snprintf(i->wanted, sizeof(i->wanted), "%.*s", (int)nick.len, nick.at);
                registration_go_on(i);
        } else if (i->stage != IRC_JOINING) {
                requests_send(i, IRC_WISH_NICK, nick, (struct frame){.type = FRAME_NICK, .name = nick});
        }
}

/* ---- USER, PASS and CAP ---- */

void registration_user(struct irc *i, const struct irc_message *m)
{
        if (m->params_count < 4 || m->params[0].len == 0 || m->params[3].len == 0) {
                output_numeric(i, ERR_NEEDMOREPARAMS, IRC_PARAMS(slice_of("USER"), slice_of("Not enough parameters")));
        } else if (i->has_user) {
                output_numeric(i, ERR_ALREADYREGISTERED, IRC_PARAMS(slice_of("You may not reregister")));
        } else {
                i->has_user = true;
                registration_go_on(i);
        }
}

void registration_pass(struct irc *i, const struct irc_message *m)
{
        (void)m; /* there are no accounts */
        if (i->stage != IRC_REGISTERING)
                output_numeric(i, ERR_ALREADYREGISTERED, IRC_PARAMS(slice_of("You may not reregister")));
}

/* Writes the names of the capabilities whose bits are in `bits`. */
static struct slice registration_list(uint32_t bits, char text[static CAPABILITIES_BYTES])
{
        char *at = text;
        for (unsigned n = 0; n < IRC_CAPABILITIES; n++) {
                if (!(bits & UINT32_C(1) << n))
                        continue;
                if (at > text)
                        *at++ = ' ';
                at = mempcpy(at, capability_names[n], strlen(capability_names[n]));
        }
        return (struct slice){text, (size_t)(at - text)};
}

/* Finds the capability of this name. Returns IRC_CAPABILITIES if there is none. */
static unsigned registration_find(struct slice name)
{
        unsigned n = 0;
        while (n < IRC_CAPABILITIES && !slice_equal(name, slice_of(capability_names[n])))
                n++;
        return n;
}

/* Turns the capabilities in `list` on, or off if there is a "-" in front: all of them or none. Returns false if there is
 * an unknown one. */
static bool registration_turn(struct irc *i, struct slice list)
{
        uint32_t bits = i->capabilities;
        while (list.len > 0) {
                struct slice word = irc_take_word(&list);
                if (word.len == 0)
                        continue;
                bool off = word.at[0] == '-';
                unsigned n = registration_find((struct slice){word.at + off, word.len - off});
                if (n == IRC_CAPABILITIES)
                        return false;
                bits = off ? bits & ~(UINT32_C(1) << n) : bits | UINT32_C(1) << n;
        }
        i->capabilities = bits;
        return true;
}

void registration_cap(struct irc *i, const struct irc_message *m)
{
        char text[CAPABILITIES_BYTES], nick[IRC_NICK_MAX_BYTES];
        struct slice verb = m->params_count > 0 ? m->params[0] : slice_of(""), own = output_own_nick(i, nick);
        struct slice list = m->params_count > 1 ? m->params[1] : slice_of("");
        bool begins = i->stage == IRC_REGISTERING;
        if (slice_equal_case(verb, slice_of("LS"))) {
                i->negotiates |= begins;
                if (list.len >= 3 && list.at[0] >= '3') /* version 302 includes cap-notify */
                        i->capabilities |= UINT32_C(1) << IRC_CAP_NOTIFY;
                output_server(i, "CAP",
                              IRC_PARAMS(own, slice_of("LS"),
                                         registration_list((UINT32_C(1) << IRC_CAPABILITIES) - 1, text)));
        } else if (slice_equal_case(verb, slice_of("LIST"))) {
                output_server(i, "CAP", IRC_PARAMS(own, slice_of("LIST"), registration_list(i->capabilities, text)));
        } else if (slice_equal_case(verb, slice_of("REQ"))) {
                i->negotiates |= begins;
                bool known = registration_turn(i, list);
                output_server(i, "CAP", IRC_PARAMS(own, slice_of(known ? "ACK" : "NAK"), list));
        } else if (slice_equal_case(verb, slice_of("END"))) {
                i->negotiates = false;
                registration_go_on(i);
        } else {
                output_numeric(i, ERR_INVALIDCAPCMD, IRC_PARAMS(output_quote(verb), slice_of("Invalid CAP command")));
        }
}
