#include "irc-kind.h"

#include <errno.h>
#include <stdio.h>

#include <chat/display.h>
#include <chat/notice.h>
#include <chat/reply.h>

#include "../chat-session/answers.h"
#include "../chat-session/client-output.h"
#include "../chat-session/uplink.h"

#include "about.h"
#include "channels.h"
#include "commands.h"
#include "history.h"
#include "labels.h"
#include "lists.h"
#include "names.h"
#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "replies.h"
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

/* Returns true if chatd does not know rooms for a client that is in several. Then it counts as no chatd: the client
 * waits for a later version. */
static bool irc_is_chatd_too_old(const struct irc *i)
{
        return talk_version(i->session) != 0 && talk_version(i->session) < frame_since(FRAME_ENTER);
}

/* Returns true if one more message can be taken now, with room for its effects. While chatd takes the client in, and
 * while an answer is due on which the next messages depend, they wait. */
static bool irc_has_room(const struct irc *i)
{
        return i->stage != IRC_JOINING && !irc_is_chatd_too_old(i) && requests_have_room(i) && !requests_must_wait(i) &&
               !i->ping.is_due && client_room(i->client) >= IRC_OUTPUT_MAX_BYTES &&
               talk_room(i->session) >= IRC_QUEUE_MIN_BYTES;
}

/* Returns true if something of the earlier messages is left to be done. */
static bool irc_has_more_to_do(const struct irc *i)
{
        return irc_has_names_left(i) || lists_are_open(i) || channels_must_rejoin(i);
}

/* Takes a message. One that is not UTF-8 is dropped, as UTF8ONLY says. */
static void irc_take_message(struct irc *i, enum reader_result result, struct slice line)
{
        struct irc_message m;
        int r = irc_parse(&m, line);
        if (result == READER_TAGS_TOO_LONG) {
                output_numeric(i, ERR_INPUTTOOLONG, IRC_PARAMS(slice_of("Input line was too long")));
        } else if (r == 0) {
                labels_begin(i, irc_is_utf8(m.tags) ? m.tags : slice_of(""));
                if (irc_is_utf8(line))
                        commands_take(i, &m);
                else
                        output_fail(i, m.command, "INVALID_UTF8", NULL, 0, "Message rejected: it is not UTF-8");
                labels_end(i);
        } else if (r < 0 && i->stage == IRC_REGISTERING) {
                talk_not_chat(i->session, "unknown");
        } else if (r < 0) {
                output_numeric(i, ERR_UNKNOWNCOMMAND, IRC_PARAMS(slice_of("*"), slice_of("Unknown command")));
        }
}

/* Does the next step of what earlier messages began. */
static void irc_do_more(struct irc *i)
{
        if (irc_has_names_left(i)) {
                labels_activate(i, i->names.is_labelled);
                names_go_on(i);
        } else if (channels_must_rejoin(i)) {
                channels_rejoin_next(i);
        } else {
                labels_activate(i, true);
                lists_go_on(i);
        }
        labels_end(i);
}

/* Takes the next message, if a whole one is there. */
static void irc_take_next(struct irc *i)
{
        const uint8_t *at = i->input + i->input_at;
        struct slice line;
        enum reader_result result = reader_take(&i->reader, &at, &i->input_len, &line);
        i->input_at = (size_t)(at - i->input);
        if (result != READER_MORE)
                irc_take_message(i, result, line);
}

/* Takes the messages that wait, as far as there is room for their effects. */
static void irc_take_input(struct irc *i)
{
        if (i->ping.is_due && about_may_answer_ping(i))
                about_answer_ping(i);
        bool was_blocked = !irc_has_room(i);
        while (irc_has_room(i) && talk_is_open(i->session)) {
                if (irc_has_more_to_do(i)) {
                        irc_do_more(i);
                        continue;
                }
                if (i->input_len == 0)
                        break;
                irc_take_next(i);
        }
        if (!was_blocked && !irc_has_room(i))
                i->blocked_at = talk_now(i->session);
        i->has_new_input = i->input_len > 0;
}

