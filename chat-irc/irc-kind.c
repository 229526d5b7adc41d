#include "irc-kind.h"

#include <stdio.h>

#include <chat/display.h>
#include <chat/notice.h>
#include <chat/reply.h>

#include "../chat-session/answers.h"

#include "channels.h"
#include "history.h"
#include "labels.h"
#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "replies.h"
#include "requests.h"
#include "taking.h"

static void irc_begin(void *me, struct session *s)
{
        struct irc *i = me;
        i->session = s;
        i->client = talk_client(s);
        i->register_by = talk_now(s) + IRC_REGISTER_MS;
}

/* ---- bytes from the client ---- */

static size_t irc_may_read(const void *me)
{
        return taking_may_read(me);
}

static void irc_input(void *me, const uint8_t *bytes, size_t n)
{
        taking_input(me, bytes, n);
}

static bool irc_holds_input(const void *me)
{
        return taking_holds_input(me);
}

static void irc_input_end(void *me)
{
        (void)me; /* a message without a line end is no message */
}

/* ---- records ---- */

static void irc_show_reply(struct irc *i, const struct record *r)
{
        char text[REPLY_SENTENCE_MAX_BYTES], whole[NAME_MAX_BYTES + sizeof(": ") + TEXT_MAX_BYTES];
        struct slice host = display_host(r->name), shown = r->text;
        struct answer a;
        if (r->kind == RECORD_ANSWER && answer_decode(&a, r->text) < 0)
                return;
        if (r->kind == RECORD_ANSWER)
                shown = answers_row(&a, text);
        int len = snprintf(whole, sizeof(whole), "%.*s: %.*s", (int)host.len, host.at, (int)shown.len, shown.at);
        output_notice(i, (struct slice){whole, (size_t)len});
}

static void irc_record(void *me, const struct record *r)
{
        struct irc *i = me;
        char nick[IRC_NICK_MAX_BYTES];
        if (i->stage != IRC_TALKING || !talk_is_open(i->session) || output_record(i, r))
                return;
        if (r->kind == RECORD_PRIVATE || r->kind == RECORD_CTCP)
                output_text(i, r, NULL, output_own_nick(i, nick));
        else if (r->kind == RECORD_REPLY || r->kind == RECORD_ANSWER)
                irc_show_reply(i, r);
        else
                output_notice(i, r->text);
}

/* Notes if an administrator muted the client. It is called for each NOTICE, because that has no look
 * (line_has_form()). */
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
        (void)asked;
        i->is_muted = false; /* or chatd says it again */
        registration_welcome(i, members);
        channels_rejoin(i);
        if (taking_is_chatd_too_old(i))
                output_notice(i, slice_of("The chat has gone back to a version without several channels for a client; "
                                          "what you type is sent when it has a later version"));
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
        registration_take_motd(me, lines);
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

static enum outlet_look irc_look(const void *me, const char **server)
{
        const struct irc *i = me;
        *server = i->options->server;
        return OUTLET_IRC + output_flags(i);
}

static bool irc_is_plain(const void *me)
{
        const struct irc *i = me;
        return i->stage == IRC_TALKING;
}

static size_t irc_lent_line(const void *me, enum outlet_look look, const struct record *r, uint64_t ms,
                            char line[static OUTLET_LINE_MAX_BYTES])
{
        const struct irc *i = me;
        const struct line_form form = {.flags = look - OUTLET_IRC, .server = i->options->server};
        return line_record(&form, r, ms, line, OUTLET_LINE_MAX_BYTES);
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
        if (taking_due(i) != INT64_MAX)
                return taking_due(i);
        if (i->stage == IRC_TALKING && i->arrive_at > 0)
                return i->arrive_at;
        return registration_waits_for_client(i) ? i->register_by : INT64_MAX;
}

static void irc_tick(void *me)
{
        struct irc *i = me;
        taking_go_on(i);
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
        .look = irc_look,
        .is_plain = irc_is_plain,
        .lent_line = irc_lent_line,
        .draw = irc_draw,
        .due = irc_due,
        .tick = irc_tick,
        .end = irc_end,
};
