/* A session that has lent its client's connection. The client speaks JSON: it is a program or a browser. */
#include <sys/socket.h>

#include "../../chat-web/browser-kind.h"
#include "../../chat-web/form.h"
#include "../../chat-web/json-kind.h"
#include "../../chat-web/parser.h"
#include "../../chat-web/site.h"

#include "session-lent-fixture.h"

#define UPGRADE                                                                                                        \
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                         \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

enum { MS = 1000 }; /* the time of the lines, since 1970 */

static const struct record said = {
        .kind = RECORD_LINE, .id = 99, .number = 1, .name = {"bob", 3}, .text = {"hi \"there\"", 10}};
static const struct record next = {.kind = RECORD_LINE, .id = 99, .number = 2, .name = {"bob", 3}, .text = {"next", 4}};

static struct web web;
static struct site site;

/* Reads what the client is shown up to this text. */
static void see(struct fixture *f, const char *text)
{
        char got[8192];
        size_t len = 0, size = strlen(text);
        do {
                assert_true(len < sizeof(got));
                await(f->client);
                assert_int_equal(read(f->client, got + len, 1), 1);
        } while (++len < size || memcmp(got + len - size, text, size) != 0);
}

/* Starts a session whose client was welcomed, and lends the connection to the chatd of epoch 1. */
static struct fixture *start_lending(const struct kind *kind, const char *asks)
{
        int fds[2];
        wslay_frame_context_free(web.socket.frames); /* of the session before */
        web = (struct web){.site = &site};
        site.origins = "";
        parser_begin();
        tcp_connect(fds, 0);
        struct fixture *f = start_kind(kind, &web, fds, &(struct session_options){0});
        assert_int_equal(lent_batch_init(&f->batch), 0);
        type(f, asks);
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        tell(f, FRAME_WELCOME, 1, 0, "ann");
        see(f, "{\"event\":\"welcome\",");
        see(f, "}");
        if (kind == &json_kind)
                see(f, "\n");
        assert_true(ask(f, 1));
        return f;
}

/* Lets chatd write all but the last `left` bytes of the line to the client, and die. */
static void write_and_die(struct fixture *f, enum outlet_look look, size_t left)
{
        char text[1024];
        size_t size = form_record(look == OUTLET_MESSAGE, &said, MS, text, sizeof(text));
        die_writing_record(f, &said, look, MS, text, size, left);
}

/* Lets the next chatd relay the line again, and another one. */
static void relay_again(struct fixture *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 2});
        size += record_encode(buffer + size, sizeof(buffer) - size, &said);
        size += record_encode(buffer + size, sizeof(buffer) - size, &next);
        tell_raw(f, buffer, size);
}

/* The session completes a line that chatd began, and the next line comes after it. */
static void try_a_line_that_is_cut(const struct kind *kind, const char *asks, enum outlet_look look)
{
        char whole[1024], got[1024];
        size_t size = form_record(look == OUTLET_MESSAGE, &said, MS, whole, sizeof(whole));
        assert_in_range(size, 100, 300);
        for (size_t left = 1; left < size; left += 7) {
                struct fixture *f = start_lending(kind, asks);
                write_and_die(f, look, left);
                relay_again(f);
                for (size_t len = 0; len < size;) {
                        await(f->client);
                        ssize_t n = read(f->client, got + len, size - len);
                        assert_true(n > 0);
                        len += (size_t)n;
                }
                assert_memory_equal(got, whole, size);
                see(f, "\"id\":\"0000000000000063-2\"");
                see(f, "\"text\":\"next\"}");
                stop(f);
        }
}

static void test_a_line_that_is_cut(void **state)
{
        (void)state;
        try_a_line_that_is_cut(&json_kind, "", OUTLET_JSON);
}

static void test_a_message_that_is_cut(void **state)
{
        (void)state;
        const struct kind kind = browser_kind();
        try_a_line_that_is_cut(&kind, UPGRADE, OUTLET_MESSAGE);
}

/* Half an object cannot be ended, and the head of a message has its length. If the rest does not come, the connection ends
 * in the middle. */
static void try_a_rest_that_is_missed(const struct kind *kind, const char *asks, enum outlet_look look)
{
        char whole[1024], got[1024];
        size_t size = form_record(look == OUTLET_MESSAGE, &said, MS, whole, sizeof(whole)), len = 0;
        struct fixture *f = start_lending(kind, asks);
        write_and_die(f, look, 20);
        tell(f, FRAME_MISSED, 2, 5, "");
        for (ssize_t n = 1; n > 0; len += (size_t)n) {
                await(f->client);
                n = read(f->client, got + len, sizeof(got) - len);
                assert_true(n >= 0);
        }
        assert_int_equal(len, size - 20);
        assert_memory_equal(got, whole, len);
        stop(f);
}

