#include <stdio.h>

#include "../../chat-session/wrap.h"

#include "test.h"

/* Returns the rows, with "|" between them. */
static const char *wrapped(const char *text, size_t columns)
{
        static char rows[512];
        struct slice rest = slice_of(text);
        size_t len = 0;
        do {
                struct slice row = wrap_next(&rest, columns);
                len += (size_t)snprintf(rows + len, sizeof(rows) - len, "%s%.*s", len > 0 ? "|" : "", (int)row.len,
                                        row.at);
                assert_true(len < sizeof(rows));
        } while (rest.len > 0);
        return rows;
}

static void test_words(void **state)
{
        (void)state;
        assert_string_equal(wrapped("", 20), "");
        assert_string_equal(wrapped("twenty columns fit_.", 20), "twenty columns fit_.");
        assert_string_equal(wrapped("twenty columns fit_..", 20), "twenty columns|fit_..");
        assert_string_equal(wrapped("twenty columns fit_.  and  more", 20), "twenty columns fit_.|and  more");
        assert_string_equal(wrapped("an end of blanks                    ", 20),
                            "an end of blanks                    ");
        assert_string_equal(wrapped("  indented words go on and on", 20), "  indented words go|on and on");
}

static void test_long_words(void **state)
{
        (void)state;
        assert_string_equal(wrapped("abcdefghijklmnopqrstuvwxyz", 20), "abcdefghijklmnopqrst|uvwxyz");
        assert_string_equal(wrapped("to abcdefghijklmnopqrstuvwxyz", 20), "to|abcdefghijklmnopqrst|uvwxyz");
}

/* Columns are counted, not bytes: é has two bytes, 漢 three bytes and two columns. */
static void test_width(void **state)
{
        (void)state;
        assert_string_equal(
                wrapped("\xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 abcd x", 20),
                "\xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 abcd|x");
        assert_string_equal(wrapped("0123456789012345678\xe6\xbc\xa2", 20), "0123456789012345678|\xe6\xbc\xa2");
        assert_string_equal(wrapped("012345678901234567\xe6\xbc\xa2 x", 20), "012345678901234567\xe6\xbc\xa2|x");
}

static void test_a_blank_with_a_mark_is_no_blank(void **state)
{
        (void)state;
        assert_string_equal(wrapped("0123456789 \u0301 x", 10), "0123456789| \u0301 x");
        assert_string_equal(wrapped("01234567 8 \u0301x", 10), "01234567|8 \u0301x");
}

/* Terminals that do not know clusters show each of the pictures. */
static void test_widest(void **state)
{
        (void)state;
        assert_string_equal(wrapped("0123456789abcd 👩\u200d👩\u200d👧", 20), "0123456789abcd|👩\u200d👩\u200d👧");
        assert_string_equal(wrapped("01234567 👩\u200d👩\u200d👧", 20), "01234567 👩\u200d👩\u200d👧");
        assert_string_equal(wrapped("x👩\u200d👩\u200d👩\u200d👩\u200d👩\u200d👧y", 10),
                            "x|👩\u200d👩\u200d👩\u200d👩\u200d👩\u200d👧|y");
}

static void test_colors_have_no_width(void **state)
{
        (void)state;
        assert_string_equal(wrapped("\x1b[36mann\x1b[0m: 0123456 x", 14), "\x1b[36mann\x1b[0m: 0123456 x");
        assert_string_equal(wrapped("\x1b[36mann\x1b[0m: 0123456 xy", 14), "\x1b[36mann\x1b[0m: 0123456|xy");
}

static void test_no_width(void **state)
{
        (void)state;
        assert_string_equal(wrapped("nobody knows how wide it is", 0), "nobody knows how wide it is");
        assert_string_equal(wrapped("too narrow to break anything", WRAP_COLUMNS_MIN - 1),
                            "too narrow to break anything");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),    cmocka_unit_test(test_long_words),
                cmocka_unit_test(test_width),    cmocka_unit_test(test_a_blank_with_a_mark_is_no_blank),
                cmocka_unit_test(test_widest),   cmocka_unit_test(test_colors_have_no_width),
                cmocka_unit_test(test_no_width),
        };
        return RUN_TESTS(tests);
}
