/* A line that a program says by HTTP (post.h). */
#include "../../chat-web/post.h"

#include "browser-fixture.h"

#define TOKEN "abcdefghijklmnopqrstuv"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"
#define POST "POST /say HTTP/1.1\r\n" HOST

static void test_wrong_heads(void **state)
{
        static const struct {
                const char *request, *status, *part;
        } cases[] = {
                {"GET /say HTTP/1.1\r\n" HOST "\r\n", "405 Method Not Allowed", "Allow: POST\r\n"},
                {"HEAD /say HTTP/1.1\r\n" HOST "\r\n", "405 Method Not Allowed", "Allow: POST\r\n"},
                {POST "Content-Length: 2\r\n\r\nhi", "401 Unauthorized", "WWW-Authenticate: Bearer realm=\"chat\"\r\n"},
                {POST "Authorization: Basic YTpi\r\nContent-Length: 2\r\n\r\nhi", "401 Unauthorized",
                 "token is missing"},
                {POST "Authorization: Bearer\r\nContent-Length: 2\r\n\r\nhi", "401 Unauthorized", "token is missing"},
                {POST "Authorization: Bearer \r\nContent-Length: 2\r\n\r\nhi", "401 Unauthorized", "token is missing"},
                {POST BEARER BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request", ""},
                {POST BEARER "\r\n", "400 Bad Request", "There is no text to say\n"},
                {POST BEARER "Content-Length: 0\r\n\r\n", "400 Bad Request", "There is no text to say\n"},
                {POST BEARER "Content-Length: 2\r\n\r\n\r\n", "400 Bad Request", "There is no text to say\n"},
                {POST BEARER "Content-Length: 5\r\n\r\n \n\t\n ", "400 Bad Request", "There is no text to say\n"},
                {POST BEARER "Content-Type: text/plain; charset=utf-16\r\nContent-Length: 2\r\n\r\nhi",
                 "415 Unsupported Media Type", "UTF-8"},
                {"POST /say?room= HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request",
                 "?room=NAME"},
                {"POST /say?a=b HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request",
                 "?room=NAME"},
                {"POST /say?room=a&room=b HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request",
                 "?room=NAME"},
                {"POST /say?room=a HTTP/1.1\r\n" HOST BEARER
                 "Content-Type: application/json\r\nContent-Length: 23\r\n\r\n{\"text\":\"a\",\"room\":\"a\"}",
                 "400 Bad Request", "names none beside it"},
                {POST BEARER "Content-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"text\":\"a\",\"room\":7} ",
                 "400 Bad Request", "name of a room"},
                {POST BEARER "Content-Length: 8193\r\n\r\n", "413 Payload Too Large", "8192 bytes"},
                {POST BEARER "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "411 Length Required",
                 "Content-Length"},
                {POST BEARER "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2\r\n\r\nhi",
                 "415 Unsupported Media Type", "text/plain"},
                {POST BEARER "Content-Type: application/json\r\nContent-Length: 2\r\n\r\nhi", "400 Bad Request", ""},
                {POST BEARER "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "400 Bad Request",
                 "in \"text\"\n"},
                {POST BEARER "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"text\":\"\"}",
                 "400 Bad Request", "There is no text to say\n"},
                {POST BEARER "Idempotency-Key:\r\nContent-Length: 2\r\n\r\nhi", "400 Bad Request", "Idempotency-Key"},
                {POST BEARER "Origin: http://evil.example\r\nContent-Length: 2\r\n\r\nhi", "403 Forbidden", ""},
                {"POST /say HTTP/1.1\r\nHost: evil.example\r\n" BEARER "Content-Length: 2\r\n\r\nhi",
                 "421 Misdirected Request", "WebOrigins="},
                {"POST /say?room=9 HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request", "room"},
                {"POST /say?room=%0aops HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request",
                 "room"},
                {"POST /say?room=ops%4 HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request",
                 "room"},
                {"POST /say?room=o%zzs HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi", "400 Bad Request",
                 "room"},
                {"POST /say?room=abcdefghijklmnopqrstuvwxyz HTTP/1.1\r\n" HOST BEARER "Content-Length: 2\r\n\r\nhi",
                 "400 Bad Request", "room"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *got = assert_answer(cases[i].request, cases[i].status, cases[i].part);
                assert_int_equal(count(got, "HTTP/1.1 "), 1);
        }
}

/* Sends a request. Returns the session, which waits for the welcome of chatd. */
static struct fixture *start_post(const char *target, const char *fields, const char *body)
{
        struct fixture *f = start_browser();
        char request[HTTP_HEAD_MAX_BYTES + WEB_LINE_MAX_BYTES];
        int n = snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\n" HOST BEARER "%sContent-Length: %zu\r\n\r\n%s",
                         target, fields, strlen(body), body);
        assert_in_range(n, 1, sizeof(request) - 1);
        send_bytes(f, request, (size_t)n);
        struct frame hello = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(hello.roams); /* it is in no room, so nobody learns of it */
        assert_true(hello.quiet);
        return f;
}

/* Returns what the session asks chatd to say. */
static struct frame asked(struct fixture *f)
{
        tell(f, FRAME_WELCOME, 1, 0, "guest");
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_WEBHOOK);
        assert_true(slice_equal(frame.secret, slice_of(TOKEN)));
        return frame;
}

