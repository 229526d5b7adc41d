/* A session with a program that speaks JSON (json-kind.h). */
#include "../../chat-web/json-kind.h"
#include "../../chat-web/parser.h"
#include "../../chat-web/web.h"

#include <chat/notice.h>
#include <chat/utc.h>

#include "../schema.h"

#include "session-fixture.h"

static struct web web;
static FILE *events, *requests; /* each event of these tests, and each request that is right, is checked */

/* Sends requests that are right. */
static void ask(struct fixture *f, const char *lines)
{
        fputs(lines, requests);
        type(f, lines);
}

/* Reads the next line that the client gets. */
static const char *next_line(struct fixture *f)
{
        static char line[256 * 1024];
        size_t len = 0;
        do {
                assert_true(len < sizeof(line) - 1);
                await(f->client);
                assert_int_equal(read(f->client, line + len, 1), 1);
        } while (line[len++] != '\n');
        fwrite(line, 1, len, events);
        line[len - 1] = '\0';
        return line;
}

/* Replaces the time of an event by "T", because it is that of now. */
static void assert_line(struct fixture *f, const char *expected)
{
        char got[8192];
        snprintf(got, sizeof(got), "%s", next_line(f));
        char *time = strstr(got, "\"time\":\"");
        if (time && strncmp(time + 8, "1970", 4) != 0) {
                assert_int_equal(time[8 + (UTC_BYTES - 1)], '"');
                memmove(time + 9, time + 8 + (UTC_BYTES - 1), strlen(time + 8 + (UTC_BYTES - 1)) + 1);
                time[8] = 'T';
        }
        assert_string_equal(got, expected);
}

/* Returns the next frame but HERE, which is for another chatd. */
static struct frame next_request(struct fixture *f)
{
        struct frame frame = next_frame(f);
        while (frame.type == FRAME_HERE)
                frame = next_frame(f);
        return frame;
}

/* Starts a session that chatd has welcomed, and whose client says nothing yet. */
static struct fixture *start_silent(void)
{
        int fds[2];
        parser_begin();
        web = (struct web){0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        struct fixture *f = start_kind(&json_kind, &web, fds, &(struct session_options){0});
        struct frame hello = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(hello.roams);
        tell(f, FRAME_WELCOME, 1, 0, "ann");
        assert_non_null(strstr(next_line(f), "{\"event\":\"welcome\",\"id\":\""));
        return f;
}

/* Starts a session whose client has said something. */
static struct fixture *start_json(void)
{
        struct fixture *f = start_silent();
        type(f, "{\"do\":\"ping\",\"ref\":1}\n");
        assert_line(f, "{\"event\":\"answer\",\"ref\":1,\"code\":\"pong\"}");
        return f;
}

static void answer(struct fixture *f, uint64_t number, struct answer a)
{
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = number, .name = slice_of("ann")}, &a);
}

/* Answers that the client is in the den now. */
static void answer_entered(struct fixture *f, uint64_t epoch, uint64_t number)
{
        uint8_t bytes[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(bytes);
        answer_add_room(&list,
                        &(struct answer_room){
                                .name = slice_of("den"), .topic = slice_of("a \"topic\""), .people = 2, .yours = true});
        answer_add_name(&list, slice_of("ann"));
        answer_add_name(&list, slice_of("bob"));
        struct answer a = answer_of_rooms(ANSWER_ENTERED, &list);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = epoch, .number = number, .name = slice_of("ann")}, &a);
}

#define ENTERED                                                                                                        \
        "\"code\":\"entered\",\"rooms\":[{\"room\":\"den\",\"topic\":\"a \\\"topic\\\"\",\"people\":2,\"yours\":true," \
        "\"names\":[\"ann\",\"bob\"]}],\"sentence\":\"You are now in den, with bob\\nThe topic: a "                    \
        "\\\"topic\\\"\"}"

static void tell_one(struct fixture *f, uint64_t epoch, struct record r)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = epoch});
        size += record_encode_styled(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

static void test_requests(void **state)
{
        static const struct {
                const char *asked;
                uint8_t type;
                const char *name, *text;
                uint64_t key;
        } cases[] = {
                {"{\"do\":\"join\",\"room\":\"den\"}\n", FRAME_ENTER, "den", "", 0},
                {"{\"do\":\"leave\",\"room\":\"den\"}\r\n", FRAME_EXIT, "den", "", 0},
                {"{\"do\":\"msg\",\"to\":\"bob@b\",\"text\":\"\\u0041\\ud83d\\ude00\"}\n", FRAME_PRIVATE, "bob@b",
                 "A\xf0\x9f\x98\x80", 0},
                {"{\"do\":\"nick\",\"name\":\"zoe\",\"unknown\":[1,{}]}\n", FRAME_NICK, "zoe", "", 0},
                {"{\"do\":\"topic\",\"room\":\"den\"}\n", FRAME_ROOM_TOPIC, "den", "", 0},
                {"{\"do\":\"topic\",\"room\":\"den\",\"text\":\"tea\"}\n", FRAME_ROOM_TOPIC, "den", "tea", 0},
                {"{\"do\":\"topic\",\"room\":\"den\",\"text\":\"\"}\n", FRAME_ROOM_TOPIC, "den", TOPIC_NONE, 0},
                {"{\"do\":\"who\",\"room\":\"den\"}\n", FRAME_PEOPLE, "den", "", 0},
                {"{\"do\":\"rooms\"}\n", FRAME_ROOMS, "", "", 0},
                {"{\"do\":\"history\",\"room\":\"den\",\"lines\":7}\n", FRAME_ROOM_HISTORY, "den", "", 7},
        };
        (void)state;
        struct fixture *f = start_json();
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ask(f, cases[i].asked);
                struct frame frame = next_request(f);
                assert_int_equal(frame.type, cases[i].type);
                assert_true(slice_equal(frame.name, slice_of(cases[i].name)));
                assert_true(slice_equal(frame.text, slice_of(cases[i].text)));
                assert_int_equal(frame.key, cases[i].key);
        }
        stop(f);
}

