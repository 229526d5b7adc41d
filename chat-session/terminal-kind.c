#include "terminal-kind.h"

#include <stdio.h>

#include <chat/clock.h>
#include <chat/display.h>
#include <chat/reply.h>

#include "answers.h"
#include "editing.h"
#include "input.h"
#include "obey.h"
#include "screen.h"
#include "terminal.h"
#include "typed.h"

static void terminal_begin(void *me, struct session *s)
{
        struct terminal *t = me;
        t->session = s;
        t->client = talk_client(s);
        t->client->charset = t->options->charset;
        input_begin(t, typed_take);
}

/* ---- bytes from the client ---- */

static size_t terminal_may_read(const void *me)
{
        return typed_may_read(me);
}

void terminal_input(void *me, const uint8_t *bytes, size_t n)
{
        input_take(me, bytes, n);
}

bool terminal_holds_input(const void *me)
{
        (void)me;
        return false;
}

void terminal_input_end(void *me)
{
        input_end(me);
}

/* ---- events from the chat ---- */

/* Greets the client by the name that others see. If the client came with another name, a notice says so. */
static void terminal_welcome(void *me, struct slice asked, uint64_t members)
{
        struct terminal *t = me;
        char text[2 * NAME_MAX_BYTES + 64] = "";
        const struct slice name = talk_name(t->session);
        bool other = !slice_equal(name, asked), late = t->greeting == TERMINAL_GREETED;
        bool had_none = slice_equal(asked, talk_address(t->session)); /* an address is unique */
        if (other && !had_none)
                snprintf(text, sizeof(text), "The name %.*s is taken. Others see you as %.*s", (int)asked.len, asked.at,
                         (int)name.len, name.at);
        else if (other && late)
                snprintf(text, sizeof(text), "Others see you as %.*s", (int)name.len, name.at);
        terminal_greet(t, members);
        if (text[0] != '\0' && !t->is_turned_away)
                terminal_tell(t, text);
}

static void terminal_show_record(struct terminal *t, const struct record *r)
{
        struct slice parts[VIEW_PARTS_MAX];
        if (t->is_turned_away)
                return;
        size_t n = view_is_plain(&t->view) ? display_parts(r, parts)
                                           : view_parts(&t->view, r, talk_name(t->session), clock_realtime_s(), parts);
        if (n > 0)
                screen_line(t->client, parts, n);
}

/* Shows what another host answers: one line, in which semicolons part the rooms. */
static void terminal_show_answer(struct terminal *t, const struct record *r)
{
        char text[REPLY_SENTENCE_MAX_BYTES];
        struct record shown = *r;
        struct answer a;
        if (answer_decode(&a, r->text) < 0)
                return;
        shown.text = answers_row(&a, text);
        terminal_show_record(t, &shown);
}

static void terminal_record(void *me, const struct record *r)
{
        if (r->kind == RECORD_ANSWER)
                terminal_show_answer(me, r);
        else
                terminal_show_record(me, r);
}

/* Notes what commands need to know of a record: names, and the last private message. */
static void terminal_note(void *me, const struct record *r)
{
        struct terminal *t = me;
        bool hidden = ignored_hides(&t->view.ignore_list, r);
        if (t->edits && !hidden)
                names_note(&t->names, r);
        if (r->kind == RECORD_PRIVATE && !hidden) {
                t->writer_id = r->id;
                snprintf(t->writer, sizeof(t->writer), "%.*s", (int)r->name.len, r->name.at);
        }
        ignored_note(&t->view.ignore_list, r);
}

static void terminal_past(void *me, uint64_t number, struct wire_reader records)
{
        struct terminal *t = me;
        struct record r;
        uint64_t now = (uint64_t)clock_realtime_s(), uptime = clock_boottime_us() / 1000000;
        (void)number;
        char zone[ZONE_NAME_BYTES], intro[sizeof("Earlier here (times in ):") + ZONE_NAME_BYTES];
        if (t->is_turned_away)
                return;
        zone_name(&t->view.zone, (int64_t)now, zone);
        snprintf(intro, sizeof(intro), "Earlier here (times in %s):", zone);
        terminal_tell(t, intro);
        while (record_next(&records, &r) > 0) {
                if (!record_is_bounded(&r))
                        continue;
                struct slice parts[DISPLAY_PARTS_MAX + 1];
                char time_text[VIEW_PAST_TIME_BYTES];
                size_t n = display_parts(&r, parts + 1);
                view_past_time(&t->view, r.number, now, uptime, time_text);
                parts[0] = slice_of(time_text);
                if (n > 0 && !ignored_hides(&t->view.ignore_list, &r))
                        screen_line(t->client, parts, n + 1);
        }
}

/* Shows the client a private message that it sent. No other line begins with "-> ", because no name does
 * (chat/names.h). */
static void terminal_show_sent(struct terminal *t, const struct frame *f)
{
        struct slice parts[] = {slice_of("-> "), f->name, slice_of(": "), f->text};
        screen_line(t->client, parts, 4);
}

/* Returns a frame whose text says what its answer means. `text` has room for it. */
static struct frame terminal_describe(const struct terminal *t, const struct frame *f, char text[static TEXT_MAX_BYTES])
{
        struct frame described = *f;
        answers_describe(&described, talk_name(t->session), t->client->columns, text);
        return described;
}