/* ---- messages that need not wait ---- */

/* Returns true if messages have waited for a long time, for example because there is no chatd. Then a PING, a PONG or a
 * QUIT behind them must not wait. */
static bool irc_is_stuck(const struct irc *i)
{
        return !irc_has_room(i) && talk_now(i->session) >= i->blocked_at + IRC_PATIENCE_MS;
}

/* Takes a message that waits, if it need not. Returns false if it must wait. A QUIT must, unless it is the first. */
static bool irc_take_early(struct irc *i, const struct irc_message *m, bool is_first)
{
        bool is_ping =
                slice_equal_case(m->command, slice_of("PING")) && m->params_count > 0 && irc_is_utf8(m->params[0]);
        if (is_ping)
                about_pong(i, m->params[0]);
        else if (slice_equal_case(m->command, slice_of("QUIT")) && is_first)
                about_quit(i, m);
        else
                return slice_equal_case(m->command, slice_of("PONG"));
        return true;
}

/* Returns how many bytes of `waiting` are lines, up to the first line end, with it. Returns 0 if there is none. */
static size_t irc_line_bytes(struct slice waiting)
{
        size_t n = 0;
        while (n < waiting.len && waiting.at[n] != '\r' && waiting.at[n] != '\n')
                n++;
        return n < waiting.len ? n + 1 : 0;
}

/* Takes the messages that need not wait out of the waiting input. A beginning that the reader has is left alone. */
static void irc_overtake(struct irc *i)
{
        struct slice left = {(const char *)i->input + i->input_at, i->input_len};
        bool is_first = i->reader.len == 0 || i->reader.is_complete, is_begun = !is_first;
        size_t size, kept = 0;
        while (talk_is_open(i->session) && (size = irc_line_bytes(left)) > 0) {
                struct irc_message m;
                int r = is_begun ? -EBADMSG : irc_parse(&m, (struct slice){left.at, size - 1});
                if (r < 0 || (r == 0 && !irc_take_early(i, &m, is_first))) {
                        memmove(i->input + i->input_at + kept, left.at, size);
                        kept += size;
                        is_first = false;
                }
                is_begun = false;
                left.at += size;
                left.len -= size;
        }
        memmove(i->input + i->input_at + kept, left.at, left.len);
        i->input_len = kept + left.len;
        i->has_new_input = false;
}

static size_t irc_may_read(const void *me)
{
        const struct irc *i = me;
        if (irc_is_stuck(i))
                return sizeof(i->input) - i->input_len;
        return i->input_len == 0 && !irc_has_more_to_do(i) && irc_has_room(i) ? sizeof(i->input) : 0;
}

static void irc_input(void *me, const uint8_t *bytes, size_t n)
{
        struct irc *i = me;
        memmove(i->input, i->input + i->input_at, i->input_len);
        memcpy(i->input + i->input_len, bytes, n);
        i->input_at = 0;
        i->input_len += n;
        if (irc_is_stuck(i))
                irc_overtake(i);
        else
                irc_take_input(i);
}

static bool irc_holds_input(const void *me)
{
        const struct irc *i = me;
        return irc_has_more_to_do(i) || i->ping.is_due || (i->input_len > 0 && !irc_has_room(i));
}

static void irc_input_end(void *me)
{
        (void)me; /* a message without a line end is no message */
}

/* ---- records ---- */

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

/* Shows a text, to a channel or to the client itself. */
static void irc_show_text(struct irc *i, const struct record *r, struct slice target)
{
        const struct output_origin from = {.name = r->name, .id = r->id, .number = r->number};
        output_text(i, &from, "PRIVMSG", target, r->text, r->kind == RECORD_ACTION);
}

