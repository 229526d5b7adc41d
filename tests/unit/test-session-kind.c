/* A session with a client of another kind (kind.h), which names itself first and speaks in short lines of its own. A
 * session asks nothing of this kind that only a terminal has. */
#include "session-fixture.h"

enum { LINE_MAX_BYTES = 256, SILENT_MS = 300 };

/* The client sends "NAME name", "SAY text", "WHO" and "BYE". It is sent one line for each event. */
struct tiny {
        struct session *session;
        struct client *client;
        size_t len;
        char line[LINE_MAX_BYTES];
        bool named;
        int64_t name_by; /* when the client must have named itself, ms of CLOCK_MONOTONIC */
        uint64_t asked;  /* the number of the request WHO */
        unsigned notes;
        enum outlet_look look;
};

static void tiny_show(struct tiny *t, const char *event, struct slice text)
{
        struct slice parts[] = {slice_of(event), slice_of(" "), text};
        client_line(t->client, parts, 3);
}

static void tiny_begin(void *me, struct session *s)
{
        struct tiny *t = me;
        t->session = s;
        t->client = talk_client(s);
        t->name_by = talk_now(s) + SILENT_MS;
}

static size_t tiny_may_read(const void *me)
{
        const struct tiny *t = me;
        return talk_room(t->session) > 8 * FRAME_MAX_BYTES ? LINE_MAX_BYTES : 0;
}

static void tiny_take_line(struct tiny *t, struct slice line)
{
        struct slice rest = line, verb = line;
        word_next(&rest, &verb);
        if (slice_equal(verb, slice_of("NAME")) && !t->named) {
                t->named = true;
                talk_introduce(t->session, rest);
                talk_arrive(t->session);
        } else if (!t->named) {
                talk_not_chat(t->session, "no name");
        } else if (slice_equal(verb, slice_of("SAY"))) {
                talk_say(t->session, rest);
        } else if (slice_equal(verb, slice_of("WHO"))) {
                t->asked = talk_request(t->session, (struct frame){.type = FRAME_WHO}, 1);
        } else if (slice_equal(verb, slice_of("BYE"))) {
                talk_leave(t->session, LEAVE_EXIT);
        }
}

static void tiny_input(void *me, const uint8_t *bytes, size_t n)
{
        struct tiny *t = me;
        for (size_t i = 0; i < n && talk_is_open(t->session); i++) {
                if (bytes[i] != '\n' && t->len < sizeof(t->line)) {
                        t->line[t->len++] = (char)bytes[i];
                        continue;
                }
                tiny_take_line(t, (struct slice){t->line, t->len});
                t->len = 0;
        }
}

static bool tiny_holds_input(const void *me)
{
        (void)me;
        return false;
}

static void tiny_input_end(void *me)
{
        struct tiny *t = me;
        tiny_show(t, "EOF", (struct slice){"", 0});
}

static void tiny_welcome(void *me, struct slice asked, uint64_t members)
{
        struct tiny *t = me;
        char text[128];
        struct slice name = talk_name(t->session);
        snprintf(text, sizeof(text), "%.*s %.*s %d", (int)asked.len, asked.at, (int)name.len, name.at, (int)members);
        tiny_show(t, "WELCOME", slice_of(text));
}

static void tiny_record(void *me, const struct record *r)
{
        struct answer a = {0};
        if (r->kind == RECORD_ANSWER && answer_decode(&a, r->text) == 0)
                tiny_show(me, answer_rule(a.code)->name, a.name);
        else
                tiny_show(me, "RECORD", r->text);
}

static void tiny_note(void *me, const struct record *r)
{
        struct tiny *t = me;
        (void)r;
        t->notes++;
}

static void tiny_past(void *me, uint64_t number, struct wire_reader records)
{
        struct record r = {0};
        (void)number;
        while (record_next(&records, &r) > 0)
                tiny_show(me, "PAST", r.text);
}

static void tiny_answer(void *me, const struct frame *f)
{
        struct tiny *t = me;
        struct answer a = {0};
        assert_int_equal(f->number, t->asked);
        if (f->answer.len == 0) {
                tiny_show(t, "ANSWER", f->text);
                return;
        }
        assert_int_equal(answer_decode(&a, f->answer), 0);
        tiny_show(t, answer_rule(a.code)->name, a.room);
}

