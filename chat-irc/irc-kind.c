#include "irc-kind.h"

#include <stdio.h>

#include <chat/display.h>
#include <chat/leave.h>
#include <chat/notice.h>
#include <chat/sentence.h>

#include "../chat-session/answers.h"
#include "../chat-session/client-output.h"
#include "../chat-session/uplink.h"

#include "commands.h"
#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "requests.h"

/* The room in the queue to chatd that a message needs. An answer may cause one more request. */
enum { IRC_QUEUE_MIN_BYTES = 4 * (FRAME_MAX_BYTES + UPLINK_REQUEST_OVERHEAD_BYTES) };

static void irc_begin(void *me, struct session *s)
{
        struct irc *i = me;
        i->session = s;
        i->client = talk_client(s);
        i->register_by = talk_now(s) + IRC_REGISTER_MS;
}

/* ---- bytes from the client ---- */

/* Returns true if one more message can be taken now, with room for its effects. While chatd takes the client in, and
 * while an answer is due on which the next messages depend, they wait. */
static bool irc_has_room(const struct irc *i)
{
        return i->stage != IRC_JOINING && requests_have_room(i) && !requests_must_wait(i) &&
               client_room(i->client) >= IRC_OUTPUT_MAX_BYTES && talk_room(i->session) >= IRC_QUEUE_MIN_BYTES;
}

static void irc_take_message(struct irc *i, enum reader_result result, struct slice line)
{
        struct irc_message m;
        int r = irc_parse(&m, line);
        if (result == READER_TAGS_TOO_LONG)
                output_numeric(i, ERR_INPUTTOOLONG, IRC_PARAMS(slice_of("Input line was too long")));
        else if (r == 0)
                commands_take(i, &m);
        else if (r < 0 && i->stage == IRC_REGISTERING)
                talk_not_chat(i->session, "unknown");
        else if (r < 0)
                output_numeric(i, ERR_UNKNOWNCOMMAND, IRC_PARAMS(slice_of("*"), slice_of("Unknown command")));
}

/* Takes the messages that wait, as far as there is room for their effects. */
static void irc_take_input(struct irc *i)
{
        while (i->input_len > 0 && irc_has_room(i) && talk_is_open(i->session)) {
                const uint8_t *at = i->input + i->input_at;
                struct slice line;
                enum reader_result result = reader_take(&i->reader, &at, &i->input_len, &line);
                i->input_at = (size_t)(at - i->input);
                if (result != READER_MORE)
                        irc_take_message(i, result, line);
        }
}

static size_t irc_may_read(const void *me)
{
        const struct irc *i = me;
        return i->input_len == 0 && irc_has_room(i) ? sizeof(i->input) : 0;
}

static void irc_input(void *me, const uint8_t *bytes, size_t n)
{
        struct irc *i = me;
        memcpy(i->input, bytes, n);
        i->input_at = 0;
        i->input_len = n;
        irc_take_input(i);
}

static void irc_input_end(void *me)
{
        (void)me; /* a message without a line end is no message */
}

/* ---- records ---- */

/* Returns the channel of a record. */
static struct slice irc_channel(const struct irc *i, char channel[static NICK_MAX_BYTES + 2])
{
        snprintf(channel, NICK_MAX_BYTES + 2, "#%s", i->room);
        return slice_of(channel);
}

static void irc_show_reply(struct irc *i, const struct record *r)
{
        char text[REPLY_SENTENCE_MAX_BYTES], whole[REPLY_SENTENCE_MAX_BYTES + NAME_MAX_BYTES + 4];
        struct slice host = display_host(r->name), shown = r->text;
        struct answer a;
        if (r->kind == RECORD_ANSWER && answer_decode(&a, r->text) < 0)
                return;
        if (r->kind == RECORD_ANSWER)
                shown = answers_row(&a, text);
        int len = snprintf(whole, sizeof(whole), "%.*s: %.*s", (int)host.len, host.at, (int)shown.len, shown.at);
        output_notice(i, (struct slice){whole, (size_t)len});
}

static void irc_show_leave(struct irc *i, const struct record *r)
{
        struct slice why = r->text.len > 0 ? r->text : slice_of("disconnected");
        output_from(i, r->name, "QUIT", IRC_PARAMS(why));
}