static void test_what_is_said(void **state)
{
        (void)state;
        char expected[256];
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"say\",\"room\":\"den\",\"text\":\"one\\ntwo\\u001b\",\"ref\":7}\n");
        struct frame frame = next_request(f);
        assert_int_equal(frame.type, FRAME_ROOM_LINE);
        assert_true(slice_equal(frame.text, slice_of("one\ntwo^[")));
        snprintf(expected, sizeof(expected), "{\"event\":\"answer\",\"ref\":7,\"code\":\"said\",\"id\":\"%016llx-2\"}",
                 (unsigned long long)frame.id);
        assert_line(f, expected);
        ask(f, "{\"do\":\"act\",\"room\":\"den\",\"text\":\"waves\",\"ref\":\"a \\\"b\\\"\"}\n");
        assert_int_equal(next_request(f).type, FRAME_ROOM_ACTION);
        assert_non_null(strstr(next_line(f), "{\"event\":\"answer\",\"ref\":\"a \\\"b\\\"\",\"code\":\"said\","));
        /* without a ref there is an answer only if something is wrong */
        ask(f, "{\"do\":\"say\",\"room\":\"den\",\"text\":\"three\"}\n{\"do\":\"act\",\"room\":\"den\",\"text\":"
               "\"waves\"}\n");
        assert_int_equal(next_request(f).type, FRAME_ROOM_LINE);
        assert_int_equal(next_request(f).type, FRAME_ROOM_ACTION);
        ask(f, "{\"do\":\"act\",\"room\":\"den\",\"text\":\"four\",\"ref\":1}\n");
        assert_non_null(strstr(next_line(f), "\"ref\":1,\"code\":\"said\""));
        stop(f);
}

/* Others learn of a program when it enters its first room, however late that is. */
static void test_when_it_is_announced(void **state)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame frame;
        (void)state;
        struct fixture *f = start_json();
        assert_int_equal(web.session->presence, SESSION_QUIET);
        assert_int_equal(web.session->arrive_at, INT64_MAX);
        type(f, "{\"do\":\"join\",\"room\":\"den\"}\n");
        answer_entered(f, 2, next_request(f).number);
        next_line(f);
        do {
                await(f->intake);
                ssize_t n = recv(f->intake, buffer, sizeof(buffer), 0);
                assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        } while (frame.type == FRAME_HERE);
        assert_int_equal(frame.type, FRAME_ARRIVE);
        stop(f);
}

/* A proxy that does not name its client. */
static void test_a_proxy_without_a_header(void **state)
{
        int fds[2];
        (void)state;
        parser_begin();
        web = (struct web){0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        struct fixture *f = start_kind(&json_kind, &web, fds, &(struct session_options){.is_proxied = true});
        type(f, "{\"do\":\"rooms\"}\n");
        assert_non_null(strstr(next_line(f), "{\"event\":\"refused\",\"code\":\"unnamed\","));
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        stop(f);
}

static void test_records(void **state)
{
        static const struct {
                struct record r;
                const char *expected;
        } cases[] = {
                {{.kind = RECORD_LINE, .number = 1, .text = {"say \"hi\" \\ \xe2\x82\xac", 14}, .room = {"den", 3}},
                 "\"event\":\"line\",\"id\":\"0000000000000063-1\",\"time\":\"T\",\"room\":\"den\",\"name\":\"bob\","
                 "\"text\":\"say \\\"hi\\\" \\\\ \xe2\x82\xac\"}"},
                {{.kind = RECORD_LINE, .number = 2, .text = {"hi", 2}, .is_notice = true, .styled = {"\x02hi", 3}},
                 "\"event\":\"line\",\"id\":\"0000000000000063-2\",\"time\":\"T\",\"room\":\"lobby\",\"name\":\"bob\","
                 "\"text\":\"hi\",\"notice\":true}"},
                {{.kind = RECORD_ACTION, .number = 3, .text = {"waves", 5}},
                 "\"event\":\"action\",\"id\":\"0000000000000063-3\",\"time\":\"T\",\"room\":\"lobby\",\"name\":"
                 "\"bob\",\"text\":\"waves\"}"},
                {{.kind = RECORD_PRIVATE, .number = 4, .text = {"psst", 4}},
                 "\"event\":\"private\",\"id\":\"0000000000000063-4\",\"time\":\"T\",\"name\":\"bob\",\"text\":"
                 "\"psst\"}"},
                {{.kind = RECORD_JOIN},
                 "\"event\":\"join\",\"id\":\"0000000000000063-0-join\",\"time\":\"T\",\"room\":"
                 "\"lobby\",\"name\":\"bob\"}"},
                {{.kind = RECORD_CAME, .number = 5, .text = {"den", 3}},
                 "\"event\":\"join\",\"id\":\"0000000000000063-5-join\",\"time\":\"T\",\"room\":\"lobby\",\"name\":"
                 "\"bob\",\"from\":\"den\"}"},
                {{.kind = RECORD_WENT, .number = 6, .text = {"den", 3}},
                 "\"event\":\"leave\",\"id\":\"0000000000000063-6-leave\",\"time\":\"T\",\"room\":\"lobby\",\"name\":"
                 "\"bob\",\"to\":\"den\"}"},
                {{.kind = RECORD_RENAME, .number = 7, .text = {"bo", 2}},
                 "\"event\":\"rename\",\"id\":\"0000000000000063-7-rename\",\"time\":\"T\",\"room\":\"lobby\","
                 "\"name\":\"bob\",\"new\":\"bo\"}"},
                {{.kind = RECORD_TOPIC, .number = 8, .text = {"tea", 3}},
                 "\"event\":\"topic\",\"id\":\"0000000000000063-8-topic\",\"time\":\"T\",\"room\":\"lobby\",\"name\":"
                 "\"bob\",\"text\":\"tea\"}"},
        };
        (void)state;
        struct fixture *f = start_json();
        char expected[1024];
        tell_one(f, 1,
                 (struct record){.kind = RECORD_CTCP,
                                 .id = 99,
                                 .number = 1,
                                 .name = slice_of("bob"),
                                 .text = slice_of("VERSION")});
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct record r = cases[i].r;
                r.id = 99;
                r.name = slice_of("bob");
                if (!r.text.at)
                        r.text = slice_of("");
                tell_one(f, 1, r);
                snprintf(expected, sizeof(expected), "{%s", cases[i].expected);
                assert_line(f, expected);
        }
        tell_one(f, 1,
                 (struct record){.kind = RECORD_LINE,
                                 .id = LINK_ID,
                                 .number = 9,
                                 .name = slice_of("zoe@b"),
                                 .text = slice_of("hi")});
        assert_line(f, "{\"event\":\"line\",\"id\":\"0000000000000001-9\",\"time\":\"T\",\"room\":\"lobby\",\"name\":"
                       "\"zoe\",\"host\":\"b\",\"text\":\"hi\"}");
        stop(f);
}