static bool tiny_probe(void *me, const struct frame *f)
{
        tiny_show(me, "PROBE", f->text);
        return true;
}

static void tiny_notice(void *me, const struct answer *a)
{
        char text[256];
        snprintf(text, sizeof(text), "%s %d %.*s", answer_rule(a->code)->name, (int)a->count, (int)a->text.len,
                 a->text.at);
        tiny_show(me, "NOTICE", slice_of(text));
}

static void tiny_motd(void *me, struct slice lines)
{
        struct slice line;
        for (bool more = true; more;) {
                more = line_next(&lines, &line);
                tiny_show(me, "MOTD", line);
        }
}

static void tiny_away(void *me, bool is_away)
{
        tiny_show(me, "AWAY", slice_of(is_away ? "yes" : "no"));
}

static void tiny_refusal(void *me, const struct frame *f)
{
        tiny_show(me, "REFUSED", f->text);
}

static void tiny_skips(void *me, uint64_t lines)
{
        char text[32];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)lines);
        tiny_show(me, "SKIPPED", slice_of(text));
}

static enum outlet_look tiny_look(const void *me, const char **server)
{
        const struct tiny *t = me;
        (void)server;
        return t->look;
}

static bool tiny_is_plain(const void *me)
{
        (void)me;
        return true;
}

static size_t tiny_lent_line(const void *me, enum outlet_look look, const struct record *r, uint64_t ms,
                             char line[static OUTLET_LINE_MAX_BYTES])
{
        (void)me;
        (void)look;
        (void)ms;
        return display_line(r, line);
}

static bool tiny_draw(void *me)
{
        (void)me;
        return false;
}

static int64_t tiny_due(const void *me)
{
        const struct tiny *t = me;
        return t->named || !talk_is_open(t->session) ? INT64_MAX : t->name_by;
}

static void tiny_tick(void *me)
{
        struct tiny *t = me;
        tiny_show(t, "LATE", (struct slice){"", 0});
        talk_leave(t->session, LEAVE_TIMEOUT);
}

static void tiny_end(void *me)
{
        tiny_show(me, "END", (struct slice){"", 0});
}

static const struct kind tiny_kind = {
        .joining = KIND_JOINS_LATER,
        .begin = tiny_begin,
        .may_read = tiny_may_read,
        .input = tiny_input,
        .holds_input = tiny_holds_input,
        .input_end = tiny_input_end,
        .welcome = tiny_welcome,
        .record = tiny_record,
        .note = tiny_note,
        .past = tiny_past,
        .answer = tiny_answer,
        .probe = tiny_probe,
        .notice = tiny_notice,
        .motd = tiny_motd,
        .away = tiny_away,
        .refusal = tiny_refusal,
        .skips = tiny_skips,
        .look = tiny_look,
        .is_plain = tiny_is_plain,
        .lent_line = tiny_lent_line,
        .draw = tiny_draw,
        .due = tiny_due,
        .tick = tiny_tick,
        .end = tiny_end,
};

static struct fixture *start_tiny(struct tiny *t)
{
        int fds[2];
        *t = (struct tiny){.look = OUTLET_NO_LOOK};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        return start_kind(&tiny_kind, t, fds, &(struct session_options){0});
}

/* Starts a session whose client has named itself, and takes its HELLO. */
static struct fixture *start_named(struct tiny *t)
{
        struct fixture *f = start_tiny(t);
        type(f, "NAME ann\n");
        struct frame hello = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(slice_equal(hello.name, slice_of("ann")));
        return f;
}

/* chatd hears nothing of a client before it has named itself. */
static void test_it_names_itself_first(void **state)
{
        (void)state;
        struct tiny t;
        struct fixture *f = start_tiny(&t);
        char byte;
        usleep(SILENT_MS * 1000 / 3);
        assert_int_equal(recv(f->intake, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
        type(f, "NAME ann\nSAY hi there\nWHO\n");
        struct frame hello = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(slice_equal(hello.name, slice_of("ann")));
        struct frame line = next_frame(f);
        assert_int_equal(line.type, FRAME_LINE);
        assert_true(slice_equal(line.text, slice_of("hi there")));
        assert_int_equal(next_frame(f).type, FRAME_WHO);
        tell(f, FRAME_WELCOME, 1, 0, "ann~2");
        assert_shown(f, "WELCOME ann ann~2 0\r\n");
        tell_answer(f, 1, 2, "", "two");
        tell_answer(f, 1, 2, "", "two"); /* from a chatd that met the request again */
        tell_lines(f, 1, 1, 1);
        assert_shown(f, "ANSWER two\r\nRECORD 1\r\n");
        type(f, "WHO\n");
        assert_int_equal(next_frame(f).type, FRAME_WHO);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 3},
                  &(struct answer){.code = ANSWER_TOPIC_SET, .room = slice_of("den")});
        assert_shown(f, "topic-set den\r\n");
        stop(f);
}

