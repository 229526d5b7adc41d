#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/paths.h>
#include <chat/safe-text.h>

#include "../../chat-link/inject.h"

#include "rundir-fixture.h"

struct fixture {
        char *dir;
        int lock, intake;
        struct inject inject;
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        char words[64 * 1024];
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        inject_init(&f->inject, f->dir);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        inject_close(&f->inject);
        close(f->intake);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

/* Returns what chatd finds in its intake, in words: "hello", "inject 3 4" for records of these numbers, "notice
 * TEXT". */
static const char *read_intake(struct fixture *f)
{
        size_t len = 0;
        ssize_t n;
        f->words[0] = '\0';
        while ((n = recv(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT)) > 0) {
                struct frame frame = {0};
                struct record rec = {0};
                assert_true(n <= FRAME_MAX_BYTES);
                int decoded = frame_decode(&frame, f->buffer, (size_t)n);
                assert_int_equal(decoded, 0);
                assert_int_equal(frame.id, LINK_ID);
                const char *comma = len ? ", " : "";
                if (frame.type == FRAME_NOTICE || frame.type == FRAME_TELL) {
                        assert_true(frame.number >> 63);
                        len += (size_t)snprintf(f->words + len, sizeof(f->words) - len, "%s%s %.*s", comma,
                                                frame.type == FRAME_TELL && frame.key == 7 ? "tell 7" : "notice",
                                                (int)frame.text.len, frame.text.at);
                        continue;
                }
                len += (size_t)snprintf(f->words + len, sizeof(f->words) - len, "%s%s", comma,
                                        frame.type == FRAME_HELLO    ? "hello"
                                        : frame.type == FRAME_INJECT ? "inject"
                                                                     : "?");
                while (frame.type == FRAME_INJECT && record_next(&frame.records, &rec) > 0)
                        len += (size_t)snprintf(f->words + len, sizeof(f->words) - len, " %llu",
                                                (unsigned long long)rec.number);
        }
        return f->words;
}

static bool add_text(struct fixture *f, uint64_t number, struct slice text)
{
        return inject_record(
                &f->inject,
                &(struct record){
                        .kind = RECORD_LINE, .id = LINK_ID, .number = number, .name = slice_of("ann@b"), .text = text});
}

static bool add(struct fixture *f, uint64_t number)
{
        return add_text(f, number, slice_of("hi"));
}

static void connect_now(struct fixture *f)
{
        inject_connect(&f->inject, f->inject.retry_at);
        assert_true(f->inject.socket >= 0);
}

static void connect_and_welcome(struct fixture *f)
{
        connect_now(f);
        inject_flush(&f->inject, 1);
        assert_string_equal(read_intake(f), "hello");
        inject_welcome(&f->inject);
}

static void test_hello_and_nothing_before_welcome(void **state)
{
        struct fixture *f = *state;
        assert_true(add(f, 1));
        assert_false(inject_flush(&f->inject, 1)); /* there is no connection */
        assert_true(f->inject.broker == (uid_t)-1);
        connect_now(f);
        assert_true(f->inject.broker == getuid());
        assert_string_equal(read_intake(f), "");
        assert_false(inject_flush(&f->inject, 1));
        assert_true(add(f, 2));
        assert_false(inject_flush(&f->inject, 1));
        assert_string_equal(read_intake(f), "hello");
        inject_welcome(&f->inject);
        assert_true(inject_flush(&f->inject, 1));
        assert_string_equal(read_intake(f), "inject 1 2");
        assert_int_equal(f->inject.sent_number, 2);
        assert_int_equal(f->inject.hello_number, 0);
        inject_hello(&f->inject);
        assert_true(inject_flush(&f->inject, 1)); /* chatd knows us already */
        assert_string_equal(read_intake(f), "hello");
        assert_int_equal(f->inject.hello_number, 2);
        assert_true(inject_flush(&f->inject, 1));
        assert_string_equal(read_intake(f), "");
}

static void test_the_words_of_hello(void **state)
{
        struct fixture *f = *state;
        struct frame hello = {0};
        connect_now(f);
        inject_flush(&f->inject, 1);
        ssize_t n = recv(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT);
        assert_int_equal(frame_decode(&hello, f->buffer, (size_t)n), 0);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_int_equal(hello.id, LINK_ID);
        assert_int_equal(hello.number, 0);
        assert_true(text_is_local_name(hello.name.at, hello.name.len));
        assert_true(text_is_name(hello.address.at, hello.address.len));
}

static void test_records_fill_a_frame(void **state)
{
        struct fixture *f = *state;
        char text[TEXT_MAX_BYTES];
        size_t header = RECORD_HEADER_BYTES + strlen("ann@b");
        memset(text, 'x', sizeof(text));
        connect_and_welcome(f);
        size_t left = FRAME_MAX_BYTES - FRAME_HEADER_BYTES - header - TEXT_MAX_BYTES;
        assert_true(add_text(f, 1, (struct slice){text, TEXT_MAX_BYTES}));
        assert_false(add_text(f, 2, (struct slice){text, left - header + 1})); /* one byte more than fits */
        assert_int_equal(f->inject.last, 1);
        assert_true(add_text(f, 2, (struct slice){text, left - header}));
        assert_false(add_text(f, 3, (struct slice){text, 0}));
        assert_int_equal(f->inject.size, FRAME_MAX_BYTES);
        assert_string_equal(read_intake(f), ""); /* not before it is flushed */
        assert_true(inject_flush(&f->inject, 1));
        assert_true(add(f, 3));
        assert_true(inject_flush(&f->inject, 1));
        assert_string_equal(read_intake(f), "inject 1 2, inject 3");
}

static void test_notices_in_their_order(void **state)
{
        struct fixture *f = *state;
        connect_and_welcome(f);
        uint64_t number = f->inject.notices;
        assert_true(add(f, 1));
        assert_false(inject_notice(&f->inject, slice_of("a"), (struct slice){"", 0}, 0)); /* a frame waits */
        assert_int_equal(f->inject.notices, number);
        assert_true(inject_flush(&f->inject, 1));
        assert_true(inject_notice(&f->inject, slice_of("a"), (struct slice){"", 0}, 0));
        assert_int_equal(f->inject.notices, number + 1);
        assert_false(inject_notice(&f->inject, slice_of("b"), (struct slice){"", 0}, 0));
        assert_false(add(f, 2));
        assert_int_equal(f->inject.last, 1);
        assert_true(inject_flush(&f->inject, 1));
        assert_int_equal(f->inject.sent_number, 1);
        assert_true(inject_notice(&f->inject, slice_of("b"), (struct slice){"", 0}, 0));
        assert_true(inject_flush(&f->inject, 1));
        assert_true(add(f, 2));
        assert_true(inject_flush(&f->inject, 1));
        assert_string_equal(read_intake(f), "inject 1, notice a, notice b, inject 2");
}

static void test_notices_of_two_processes_differ(void **state)
{
        struct fixture *f = *state;
        struct inject *other = malloc(sizeof(*other));
        inject_init(other, f->dir);
        assert_true(other->notices >> 63 && f->inject.notices >> 63);
        assert_true(other->notices != f->inject.notices);
        free(other);
}

static void test_a_full_intake(void **state)
{
        struct fixture *f = *state;
        uint64_t n = 1;
        connect_and_welcome(f);
        while (!f->inject.is_blocked) {
                assert_true(add(f, n++));
                inject_flush(&f->inject, 1);
                assert_in_range(n, 1, 100000);
        }
        assert_true(f->inject.socket >= 0);
        assert_int_equal(f->inject.sent_number, n - 2);
        assert_true(add(f, n)); /* the frame that waits takes more records */
        assert_false(inject_notice(&f->inject, slice_of("a"), (struct slice){"", 0}, 0));
        assert_false(inject_flush(&f->inject, 1));
        assert_true(f->inject.is_blocked);
        read_intake(f);
        assert_true(inject_flush(&f->inject, 1));
        assert_false(f->inject.is_blocked);
        char expected[64];
        snprintf(expected, sizeof(expected), "inject %llu %llu", (unsigned long long)n - 1, (unsigned long long)n);
        assert_string_equal(read_intake(f), expected);
        assert_int_equal(f->inject.sent_number, n);
}

static void test_the_intake_is_gone(void **state)
{
        struct fixture *f = *state;
        connect_and_welcome(f);
        assert_true(add(f, 1));
        assert_true(inject_flush(&f->inject, 1));
        close(f->intake);
        f->intake = rundir_bind(f->dir);
        assert_true(add(f, 2));
        assert_false(inject_flush(&f->inject, 1000));
        assert_int_equal(f->inject.socket, -1);
        assert_false(f->inject.is_blocked);
        assert_int_equal(f->inject.retry_at, 1000 + INJECT_RETRY_MIN_MS);
        inject_connect(&f->inject, f->inject.retry_at - 1); /* too early */
        assert_int_equal(f->inject.socket, -1);
        connect_now(f);
        assert_false(inject_flush(&f->inject, 1));
        assert_int_equal(f->inject.hello_number, 1);
        assert_string_equal(read_intake(f), "hello");
        inject_welcome(&f->inject);
        assert_true(inject_flush(&f->inject, 1));
        assert_string_equal(read_intake(f), "inject 2");
        assert_int_equal(f->inject.retry_ms, INJECT_RETRY_MIN_MS);
}

static void test_attempts_are_spaced(void **state)
{
        struct fixture *f = *state;
        int64_t now = 1, tries = 0;
        close(f->intake);
        for (; now < 10000; tries++) {
                inject_connect(&f->inject, now);
                assert_int_equal(f->inject.socket, -1);
                assert_in_range(f->inject.retry_at - now, INJECT_RETRY_MIN_MS, INJECT_RETRY_MAX_MS);
                now = f->inject.retry_at;
        }
        assert_in_range(tries, 10, 20);
        f->intake = rundir_bind(f->dir);
        connect_now(f);
        assert_true(f->inject.socket >= 0);
}

static void test_reading_again(void **state)
{
        struct fixture *f = *state;
        connect_and_welcome(f);
        assert_true(add(f, 1));
        assert_true(inject_flush(&f->inject, 1));
        assert_true(add(f, 2));
        inject_rewind(&f->inject, 0);
        assert_int_equal(f->inject.last, 0);
        assert_int_equal(f->inject.sent_number, 0);
        assert_true(add(f, 1));
        assert_true(inject_flush(&f->inject, 1));
        assert_true(inject_notice(&f->inject, slice_of("a"), (struct slice){"", 0}, 0));
        inject_rewind(&f->inject, 7);
        assert_true(inject_flush(&f->inject, 1));
        assert_int_equal(f->inject.sent_number, 7);
        assert_string_equal(read_intake(f), "inject 1, inject 1, notice a");
}

static void test_numbers_begin_anew_while_a_frame_waits(void **state)
{
        struct fixture *f = *state;
        connect_and_welcome(f);
        assert_true(add(f, 1));
        inject_number_above(&f->inject, 1000);
        assert_int_equal(f->inject.last, 1000);
        assert_true(inject_flush(&f->inject, 1));
        assert_int_equal(f->inject.sent_number, 1);
        assert_true(add(f, 1001));
        assert_true(inject_flush(&f->inject, 1));
        assert_int_equal(f->inject.sent_number, 1001);
        assert_string_equal(read_intake(f), "inject 1, inject 1001");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_hello_and_nothing_before_welcome),
                TEST(test_the_words_of_hello),
                TEST(test_records_fill_a_frame),
                TEST(test_notices_in_their_order),
                TEST(test_notices_of_two_processes_differ),
                TEST(test_a_full_intake),
                TEST(test_the_intake_is_gone),
                TEST(test_attempts_are_spaced),
                TEST(test_reading_again),
                TEST(test_numbers_begin_anew_while_a_frame_waits),
        };
        return RUN_TESTS(tests);
}