/* What begins with no JSON is no program of the chat: a browser sends lines of JSON, too, behind the head of a request. */
static void test_other_protocols(void **state)
{
        static char longest[WEB_LINE_MAX_BYTES + 64];
        (void)state;
        memset(longest, 'x', sizeof(longest) - 1);
        strcpy(longest + WEB_LINE_MAX_BYTES + 8, "\n{\"do\":\"rooms\"}\n");
        const char *const begins[] = {"POST / HTTP/1.1\r\nHost: localhost:8881\r\n\r\n{\"do\":\"rooms\"}\n",
                                      "[]\n{\"do\":\"rooms\"}\n", longest};
        for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
                struct fixture *f = start_silent();
                type(f, begins[i]);
                assert_non_null(strstr(next_line(f), "{\"event\":\"error\","));
                struct frame frame = next_request(f);
                assert_int_equal(frame.type, FRAME_BYE);
                assert_int_equal(frame.reason, LEAVE_NOT_CHAT);
                assert_true(slice_equal(frame.text, slice_of("no JSON")));
                stop(f);
        }
}

static void test_wrong_requests(void **state)
{
        static const struct {
                const char *asked, *code;
        } cases[] = {
                {"hello\n", "not-json"},
                {"[1]\n", "not-json"},
                {"{\"do\":\"who\"", NULL}, /* the rest of the line follows */
                {",\"do\":\"say\"}\n", "not-json"},
                {"{\"a\":\"\\ud800\"}\n", "not-json"},
                {"{\"a\":\"\\ude00\"}\n", "not-json"},
                {"{\"a\":\"\\ud83dx\"}\n", "not-json"},
                {"{\"a\":\"\\ud83d\\ud83d\"}\n", "not-json"},
                {"{\"\\ud800\":1}\n", "not-json"},
                {"{\"a\":\"\\u0000\"}\n", "not-json"},
                {"{\"\\u0000\":1}\n", "not-json"},
                {"{\"a\":\"\xff\x1b\"}\n", "not-json"},
                {"{\"a\":\"\xc0\x80\"}\n", "not-json"},
                {"{\"a\":\"\xed\xa0\x80\"}\n", "not-json"},
                {"{\"a\":\"\xf4\x90\x80\x80\"}\n", "not-json"},
                {"{\"a\":\"\xe2\x82\"}\n", "not-json"},
                {"\xef\xbb\xbf{}\n", "not-json"},
                {"{\"a\":\"\t\"}\n", "not-json"},
                {"{\"a\":1e400}\n", "not-json"},
                {"{\"a\":-1e400}\n", "not-json"},
                {"{\"a\":99999999999999999999}\n", "not-json"},
                {"{\"a\":-99999999999999999999}\n", "not-json"},
                {"{\"a\":01}\n", "not-json"},
                {"{\"a\":NaN}\n", "not-json"},
                {"{\"do\":\"rooms\",\"do\":\"rooms\"}\n", "not-json"},
                {"{\"a\":{\"b\":1,\"\\u0062\":2}}\n", "not-json"},
                {"{\"do\":\"rooms\"} {\"do\":\"rooms\"}\n", "not-json"},
                {"{\"do\":\"rooms\",\"ref\":1.0}\n", "ref-invalid"},
                {"{\"do\":\"rooms\",\"ref\":null}\n", "ref-invalid"},
                {"{\"do\":\"history\",\"room\":\"den\",\"lines\":-0}\n", "lines-invalid"},
                {"{\"do\":\"history\",\"room\":\"den\",\"lines\":1e1}\n", "lines-invalid"},
                {"{\"do\":\"history\",\"room\":\"den\",\"lines\":9223372036854775807}\n", "lines-invalid"},
                {"{}\n", "do-missing"},
                {"{\"do\":7}\n", "do-missing"},
                {"{\"do\":\"fly\"}\n", "do-unknown"},
                {"{\"do\":\"say\",\"room\":\"den\"}\n", "text-missing"},
                {"{\"do\":\"say\",\"text\":\"x\"}\n", "room-invalid"},
                {"{\"do\":\"join\",\"room\":\"a b\"}\n", "room-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"x\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"  00000000000063-3\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"0x00000000000063-3\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063--3\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-0\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-3x\"}\n", "since-invalid"},
                {"{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063\"}\n", "since-invalid"},
                {"{\"do\":\"msg\",\"to\":\"a b\",\"text\":\"x\"}\n", "name-invalid"},
                {"{\"do\":\"history\",\"room\":\"den\",\"lines\":-1}\n", "lines-invalid"},
                {"{\"do\":\"who\",\"ref\":[]}\n", "ref-invalid"},
        };
        (void)state;
        struct fixture *f = start_json();
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char code[64];
                type(f, cases[i].asked);
                if (!cases[i].code)
                        continue;
                snprintf(code, sizeof(code), "{\"event\":\"error\",\"code\":\"%s\",\"sentence\":\"", cases[i].code);
                const char *line = next_line(f);
                assert_memory_equal(line, code, strlen(code));
                assert_true(text_is_clean(line, strlen(line)));
        }
        static char deep[2 * WEB_LINE_MAX_BYTES];
        memset(deep, '[', sizeof(deep) - 1);
        deep[WEB_LINE_MAX_BYTES - 1] = '\n';
        deep[WEB_LINE_MAX_BYTES] = '\0';
        type(f, deep);
        assert_non_null(strstr(next_line(f), "\"code\":\"too-many-values\""));
        memset(deep, ' ', sizeof(deep) - 1);
        deep[sizeof(deep) - 2] = '\n';
        deep[sizeof(deep) - 1] = '\0';
        type(f, deep);
        assert_non_null(strstr(next_line(f), "\"code\":\"too-long\""));
        ask(f, "{\"do\":\"rooms\"}\n"); /* it goes on */
        assert_int_equal(next_request(f).type, FRAME_ROOMS);
        stop(f);
}

