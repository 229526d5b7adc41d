#include "replies.h"

#include <stdio.h>

#include <chat/safe-text.h>

#include "../chat-session/answers.h"

#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "requests.h"

void replies_notice(void *me, const struct answer *a)
{
        struct irc *i = me;
        char text[TEXT_MAX_BYTES];
        struct slice why = answers_sentence(a, talk_name(i->session), 0, text);
        if (a->code == ANSWER_LOST || a->code == ANSWER_MISSED)
                requests_forget(i);
        bool ends = a->code == ANSWER_REMOVED || a->code == ANSWER_REMOVED_BANNED || a->code == ANSWER_SHUT_DOWN;
        output_notice(i, why);
        if (ends)
                output_error(i, why);
}

/* Names that are being written, several in a message. */
struct replies_names {
        struct slice channel;
        size_t len;
        char text[IRC_LINE_MAX_BYTES];
};

static void replies_flush_names(struct irc *i, struct replies_names *n)
{
        if (n->len > 0)
                output_numeric(i, RPL_NAMREPLY, IRC_PARAMS(slice_of("="), n->channel, (struct slice){n->text, n->len}));
        n->len = 0;
}

static void replies_add_name(struct irc *i, struct replies_names *n, struct slice name)
{
        char nick[OUTPUT_SOURCE_MAX_BYTES];
        if (irc_has(i, IRC_USERHOST_IN_NAMES))
                output_source(i, name, nick);
        else
                nick_of_name(name, nick);
        if (n->len + 1 + strlen(nick) > IRC_LINE_MAX_BYTES / 2)
                replies_flush_names(i, n);
        n->len += (size_t)snprintf(n->text + n->len, sizeof(n->text) - n->len, "%s%s", n->len > 0 ? " " : "", nick);
}

static void replies_end_names(struct irc *i, struct replies_names *n)
{
        replies_flush_names(i, n);
        output_numeric(i, RPL_ENDOFNAMES, IRC_PARAMS(n->channel, slice_of("End of /NAMES list")));
}

/* Shows the topic and the names of the room that the client is in. */
static void replies_show_room(struct irc *i, const struct answer_room *room)
{
        char buffer[OUTPUT_CHANNEL_BYTES];
        struct replies_names n = {.channel = output_channel(i, buffer)};
        struct wire_reader names = room->names;
        struct slice name;
        if (room->topic.len > 0)
                output_numeric(i, RPL_TOPIC, IRC_PARAMS(n.channel, room->topic));
        while (answer_next_name(&names, &name) > 0)
                replies_add_name(i, &n, name);
        replies_end_names(i, &n);
}

/* The client is in another room now, which the answer lists. */
static void replies_take_move(struct irc *i, const struct answer *a)
{
        char buffer[OUTPUT_CHANNEL_BYTES];
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        if (answer_next_room(&rooms, &room) <= 0 || room.name.len > NICK_MAX_BYTES)
                return;
        output_own(i, talk_name(i->session), "PART", IRC_PARAMS(output_channel(i, buffer)));
        snprintf(i->room, sizeof(i->room), "%.*s", (int)room.name.len, room.name.at);
        output_own(i, talk_name(i->session), "JOIN", IRC_PARAMS(output_channel(i, buffer)));
        replies_show_room(i, &room);
}

static void replies_list_rooms(struct irc *i, const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        char channel[NAME_MAX_BYTES + 2], people[24];
        while (answer_next_room(&rooms, &room) > 0) {
                snprintf(channel, sizeof(channel), "#%.*s", (int)room.name.len, room.name.at);
                snprintf(people, sizeof(people), "%llu", (unsigned long long)room.people);
                output_numeric(i, RPL_LIST, IRC_PARAMS(slice_of(channel), slice_of(people), room.topic));
        }
        output_numeric(i, RPL_LISTEND, IRC_PARAMS(slice_of("End of /LIST")));
}