static void terminal_answer(void *me, const struct frame *f)
{
        struct terminal *t = me;
        char text[TEXT_MAX_BYTES];
        struct frame described = terminal_describe(t, f, text);
        switch (f->type) {
        case FRAME_ANSWER:
                terminal_tell_lines(t, described.text);
                break;
        case FRAME_SENT:
                terminal_show_sent(t, f);
                break;
        case FRAME_NAMES:
                editing_complete(t, f->number, f->text);
                break;
        case FRAME_FOUND:
                obey_found(t, &described);
                break;
        default:
                break;
        }
}

/* The notice has the asker's name, so it is not for a client that ignores the asker. */
static bool terminal_probe(void *me, const struct frame *f)
{
        struct terminal *t = me;
        char text[TEXT_MAX_BYTES];
        struct frame described = terminal_describe(t, f, text);
        if (ignored_find(&t->view.ignore_list, f->key, (struct slice){"", 0}))
                return false;
        terminal_notice(t, &described.text, 1);
        return true;
}

/* ---- events of the session ---- */

void terminal_show_notice(void *me, const struct answer *a)
{
        struct terminal *t = me;
        char text[TEXT_MAX_BYTES];
        if (t->is_turned_away)
                return;
        terminal_tell_lines(t, answers_sentence(a, talk_name(t->session), t->client->columns, text));
}

static void terminal_motd(void *me, struct slice lines)
{
        struct terminal *t = me;
        if (!t->is_turned_away)
                terminal_tell_lines(t, lines);
}

void terminal_away(void *me, bool is_away)
{
        struct terminal *t = me;
        terminal_greet(t, 0);
        terminal_tell(t, is_away ? "The chat is unavailable right now; what you type is sent when it is back"
                                 : "The chat is back");
}

void terminal_refusal(void *me, const struct frame *f)
{
        struct terminal *t = me;
        char text[TEXT_MAX_BYTES];
        struct slice parts[] = {slice_of("You cannot join: "), terminal_describe(t, f, text).text};
        t->greeting = TERMINAL_GREETED; /* no greeting comes any more */
        terminal_notice(t, parts, 2);
}

void terminal_skips(void *me, uint64_t lines)
{
        struct terminal *t = me;
        char text[80];
        snprintf(text, sizeof(text), "%llu line%s skipped: your connection is too slow", (unsigned long long)lines,
                 lines == 1 ? "" : "s");
        terminal_tell(t, text);
}

enum outlet_look terminal_look(const void *me, const char **server)
{
        const struct terminal *t = me;
        (void)server;
        return t->options->charset ? OUTLET_NO_LOOK : OUTLET_TEXT;
}

bool terminal_is_plain(const void *me)
{
        const struct terminal *t = me;
        return !t->edits && t->client->columns == 0 && view_is_plain(&t->view);
}

static size_t terminal_lent_line(const void *me, enum outlet_look look, const struct record *r, uint64_t ms,
                                 char line[static OUTLET_LINE_MAX_BYTES])
{
        (void)me;
        (void)look;
        (void)ms;
        return display_line(r, line);
}

bool terminal_draw(void *me)
{
        return editing_draw(me);
}

int64_t terminal_due(const void *me)
{
        const struct terminal *t = me;
        int64_t due = t->completion_request != 0 ? t->completion_deadline : INT64_MAX;
        switch (t->greeting) {
        case TERMINAL_ARRIVES:
                return 0;
        case TERMINAL_WAITS:
                return clock_earlier(due, t->greet_at);
        case TERMINAL_GREETED:
                break;
        }
        return due;
}

void terminal_tick(void *me)
{
        struct terminal *t = me;
        int64_t now = talk_now(t->session);
        if (t->completion_request != 0 && now >= t->completion_deadline)
                editing_give_up(t);
        if (t->greeting == TERMINAL_ARRIVES) {
                t->greeting = TERMINAL_WAITS;
                t->greet_at = now + GREET_MS;
        }
        if (t->greeting == TERMINAL_WAITS && now >= t->greet_at)
                terminal_greet(t, 0);
}

void terminal_end(void *me)
{
        struct terminal *t = me;
        t->greeting = TERMINAL_GREETED; /* no greeting comes any more */
}

const struct kind terminal_kind = {
        .joining = KIND_JOINS_AT_ONCE,
        .begin = terminal_begin,
        .may_read = terminal_may_read,
        .input = terminal_input,
        .holds_input = terminal_holds_input,
        .input_end = terminal_input_end,
        .welcome = terminal_welcome,
        .record = terminal_record,
        .note = terminal_note,
        .past = terminal_past,
        .answer = terminal_answer,
        .probe = terminal_probe,
        .notice = terminal_show_notice,
        .motd = terminal_motd,
        .away = terminal_away,
        .refusal = terminal_refusal,
        .skips = terminal_skips,
        .look = terminal_look,
        .is_plain = terminal_is_plain,
        .lent_line = terminal_lent_line,
        .draw = terminal_draw,
        .due = terminal_due,
        .tick = terminal_tick,
        .end = terminal_end,
};