static void test_answers(void **state)
{
        (void)state;
        char expected[512];
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"join\",\"room\":\"den\",\"ref\":\"j\"}\n");
        answer_entered(f, 1, next_request(f).number);
        assert_line(f, "{\"event\":\"answer\",\"ref\":\"j\"," ENTERED);
        ask(f, "{\"do\":\"msg\",\"to\":\"bob\",\"text\":\"psst\",\"ref\":1}\n{\"do\":\"nick\",\"name\":\"eve\","
               "\"ref\":2}\n");
        struct frame msg = next_request(f), nick = next_request(f);
        uint8_t buffer[FRAME_MAX_BYTES];
        msg.type = FRAME_SENT;
        uint64_t id = msg.id;
        msg.id = 1;
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = FRAME_SENT,
                                              .id = 1,
                                              .number = msg.number,
                                              .name = slice_of("bob"),
                                              .text = slice_of("psst")}));
        snprintf(expected, sizeof(expected),
                 "{\"event\":\"answer\",\"ref\":1,\"code\":\"sent\",\"id\":\"%016llx-%llu\",\"name\":\"bob\"}",
                 (unsigned long long)id, (unsigned long long)msg.number);
        assert_line(f, expected);
        answer(f, nick.number, (struct answer){.code = ANSWER_NAME_TAKEN, .name = slice_of("eve")});
        assert_line(f,
                    "{\"event\":\"answer\",\"ref\":2,\"code\":\"name-taken\",\"name\":\"eve\",\"sentence\":\"The name "
                    "eve is taken; please choose another\\nIf that is you, on a connection that was lost, try again in "
                    "half a minute\"}");
        stop(f);
}

/* Sends past lines of the den with these numbers, which bob said. */
static void tell_past(struct fixture *f, uint64_t epoch, uint64_t number, uint64_t first, uint64_t last)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer),
                                   &(struct frame){.type = FRAME_PAST, .id = epoch, .number = number});
        for (uint64_t n = first; n <= last; n++) {
                struct record time = {.kind = RECORD_TIME, .number = n, .name = slice_of(""), .text = slice_of("")};
                struct record r = {.kind = RECORD_LINE,
                                   .id = 99,
                                   .number = n,
                                   .name = slice_of("bob"),
                                   .text = slice_of("x"),
                                   .room = slice_of("den")};
                size += record_encode(buffer + size, sizeof(buffer) - size, &time);
                size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        }
        tell_raw(f, buffer, size);
}

static void assert_past(struct fixture *f, unsigned number)
{
        char expected[256];
        snprintf(expected, sizeof(expected),
                 "{\"event\":\"past\",\"said\":\"line\",\"id\":\"0000000000000063-%u\",\"time\":\"1970-01-01T00:00:0%u."
                 "000Z\","
                 "\"room\":\"den\",\"name\":\"bob\",\"text\":\"x\"}",
                 number, number);
        assert_line(f, expected);
}

/* A client that comes back gets what it missed, once, and is told if that is not all. */
static void test_since(void **state)
{
        (void)state;
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-3\"}\n");
        struct frame frame = next_request(f);
        assert_int_equal(frame.key, HISTORY_MAX_LINES);
        answer_entered(f, 1, frame.number);
        tell_past(f, 1, frame.number, 1, 5);
        assert_line(f, "{\"event\":\"answer\"," ENTERED);
        assert_past(f, 4);
        assert_past(f, 5);
        ask(f, "{\"do\":\"leave\",\"room\":\"den\"}\n");
        answer(f, next_request(f).number, (struct answer){.code = ANSWER_EXITED, .room = slice_of("den")});
        assert_non_null(strstr(next_line(f), "\"code\":\"exited\""));
        ask(f, "{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-2\"}\n");
        frame = next_request(f);
        answer_entered(f, 1, frame.number);
        tell_past(f, 1, frame.number, 4, 4);
        assert_line(f, "{\"event\":\"answer\"," ENTERED);
        assert_line(f, "{\"event\":\"missing\",\"room\":\"den\",\"since\":\"0000000000000063-2\"}");
        assert_past(f, 4);
        ask(f, "{\"do\":\"leave\",\"room\":\"den\"}\n");
        answer(f, next_request(f).number, (struct answer){.code = ANSWER_EXITED, .room = slice_of("den")});
        assert_non_null(strstr(next_line(f), "\"code\":\"exited\""));
        ask(f, "{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-2\"}\n"); /* there is no history */
        answer_entered(f, 1, next_request(f).number);
        assert_line(f, "{\"event\":\"answer\"," ENTERED);
        assert_line(f, "{\"event\":\"missing\",\"room\":\"den\",\"since\":\"0000000000000063-2\"}");
        stop(f);
}