static void irc_record(void *me, const struct record *r)
{
        struct irc *i = me;
        char buffer[NICK_MAX_BYTES + 2], nick[IRC_NICK_MAX_BYTES];
        if (i->stage != IRC_TALKING || !talk_is_open(i->session))
                return;
        struct slice channel = irc_channel(i, buffer);
        switch (r->kind) {
        case RECORD_LINE:
        case RECORD_ACTION:
                output_text(i, r->name, "PRIVMSG", channel, r->text, r->kind == RECORD_ACTION, OUTPUT_NOW);
                break;
        case RECORD_PRIVATE:
                output_text(i, r->name, "PRIVMSG", output_own_nick(i, nick), r->text, false, OUTPUT_NOW);
                break;
        case RECORD_JOIN:
        case RECORD_CAME:
                output_from(i, r->name, "JOIN", IRC_PARAMS(channel));
                break;
        case RECORD_LEAVE:
                irc_show_leave(i, r);
                break;
        case RECORD_WENT:
                output_from(i, r->name, "PART", IRC_PARAMS(channel, r->text));
                break;
        case RECORD_RENAME:
                nick_of_name(r->text, nick);
                output_from(i, r->name, "NICK", IRC_PARAMS(slice_of(nick)));
                break;
        case RECORD_TOPIC:
                output_from(i, r->name, "TOPIC", IRC_PARAMS(channel, r->text));
                break;
        case RECORD_REPLY:
        case RECORD_ANSWER:
                irc_show_reply(i, r);
                break;
        default:
                output_notice(i, r->text);
                break;
        }
}

static void irc_note(void *me, const struct record *r)
{
        (void)me;
        (void)r;
}

/* Without their times, past lines would look as if they were said now, and bots would answer them. */
static void irc_past(void *me, struct wire_reader records)
{
        struct irc *i = me;
        struct record r;
        char buffer[NICK_MAX_BYTES + 2];
        struct slice channel = irc_channel(i, buffer);
        if (i->stage != IRC_TALKING || !irc_has(i, IRC_SERVER_TIME))
                return;
        while (record_next(&records, &r) > 0)
                if (record_is_bounded(&r) && record_is_line(&r))
                        output_text(i, r.name, "PRIVMSG", channel, r.text, r.kind == RECORD_ACTION, r.number);
}

/* ---- notices and answers ---- */

static void irc_notice(void *me, const struct answer *a)
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

/* Writes what the client is told of a channel that it is in: the topic and the names. */
static void irc_show_room(struct irc *i, const struct answer_room *room, bool with_topic)
{
        char channel[NICK_MAX_BYTES + 2], text[IRC_LINE_MAX_BYTES], nick[OUTPUT_SOURCE_MAX_BYTES];
        struct wire_reader names = room->names;
        struct slice name, to;
        size_t len = 0;
        snprintf(channel, sizeof(channel), "#%.*s",
                 NICK_MAX_BYTES < (int)room->name.len ? NICK_MAX_BYTES : (int)room->name.len, room->name.at);
        to = slice_of(channel);
        if (with_topic && room->topic.len > 0)
                output_numeric(i, RPL_TOPIC, IRC_PARAMS(to, room->topic));
        while (answer_next_name(&names, &name) > 0) {
                if (irc_has(i, IRC_USERHOST_IN_NAMES))
                        output_source(i, name, nick);
                else
                        nick_of_name(name, nick);
                if (len > 0 && len + 1 + strlen(nick) > IRC_LINE_MAX_BYTES / 2) {
                        output_numeric(i, RPL_NAMREPLY, IRC_PARAMS(slice_of("="), to, (struct slice){text, len}));
                        len = 0;
                }
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "", nick);
        }
        if (len > 0)
                output_numeric(i, RPL_NAMREPLY, IRC_PARAMS(slice_of("="), to, (struct slice){text, len}));
        output_numeric(i, RPL_ENDOFNAMES, IRC_PARAMS(to, slice_of("End of /NAMES list")));
}

/* The client is in another room now, which the answer lists. */
static void irc_take_move(struct irc *i, const struct answer *a)
{
        char buffer[NICK_MAX_BYTES + 2];
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        if (answer_next_room(&rooms, &room) <= 0 || room.name.len > NICK_MAX_BYTES)
                return;
        output_own(i, talk_name(i->session), "PART", IRC_PARAMS(irc_channel(i, buffer)));
        snprintf(i->room, sizeof(i->room), "%.*s", (int)room.name.len, room.name.at);
        output_own(i, talk_name(i->session), "JOIN", IRC_PARAMS(irc_channel(i, buffer)));
        irc_show_room(i, &room, true);
}