static void irc_record(void *me, const struct record *r)
{
        struct irc *i = me;
        char buffer[CHANNELS_NAME_BYTES], nick[IRC_NICK_MAX_BYTES];
        if (i->stage != IRC_TALKING || !talk_is_open(i->session))
                return;
        struct slice channel = channels_name(r->room, buffer);
        switch (r->kind) {
        case RECORD_LINE:
        case RECORD_ACTION:
                irc_show_text(i, r, channel);
                break;
        case RECORD_PRIVATE:
                irc_show_text(i, r, output_own_nick(i, nick));
                break;
        case RECORD_JOIN:
        case RECORD_CAME:
        case RECORD_ENTER:
                output_join(i, r->name, channel);
                break;
        case RECORD_LEAVE:
                irc_show_leave(i, r);
                break;
        case RECORD_WENT:
                output_from(i, r->name, "PART", IRC_PARAMS(channel, r->text));
                break;
        case RECORD_EXIT:
                output_from(i, r->name, "PART", IRC_PARAMS(channel));
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

/* Notes if an administrator muted the client. */
static void irc_note(void *me, const struct record *r)
{
        struct irc *i = me;
        struct answer a;
        if (r->kind != RECORD_NOTICE || notice_read(r, &a) != 0)
                return;
        if (a.code == ANSWER_NOW_MUTED || a.code == ANSWER_UNMUTED)
                i->is_muted = a.code == ANSWER_NOW_MUTED;
}

static void irc_past(void *me, uint64_t number, struct wire_reader records)
{
        struct irc *i = me;
        const struct irc_request *request = requests_take(i, number);
        if (i->stage != IRC_TALKING || !talk_is_open(i->session))
                return;
        labels_activate(i, request && request->is_labelled);
        history_show(i, request, records);
        labels_end(i);
}

/* ---- events of the session ---- */

static void irc_welcome(void *me, struct slice asked, uint64_t members)
{
        struct irc *i = me;
        if (irc_is_chatd_too_old(i))
                output_notice(i, slice_of("The chat has gone back to a version without several channels for a client; "
                                          "what you type is sent when it has a later version"));
        i->is_muted = false; /* or chatd says it again */
        channels_rejoin(i);
        registration_welcome(i, asked, members);
}

static bool irc_probe(void *me, const struct frame *f)
{
        struct answer a;
        if (answer_decode(&a, f->answer) == 0)
                replies_notice(me, &a);
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
        if (i->ping.is_due)
                return about_may_answer_ping(i) ? talk_now(i->session) : i->ping.by;
        if ((i->input_len > 0 || irc_has_more_to_do(i)) && irc_has_room(i))
                return talk_now(i->session);
        if (!irc_has_room(i) && !irc_is_stuck(i))
                return i->blocked_at + IRC_PATIENCE_MS;
        if (i->has_new_input && irc_is_stuck(i))
                return talk_now(i->session);
        if (i->stage == IRC_TALKING && i->arrive_at > 0)
                return i->arrive_at;
        return registration_waits_for_client(i) ? i->register_by : INT64_MAX;
}

static void irc_tick(void *me)
{
        struct irc *i = me;
        irc_take_input(i);
        if (irc_is_stuck(i))
                irc_overtake(i);
        if (registration_waits_for_client(i) && talk_is_open(i->session) && talk_now(i->session) >= i->register_by)
                registration_expire(i);
        if (i->stage == IRC_TALKING && i->arrive_at > 0 && talk_now(i->session) >= i->arrive_at) {
                i->arrive_at = 0;
                talk_arrive(i->session);
        }
}

static void irc_end(void *me)
{
        (void)me;
}

const struct kind irc_kind = {
        .joining = KIND_JOINS_LATER,
        .roams = true,
        .begin = irc_begin,
        .may_read = irc_may_read,
        .input = irc_input,
        .holds_input = irc_holds_input,
        .input_end = irc_input_end,
        .welcome = irc_welcome,
        .record = irc_record,
        .note = irc_note,
        .past = irc_past,
        .answer = replies_answer,
        .probe = irc_probe,
        .notice = replies_notice,
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