/* A chatd that has forgotten the client lets it in again: the session enters its rooms, and the client notices nothing
 * but what it missed. */
static void test_a_chatd_that_forgot(void **state)
{
        (void)state;
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"join\",\"room\":\"den\"}\n");
        answer_entered(f, 1, next_request(f).number);
        assert_line(f, "{\"event\":\"answer\"," ENTERED);
        tell_one(f, 1,
                 (struct record){.kind = RECORD_LINE,
                                 .id = 99,
                                 .number = 6,
                                 .name = slice_of("bob"),
                                 .text = slice_of("x"),
                                 .room = slice_of("den")});
        assert_non_null(strstr(next_line(f), "-6\""));
        tell(f, FRAME_WELCOME, 2, 0, "ann");
        assert_non_null(strstr(next_line(f), "{\"event\":\"welcome\",\"id\":\""));
        struct frame frame = next_request(f);
        assert_int_equal(frame.type, FRAME_ENTER);
        assert_int_equal(frame.key, HISTORY_MAX_LINES);
        answer_entered(f, 2, frame.number);
        tell_past(f, 2, frame.number, 5, 7);
        assert_past(f, 7);
        stop(f);
}

/* A client that leaves does not enter its rooms again. */
static void test_a_chatd_that_forgot_a_client_that_leaves(void **state)
{
        (void)state;
        char byte;
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"join\",\"room\":\"den\"}\n");
        answer_entered(f, 1, next_request(f).number);
        assert_line(f, "{\"event\":\"answer\"," ENTERED);
        shutdown(f->client, SHUT_WR);
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        tell(f, FRAME_WELCOME, 1, 0, "ann");
        assert_non_null(strstr(next_line(f), "{\"event\":\"welcome\",\"id\":\""));
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_ended(f);
        assert_int_equal(recv(f->intake, &byte, 1, MSG_DONTWAIT), -1);
        stop(f);
}

/* Requests beyond those that can wait are read when there is room again. */
static void test_many_requests(void **state)
{
        (void)state;
        static char text[1024 * sizeof("{\"do\":\"rooms\"}\n")];
        for (size_t i = 0; i < 1024; i++)
                strcat(text + i, "{\"do\":\"rooms\"}\n");
        struct fixture *f = start_json();
        int size = (int)sizeof(text) * 2;
        setsockopt(f->client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        ask(f, text);
        uint8_t bytes[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(bytes);
        for (size_t i = 0; i < 1024; i++) {
                struct frame frame = next_request(f);
                assert_int_equal(frame.type, FRAME_ROOMS);
                answer(f, frame.number, answer_of_rooms(ANSWER_ROOMS, &list));
                assert_non_null(strstr(next_line(f), "\"code\":\"rooms\",\"rooms\":[]"));
        }
        stop(f);
}

/* Lines of which each byte takes as much memory as possible. */
static void test_complex_lines(void **state)
{
        static const char *const parts[] = {"{},", "[],", "{\"a\":", "[", "1,", "\"\",", "[{}],"};
        static char line[WEB_LINE_MAX_BYTES + 2];
        (void)state;
        struct fixture *f = start_json();
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                size_t len = (size_t)snprintf(line, sizeof(line), "[");
                while (len + strlen(parts[i]) < WEB_LINE_MAX_BYTES - 1100)
                        len += (size_t)sprintf(line + len, "%s", parts[i]);
                len += (size_t)sprintf(line + len, "\"%0*d\"]\n", 1000, 0);
                type(f, line);
                assert_non_null(strstr(next_line(f), "\"code\":\"too-many-values\""));
        }
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) { /* as many as a line may have */
                size_t len = (size_t)snprintf(line, sizeof(line), "[");
                for (size_t marks = 1; marks + strlen(parts[i]) < PARSER_VALUES_MAX; marks += strlen(parts[i]))
                        len += (size_t)sprintf(line + len, "%s", parts[i]);
                len += (size_t)sprintf(line + len, "\"%0*d,\\\"\"]\n", (int)(WEB_LINE_MAX_BYTES - len - 8), 0);
                type(f, line);
                assert_non_null(strstr(next_line(f), "\"code\":\"not-json\""));
        }
        stop(f);
}

/* Characters that are shown by their numbers. */
static void test_a_text_that_grows(void **state)
{
        static char line[WEB_LINE_MAX_BYTES + 2];
        (void)state;
        struct fixture *f = start_json();
        size_t len = (size_t)sprintf(line, "{\"do\":\"say\",\"ref\":1,\"room\":\"den\",\"text\":\"");
        for (int n = 0; len < WEB_LINE_MAX_BYTES - 8; n++)
                len += (size_t)sprintf(line + len, "%s", n % 510 == 509 ? "\\n" : "\xc2\x85");
        sprintf(line + len, "\"}\n");
        ask(f, line);
        size_t bytes = 0;
        while (bytes < 30000) {
                struct frame frame = next_request(f);
                assert_int_equal(frame.type, FRAME_ROOM_LINE);
                bytes += frame.text.len;
        }
        assert_non_null(strstr(next_line(f), "\"code\":\"said\""));
        stop(f);
}