static void irc_list_rooms(struct irc *i, const struct answer *a)
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
static void irc_show_error(struct irc *i, const struct irc_request *request, const struct answer *a)
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
                output_numeric(i, ERR_NOSUCHCHANNEL, IRC_PARAMS(irc_is_middle(target) ? target : slice_of("*"), first));
                break;
        case IRC_WISH_MESSAGE:
        case IRC_WISH_WHOIS:
                output_numeric(i, ERR_NOSUCHNICK, IRC_PARAMS(irc_is_middle(target) ? target : slice_of("*"), first));
                break;
        case IRC_WISH_NOTICE:
                break;
        default:
                output_notice(i, why);
                break;
        }
}

/* Answers a TOPIC. The topic that the client has set is asked for, and shown as chatd has it. */
static void irc_take_topic(struct irc *i, const struct irc_request *request, const struct answer *a)
{
        char buffer[NICK_MAX_BYTES + 2];
        struct slice channel = irc_channel(i, buffer);
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

static void irc_take_answer(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        struct answer a;
        if (answer_decode(&a, f->answer) < 0)
                return; /* a chatd of a version before answers has no room for IRC */
        switch (a.code) {
        case ANSWER_RENAMED:
                registration_renamed(i);
                break;
        case ANSWER_MOVED:
                irc_take_move(i, &a);
                break;
        case ANSWER_ROOMS:
                irc_list_rooms(i, &a);
                break;
        case ANSWER_TOPIC:
        case ANSWER_NO_TOPIC:
        case ANSWER_TOPIC_SET:
        case ANSWER_TOPIC_REMOVED:
                irc_take_topic(i, request, &a);
                break;
        default:
                if (request)
                        irc_show_error(i, request, &a);
                else /* to a line or an action */
                        irc_notice(i, &a);
                break;
        }
}

/* Takes the names in the client's room, which come without the client's own: for NAMES, or for WHO. */
static void irc_take_names(struct irc *i, const struct irc_request *request, struct slice names)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        char channel[NICK_MAX_BYTES + 2], nick[IRC_NICK_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(buffer);
        struct slice name, to = irc_channel(i, channel), server = slice_of(i->options->server);
        struct answer_room room = {.name = slice_of(i->room), .topic = {"", 0}};
        if (!request || !answer_add_room(&list, &room))
                return;
        answer_add_name(&list, talk_name(i->session));
        for (bool more = true; more;) {
                more = word_next(&names, &name);
                if (!more)
                        name = names;
                if (name.len > 0 && text_is_name(name.at, name.len))
                        answer_add_name(&list, name);
                else if (name.len > 0)
                        output_notice(i, slice_of("More people are here than fit into the list"));
        }
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &list);
        struct wire_reader rooms = a.rooms;
        if (answer_next_room(&rooms, &room) <= 0)
                return;
        if (request->wish == IRC_WISH_NAMES) {
                irc_show_room(i, &room, false);
                return;
        }
        while (answer_next_name(&room.names, &name) > 0) {
                nick_of_name(name, nick);
                output_numeric(i, RPL_WHOREPLY,
                               IRC_PARAMS(to, slice_of("chat"), server, server, slice_of(nick), slice_of("H"),
                                          slice_of("0 chat")));
        }
        output_numeric(i, RPL_ENDOFWHO, IRC_PARAMS(to, slice_of("End of /WHO list")));
}

/* Answers WHOIS: who has this name. */
static void irc_take_found(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        struct answer a;
        char nick[IRC_NICK_MAX_BYTES];
        struct slice server = slice_of(i->options->server);
        nick_of_name(f->name, nick);
        if (f->key == 0 && request && answer_decode(&a, f->answer) == 0)
                irc_show_error(i, request, &a);
        if (f->key != 0) {
                output_numeric(i, RPL_WHOISUSER,
                               IRC_PARAMS(slice_of(nick), slice_of("chat"), server, slice_of("*"),
                                          slice_of("a member of the chat")));
                output_numeric(i, RPL_WHOISSERVER, IRC_PARAMS(slice_of(nick), server, slice_of("the chat")));
        }
        output_numeric(i, RPL_ENDOFWHOIS, IRC_PARAMS(slice_of(nick), slice_of("End of /WHOIS list")));
}

