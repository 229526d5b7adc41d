#include "replies.h"

#include <stdio.h>

#include <chat/safe-text.h>

#include "../chat-session/answers.h"

#include "channels.h"
#include "history.h"
#include "labels.h"
#include "listing.h"
#include "names.h"
#include "numerics.h"
#include "output.h"
#include "people.h"
#include "registration.h"
#include "requests.h"

void replies_notice(void *me, const struct answer *a)
{
        struct irc *i = me;
        char text[TEXT_MAX_BYTES];
        struct slice why = answers_sentence(a, talk_name(i->session), 0, text);
        if (a->code == ANSWER_LOST || a->code == ANSWER_MISSED) {
                i->is_muted = false; /* the end of that may have been missed */
                requests_forget(i);
                labels_end(i);
        }
        bool ends = a->code == ANSWER_REMOVED || a->code == ANSWER_REMOVED_BANNED || a->code == ANSWER_SHUT_DOWN;
        output_notice(i, why);
        if (ends)
                output_error(i, why);
}

/* The client is in one more room now, which the answer lists. If chatd had only forgotten that, the client need not know
 * of it. */
static void replies_take_entry(struct irc *i, const struct answer *a)
{
        char buffer[LINE_CHANNEL_BYTES];
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        if (answer_next_room(&rooms, &room) <= 0 || room.name.len > NICK_MAX_BYTES || channels_has(i, room.name) ||
            i->channels_count == MEMBER_ROOMS_MAX)
                return;
        struct slice channel = line_channel(room.name, buffer);
        channels_add(i, room.name);
        talk_arrive(i->session);
        i->may_get_more = true;
        output_own_join(i, channel);
        if (room.topic.len > 0)
                output_numeric(i, RPL_TOPIC, IRC_PARAMS(channel, room.topic));
        names_begin(i, false, channel, &room);
}

static void replies_take_exit(struct irc *i, const struct answer *a)
{
        char buffer[LINE_CHANNEL_BYTES];
        if (!channels_has(i, a->room))
                return; /* the client does not know that it was there */
        channels_remove(i, a->room);
        output_own(i, talk_name(i->session), "PART", IRC_PARAMS(line_channel(a->room, buffer)));
}

/* Answers a request about a room that the client is not in. NULL: there is no such room. */
static void replies_take_absence(struct irc *i, const struct irc_request *request, const struct answer_room *room)
{
        char own[LINE_CHANNEL_BYTES];
        struct slice channel = slice_of(request->target);
        if (!room)
                channels_refuse_unknown(i, channel);
        else if (request->wish == IRC_WISH_MODES)
                channels_show_modes(i, line_channel(room->name, own));
        else
                output_refuse(i, ERR_NOTONCHANNEL, channel, "You are not in that channel");
}

/* Shows the people in the room that the client asked for. If there is no such room, shows nobody. */
static void replies_take_people(struct irc *i, const struct irc_request *request, const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room = {.names = wire_read("", 0)};
        bool exists = answer_next_room(&rooms, &room) > 0;
        if (request->wish == IRC_WISH_ABSENT || request->wish == IRC_WISH_MODES)
                replies_take_absence(i, request, exists ? &room : NULL);
        else
                names_begin(i, request->wish == IRC_WISH_WHO, slice_of(request->target), &room);
}

/* Counts the people in all rooms, and the client itself once. Others count once for each room. */
static uint64_t replies_count_people(const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        uint64_t people = 1;
        while (answer_next_room(&rooms, &room) > 0)
                people += room.people - (room.yours && room.people > 0);
        return people;
}

/* Returns true if what the client asked for is possible for others, or at another time. */
static bool replies_is_for_now(uint8_t code)
{
        return code == ANSWER_MUTED || code == ANSWER_NAME_UNNOTED || code == ANSWER_ROOM_UNNOTED ||
               code == ANSWER_NO_MEMORY;
}

/* Returns the numeric that says why a nick could not be had. */
static enum numeric replies_nick_error(uint8_t code)
{
        if (replies_is_for_now(code))
                return ERR_UNAVAILRESOURCE;
        return code == ANSWER_NAME_TAKEN || code == ANSWER_NAME_ALIKE ? ERR_NICKNAMEINUSE : ERR_ERRONEUSNICKNAME;
}

/* Returns the numeric that says why a channel could not be joined. */
static enum numeric replies_join_error(uint8_t code)
{
        if (replies_is_for_now(code))
                return ERR_UNAVAILRESOURCE;
        return code == ANSWER_TOO_MANY_ROOMS ? ERR_TOOMANYCHANNELS : ERR_NOSUCHCHANNEL;
}

/* Returns the numeric that says why a private message did not go out. */
static enum numeric replies_message_error(uint8_t code)
{
        return code == ANSWER_MUTED || code == ANSWER_TOO_LONG_FOR_HOST ? ERR_CANTSENDTOUSER : ERR_NOSUCHNICK;
}