static void assert_text(struct slice text, const char *expected)
{
        if (!slice_equal(text, slice_of(expected)))
                fail_msg("'%.*s' in place of '%s'", (int)text.len, text.at, expected);
}

/* Reads the answer to the last request, and ends the session. */
static const char *end_post(struct fixture *f)
{
        size_t len;
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_BYE);
        tell(f, FRAME_GOODBYE, UINT64_MAX, 0, "");
        const char *got = read_all(f, &len);
        assert_int_equal(count(got, "HTTP/1.1 "), 1);
        assert_has(got, "Connection: close\r\n");
        stop(f);
        return got;
}

static const char *end_post_by(struct fixture *f, const struct answer *a)
{
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 1, .name = slice_of("guest")}, a);
        return end_post(f);
}

static void test_a_line(void **state)
{
        (void)state;
        const struct answer posted = {.code = ANSWER_POSTED, .room = slice_of("ops"), .name = slice_of("disk")};
        struct fixture *f =
                start_post("/say?room=ops", "Content-Type: application/x-www-form-urlencoded\r\n", "disk 100% full\n");
        struct frame frame = asked(f);
        assert_int_equal(frame.number, 1);
        assert_text(frame.name, "ops");
        assert_text(frame.text, "disk 100% full");
        assert_int_equal(frame.key, 0);
        const char *got = end_post_by(f, &posted);
        assert_has(got, "HTTP/1.1 200 OK\r\n");
        assert_has(got, "\r\n\r\nSaid in ops as disk\n");
}

static void test_rooms(void **state)
{
        static const char *const cases[][2] = {
                {"/say", ""},
                {"/say?", ""},

                {"/say?room=%6fp%73", "ops"},
                {"/say?room=%23ops", "ops"},
                {"/say?room=abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx"},
                {"/say?room=#ops", "ops"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct fixture *f = start_post(cases[i][0], "", "hi");
                assert_text(asked(f).name, cases[i][1]);
                end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN});
        }
        struct fixture *f =
                start_post("/say", "Content-Type: application/json\r\n", "{\"room\":\"#ops\",\"text\":\"hi\"}");
        assert_text(asked(f).name, "ops");
        end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN});
}

static void test_texts(void **state)
{
        static const struct {
                const char *fields, *body, *text;
        } cases[] = {
                {"", "hi", "hi"},
                {"Content-Type: text/plain; charset=utf-8\r\n", "gr\xc3\xbc\xc3\x9f\n\n", "gr\xc3\xbc\xc3\x9f"},
                {"Content-Type: TEXT/PLAIN\r\n", "a\r\nb\r\n", "a\nb"},
                {"Content-Type: application/json\r\n", "{\"text\":\"a\\nb\",\"more\":[1]}", "a\nb"},
                {"Content-Type: Application/JSON;charset=utf-8\r\n", " {\"text\": \"\\u00fc\"} ", "\xc3\xbc"},
                {"", "a\x1b[31mb", "a^[[31mb"},
                {"", "\n a\n \n\nb \n", " a\nb "},
                {"Content-Type: text/plain; charset=\"US-ASCII\"\r\n", "hi", "hi"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct fixture *f = start_post("/say", cases[i].fields, cases[i].body);
                struct frame frame = asked(f);
                assert_text(frame.text, cases[i].text);
                assert_true(text_is_clean(frame.text.at, strcspn(cases[i].text, "\n")));
                end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN});
        }
}

