/* Finding messages of IRC in input, however it is cut into reads. */
#include <stdio.h>

#include "../../chat-irc/reader.h"

#include "test.h"

/* Reads `input`, `step` bytes at a time. Returns the messages, each with "!" behind it if it was cut and "?" if its tags
 * were too long, and a "/" between them. */
static const char *messages_of(const char *input, size_t size, size_t step)
{
        static char text[4 * IRC_CLIENT_TAGS_MAX_BYTES];
        static struct reader r;
        int n = 0;
        r = (struct reader){0};
        text[0] = '\0';
        for (size_t at = 0; at < size; at += step) {
                const uint8_t *bytes = (const uint8_t *)input + at;
                size_t left = size - at < step ? size - at : step;
                enum reader_result result;
                struct slice line;
                while ((result = reader_take(&r, &bytes, &left, &line)) != READER_MORE)
                        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%.*s%s", n > 0 ? "/" : "", (int)line.len,
                                      line.at,
                                      result == READER_CUT             ? "!"
                                      : result == READER_TAGS_TOO_LONG ? "?"
                                                                       : "");
                assert_int_equal(left, 0);
        }
        return text;
}

static void assert_messages(const char *input, size_t size, const char *messages)
{
        for (size_t step = 1; step <= size; step = step < 8 ? step + 1 : step * 3)
                assert_string_equal(messages_of(input, size, step), messages);
}

static void test_line_ends(void **state)
{
        (void)state;
        assert_messages("A\r\nB\nC\rD\n\rE\r\n\r\n\n", 17, "A/B/C/D/E");
        assert_messages("\r\n\r\nA b c", 9, ""); /* no line end yet */
        assert_messages("P\0I\0NG\n\0\n", 9, "PING");
}

static void test_a_message_that_is_too_long(void **state)
{
        (void)state;
        char input[IRC_LINE_MAX_BYTES * 3], expected[IRC_LINE_MAX_BYTES * 3];
        memset(input, 'a', sizeof(input));
        input[IRC_LINE_MAX_BYTES - 2] = '\n'; /* as long as it may be */
        memset(input + IRC_LINE_MAX_BYTES, 'b', IRC_LINE_MAX_BYTES);
        memcpy(input + 2 * IRC_LINE_MAX_BYTES, "\nC\n", 3);
        int n = snprintf(expected, sizeof(expected), "%.*s/", IRC_LINE_MAX_BYTES - 2, input);
        n += snprintf(expected + n, sizeof(expected) - (size_t)n, "a%.*s!/C", IRC_LINE_MAX_BYTES - 3,
                      input + IRC_LINE_MAX_BYTES);
        assert_messages(input, 2 * IRC_LINE_MAX_BYTES + 3, expected);
}

static void test_a_cut_between_characters(void **state)
{
        (void)state;
        char input[IRC_LINE_MAX_BYTES + 3], expected[IRC_LINE_MAX_BYTES + 1];
        input[0] = 'x';
        for (size_t i = 1; i < sizeof(input) - 1; i++)
                input[i] = "\xe2\x82\xac"[(i - 1) % 3];
        input[sizeof(input) - 1] = '\n';
        size_t kept = 1 + (IRC_LINE_MAX_BYTES - 3) / 3 * 3;
        snprintf(expected, sizeof(expected), "%.*s!", (int)kept, input);
        assert_messages(input, sizeof(input), expected);
}

static void test_tags_have_a_limit_of_their_own(void **state)
{
        (void)state;
        char input[IRC_CLIENT_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES], expected[sizeof(input) + 1];
        memset(input, 'a', sizeof(input));
        input[0] = '@';
        input[IRC_CLIENT_TAGS_MAX_BYTES - 1] = ' ';
        input[sizeof(input) - 2] = '\n';
        input[sizeof(input) - 1] = '\n';
        snprintf(expected, sizeof(expected), "%.*s", (int)sizeof(input) - 2, input);
        assert_messages(input, sizeof(input), expected);
        input[IRC_CLIENT_TAGS_MAX_BYTES - 1] = 'a';
        input[IRC_CLIENT_TAGS_MAX_BYTES] = ' ';
        snprintf(expected, sizeof(expected), "%.*s?", IRC_CLIENT_TAGS_MAX_BYTES, input);
        assert_messages(input, sizeof(input), expected);
}

/* A megabyte without a line end is one message, of which the beginning is kept. */
static void test_no_line_end(void **state)
{
        (void)state;
        static char input[1 << 20];
        memset(input, 'a', sizeof(input));
        input[sizeof(input) - 1] = '\n';
        for (int tags = 0; tags < 2; tags++) {
                input[0] = tags ? '@' : 'a';
                const char *messages = messages_of(input, sizeof(input), 4096);
                size_t most = tags ? IRC_CLIENT_TAGS_MAX_BYTES : IRC_LINE_MAX_BYTES - 2;
                assert_int_equal(strlen(messages), most + 1);
                assert_int_equal(messages[most], tags ? '?' : '!');
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line_ends),
                cmocka_unit_test(test_a_message_that_is_too_long),
                cmocka_unit_test(test_a_cut_between_characters),
                cmocka_unit_test(test_tags_have_a_limit_of_their_own),
                cmocka_unit_test(test_no_line_end),
        };
        return RUN_TESTS(tests);
}