/* A client does not name itself in time, or says something else first. chatd hears nothing of it. */
static void test_it_does_not_name_itself(void **state)
{
        (void)state;
        struct tiny t;
        char byte;
        struct fixture *f = start_tiny(&t);
        assert_shown(f, "LATE \r\nEND \r\n");
        assert_ended(f);
        assert_int_equal(recv(f->intake, &byte, 1, MSG_DONTWAIT), -1);
        stop(f);
        f = start_tiny(&t);
        type(f, "GET / HTTP/1.1\n");
        assert_shown(f, "END \r\n");
        assert_ended(f);
        assert_int_equal(recv(f->intake, &byte, 1, MSG_DONTWAIT), -1);
        stop(f);
}

/* Each event comes in the kind's own words. */
static void test_events(void **state)
{
        (void)state;
        struct tiny t;
        struct fixture *f = start_named(&t);
        tell_lines(f, 1, 1, 2);
        tell_lines(f, 2, 1, 3); /* from the next chatd */
        tell_record(f, RECORD_RENAMED, LINK_ID, 1, "bob@b", "rob@b");
        tell_host_answer(f, 2, &(struct answer){.code = ANSWER_NOBODY_THERE, .name = slice_of("zo")});
        tell(f, FRAME_MISSED, 2, 7, "");
        tell(f, FRAME_PROBE, 2, 0, "bob asked for your name, ann");
        tell(f, FRAME_TEXT, 2, 1, "be nice\nhave fun");
        assert_shown(f, "RECORD 1\r\nRECORD 2\r\nRECORD 3\r\nnobody-there zo\r\nNOTICE missed 7 \r\n"
                        "PROBE bob asked for your name, ann\r\nMOTD be nice\r\nMOTD have fun\r\n");
        tell(f, FRAME_KICKED, 2, 0, "too loud");
        assert_shown(f, "NOTICE removed 0 too loud\r\n");
        struct frame bye = next_frame(f);
        while (bye.type == FRAME_HERE) /* for the next chatd */
                bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_KICKED);
        tell(f, FRAME_GOODBYE, 2, 0, "");
        assert_shown(f, "END \r\n");
        assert_ended(f);
        stop(f);
        assert_int_equal(t.notes, 5);
}

static void test_it_is_refused(void **state)
{
        (void)state;
        struct tiny t;
        struct fixture *f = start_named(&t);
        tell(f, FRAME_REFUSED, 1, 0, "the chat is full");
        assert_shown(f, "REFUSED the chat is full\r\nEND \r\n");
        assert_ended(f);
        stop(f);
}

static void test_its_input_ends(void **state)
{
        (void)state;
        struct tiny t;
        struct fixture *f = start_named(&t);
        shutdown(f->client, SHUT_WR);
        assert_shown(f, "EOF \r\n");
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_EOF);
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_shown(f, "END \r\n");
        stop(f);
}

static void test_chatd_is_away(void **state)
{
        (void)state;
        struct tiny t;
        struct fixture *f = start_named(&t);
        close(f->intake);
        type(f, "SAY hello\n");
        assert_shown(f, "AWAY yes\r\n");
        f->intake = rundir_bind(f->dir);
        assert_shown(f, "AWAY no\r\n");
        assert_int_equal(next_frame(f).type, FRAME_HERE);
        assert_true(slice_equal(next_frame(f).text, slice_of("hello")));
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_names_itself_first),
                cmocka_unit_test(test_it_does_not_name_itself),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_it_is_refused),
                cmocka_unit_test(test_its_input_ends),
                cmocka_unit_test(test_chatd_is_away),
        };
        return RUN_TESTS(tests);
}
