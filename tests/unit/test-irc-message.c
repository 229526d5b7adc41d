/* Messages of IRC: parsing, tags, and writing within the limits. */
#include <errno.h>
#include <stdio.h>

#include "../../chat-irc/message.h"

#include "test.h"

/* Parses `line` and writes its parts as "tags|source|command|param|param". */
static const char *parts_of(const char *line)
{
        static char text[2 * IRC_LINE_MAX_BYTES];
        struct irc_message m;
        int r = irc_parse(&m, slice_of(line));
        if (r != 0)
                return r == 1 ? "nothing" : "bad";
        int n = snprintf(text, sizeof(text), "%.*s|%.*s|%.*s", (int)m.tags.len, m.tags.at, (int)m.source.len,
                         m.source.at, (int)m.command.len, m.command.at);
        for (size_t i = 0; i < m.params_count; i++)
                n += snprintf(text + n, sizeof(text) - (size_t)n, "|%.*s", (int)m.params[i].len, m.params[i].at);
        return text;
}

static void test_parts_of_a_message(void **state)
{
        (void)state;
        assert_string_equal(parts_of("QUIT"), "||QUIT");
        assert_string_equal(parts_of("quit  "), "||quit");
        assert_string_equal(parts_of("PRIVMSG #den :hello  there"), "||PRIVMSG|#den|hello  there");
        assert_string_equal(parts_of("PRIVMSG   #den    word"), "||PRIVMSG|#den|word");
        assert_string_equal(parts_of("PRIVMSG #den ::)"), "||PRIVMSG|#den|:)");
        assert_string_equal(parts_of("TOPIC #den :"), "||TOPIC|#den|");
        assert_string_equal(parts_of(":ann!u@h 001 ann :Welcome"), "|ann!u@h|001|ann|Welcome");
        assert_string_equal(parts_of("@label=7;+a :x  PING a:b c"), "label=7;+a|x|PING|a:b|c");
        assert_string_equal(parts_of("  PING  x"), "||PING|x");
        assert_string_equal(parts_of("A 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 :17"),
                            "||A|1|2|3|4|5|6|7|8|9|10|11|12|13|14|15 16 :17");
        assert_string_equal(parts_of("A 1 2 3 4 5 6 7 8 9 10 11 12 13 14 :15 16"),
                            "||A|1|2|3|4|5|6|7|8|9|10|11|12|13|14|15 16");
}

static void test_no_message(void **state)
{
        (void)state;
        static const char *const bad[] = {"@tag",   ":source", "@tag :source", "12",     "1234",
                                          "PRIV-M", "P1",      "\x16\x03",     ":a  :b", "gr\xc3\xbc\xc3\x9f"};
        assert_string_equal(parts_of(""), "nothing");
        assert_string_equal(parts_of("   "), "nothing");
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_string_equal(parts_of(bad[i]), "bad");
}

static void test_tags(void **state)
{
        (void)state;
        struct slice rest = slice_of("a=1;;+b;c=;a=x\\sy\\:"), value = {"", 0};
        struct irc_tag tag;
        char text[16];
        assert_true(irc_next_tag(&rest, &tag));
        assert_true(slice_equal(tag.key, slice_of("a")) && slice_equal(tag.value, slice_of("1")));
        assert_true(irc_next_tag(&rest, &tag));
        assert_true(slice_equal(tag.key, slice_of("+b")) && tag.value.len == 0);
        assert_true(irc_next_tag(&rest, &tag));
        assert_true(slice_equal(tag.key, slice_of("c")) && tag.value.len == 0);
        assert_true(irc_find_tag(slice_of("a=1;a=x\\sy\\:"), "a", &value));
        size_t len = irc_unescape(value, text, sizeof(text));
        assert_true(slice_equal((struct slice){text, len}, slice_of("x y;")));
        assert_false(irc_find_tag(slice_of("ab=1"), "a", &value));
}

static void test_escapes(void **state)
{
        (void)state;
        static const char plain[] = "a;b c\\d\re\nf", written[] = "a\\:b\\sc\\\\d\\re\\nf";
        char text[64];
        size_t len = irc_escape(slice_of(plain), text, sizeof(text));
        assert_true(slice_equal((struct slice){text, len}, slice_of(written)));
        len = irc_unescape(slice_of(written), text, sizeof(text));
        assert_true(slice_equal((struct slice){text, len}, slice_of(plain)));
        len = irc_unescape(slice_of("\\b\\"), text, sizeof(text)); /* no escape, and half of one */
        assert_true(slice_equal((struct slice){text, len}, slice_of("b")));
        assert_int_equal(irc_escape(slice_of(";;"), text, 3), 2); /* no half of an escape */
        assert_int_equal(irc_unescape(slice_of("abc"), text, 2), 2);
}