/* A list of as many rooms as an answer can have, and one whose number is a lie. */
static void test_many_rooms(void **state)
{
        (void)state;
        uint8_t bytes[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(bytes);
        struct fixture *f = start_json();
        while (answer_add_room(&list, &(struct answer_room){.name = slice_of("a"), .topic = slice_of("")}))
                ;
        struct answer a = answer_of_rooms(ANSWER_ROOMS, &list);
        for (int i = 0; i < 2; i++) {
                ask(f, "{\"do\":\"rooms\"}\n");
                if (i > 0)
                        a.rooms_count = UINT64_MAX - 60;
                answer(f, next_request(f).number, a);
                assert_non_null(strstr(next_line(f), "\"code\":\"rooms\",\"rooms\":[{\"room\":\"a\",\"people\":0},"));
        }
        stop(f);
}

static void assert_entered(struct fixture *f)
{
        assert_line(f, "{\"event\":\"answer\"," ENTERED);
}

/* What happens to the list of rooms when requests cross each other, or are refused. */
static void test_rooms_of_the_client(void **state)
{
        (void)state;
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"join\",\"room\":\"den\"}\n");
        answer_entered(f, 1, next_request(f).number);
        assert_entered(f);
        ask(f, "{\"do\":\"leave\",\"room\":\"den\"}\n{\"do\":\"leave\",\"room\":\"den\"}\n");
        uint64_t leave = next_request(f).number, again = next_request(f).number;
        answer(f, leave, (struct answer){.code = ANSWER_EXITED, .room = slice_of("den")});
        answer(f, again, (struct answer){.code = ANSWER_NOT_IN_ROOM, .room = slice_of("den")});
        next_line(f);
        next_line(f);
        assert_int_equal(web.rooms_count, 0);
        ask(f, "{\"do\":\"join\",\"room\":\"den\"}\n");
        answer_entered(f, 1, next_request(f).number);
        assert_entered(f);
        ask(f, "{\"do\":\"join\",\"room\":\"den\",\"since\":\"0000000000000063-3\"}\n"); /* it is there */
        answer(f, next_request(f).number, (struct answer){.code = ANSWER_MUTED});
        assert_non_null(strstr(next_line(f), "\"code\":\"muted\""));
        assert_int_equal(web.rooms_count, 1);
        ask(f, "{\"do\":\"join\",\"room\":\"tea\"}\n");
        answer(f, next_request(f).number, (struct answer){.code = ANSWER_ROOM_ALIKE, .room = slice_of("lea")});
        assert_non_null(strstr(next_line(f), "\"code\":\"room-alike\""));
        assert_int_equal(web.rooms_count, 1);
        tell(f, FRAME_WELCOME, 2, 0, "ann"); /* it may not enter again */
        next_line(f);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = 2, .number = next_request(f).number},
                  &(struct answer){.code = ANSWER_MUTED});
        assert_non_null(strstr(next_line(f), "\"code\":\"muted\""));
        assert_int_equal(web.rooms_count, 0);
        stop(f);
}

/* An answer whose code this version does not know has a text. */
static void test_an_answer_with_a_text(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct fixture *f = start_json();
        ask(f, "{\"do\":\"join\",\"room\":\"den\",\"ref\":5}\n");
        uint64_t number = next_request(f).number;
        tell_raw(
                f, buffer,
                frame_encode(buffer, sizeof(buffer),
                             &(struct frame){.type = FRAME_ANSWER, .id = 1, .number = number, .text = slice_of("No")}));
        assert_line(f, "{\"event\":\"answer\",\"ref\":5,\"code\":\"unknown\",\"sentence\":\"No\"}");
        assert_int_equal(web.rooms_count, 0);
        stop(f);
}

/* A NUL in a line, and refs at their limits. */
static void test_numbers_and_nul(void **state)
{
        static const char nul[] = "{\"a\":\"\0\"}\n{\"do\":\"rooms\"}\0\n";
        static const struct {
                const char *ref, *answered;
        } refs[] = {
                {"-0", "0"},
                {"9223372036854775807", "9223372036854775807"},
                {"-9223372036854775808", "-9223372036854775808"},
                {"\"\\u0041\\/\\n\"", "\"A/\\n\""},
                {"\"\"", "\"\""},
        };
        (void)state;
        char text[128];
        struct fixture *f = start_json();
        assert_int_equal(write(f->client, nul, sizeof(nul) - 1), sizeof(nul) - 1);
        for (int i = 0; i < 2; i++)
                assert_non_null(strstr(next_line(f), "\"code\":\"not-json\""));
        for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
                snprintf(text, sizeof(text), "{\"do\":\"rooms\",\"ref\":%s}\n", refs[i].ref);
                ask(f, text);
                answer(f, next_request(f).number, (struct answer){.code = ANSWER_NO_MEMORY});
                snprintf(text, sizeof(text), "{\"event\":\"answer\",\"ref\":%s,\"code\":", refs[i].answered);
                assert_non_null(strstr(next_line(f), text));
        }
        stop(f);
}

/* A line of a megabyte is refused once, and the next line counts. */
static void test_a_line_of_a_megabyte(void **state)
{
        (void)state;
        enum { SIZE = 1 << 20 };
        char *line = malloc(SIZE + 2);
        struct fixture *f = start_json();
        memset(line, 'x', SIZE);
        memcpy(line + SIZE, "\n", 2);
        type(f, line);
        free(line);
        assert_line(f, "{\"event\":\"error\",\"code\":\"too-long\",\"sentence\":\"a line has at most 8192 bytes\"}");
        ask(f, "{\"do\":\"rooms\"}\n");
        assert_int_equal(next_request(f).type, FRAME_ROOMS);
        stop(f);
}