/* As many lines and bytes as a frame may have are taken, and no more. */
static void test_long_texts(void **state)
{
        (void)state;
        char body[TEXT_MAX_BYTES + 2] = "";
        memset(body, 'x', TEXT_MAX_BYTES);
        struct fixture *f = start_post("/say", "", body);
        assert_text(asked(f).text, body);
        end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN});
        for (size_t i = 1; i < 2 * FRAME_LINES_MAX - 1; i += 2)
                body[i] = '\n';
        body[2 * FRAME_LINES_MAX - 1] = '\0';
        f = start_post("/say", "", body);
        assert_text(asked(f).text, body);
        end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN});

        char request[8192];
        snprintf(request, sizeof(request), POST BEARER "Content-Length: %d\r\n\r\n%s\nx", 2 * FRAME_LINES_MAX + 1,
                 body);
        assert_has(exchange(request), "HTTP/1.1 413 ");
        snprintf(request, sizeof(request), POST BEARER "Content-Length: %d\r\n\r\n%0*d", TEXT_MAX_BYTES + 1,
                 TEXT_MAX_BYTES + 1, 1);
        assert_has(exchange(request), "HTTP/1.1 413 ");
}

static void test_keys(void **state)
{
        static const char *const fields[] = {"Idempotency-Key: a\r\n", "idempotency-key: a\r\n",
                                             "Idempotency-Key: b\r\n"};
        uint64_t keys[3];
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct fixture *f = start_post("/say", fields[i], "hi");
                keys[i] = asked(f).key;
                assert_int_not_equal(keys[i], 0);
                end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN});
        }
        assert_int_equal(keys[0], keys[1]);
        assert_int_not_equal(keys[0], keys[2]);
        char request[1024];
        snprintf(request, sizeof(request), POST BEARER "Idempotency-Key: %0256d\r\nContent-Length: 2\r\n\r\nhi", 1);
        assert_has(exchange(request), "HTTP/1.1 400 ");
}

static void test_answers(void **state)
{
        static const struct {
                enum answer_code code;
                const char *status, *part;
        } cases[] = {
                {ANSWER_POSTED, "200 OK", "Said in den as disk\n"},
                {ANSWER_POSTED_BEFORE, "200 OK", "Not said again"},
                {ANSWER_TOKEN_UNKNOWN, "401 Unauthorized", "WWW-Authenticate: Bearer realm=\"chat\"\r\n"},
                {ANSWER_TOKEN_ELSEWHERE, "403 Forbidden", "for the room den alone\n"},
                {ANSWER_ROOM_EMPTY, "404 Not Found", "Nobody on this host is in the room den"},
                {ANSWER_ROOM_INVALID, "400 Bad Request", "1 to 24 characters"},
                {ANSWER_POST_UNNOTED, "503 Service Unavailable", "Retry-After: 5\r\n"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const struct answer a = {
                        .code = (uint8_t)cases[i].code, .room = slice_of("den"), .name = slice_of("disk"), .most = 24};
                struct fixture *f = start_post("/say", "", "hi");
                asked(f);
                const char *got = end_post_by(f, &a);
                assert_has(got, cases[i].status);
                assert_has(got, cases[i].part);
        }
}

static void test_refusals(void **state)
{
        static const struct {
                enum answer_code code;
                const char *status;
        } cases[] = {
                {ANSWER_BANNED, " 403 "},
                {ANSWER_NETWORK_FULL, " 503 "},
                {ANSWER_FULL, " 503 "},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct fixture *f = start_post("/say", "", "hi");
                size_t len;
                tell_code(f, (struct frame){.type = FRAME_REFUSED}, &(struct answer){.code = (uint8_t)cases[i].code});
                const char *got = read_all(f, &len);
                assert_has(got, cases[i].status);
                assert_int_equal(count(got, "HTTP/1.1 "), 1);
                stop(f);
        }
}

/* The body may come byte by byte, and its client may wait until it is told to send it. */
static void test_a_body_in_parts(void **state)
{
        (void)state;
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        struct fixture *f = start_browser();
        type(f, POST BEARER "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_shown(f, go_on);
        for (size_t i = 0; i < 5; i++)
                send_bytes(f, &"hello"[i], 1);
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        assert_text(asked(f).text, "hello");
        assert_has(end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN}), " 401 ");
}

