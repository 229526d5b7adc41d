#include <stdio.h>

#include "../../chat-session/lines.h"

#include "test.h"

/* What came out, one event per line: "L:text", "P:text" or "E:". */
struct result {
        char events[64 * 1024];
        size_t len;
};

static void collect(void *user, enum lines_event event, const char *text, size_t len)
{
        struct result *r = user;
        static const char kinds[] = {[LINES_LINE] = 'L', [LINES_PIECE] = 'P', [LINES_END] = 'E'};
        r->len += (size_t)snprintf(r->events + r->len, sizeof(r->events) - r->len, "%c:%.*s\n", kinds[event], (int)len,
                                   text);
        assert_true(r->len < sizeof(r->events));
}

static void push_all(struct result *r, const char *in, size_t n, bool at_once)
{
        static struct lines l;
        r->len = 0;
        r->events[0] = '\0';
        lines_init(&l, collect, r);
        while (n > 0) {
                size_t plain = at_once ? text_plain(in, n) : 0, taken = plain > 0 ? plain : 1;
                if (plain > 0)
                        lines_push_plain(&l, in, plain);
                else
                        lines_push(&l, (uint8_t)*in);
                in += taken;
                n -= taken;
        }
        lines_finish(&l);
}

/* What comes byte by byte, which is the same where plain text is taken at once. */
static struct result *run(const char *in, size_t n)
{
        static struct result r, same;
        push_all(&r, in, n, false);
        push_all(&same, in, n, true);
        assert_string_equal(same.events, r.events);
        return &r;
}

#define ASSERT_LINES(literal, expected) assert_string_equal(run(literal, sizeof(literal) - 1)->events, expected)

static void test_every_line_end(void **state)
{
        (void)state;
        ASSERT_LINES("a\r\nb\r\n", "L:a\nL:b\n");
        ASSERT_LINES("a\r\0b\r\0", "L:a\nL:b\n");
        ASSERT_LINES("a\nb\n", "L:a\nL:b\n");
        ASSERT_LINES("a\rb\r", "L:a\nL:b\n");
        ASSERT_LINES("a\r\r\nb\n\n", "L:a\nL:\nL:b\nL:\n");
        ASSERT_LINES("\n\r\n", "L:\nL:\n");
        ASSERT_LINES("a\r\n\0b\n", "L:a\nL:^@b\n"); /* one byte is swallowed behind CR, no more */
}

static void test_carriage_return_ends_the_line_at_once(void **state)
{
        (void)state;
        static struct lines l;
        static struct result r;
        lines_init(&l, collect, &r);
        lines_push(&l, 'a');
        lines_push(&l, '\r');
        assert_string_equal(r.events, "L:a\n"); /* the read ended here; the LF comes with the next one */
        lines_push(&l, '\n');
        lines_push(&l, 'b');
        lines_push(&l, '\n');
        assert_string_equal(r.events, "L:a\nL:b\n");
}

static void test_end_of_input(void **state)
{
        (void)state;
        ASSERT_LINES("no line end", "L:no line end\n");
        ASSERT_LINES("a\n", "L:a\n");
        ASSERT_LINES("", "");
        ASSERT_LINES("cut \xe2\x82", "L:cut \ufffd\n");
        ASSERT_LINES("cut \xe2\x82\nnext\n", "L:cut \ufffd\nL:next\n");
}

static void test_end_of_transmission(void **state)
{
        (void)state;
        ASSERT_LINES("a\n\4", "L:a\nE:\n");
        ASSERT_LINES("a\4b\n", "L:a^Db\n");
}

static void test_text_is_cleaned(void **state)
{
        (void)state;
        ASSERT_LINES("x\x1b[2J\xff\n", "L:x^[[2J\ufffd\n");
}

static void test_exact_limit_is_one_line(void **state)
{
        (void)state;
        static char in[TEXT_MAX_BYTES + 2];
        memset(in, 'x', sizeof(in));
        in[TEXT_MAX_BYTES] = '\n';
        struct result *r = run(in, TEXT_MAX_BYTES + 1);
        assert_int_equal(r->len, 2 + TEXT_MAX_BYTES + 1);
        assert_memory_equal(r->events, "L:x", 3);

        in[TEXT_MAX_BYTES] = 'y';
        in[TEXT_MAX_BYTES + 1] = '\n';
        r = run(in, TEXT_MAX_BYTES + 2);
        assert_memory_equal(r->events, "P:x", 3);
        assert_string_equal(r->events + 2 + TEXT_MAX_BYTES, "\nP:y\n");
}

static void test_pieces_are_cut_at_characters(void **state)
{
        (void)state;
        static char in[3 * 4000];
        for (size_t i = 0; i < sizeof(in); i += 3)
                memcpy(in + i, "€", 3);
        struct result *r = run(in, sizeof(in));
        size_t total = 0;
        for (char *line = strtok(r->events, "\n"); line; line = strtok(NULL, "\n")) {
                size_t len = strlen(line + 2);
                assert_int_equal(line[0], 'P');
                assert_int_equal(len % 3, 0);
                assert_in_range(len, 1, TEXT_MAX_BYTES);
                total += len;
        }
        assert_int_equal(total, sizeof(in));
}

static void test_a_line_that_fills_up_with_its_last_half_character(void **state)
{
        (void)state;
        static char in[TEXT_MAX_BYTES + 1];
        memset(in, 'x', sizeof(in));
        in[TEXT_MAX_BYTES - 1] = '\xe2';
        in[TEXT_MAX_BYTES] = '\n';
        struct result *r = run(in, sizeof(in));
        assert_string_equal(r->events + 2 + TEXT_MAX_BYTES - 1, "\nP:\ufffd\n");
}

static void test_discard(void **state)
{
        (void)state;
        static struct lines l;
        static struct result r;
        lines_init(&l, collect, &r);
        lines_push(&l, 'a');
        lines_push(&l, 0xe2);
        lines_discard(&l);
        lines_push(&l, 'b');
        lines_push(&l, '\n');
        assert_string_equal(r.events, "L:b\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_line_end),
                cmocka_unit_test(test_carriage_return_ends_the_line_at_once),
                cmocka_unit_test(test_end_of_input),
                cmocka_unit_test(test_end_of_transmission),
                cmocka_unit_test(test_text_is_cleaned),
                cmocka_unit_test(test_exact_limit_is_one_line),
                cmocka_unit_test(test_pieces_are_cut_at_characters),
                cmocka_unit_test(test_a_line_that_fills_up_with_its_last_half_character),
                cmocka_unit_test(test_discard),
        };
        return RUN_TESTS(tests);
}