/* Sends `text` as often as possible, up to `most` times, without reading. Returns how often that was. */
static size_t flood(struct fixture *f, const char *text, size_t most)
{
        size_t sent = 0;
        while (sent < most && send(f->client, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text))
                sent++;
        return sent;
}

/* Each of 100,000 lines gets its answer, although the client reads only when it cannot write. */
static void test_a_client_that_reads_late(void **state)
{
        static char got[65536];
        enum { LINES = 100000 };
        (void)state;
        size_t sent = 0, answered = 0;
        struct fixture *f = start_json();
        while (answered < LINES) {
                sent += flood(f, "x\n", LINES - sent);
                await(f->client);
                ssize_t n = read(f->client, got, sizeof(got));
                assert_true(n > 0);
                for (ssize_t i = 0; i < n; i++)
                        answered += got[i] == '\n';
                assert_null(memmem(got, (size_t)n, "skipped", strlen("skipped")));
        }
        assert_int_equal(answered, LINES);
        stop(f);
}

/* While chatd answers nothing, the session takes as many requests as can wait, and leaves the others to the client. */
static void test_a_chatd_that_does_not_answer(void **state)
{
        enum { REQUESTS = 100000 };
        (void)state;
        struct fixture *f = start_json();
        size_t sent = flood(f, "{\"do\":\"rooms\"}\n", REQUESTS);
        for (size_t taken = 0; taken < WEB_REQUESTS_MAX; taken++)
                assert_int_equal(next_request(f).type, FRAME_ROOMS);
        tell(f, FRAME_TEXT, 1, 1, "hello");
        assert_line(f, "{\"event\":\"motd\",\"text\":\"hello\"}");
        assert_int_equal(recv(f->intake, &(char){0}, 1, MSG_DONTWAIT), -1);
        assert_true(sent + flood(f, "{\"do\":\"rooms\"}\n", REQUESTS - sent) < REQUESTS);
        f->stop = 1; /* otherwise it waits for the answers, and for what the client sent behind these requests */
        tell(f, FRAME_ROLLCALL, 1, 0, "");
        stop(f);
}