static void test_a_rest_that_is_missed(void **state)
{
        (void)state;
        const struct kind kind = browser_kind();
        try_a_rest_that_is_missed(&json_kind, "", OUTLET_JSON);
        try_a_rest_that_is_missed(&kind, UPGRADE, OUTLET_MESSAGE);
}

/* A new chatd does not know the client. The session does not know what the previous chatd wrote. Past lines might come
 * twice, so the session shows none, and says so. */
static void test_a_chatd_that_forgot(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES], rooms[ANSWER_ROOMS_MAX_BYTES];
        struct fixture *f = start_lending(&json_kind, "");
        type(f, "{\"do\":\"join\",\"room\":\"lobby\"}\n");
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_ENTER);
        struct answer_rooms list = answer_rooms_begin(rooms);
        answer_add_room(&list, &(struct answer_room){.name = slice_of("lobby"), .people = 2, .yours = true});
        struct answer a = answer_of_rooms(ANSWER_ENTERED, &list);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = 2, .number = frame.number, .name = slice_of("ann")},
                  &a);
        see(f, "\"code\":\"entered\"");
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 2});
        size += record_encode(buffer + size, sizeof(buffer) - size, &said);
        tell_raw(f, buffer, size);
        see(f, "\"id\":\"0000000000000063-1\"");
        see(f, "\n");
        assert_true(ask(f, 2));
        await_turn(f);
        char text[1024];
        struct lent_text t = {.number = ++f->batches,
                              .to = 1,
                              .lines = 1,
                              .rooms = (const uint32_t[]){1, 0},
                              .bytes = form_record(false, &next, MS, text, sizeof(text)),
                              .ms = MS,
                              .n = 1};
        t.pieces = &(struct iovec){text, t.bytes};
        assert_true(lent_prepare(&f->lent, &t) && lent_write(&f->lent, &t, 0));
        see(f, "\"id\":\"0000000000000063-2\"");
        see(f, "\n");
        lent_close(&f->lent);
        tell(f, FRAME_WELCOME, 3, 0, "ann");
        see(f, "{\"event\":\"welcome\"");
        see(f, "{\"event\":\"missing\",\"room\":\"lobby\",\"since\":\"0000000000000063-1\"}\n");
        do
                frame = next_frame(f);
        while (frame.type != FRAME_ENTER);
        assert_int_equal(frame.key, 0);
        stop(f);
}

/* Whatever chatd gets from another host, each character with an escape, fits into what form_record() asks for. Otherwise
 * chatd would abort. */
static void test_the_longest_records(void **state)
{
        static char out[2 * OUTLET_LINE_MAX_BYTES], quotes[TEXT_MAX_BYTES];
        char name[NAME_MAX_BYTES];
        size_t written = 0;
        (void)state;
        memset(quotes, '"', sizeof(quotes));
        memset(name, '\\', sizeof(name));
        for (unsigned kind = 0; kind < RECORD_IN_ROOM; kind++) {
                for (size_t at = 0; at < NAME_MAX_BYTES; at += NAME_MAX_BYTES - 1) {
                        for (size_t len = 0; len <= TEXT_MAX_BYTES; len += len < 8 ? 1 : 511) {
                                struct record r = {.kind = (uint8_t)kind,
                                                   .id = UINT64_MAX,
                                                   .number = UINT64_MAX,
                                                   .name = {name, sizeof(name)},
                                                   .room = {quotes, NAME_MAX_BYTES},
                                                   .text = {quotes, len},
                                                   .is_notice = true};
                                name[at] = '@';
                                for (int is_message = 0; is_message < 2; is_message++)
                                        written += form_record(is_message, &r, UINT32_MAX * 1000ull, out, sizeof(out));
                                name[at] = '\\';
                        }
                }
        }
        assert_true(written > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_line_that_is_cut),    cmocka_unit_test(test_a_message_that_is_cut),
                cmocka_unit_test(test_a_rest_that_is_missed), cmocka_unit_test(test_a_chatd_that_forgot),
                cmocka_unit_test(test_the_longest_records),
        };
        return RUN_TESTS(tests);
}