/* A client of HTTP/1.0 knows no 100. */
static void test_an_old_client_is_not_asked_for_its_body(void **state)
{
        (void)state;
        struct fixture *f = start_browser();
        type(f, "POST /say HTTP/1.0\r\n" HOST BEARER "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        type(f, "hi");
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        assert_text(asked(f).text, "hi");
        assert_has(end_post_by(f, &(struct answer){.code = ANSWER_TOKEN_UNKNOWN}), " 401 ");
}

/* A head may have to wait until there is room for its answer. Its client is asked for the body after that. */
static void test_a_head_that_waits(void **state)
{
        (void)state;
        static char got[1024 * 1024];
        char request[2048] = "";
        struct fixture *f = start_browser();
        for (size_t i = 0; i < 10; i++)
                strcat(request, "GET / HTTP/1.1\r\n" HOST "\r\n");
        strcat(request, POST BEARER "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        type(f, request);
        for (size_t len = 0; !strstr(got, "HTTP/1.1 100 Continue\r\n\r\n");) {
                await(f->client);
                ssize_t n = read(f->client, got + len, sizeof(got) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
        }
        stop(f);
}

/* The client gets the answer alone. It cannot read the chat by such a request. */
static void test_nothing_else_is_shown(void **state)
{
        (void)state;
        const struct answer posted = {.code = ANSWER_POSTED, .room = slice_of("den"), .name = slice_of("disk")};
        const struct answer said = {.code = ANSWER_SAID, .name = slice_of("chat"), .text = slice_of("soon down")};
        struct fixture *f = start_post("/say", "", "hi");
        asked(f);
        tell(f, FRAME_TEXT, 1, 1, "the message of the day");
        tell_record(f, RECORD_PRIVATE, 7, 1, "bob", "psst");
        tell_lines(f, 1, 1, 3);
        tell(f, FRAME_WELCOME, 1, 0, "guest"); /* a chatd that met the HELLO again */
        tell_code(f, (struct frame){.type = FRAME_PROBE, .key = 7}, &said);
        const char *got = end_post_by(f, &posted);
        assert_has(got, "\r\n\r\nSaid in den as disk\n");
        assert_null(strstr(got, "psst"));
        assert_null(strstr(got, "event"));
        assert_true(strlen(strstr(got, "\r\n\r\n")) == strlen("\r\n\r\nSaid in den as disk\n"));
}

/* A client that has sent all, and sends no more, gets its answer. */
static void test_a_half_closed_connection(void **state)
{
        (void)state;
        const struct answer posted = {.code = ANSWER_POSTED, .room = slice_of("den"), .name = slice_of("disk")};
        struct fixture *f = start_post("/say", "", "hi");
        shutdown(f->client, SHUT_WR);
        asked(f);
        assert_has(end_post_by(f, &posted), " 200 ");
        f = start_browser();
        type(f, POST BEARER "Content-Length: 5\r\n\r\nhel"); /* no line */
        shutdown(f->client, SHUT_WR);
        size_t len;
        read_all(f, &len);
        assert_int_equal(len, 0);
        stop(f);
}

/* If it is not known whether chatd says the line, the client learns that. */
static void test_unknown_results(void **state)
{
        (void)state;
        struct fixture *f = start_post("/say", "", "hi");
        asked(f);
        replace_queue(f); /* the request is lost */
        const char *got = end_post(f);
        assert_has(got, " 503 ");
        assert_has(got, "Retry-After: 5\r\n");
        assert_has(got, "may say it twice\n");

        f = start_post("/say", "Idempotency-Key: a\r\n", "hi");
        asked(f);
        replace_queue(f);
        assert_has(end_post(f), "with the same Idempotency-Key\n");

        f = start_post("/say", "", "hi");
        asked(f);
        f->stop = 1;
        tell(f, FRAME_WELCOME, 1, 0, "guest"); /* wakes it */
        assert_has(end_post(f), " 503 ");
}

/* A session that leaves already, here because it is removed, asks for nothing more. */
static void test_a_late_welcome(void **state)
{
        (void)state;
        struct fixture *f = start_post("/say", "", "hi");
        uint8_t byte;
        size_t len;
        tell(f, FRAME_KICKED, 1, 0, "rude");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        tell(f, FRAME_WELCOME, 1, 0, "guest");
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_has(read_all(f, &len), " 503 ");
        assert_int_equal(recv(f->intake, &byte, 1, MSG_DONTWAIT), -1);
        stop(f);
}

static void test_an_earlier_chatd(void **state)
{
        (void)state;
        struct fixture *f = start_post("/say", "", "hi");
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer),
                                &(struct frame){.type = FRAME_WELCOME, .id = 1, .name = slice_of("guest")});
        buffer[0] = (uint8_t)(frame_since(FRAME_WEBHOOK) - 1);
        tell_raw(f, buffer, n);
        assert_has(end_post(f), " 503 ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrong_heads),
                cmocka_unit_test(test_a_line),
                cmocka_unit_test(test_rooms),
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_long_texts),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_a_body_in_parts),
                cmocka_unit_test(test_an_old_client_is_not_asked_for_its_body),
                cmocka_unit_test(test_a_head_that_waits),
                cmocka_unit_test(test_nothing_else_is_shown),
                cmocka_unit_test(test_a_half_closed_connection),
                cmocka_unit_test(test_unknown_results),
                cmocka_unit_test(test_a_late_welcome),
                cmocka_unit_test(test_an_earlier_chatd),
        };
        return RUN_TESTS(tests);
}