/* Every code of an answer, with its details: to a request, in a notice, and from another host. */
static void test_all_codes(void **state)
{
        (void)state;
        uint8_t list_bytes[ANSWER_ROOMS_MAX_BYTES], bytes[NOTICE_ANSWER_MAX_BYTES];
        char code[64], text[TEXT_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(list_bytes);
        struct fixture *f = start_json();
        answer_add_room(&list, &(struct answer_room){.name = slice_of("den"), .topic = slice_of(""), .people = 2});
        for (uint8_t n = 1; n < ANSWER_CODES; n++) {
                struct answer a = answer_of_rooms(n, &list);
                a.name = a.other = a.room = a.host = slice_of("b");
                a.text = slice_of("tea");
                a.most = a.count = a.seconds = n;
                snprintf(code, sizeof(code), "\"code\":\"%s\",", answer_rules[n].name);
                if (n != ANSWER_SAID) { /* it is in notices alone */
                        ask(f, "{\"do\":\"rooms\",\"ref\":1}\n");
                        answer(f, next_request(f).number, a);
                        assert_non_null(strstr(next_line(f), code));
                }
                if (n == ANSWER_PEOPLE || n == ANSWER_ROOMS || n == ANSWER_NOBODY_THERE) { /* see reply.h */
                        tell_host_answer(f, n, &a);
                        assert_non_null(strstr(next_line(f), code));
                }
                tell_one(f, 1, notice_record(LINK_ID, n, &a, text, bytes));
                assert_non_null(strstr(next_line(f), code));
        }
        stop(f);
}

/* What happens seldom. */
static void test_other_events(void **state)
{
        (void)state;
        struct fixture *f = start_json();
        tell_record(f, RECORD_LEAVE, 99, UINT64_MAX, "bob", LEAVE_REMOVED);
        assert_line(f, "{\"event\":\"leave\",\"id\":\"0000000000000063-18446744073709551615-leave\",\"time\":\"T\","
                       "\"room\":\"lobby\",\"name\":\"bob\",\"removed\":true}");
        tell_record(f, RECORD_ENTER, 99, 1, "bob", "");
        assert_line(f, "{\"event\":\"join\",\"id\":\"0000000000000063-1-join\",\"time\":\"T\",\"room\":\"lobby\","
                       "\"name\":\"bob\"}");
        tell_record(f, RECORD_EXIT, 99, 2, "bob", "");
        assert_line(f, "{\"event\":\"leave\",\"id\":\"0000000000000063-2-leave\",\"time\":\"T\",\"room\":\"lobby\","
                       "\"name\":\"bob\"}");
        tell_one(f, 1,
                 (struct record){.kind = RECORD_NOTICE,
                                 .id = LINK_ID,
                                 .number = 3,
                                 .answer = slice_of(""),
                                 .text = slice_of("b is away")});
        assert_line(f, "{\"event\":\"notice\",\"id\":\"0000000000000001-3-notice\",\"time\":\"T\",\"text\":\"b is "
                       "away\"}");
        tell_record(f, RECORD_REPLY, LINK_ID, 4, "chat@b", "nobody is there");
        assert_line(f, "{\"event\":\"reply\",\"id\":\"0000000000000001-4-reply\",\"time\":\"T\",\"host\":\"b\","
                       "\"text\":\"nobody is there\"}");
        tell_record(f, RECORD_TOPIC, 99, 5, "bob", "");
        assert_line(f, "{\"event\":\"topic\",\"id\":\"0000000000000063-5-topic\",\"time\":\"T\",\"room\":\"lobby\","
                       "\"name\":\"bob\",\"text\":\"\"}");
        tell_code(f, (struct frame){.type = FRAME_PROBE, .key = 7},
                  &(struct answer){.code = ANSWER_NAME_WANTED, .name = slice_of("bob")});
        assert_line(f,
                    "{\"event\":\"notice\",\"code\":\"name-wanted\",\"name\":\"bob\",\"sentence\":\"bob asked for your "
                    "name, ann\"}");
        tell(f, FRAME_MISSED, 1, MISSED_UNKNOWN, "");
        assert_non_null(strstr(next_line(f), "{\"event\":\"notice\",\"code\":\"missed\",\"sentence\":"));
        tell(f, FRAME_TEXT, 1, 1, "be nice\nhave fun");
        assert_line(f, "{\"event\":\"motd\",\"text\":\"be nice\\nhave fun\"}");
        close(f->intake);
        ask(f, "{\"do\":\"say\",\"room\":\"den\",\"text\":\"hi\",\"ref\":1}\n");
        assert_non_null(strstr(next_line(f), "\"code\":\"said\""));
        assert_line(f, "{\"event\":\"away\"}");
        f->intake = rundir_bind(f->dir);
        assert_line(f, "{\"event\":\"back\"}");
        assert_int_equal(next_request(f).type, FRAME_ROOM_LINE);
        tell_code(f, (struct frame){.type = FRAME_KICKED},
                  &(struct answer){.code = ANSWER_REMOVED, .text = slice_of("rude")});
        assert_line(f, "{\"event\":\"notice\",\"code\":\"removed\",\"text\":\"rude\",\"sentence\":\"You were removed: "
                       "rude\"}");
        stop(f);
}

/* A person on another host takes another name there. */
static void test_a_remote_rename(void **state)
{
        (void)state;
        struct fixture *f = start_json();
        tell_record(f, RECORD_RENAME, LINK_ID, 1, "zoe@b", "zo@b");
        assert_line(f, "{\"event\":\"rename\",\"id\":\"0000000000000001-1-rename\",\"time\":\"T\",\"room\":\"lobby\","
                       "\"name\":\"zoe\",\"host\":\"b\",\"new\":\"zo\"}");
        stop(f);
}

/* A client that may not join, and one that chatd knows under another name. */
static void test_the_greeting(void **state)
{
        (void)state;
        struct fixture *f = start_json();
        tell_code(f, (struct frame){.type = FRAME_REFUSED},
                  &(struct answer){.code = ANSWER_BANNED, .text = slice_of("rude")});
        assert_line(f, "{\"event\":\"refused\",\"code\":\"banned\",\"text\":\"rude\",\"sentence\":\"you are banned "
                       "(rude)\"}");
        assert_ended(f);
        stop(f);
        f = start_json();
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(
                f, buffer,
                frame_encode(buffer, sizeof(buffer),
                             &(struct frame){.type = FRAME_WELCOME, .id = 2, .name = slice_of("ann~2"), .members = 3}));
        assert_non_null(strstr(next_line(f), "\"name\":\"ann~2\",\"asked\":\"ann\",\"people\":3}"));
        stop(f);
}

/* What chatd relays while the client does not read is counted, once the client reads again. */
static void test_a_client_that_is_too_slow(void **state)
{
        (void)state;
        char text[TEXT_MAX_BYTES + 1];
        uint64_t lines = 0, number = 0;
        struct fixture *f = start_json();
        memset(text, '"', TEXT_MAX_BYTES);
        text[TEXT_MAX_BYTES] = '\0';
        for (; number < 200; number++) {
                tell_one(f, 1,
                         (struct record){.kind = RECORD_LINE,
                                         .id = 99,
                                         .number = number + 1,
                                         .name = slice_of("bob"),
                                         .text = slice_of(text)});
                tell(f, FRAME_ROLLCALL, 1, 0, "");
                assert_int_equal(next_frame(f).type, FRAME_HERE); /* the session has taken the line */
        }
        for (const char *line = ""; sscanf(line, "{\"event\":\"skipped\",\"lines\":%" SCNu64 "}", &lines) != 1;) {
                line = next_line(f);
                number -= strncmp(line, "{\"event\":\"line\",", strlen("{\"event\":\"line\",")) == 0;
        }
        assert_int_equal(lines, number);
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_what_is_said),
                cmocka_unit_test(test_when_it_is_announced),
                cmocka_unit_test(test_a_proxy_without_a_header),
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_other_protocols),
                cmocka_unit_test(test_wrong_requests),
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_since),
                cmocka_unit_test(test_a_chatd_that_forgot),
                cmocka_unit_test(test_a_chatd_that_forgot_a_client_that_leaves),
                cmocka_unit_test(test_many_requests),
                cmocka_unit_test(test_complex_lines),
                cmocka_unit_test(test_a_text_that_grows),
                cmocka_unit_test(test_many_rooms),
                cmocka_unit_test(test_rooms_of_the_client),
                cmocka_unit_test(test_an_answer_with_a_text),
                cmocka_unit_test(test_numbers_and_nul),
                cmocka_unit_test(test_a_line_of_a_megabyte),
                cmocka_unit_test(test_a_client_that_reads_late),
                cmocka_unit_test(test_a_chatd_that_does_not_answer),
                cmocka_unit_test(test_all_codes),
                cmocka_unit_test(test_other_events),
                cmocka_unit_test(test_a_remote_rename),
                cmocka_unit_test(test_the_greeting),
                cmocka_unit_test(test_a_client_that_is_too_slow),
        };
        events = schema_open("event");
        requests = schema_open("request");
        int failed = RUN_TESTS(tests);
        return failed + schema_close(events) + schema_close(requests);
}
