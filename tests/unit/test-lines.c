#include <stdio.h>

#include <chat/safe-text.h>

#include "../../chat-session/lines.h"

#include "test.h"

/* The events, one per line: "L:text", "P:text", "X:text" for the last piece, "E:" or "C:". */
struct result {
        char events[64 * 1024];
        size_t len;
};

static void collect(void *user, enum lines_event event, const char *text, size_t len)
{
        struct result *r = user;
        static const char kinds[] = {[LINES_LINE] = 'L',
                                     [LINES_PIECE] = 'P',
                                     [LINES_LAST] = 'X',
                                     [LINES_END] = 'E',
                                     [LINES_INTERRUPT] = 'C'};
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

/* Returns the events of these bytes. They must be the same byte by byte and with plain text taken at once. */
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
        ASSERT_LINES("a\n\rb\n\r", "L:a\nL:b\n");
        ASSERT_LINES("\n\r\n", "L:\nL:\n");
        ASSERT_LINES("a\r\n\0b\n", "L:a\nL:b\n");
        ASSERT_LINES("a\r\r\0\n", "L:a\nL:\nL:\n"); /* only one byte is swallowed behind CR */
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
        ASSERT_LINES("cut \xe2\x82", "L:cut \xe2\x82\n");
        ASSERT_LINES("cut \xe2\x82\nnext\n", "L:cut \xe2\x82\nL:next\n");
}

static void test_end_of_transmission(void **state)
{
        (void)state;
        ASSERT_LINES("a\n\4", "L:a\nE:\n");
        ASSERT_LINES("a\4b\n", "L:a\4b\n");
}

static void test_text_is_as_it_was_typed(void **state)
{
        (void)state;
        ASSERT_LINES("x\t\x01\xff\n", "L:x\t\x01\xff\n");
        ASSERT_LINES("\0a\0\0b\0\n\0", "L:ab\n");
        ASSERT_LINES("a\3b\n", "C:\nL:ab\n");
}

static void test_erasing(void **state)
{
        (void)state;
        ASSERT_LINES("hellp\b\blo\n", "L:hello\n");
        ASSERT_LINES("\b\x7f\x15\x17hi\n", "L:hi\n");
        ASSERT_LINES("a漢\x7f\n", "L:a\n");
        ASSERT_LINES("a👩‍👩‍👧\bb\n", "L:ab\n");
        ASSERT_LINES("ne\u0301\u0302\b\n", "L:n\n");
        ASSERT_LINES("a\xe2\x82\b\b\n", "L:a\n"); /* an incomplete character is erased byte by byte */
        ASSERT_LINES("one two  \x17three\n", "L:one three\n");
        ASSERT_LINES("one\ttwo\x17\n", "L:one\t\n");
        ASSERT_LINES("/msg ann psst\x15hello\n", "L:hello\n");
        ASSERT_LINES("x\b\4", "E:\n");
}

static void test_keys_add_nothing(void **state)
{
        (void)state;
        ASSERT_LINES("a\x1b[A\x1b[1;5C\x1b[3~\x1bOP\x1b[[A\x1b[200~b\x1b\n", "L:ab\n");
        ASSERT_LINES("\x1b\x1b[Ax\n", "L:x\n");
        ASSERT_LINES("\x1bx\n", "L:x\n"); /* the ESC key, and a letter */
        ASSERT_LINES("\x1b[\nx\n", "L:\nL:x\n");
        ASSERT_LINES("\x1b[12345678901234567end\n", "L:7end\n"); /* at most ESCAPE_MAX_BYTES are swallowed */
        ASSERT_LINES("\x1b[1é\n", "L:é\n");
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
        assert_string_equal(r->events + 2 + TEXT_MAX_BYTES, "\nX:y\n");
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
                assert_int_equal(line[0], total + len == sizeof(in) ? 'X' : 'P');
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
        assert_string_equal(r->events + 2 + TEXT_MAX_BYTES - 1, "\xe2\n");
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
                cmocka_unit_test(test_text_is_as_it_was_typed),
                cmocka_unit_test(test_erasing),
                cmocka_unit_test(test_keys_add_nothing),
                cmocka_unit_test(test_exact_limit_is_one_line),
                cmocka_unit_test(test_pieces_are_cut_at_characters),
                cmocka_unit_test(test_a_line_that_fills_up_with_its_last_half_character),
                cmocka_unit_test(test_discard),
        };
        return RUN_TESTS(tests);
}