/* A private message went out: shows it to a client that wants to see its own messages. */
static void irc_take_sent(struct irc *i, const struct irc_request *request, const struct frame *f)
{
        char nick[IRC_NICK_MAX_BYTES];
        bool is_notice = request && request->wish == IRC_WISH_NOTICE;
        nick_of_name(f->name, nick);
        if (irc_has(i, IRC_ECHO_MESSAGE))
                output_text(i, talk_name(i->session), is_notice ? "NOTICE" : "PRIVMSG", slice_of(nick), f->text, false,
                            OUTPUT_NOW);
}

static void irc_answer(void *me, const struct frame *f)
{
        struct irc *i = me;
        const struct irc_request *request = requests_take(i, f->number);
        if (!talk_is_open(i->session))
                return;
        switch (f->type) {
        case FRAME_ANSWER:
                irc_take_answer(i, request, f);
                break;
        case FRAME_NAMES:
                irc_take_names(i, request, f->text);
                break;
        case FRAME_FOUND:
                irc_take_found(i, request, f);
                break;
        case FRAME_SENT:
                irc_take_sent(i, request, f);
                break;
        default:
                break;
        }
}

/* ---- events of the session ---- */

static void irc_welcome(void *me, struct slice asked, uint64_t members)
{
        (void)asked;
        registration_welcome(me, members);
}

static bool irc_probe(void *me, const struct frame *f)
{
        struct answer a;
        if (answer_decode(&a, f->answer) == 0)
                irc_notice(me, &a);
        return true;
}

static void irc_motd(void *me, struct slice lines)
{
        struct irc *i = me;
        struct slice line;
        if (i->stage != IRC_TALKING)
                return;
        output_numeric(i, RPL_MOTDSTART, IRC_PARAMS(slice_of("- Message of the day -")));
        for (bool more = true; more;) {
                more = line_next(&lines, &line);
                output_numeric(i, RPL_MOTD, IRC_PARAMS(line));
        }
        output_numeric(i, RPL_ENDOFMOTD, IRC_PARAMS(slice_of("End of /MOTD command")));
}

static void irc_away(void *me, bool is_away)
{
        output_notice(me, slice_of(is_away ? "The chat is unavailable right now; what you type is sent when it is back"
                                           : "The chat is back"));
}

static void irc_refusal(void *me, const struct frame *f)
{
        struct irc *i = me;
        char text[TEXT_MAX_BYTES];
        struct answer a = {0};
        struct slice why = f->text;
        if (answer_decode(&a, f->answer) == 0)
                why = answers_sentence(&a, talk_name(i->session), 0, text);
        struct slice rest = why;
        line_next(&rest, &why);
        if (a.code == ANSWER_BANNED)
                output_numeric(i, ERR_YOUREBANNEDCREEP, IRC_PARAMS(why));
        output_error(i, why);
}

static void irc_skips(void *me, uint64_t lines)
{
        char text[80];
        snprintf(text, sizeof(text), "%llu line%s skipped: your connection is too slow", (unsigned long long)lines,
                 lines == 1 ? "" : "s");
        output_notice(me, slice_of(text));
}

static enum kind_form irc_form(const void *me)
{
        (void)me;
        return KIND_FORM_NEVER;
}

static bool irc_draw(void *me)
{
        (void)me;
        return false;
}

static int64_t irc_due(const void *me)
{
        const struct irc *i = me;
        if (!talk_is_open(i->session))
                return INT64_MAX;
        if (i->input_len > 0 && irc_has_room(i))
                return talk_now(i->session);
        return registration_waits_for_client(i) ? i->register_by : INT64_MAX;
}

static void irc_tick(void *me)
{
        struct irc *i = me;
        irc_take_input(i);
        if (registration_waits_for_client(i) && talk_is_open(i->session) && talk_now(i->session) >= i->register_by)
                registration_expire(i);
}

static void irc_end(void *me)
{
        (void)me;
}

const struct kind irc_kind = {
        .joining = KIND_JOINS_LATER,
        .begin = irc_begin,
        .may_read = irc_may_read,
        .input = irc_input,
        .input_end = irc_input_end,
        .welcome = irc_welcome,
        .record = irc_record,
        .note = irc_note,
        .past = irc_past,
        .answer = irc_answer,
        .probe = irc_probe,
        .notice = irc_notice,
        .motd = irc_motd,
        .away = irc_away,
        .refusal = irc_refusal,
        .skips = irc_skips,
        .form = irc_form,
        .draw = irc_draw,
        .due = irc_due,
        .tick = irc_tick,
        .end = irc_end,
};