/* The client is in this room already. If it does not know that, because the answer was lost, it learns it now. */
static void replies_find_channel(struct irc *i, struct slice room)
{
        char buffer[LINE_CHANNEL_BYTES];
        if (channels_has(i, room) || i->channels_count == MEMBER_ROOMS_MAX)
                return;
        struct slice channel = line_channel(room, buffer);
        channels_add(i, room);
        output_own_join(i, channel);
        requests_send(i, IRC_WISH_NAMES, channel, (struct frame){.type = FRAME_PEOPLE, .name = room});
}

/* Shows the client a private message to itself, which chatd does not relay: as what it said, if it wants to see that, and
 * as what it is told. */
static void replies_deliver_to_self(struct irc *i, uint64_t number)
{
        char nick[IRC_NICK_MAX_BYTES];
        struct slice own = output_own_nick(i, nick);
        if (irc_has(i, IRC_ECHO_MESSAGE))
                output_own_text(i, number, own, &i->self.words);
        labels_end(i);
        output_own_text(i, number, own, &i->self.words);
}

/* Says in a numeric, or else in a notice, why a request could not be fulfilled. */
static void replies_show_error(struct irc *i, const struct irc_request *request, uint64_t number,
                               const struct answer *a)
{
        char text[TEXT_MAX_BYTES];
        struct slice why = answers_sentence(a, talk_name(i->session), 0, text), target = slice_of(request->target);
        struct slice rest = why, first; /* a numeric has one line */
        char channel[LINE_CHANNEL_BYTES];
        line_next(&rest, &first);
        switch (request->wish) {
        case IRC_WISH_NICK:
                if (a->code != ANSWER_NAME_SAME) /* servers do not answer such a NICK */
                        registration_refuse_nick(i, target, replies_nick_error(a->code), first);
                break;
        case IRC_WISH_JOIN:
                if (a->code == ANSWER_ROOM_SAME)
                        replies_find_channel(i, a->room);
                else
                        output_numeric(i, replies_join_error(a->code), IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_PART:
                output_numeric(i, ERR_NOTONCHANNEL, IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_MESSAGE:
                output_numeric(i, replies_message_error(a->code), IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_WHOIS:
                output_numeric(i, ERR_NOSUCHNICK, IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_REJOIN:
                if (a->code == ANSWER_ROOM_SAME)
                        break;
                /* the client must learn that it is not there any more */
                channels_remove(i, target);
                output_own(i, talk_name(i->session), "PART", IRC_PARAMS(line_channel(target, channel), first));
                break;
        case IRC_WISH_HISTORY:
                if (a->code == ANSWER_NOTHING_SAID || a->code == ANSWER_NO_HISTORY)
                        history_show_none(i, request);
                else
                        history_refuse(i, target);
                break;
        case IRC_WISH_SELF_MESSAGE:
                if (a->code == ANSWER_IS_YOU)
                        replies_deliver_to_self(i, number);
                else if (!i->self.words.is_notice)
                        output_numeric(i, replies_message_error(a->code), IRC_PARAMS(output_quote(target), first));
                break;
        case IRC_WISH_NOTICE:
        case IRC_WISH_ISON:
        case IRC_WISH_USERHOST:
                break;
        default:
                output_notice(i, why);
                break;
        }
}

/* Answers a TOPIC. The topic that the client has set is asked for, and shown as chatd has it. */
static void replies_take_topic(struct irc *i, const struct irc_request *request, const struct answer *a)
{
        char buffer[LINE_CHANNEL_BYTES];
        struct slice channel = line_channel(a->room, buffer);
        bool is_new = request && request->wish == IRC_WISH_NEW_TOPIC;
        if (a->code == ANSWER_TOPIC_SET)
                requests_send(i, IRC_WISH_NEW_TOPIC, channel,
                              (struct frame){.type = FRAME_ROOM_TOPIC, .name = a->room, .text = {"", 0}});
        else if (a->code == ANSWER_TOPIC_REMOVED)
                output_own(i, talk_name(i->session), "TOPIC", IRC_PARAMS(channel, slice_of("")));
        else if (is_new)
                output_own(i, talk_name(i->session), "TOPIC", IRC_PARAMS(channel, a->text));
        else if (a->code == ANSWER_TOPIC)
                output_numeric(i, RPL_TOPIC, IRC_PARAMS(channel, a->text));
        else if (a->code == ANSWER_NO_TOPIC)
                output_numeric(i, RPL_NOTOPIC, IRC_PARAMS(channel, slice_of("No topic is set")));
}

/* Says that a line or an action reached nobody. A client of IRC sees by itself that it is alone in a channel. */
static void replies_refuse_line(struct irc *i, const struct answer *a)
{
        char buffer[LINE_CHANNEL_BYTES];
        if (a->code == ANSWER_ALONE)
                return;
        if (a->code == ANSWER_NOT_IN_ROOM)
                output_refuse(i, ERR_CANNOTSENDTOCHAN, line_channel(a->room, buffer), "You are not in that channel");
        else if (a->code != ANSWER_MUTED || !i->is_muted) /* then each line was answered: see speaking.c */
                replies_notice(i, a);
        i->is_muted |= a->code == ANSWER_MUTED;
}

/* Takes an answer that says what happened to the client. It counts even if the request was forgotten. Returns false for
 * any other answer. */
static bool replies_take_change(struct irc *i, const struct answer *a)
{
        switch (a->code) {
        case ANSWER_RENAMED:
                registration_renamed(i);
                return true;
        case ANSWER_ENTERED:
                replies_take_entry(i, a);
                return true;
        case ANSWER_EXITED:
                replies_take_exit(i, a);
                return true;
        default:
                return false;
        }
}

/* Takes any other answer to a request. */
static void replies_take_answer(struct irc *i, const struct irc_request *request, uint64_t number,
                                const struct answer *a)
{
        switch (a->code) {
        case ANSWER_PEOPLE:
                replies_take_people(i, request, a);
                break;
        case ANSWER_ROOMS:
                if (request->wish == IRC_WISH_LUSERS)
                        output_people(i, replies_count_people(a));
                else
                        listing_show(i, a);
                break;
        case ANSWER_TOPIC:
        case ANSWER_NO_TOPIC:
        case ANSWER_TOPIC_SET:
        case ANSWER_TOPIC_REMOVED:
                replies_take_topic(i, request, a);
                break;
        default:
                replies_show_error(i, request, number, a);
                break;
        }
}

static void replies_show_whois(struct irc *i, struct slice nick)
{
        struct slice server = slice_of(i->options->server);
        output_numeric(i, RPL_WHOISUSER,
                       IRC_PARAMS(nick, slice_of("chat"), server, slice_of("*"), slice_of(LINE_REAL_NAME)));
        output_numeric(i, RPL_WHOISSERVER, IRC_PARAMS(nick, server, slice_of("the chat")));
}

/* Answers a request for the member who has a name: WHOIS, WHO, ISON or USERHOST. */
static void replies_take_found(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        struct answer a;
        char nick[IRC_NICK_MAX_BYTES];
        if (request->wish == IRC_WISH_SYNC) {
                i->may_get_more = false;
                return;
        }
        nick_of_name(f->name, nick);
        if (f->key == 0 && request->wish == IRC_WISH_WHOIS && answer_decode(&a, f->answer) == 0)
                replies_show_error(i, request, f->number, &a);
        else if (f->key != 0 && request->wish == IRC_WISH_WHOIS)
                replies_show_whois(i, slice_of(nick));
        else if (f->key != 0 && request->wish == IRC_WISH_WHO_NICK)
                people_show(i, slice_of("*"), f->name);
        else if (f->key != 0)
                people_found(i, request->wish, f->name);
        if (request->wish == IRC_WISH_WHOIS)
                output_refuse(i, RPL_ENDOFWHOIS, slice_of(request->target), "End of /WHOIS list");
        else if (request->wish == IRC_WISH_WHO_NICK)
                output_refuse(i, RPL_ENDOFWHO, slice_of(request->target), "End of /WHO list");
}

/* A private message went out: shows it to a client that wants to see its own messages. */
static void replies_take_sent(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        char nick[IRC_NICK_MAX_BYTES];
        bool is_notice = f->speech & SPEECH_NOTICE || (request && request->wish == IRC_WISH_NOTICE);
        const struct line_words words = {
                .text = f->text,
                .styled = f->styled,
                .is_notice = is_notice,
                .ctcp = f->speech & SPEECH_CTCP ? LINE_CTCP : LINE_NO_CTCP,
        };
        nick_of_name(f->name, nick);
        if (irc_has(i, IRC_ECHO_MESSAGE))
                output_own_text(i, f->number, slice_of(nick), &words);
}

static void replies_take(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        struct answer a;
        if (f->type == FRAME_SENT)
                replies_take_sent(i, request, f);
        else if (f->type == FRAME_FOUND && request)
                replies_take_found(i, request, f);
        if (f->type != FRAME_ANSWER || answer_decode(&a, f->answer) < 0 || replies_take_change(i, &a))
                return;
        if (request)
                replies_take_answer(i, request, f->number, &a);
        else
                replies_refuse_line(i, &a);
}

void replies_answer(void *me, const struct frame *f)
{
        struct irc *i = me;
        const struct irc_request *request = requests_take(i, f->number);
        if (!talk_is_open(i->session))
                return;
        labels_activate(i, request && request->is_labelled);
        if (i->stage == IRC_TALKING)
                registration_renamed(i); /* each answer has the client's name */
        replies_take(i, request, f);
        labels_end(i);
}