/* Says in a numeric, or else in a notice, why a request could not be fulfilled. */
static void replies_show_error(struct irc *i, const struct irc_request *request, const struct answer *a)
{
        char text[TEXT_MAX_BYTES];
        struct slice why = answers_sentence(a, talk_name(i->session), 0, text), target = slice_of(request->target);
        struct slice rest = why, first; /* a numeric has one line */
        line_next(&rest, &first);
        switch (request->wish) {
        case IRC_WISH_NICK:
                registration_refuse_nick(i, target, a->code == ANSWER_NAME_TAKEN || a->code == ANSWER_NAME_ALIKE,
                                         first);
                break;
        case IRC_WISH_JOIN:
                if (a->code == ANSWER_ROOM_SAME)
                        break;
                output_numeric(i, ERR_NOSUCHCHANNEL, IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_MESSAGE:
        case IRC_WISH_WHOIS:
                output_numeric(i, ERR_NOSUCHNICK, IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_NOTICE:
                break;
        default:
                output_notice(i, why);
                break;
        }
}

/* Answers a TOPIC. The topic that the client has set is asked for, and shown as chatd has it. */
static void replies_take_topic(struct irc *i, const struct irc_request *request, const struct answer *a)
{
        char buffer[OUTPUT_CHANNEL_BYTES];
        struct slice channel = output_channel(i, buffer);
        bool is_new = request && request->wish == IRC_WISH_NEW_TOPIC;
        if (a->code == ANSWER_TOPIC_SET)
                requests_send(i, IRC_WISH_NEW_TOPIC, channel, (struct frame){.type = FRAME_TOPIC, .text = {"", 0}});
        else if (a->code == ANSWER_TOPIC_REMOVED)
                output_own(i, talk_name(i->session), "TOPIC", IRC_PARAMS(channel, slice_of("")));
        else if (is_new)
                output_own(i, talk_name(i->session), "TOPIC", IRC_PARAMS(channel, a->text));
        else if (a->code == ANSWER_TOPIC)
                output_numeric(i, RPL_TOPIC, IRC_PARAMS(channel, a->text));
        else if (a->code == ANSWER_NO_TOPIC && request && request->wish == IRC_WISH_TOPIC)
                output_numeric(i, RPL_NOTOPIC, IRC_PARAMS(channel, slice_of("No topic is set")));
}

static void replies_take_answer(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        struct answer a;
        if (answer_decode(&a, f->answer) < 0)
                return; /* a chatd of a version before answers has no room for IRC */
        switch (a.code) {
        case ANSWER_RENAMED:
                registration_renamed(i);
                break;
        case ANSWER_MOVED:
                replies_take_move(i, &a);
                break;
        case ANSWER_ROOMS:
                replies_list_rooms(i, &a);
                break;
        case ANSWER_TOPIC:
        case ANSWER_NO_TOPIC:
        case ANSWER_TOPIC_SET:
        case ANSWER_TOPIC_REMOVED:
                replies_take_topic(i, request, &a);
                break;
        default:
                if (request)
                        replies_show_error(i, request, &a);
                else /* to a line or an action */
                        replies_notice(i, &a);
                break;
        }
}

/* Shows one person in the client's room, in answer to WHO. */
static void replies_show_person(struct irc *i, struct slice channel, struct slice name)
{
        char nick[IRC_NICK_MAX_BYTES];
        struct slice server = slice_of(i->options->server);
        nick_of_name(name, nick);
        output_numeric(i, RPL_WHOREPLY,
                       IRC_PARAMS(channel, slice_of("chat"), server, server, slice_of(nick), slice_of("H"),
                                  slice_of("0 chat")));
}

/* Shows the names in the client's room, which come without the client's own: for NAMES, or for WHO. */
static void replies_take_names(struct irc *i, const struct irc_request *request, struct slice names)
{
        char buffer[OUTPUT_CHANNEL_BYTES];
        struct replies_names n = {.channel = output_channel(i, buffer)};
        if (!request)
                return;
        bool is_who = request->wish == IRC_WISH_WHO;
        for (struct slice name = talk_name(i->session); name.len > 0; name = irc_take_word(&names)) {
                if (!text_is_name(name.at, name.len)) /* the mark that there are more */
                        output_notice(i, slice_of("More people are here than fit into the list"));
                else if (is_who)
                        replies_show_person(i, n.channel, name);
                else
                        replies_add_name(i, &n, name);
        }
        if (is_who)
                output_numeric(i, RPL_ENDOFWHO, IRC_PARAMS(n.channel, slice_of("End of /WHO list")));
        else
                replies_end_names(i, &n);
}

/* Answers WHOIS: who has this name. */
static void replies_take_found(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        struct answer a;
        char nick[IRC_NICK_MAX_BYTES];
        struct slice server = slice_of(i->options->server);
        nick_of_name(f->name, nick);
        if (f->key == 0 && request && answer_decode(&a, f->answer) == 0)
                replies_show_error(i, request, &a);
        if (f->key != 0) {
                output_numeric(i, RPL_WHOISUSER,
                               IRC_PARAMS(slice_of(nick), slice_of("chat"), server, slice_of("*"),
                                          slice_of("a member of the chat")));
                output_numeric(i, RPL_WHOISSERVER, IRC_PARAMS(slice_of(nick), server, slice_of("the chat")));
        }
        output_numeric(i, RPL_ENDOFWHOIS, IRC_PARAMS(slice_of(nick), slice_of("End of /WHOIS list")));
}

/* A private message went out: shows it to a client that wants to see its own messages. */
static void replies_take_sent(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        char nick[IRC_NICK_MAX_BYTES];
        bool is_notice = request && request->wish == IRC_WISH_NOTICE;
        nick_of_name(f->name, nick);
        if (irc_has(i, IRC_ECHO_MESSAGE))
                output_text(i, talk_name(i->session), is_notice ? "NOTICE" : "PRIVMSG", slice_of(nick), f->text, false,
                            OUTPUT_NOW);
}

void replies_answer(void *me, const struct frame *f)
{
        struct irc *i = me;
        const struct irc_request *request = requests_take(i, f->number);
        if (!talk_is_open(i->session))
                return;
        switch (f->type) {
        case FRAME_ANSWER:
                replies_take_answer(i, request, f);
                break;
        case FRAME_NAMES:
                replies_take_names(i, request, f->text);
                break;
        case FRAME_FOUND:
                replies_take_found(i, request, f);
                break;
        case FRAME_SENT:
                replies_take_sent(i, request, f);
                break;
        default:
                break;
        }
}