/* Writes a message with these parameters. Returns it, or "" if it cannot be written. */
static const char *written(const char *tags, const char *source, const char *command, const char *const params[])
{
        static char out[IRC_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES + 1];
        struct irc_message m = {.tags = slice_of(tags), .source = slice_of(source), .command = slice_of(command)};
        while (params[m.params_count]) {
                m.params[m.params_count] = slice_of(params[m.params_count]);
                m.params_count++;
        }
        out[irc_write(&m, out)] = '\0';
        return out;
}

#define PARAMS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_writing(void **state)
{
        (void)state;
        assert_string_equal(written("", "", "PONG", PARAMS("x")), "PONG x\r\n");
        assert_string_equal(written("", "s.t", "332", PARAMS("ann", "#den", "tea at five")),
                            ":s.t 332 ann #den :tea at five\r\n");
        assert_string_equal(written("time=1;a", "ann!u@h", "PRIVMSG", PARAMS("#den", ":)")),
                            "@time=1;a :ann!u@h PRIVMSG #den ::)\r\n");
        assert_string_equal(written("", "", "TOPIC", PARAMS("#den", "")), "TOPIC #den :\r\n");
        assert_string_equal(written("", "", "QUIT", (const char *const[]){NULL}), "QUIT\r\n");
}

static void test_what_cannot_be_written(void **state)
{
        (void)state;
        assert_string_equal(written("", "", "P1", PARAMS("x")), "");
        assert_string_equal(written("a b", "", "PING", PARAMS("x")), "");
        assert_string_equal(written("", "a b", "PING", PARAMS("x")), "");
        assert_string_equal(written("", "", "PING", PARAMS("", "x")), "");
        assert_string_equal(written("", "", "PING", PARAMS(":a", "x")), "");
        assert_string_equal(written("", "", "PING", PARAMS("a b", "x")), "");
        assert_string_equal(written("", "", "PING", PARAMS("a\nQUIT")), "");
        assert_string_equal(written("", "", "PING", PARAMS("a\rQUIT")), "");
}

static void test_limits(void **state)
{
        (void)state;
        char text[IRC_LINE_MAX_BYTES + 1], odd[IRC_LINE_MAX_BYTES + 1];
        struct irc_message m = {.tags = {"", 0},
                                .source = slice_of("s.t"),
                                .command = slice_of("PRIVMSG"),
                                .params = {slice_of("#den"), slice_of("")},
                                .params_count = 2};
        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        size_t room = irc_room_for_last(&m);
        const char *out = written("", "s.t", "PRIVMSG", PARAMS("#den", text));
        assert_int_equal(strlen(out), IRC_LINE_MAX_BYTES - 1); /* there is no ":", as the text has no blank */
        assert_int_equal(room, IRC_LINE_MAX_BYTES - strlen(":s.t PRIVMSG #den :\r\n"));
        for (size_t i = 0; i + 1 < sizeof(odd); i++)
                odd[i] = "\xc3\xa4"[i % 2];
        odd[sizeof(odd) - 1] = '\0';
        out = written("", "s.t", "PRIVMSG", PARAMS("#den", odd));
        assert_int_equal(strlen(out), strlen(":s.t PRIVMSG #den \r\n") + room / 2 * 2);
        assert_string_equal(written("", "", "PING", PARAMS(text, "x")), "");
        text[IRC_LINE_MAX_BYTES - strlen("PING :\r\n")] = '\0';
        assert_int_equal(strlen(written("", "", "PING", PARAMS(text))), IRC_LINE_MAX_BYTES - 1);
        text[IRC_LINE_MAX_BYTES - strlen("PING  :\r\n")] = '\0';
        assert_int_equal(strlen(written("", "", "PING", PARAMS(text, ""))), IRC_LINE_MAX_BYTES);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts_of_a_message),
                cmocka_unit_test(test_no_message),
                cmocka_unit_test(test_tags),
                cmocka_unit_test(test_escapes),
                cmocka_unit_test(test_writing),
                cmocka_unit_test(test_what_cannot_be_written),
                cmocka_unit_test(test_limits),
        };
        return RUN_TESTS(tests);
}
