#include <stdio.h>

#include "../../chat-session/editor.h"
#include "../../chat-session/grapheme.h"

#include "../screen.h"
#include "test.h"

#define LEFT "\x1b[D"
#define RIGHT "\x1b[C"
#define UP "\x1b[A"
#define DOWN "\x1b[B"
#define HOME "\x1b[H"
#define END "\x1b[F"
#define DELETE "\x1b[3~"

#define E_ACUTE "e\u0301" /* of two characters */
#define WOMAN_IN_SPACE "\U0001f469\u200d\U0001f680"
#define FLAG "\U0001f1eb\U0001f1f7"
#define FLAG_2 "\U0001f1e9\U0001f1ea"
#define WAVE "\U0001f44b\U0001f3fd"
#define HEART "\u2764\ufe0f"

static struct editor editor;
static struct screen screens[SCREEN_KINDS];
static size_t drawn; /* bytes that the last assert_row() drew */

static int setup(void **state)
{
        (void)state;
        memset(&editor, 0, sizeof(editor));
        for (size_t i = 0; i < SCREEN_KINDS; i++) {
                screen_clear(&screens[i], (enum screen_kind)i, SIZE_MAX);
                screen_show(&screens[i], "something else", 14);
        }
        return 0;
}

/* Types these keys. Returns the last event; the keys before the last must have none. */
static enum editor_event type_bytes(const char *keys, size_t size)
{
        enum editor_event event = EDITOR_NOTHING;
        for (size_t i = 0; i < size; i++) {
                assert_int_equal(event, EDITOR_NOTHING);
                event = editor_push(&editor, (uint8_t)keys[i]);
                assert_true(editor.cursor <= editor.len);
        }
        return event;
}

static enum editor_event type(const char *keys)
{
        return type_bytes(keys, strlen(keys));
}

/* Asserts the line, with "|" at the place of the cursor. */
static void assert_line(const char *expected)
{
        char line[TEXT_MAX_BYTES + 2];
        memcpy(line, editor.text, editor.cursor);
        line[editor.cursor] = '|';
        memcpy(line + editor.cursor + 1, editor.text + editor.cursor, editor.len - editor.cursor);
        line[editor.len + 1] = '\0';
        assert_string_equal(line, expected);
}

static void assert_typed(const char *keys, const char *expected)
{
        assert_int_equal(type(keys), EDITOR_NOTHING);
        assert_line(expected);
}

static void enter(const char *line)
{
        type(line);
        assert_int_equal(type("\r"), EDITOR_LINE);
        editor_next(&editor);
        assert_line("|");
}

/* Draws the row on every terminal; none may wrap. */
static void draw(void)
{
        char out[EDITOR_DRAW_MAX_BYTES];
        drawn = editor_draw(&editor, out);
        assert_true(drawn <= EDITOR_DRAW_MAX_BYTES);
        assert_false(editor.is_changed || editor.bell);
        for (size_t i = 0; i < SCREEN_KINDS; i++) {
                struct screen *s = &screens[i];
                s->columns = editor.row.columns > 0 ? editor.row.columns : ROW_COLUMNS_CERTAIN;
                screen_show(s, out, drawn);
                assert_false(s->strange || s->wrapped);
        }
}

/* Asserts what the row shows on every terminal, with "|" at the place of the cursor. */
static void assert_row(const char *expected)
{
        char text[EDITOR_DRAW_MAX_BYTES];
        size_t cursor = strcspn(expected, "|");
        snprintf(text, sizeof(text), "%.*s%s", (int)cursor, expected, expected + cursor + 1);
        draw();
        for (size_t i = 0; i < SCREEN_KINDS; i++)
                if (!screen_has(&screens[i], slice_of(text), cursor))
                        fail_msg("not %s on the terminal of kind %zu", expected, i);
}

/* Asserts that these keys change the row to `expected`, and that drawing it takes so many bytes. */
static void assert_costs(const char *keys, const char *expected, size_t bytes)
{
        type(keys);
        assert_row(expected);
        if (drawn != bytes)
                fail_msg("%s costs %zu bytes, not %zu", expected, drawn, bytes);
}

static void assert_refused(const char *keys)
{
        editor.bell = false;
        type(keys);
        assert_true(editor.bell);
}

static void test_typing(void **state)
{
        (void)state;
        assert_row("|");
        assert_typed("hello", "hello|");
        assert_row("hello|");
        assert_typed(LEFT LEFT, "hel|lo");
        assert_row("hel|lo");
        assert_typed("p, ", "help, |lo");
        assert_typed(RIGHT RIGHT RIGHT, "help, lo|");
        assert_int_equal(type("\r"), EDITOR_LINE);
        assert_memory_equal(editor.text, "help, lo", editor.len);
        editor_next(&editor);
        assert_int_equal(type("\n"), EDITOR_NOTHING); /* the second half of CR LF */
        assert_int_equal(type("\n"), EDITOR_LINE);
        assert_int_equal(type("\r"), EDITOR_NOTHING); /* the second half of LF CR */
        assert_int_equal(type("\r"), EDITOR_LINE);
        assert_int_equal(type_bytes("\0", 1), EDITOR_NOTHING);
        assert_int_equal(type_bytes("\0x", 2), EDITOR_NOTHING);
        assert_line("x|");
}

static void test_keys(void **state)
{
        (void)state;
        assert_typed("one two" HOME "X", "X|one two");
        assert_typed(END "X", "Xone twoX|");
        assert_typed("\x7f\b\b", "Xone t|");
        assert_typed("\x01\x04", "|one t");
        assert_typed("\x05\x02\x02", "one| t");
        assert_typed(DELETE "\x06", "onet|");
        assert_typed("\x02\x0b", "one|");
        assert_typed("\x02\x15", "|e");
        assert_typed("\x05 two  three  \x17", "e two  |");
        assert_typed("\x17\x17", "|");
        assert_refused("\x17");
        assert_typed("one two three" HOME "\x1b[1;5C", "one| two three");
        assert_typed("\x1b[1;5C\x1b[1;3C\x1b[1;5D", "one two |three");
        assert_typed("\x1b"
                     "b\x1b"
                     "d",
                     "one | three");
        assert_typed("\x1b"
                     "f\x1b\x7f",
                     "one  |");
        assert_typed("\x1b[1~\x1b[4~\x1b[7~\x1b[8~x\x1bOD\x1bOH\x1bOF\x1bOD", "one  |x");
        editor_draw(&editor, (char[EDITOR_DRAW_MAX_BYTES]){0});
        assert_typed("\x0c", "one  |x");
        assert_true(editor.is_changed);
        assert_refused("\x07");
        assert_refused("\x1a");
        assert_line("one  |x");
}

static void test_at_the_ends(void **state)
{
        (void)state;
        assert_int_equal(type("\x04"), EDITOR_END);
        assert_typed(DELETE LEFT RIGHT UP, "|");
        assert_refused("\x7f");
        assert_refused(DELETE "\x7f");
        type("a");
        assert_refused("\x04");
        assert_refused(HOME "\x7f");
        assert_refused("\x15");
        assert_refused(END "\x0b");
        assert_int_equal(type("\x03"), EDITOR_INTERRUPT);
        assert_int_equal(type("\t"), EDITOR_COMPLETE);
        assert_line("a|");
        editor_discard(&editor);
        assert_line("|");
        assert_int_equal(type("\x04"), EDITOR_END);
}

/* The editor gets a byte at a time anyhow. Here the row is drawn between the bytes of a sequence. */
static void test_sequences_that_are_cut(void **state)
{
        (void)state;
        type("abc");
        for (const char *at = LEFT "\x1b[1;5D" RIGHT DELETE; *at; at++) {
                type_bytes(at, 1);
                draw();
        }
        assert_line("a|c");
        type("\xe2");
        assert_row("a|c");
        type("\x82");
        assert_row("a|c");
        type("\xac");
        assert_row("a€|c");
}

static void test_sequences_that_are_none(void **state)
{
        (void)state;
        char many[201];
        assert_typed("\x1bxyz", "xyz|"); /* ESC alone is no key */
        assert_typed("\x1b[99;99Za\x1b[20~b\x1bOPc\x1b[?1;2cd", "xyzabcd|");
        assert_typed("\x1b[12\x7f", "xyzabc|"); /* another key ends it */
        assert_typed("\x1b[1\x1b[D\x1b\x1b[D", "xyza|bc");
        assert_typed("\x1b[€", "xyza€|bc");
        assert_typed("\x1b\xc3\xa4", "xyza€ä|bc");
        assert_int_equal(type("\x1b[5\r"), EDITOR_LINE);
        editor_next(&editor);
        memset(many, '1', 200); /* a sequence that does not end */
        many[200] = '\0';
        type("\x1b[");
        type(many);
        assert_int_equal(editor.len, 200 - ESCAPE_MAX_BYTES);
        assert_int_equal(type("\x1b[11111\x03"), EDITOR_INTERRUPT);
        editor_discard(&editor);
        type("\x1b[");
        editor_discard(&editor);
        assert_typed("A", "A|");
}

static void test_text_is_cleaned(void **state)
{
        (void)state;
        assert_typed("a\xff"
                     "b\xe2\x82"
                     "c\xc2\x9b\u202e",
                     "a\ufffdb\ufffdc<U+009B><U+202E>|");
        editor_discard(&editor);
        assert_typed("a\xe2\x82" LEFT, "a|\ufffd");
        assert_int_equal(type("\xf0\x9f\r"), EDITOR_LINE);
        assert_line("a\ufffd|\ufffd");
        editor_next(&editor);
        type("\xf0\x9f");
        editor_discard(&editor);
        assert_typed("x", "x|");
}

static void test_clusters(void **state)
{
        (void)state;
        static const char *const one[] = {"a",    "ä",  E_ACUTE, "日", WOMAN_IN_SPACE, FLAG,
                                          FLAG_2, WAVE, HEART,   "각", "\u1100\u1161", "\U0001f600"};
        for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
                for (size_t j = 0; j < sizeof(one) / sizeof(one[0]); j++) {
                        char keys[128], expected[128];
                        editor_discard(&editor);
                        snprintf(keys, sizeof(keys), "x%s%s" LEFT, one[i], one[j]);
                        snprintf(expected, sizeof(expected), "x%s|%s", one[i], one[j]);
                        assert_typed(keys, expected);
                        assert_row(expected);
                        snprintf(expected, sizeof(expected), "x|%s%s", one[i], one[j]);
                        assert_typed(LEFT, expected);
                        snprintf(expected, sizeof(expected), "x|%s", one[j]);
                        assert_typed(DELETE, expected);
                        assert_typed(END "\x7f", "x|");
                }
}

static void test_a_mark_put_in_front_of_one_that_joins(void **state)
{
        (void)state;
        type("\U0001f469x" LEFT "\u200d");
        assert_row("\U0001f469\u200d|x");
        type(END "\x15\U0001f469\U0001f680" LEFT "\u200d"); /* joins both to one cluster */
        assert_row(WOMAN_IN_SPACE "|");
        assert_typed("\x7f", "|\U0001f680");
}

static void assert_width(const char *cluster, size_t width)
{
        size_t len = strlen(cluster);
        assert_int_equal(grapheme_end(cluster, len, 0), len);
        assert_int_equal(grapheme_begin(cluster, len, len), 0);
        assert_int_equal(grapheme_width(cluster, 0, len), width);
}

/* A letter at the end costs only that letter. The cursor moves over ASCII and erases it. Everything else is drawn
 * anew. */
static void test_costs(void **state)
{
        (void)state;
        enum { ANEW = sizeof("\r\0\x1b[?7l\x1b\x37\x1b[K\x1b\x38\x1b[?7h") - 1 };
        assert_costs("", "|", 5);
        assert_costs("", "|", 0);
        assert_costs("h", "h|", 1);
        assert_costs("e", "he|", 1);
        assert_costs("llo", "hello|", 3);
        assert_costs("", "hello|", 0);
        assert_costs("\x0f", "hello|", 1); /* only the bell */
        assert_costs("ä", "helloä|", 2);
        assert_costs("日", "helloä日|", 3);
        assert_costs("\u0301", "helloä日\u0301|", 2); /* joins the last drawn character */
        assert_costs("x", "helloä日\u0301x|", 1);
        assert_costs("\x7f", "helloä日\u0301|", 4);
        assert_costs("\u0302", "helloä日\u0301\u0302|", ANEW + 14); /* it is uncertain what the mark joins */
        assert_costs("\x7f", "helloä|", ANEW + 7);
        assert_costs("\x7f", "hello|", ANEW + 5);
        assert_costs("\x7f\x7f", "hel|", 5);
        assert_costs("p me", "help me|", 4);
        assert_costs(LEFT, "help m|e", 1);
        assert_costs(LEFT LEFT, "help| me", 2);
        assert_costs(RIGHT, "help |me", 1);
        assert_costs("to ", "help to |me", 5 + 2);
        assert_costs(HOME, "|help to me", 2);
        assert_costs(DELETE, "|elp to me", 9 + 3 + 2);
        assert_costs("h", "h|elp to me", 10 + 9);
        assert_costs(END, "help to me|", 9);
        assert_costs("\x17", "help to |", 2 + 3);
        assert_costs("\x15", "|", 5);
        assert_costs("\x0c", "|", 5);
        assert_costs("x", "x|", 1);
        assert_costs("\x0c", "x|", ANEW + 1);
        row_is_empty(&editor.row); /* as after a line of another member */
        for (size_t i = 0; i < SCREEN_KINDS; i++)
                screen_clear(&screens[i], screens[i].kind, SIZE_MAX);
        assert_costs("y", "xy|", 2);
}

/* A terminal may show a character in two columns where we expect one. The row must not wrap there, although it is full
 * earlier. */
static void test_costs_where_the_row_may_be_full(void **state)
{
        (void)state;
        enum { NO_WRAP = 10 };
        char expected[256] = "|";
        editor_resize(&editor, 41);
        assert_row("|");
        for (size_t i = 0; i < 40; i++) {
                memcpy(expected + 2 * i, "ж|", 4);
                assert_costs("ж", expected, i < 20 ? 2 : 2 + NO_WRAP);
        }
        type("\x15");
        assert_row("|");
        for (size_t i = 0; i < 40; i++) {
                memcpy(expected + i, "a|", 3);
                assert_costs("a", expected, 1);
        }
        editor_resize(&editor, 0); /* unknown width: 40 columns are certain */
        assert_row(expected);
        assert_costs("\x7f", expected + 1, 4);
        assert_costs("b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab|", 1);
        assert_costs("c", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc|", 1 + NO_WRAP);
}

static void test_widths(void **state)
{
        (void)state;
        assert_width("a", 1);
        assert_width("ä", 1);
        assert_width(E_ACUTE, 1);
        assert_width("日", 2);
        assert_width("ｗ", 2);
        assert_width("\u1100\u1161", 2); /* Hangul of two jamo */
        assert_width("\U0001f600", 2);
        assert_width(WOMAN_IN_SPACE, 2);
        assert_width(FLAG, 2);
        assert_width(WAVE, 2);
        assert_width(HEART, 2);
        assert_width("\u0301", 0);
        assert_width("\u200b", 0);
        assert_width("क\u093f", 1);
        assert_width("\ufffd", 1);
}

/* Four flags are eight indicators. Each flag is two of them, no matter how long the text in front is. */
static void test_where_clusters_begin(void **state)
{
        (void)state;
        static const char flags[] = "x" FLAG FLAG_2 FLAG FLAG_2;
        char marks[TEXT_MAX_BYTES];
        for (size_t n = 4; n > 0; n--)
                assert_int_equal(grapheme_begin(flags, sizeof(flags) - 1, 1 + n * 8), 1 + (n - 1) * 8);
        assert_int_equal(grapheme_begin(flags, sizeof(flags) - 1, 1 + 12), 1 + 8);
        for (size_t i = 0; i < sizeof(marks); i += 2)
                memcpy(marks + i, "\u0301", 2);
        for (size_t at = sizeof(marks), begin; at > 0; at = begin) {
                begin = grapheme_begin(marks, sizeof(marks), at);
                assert_true(begin < at && begin % 2 == 0);
                assert_true(at - begin <= GRAPHEME_MAX_BYTES + 2);
                assert_true(grapheme_end(marks, sizeof(marks), begin) >= at);
        }
}

static void test_a_row_that_is_longer(void **state)
{
        (void)state;
        editor_resize(&editor, 10);
        type("123456789");
        assert_row("123456789|");
        type("0");
        assert_row("7890|"); /* the cursor comes to the middle then */
        type("abcde");
        assert_row("7890abcde|");
        type(LEFT LEFT LEFT);
        assert_row("7890ab|cde");
        type(LEFT LEFT LEFT LEFT LEFT);
        assert_row("7|890abcde");
        type(LEFT);
        assert_row("3456|7890a"); /* text in front of it is shown, too */
        type(HOME);
        assert_row("|123456789");
        type(END "\x15");
        assert_row("|");
        type("12345678901234567890\x7f\x7f\x7f");
        assert_row("4567|");
        editor_resize(&editor, 40);
        assert_row("12345678901234567|");
        editor_resize(&editor, 4);
        assert_row("7|");
}

static void test_wide_characters_in_a_row(void **state)
{
        (void)state;
        editor_resize(&editor, 6);
        type("日本");
        assert_row("日本|");
        type("語");
        assert_row("語|");
        type("x" HOME);
        assert_row("|日本");
        type("a");
        assert_row("a|日本");
        type(END "\x15" WOMAN_IN_SPACE WOMAN_IN_SPACE "x" E_ACUTE E_ACUTE);
        assert_row(E_ACUTE E_ACUTE "|");
}

static void test_narrow_windows(void **state)
{
        (void)state;
        editor_resize(&editor, 1);
        type("a");
        assert_row("a|");
        type("b");
        assert_row("|");
        type(LEFT);
        assert_row("|b");
        type(HOME);
        assert_row("|a");
        type("日" LEFT);
        assert_row("|"); /* it has no room */
        type(RIGHT RIGHT RIGHT "\x15");
        assert_row("|");
        editor_resize(&editor, 2);
        type("日");
        assert_row("|");
        editor_resize(&editor, 3);
        assert_row("日|");
        editor_resize(&editor, 0); /* unknown: 80 columns are assumed */
        for (int i = 0; i < 76; i++)
                type("x");
        type("y");
        char expected[128] = "日";
        memset(expected + 3, 'x', 76);
        memcpy(expected + 79, "y|", 3);
        assert_row(expected);
        editor_resize(&editor, UINT16_MAX);
        assert_row(expected);
}

static void test_history(void **state)
{
        (void)state;
        assert_refused(UP);
        assert_refused(DOWN);
        enter("one");
        enter("two");
        enter("two"); /* a repeated line is stored once */
        enter("");
        enter("drei äöü");
        assert_typed("draft" UP, "drei äöü|");
        assert_typed(UP, "two|");
        assert_typed("\x10", "one|");
        assert_refused(UP);
        assert_line("one|");
        assert_typed("X" DOWN, "two|"); /* changes there are forgotten */
        assert_typed("\x0e" DOWN, "draft|");
        assert_refused(DOWN);
        assert_typed(UP UP "!", "two!|");
        assert_int_equal(type("\r"), EDITOR_LINE);
        editor_next(&editor);
        assert_typed(UP, "two!|");
        assert_typed(UP, "drei äöü|");
        editor_discard(&editor);
        assert_typed(UP, "two!|");
}

static void test_history_is_bounded(void **state)
{
        (void)state;
        char line[TEXT_MAX_BYTES + 1];
        memset(line, 'x', TEXT_MAX_BYTES);
        line[TEXT_MAX_BYTES] = '\0';
        for (int i = 0; i < 26; i++) {
                line[0] = (char)('a' + i);
                enter(line);
                assert_true(editor.history_len <= EDITOR_HISTORY_BYTES);
        }
        for (int i = 25; i > 22; i--) {
                type(UP);
                assert_int_equal(editor.text[0], 'a' + i);
                assert_int_equal(editor.len, TEXT_MAX_BYTES);
        }
        assert_refused(UP);
        editor_discard(&editor);
        for (int i = 0; i < 10000; i++) {
                snprintf(line, sizeof(line), "%d", i);
                enter(line);
        }
        assert_typed(UP, "9999|");
        for (int i = 0; i < 3275; i++)
                type(UP);
        assert_line("6724|");
        assert_refused(UP);
}

static void test_a_line_that_is_full(void **state)
{
        (void)state;
        for (int i = 0; i < TEXT_MAX_BYTES - 1; i++)
                type("x");
        assert_refused("ä");
        assert_refused(LEFT "\u202e");
        assert_int_equal(editor.len, TEXT_MAX_BYTES - 1);
        assert_int_equal(type("y"), EDITOR_NOTHING);
        assert_refused("z");
        assert_int_equal(editor.len, TEXT_MAX_BYTES);
        editor_replace(&editor, editor.cursor - 1, slice_of("zz"));
        assert_int_equal(editor.len, TEXT_MAX_BYTES);
        editor_resize(&editor, UINT16_MAX);
        assert_true(editor_draw(&editor, (char[EDITOR_DRAW_MAX_BYTES]){0}) > TEXT_MAX_BYTES);
        assert_int_equal(type("\r"), EDITOR_LINE);
        assert_int_equal(editor.len, TEXT_MAX_BYTES);
        editor_next(&editor);
        for (int i = 0; i < TEXT_MAX_BYTES / 2; i++) /* all in one column */
                type("\u0301");
        editor_resize(&editor, 1);
        assert_true(editor_draw(&editor, (char[EDITOR_DRAW_MAX_BYTES]){0}) <= EDITOR_DRAW_MAX_BYTES);
}

static void test_replacing(void **state)
{
        (void)state;
        type("/msg an rest" LEFT LEFT LEFT LEFT LEFT);
        assert_false(editor.is_expanded);
        editor_replace(&editor, 5, slice_of("ann "));
        assert_line("/msg ann | rest");
        assert_true(editor.is_expanded);
        editor_discard(&editor);
        assert_false(editor.is_expanded);
}

static void test_garbage(void **state)
{
        (void)state;
        char out[EDITOR_DRAW_MAX_BYTES];
        uint32_t random = 1;
        for (int i = 0; i < 300000; i++) {
                static const uint8_t often[] = "\x1b[ABCDHF3~;5\x7f\x01\x05\x0b\r\xf0\x9f\x91\xa9\xe2\x80\x8d\xcc\x81";
                random = random * 1664525 + 1013904223;
                uint8_t byte = (uint8_t)(random >> 24);
                if (random >> 22 & 1)
                        byte = often[byte % (sizeof(often) - 1)];
                if (editor_push(&editor, byte) == EDITOR_LINE)
                        editor_next(&editor);
                assert_true(editor.cursor <= editor.len && editor.len <= TEXT_MAX_BYTES);
                if (i % 64 != 0)
                        continue;
                editor_resize(&editor, (uint16_t)(random >> 8 & 15));
                assert_true(editor_draw(&editor, out) <= EDITOR_DRAW_MAX_BYTES);
                assert_true(text_is_clean(editor.text, editor.len));
                assert_true(text_is_clean(editor.text, editor.cursor));
        }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_typing),
                TEST(test_keys),
                TEST(test_at_the_ends),
                TEST(test_sequences_that_are_cut),
                TEST(test_sequences_that_are_none),
                TEST(test_text_is_cleaned),
                TEST(test_clusters),
                TEST(test_a_mark_put_in_front_of_one_that_joins),
                TEST(test_costs),
                TEST(test_costs_where_the_row_may_be_full),
                TEST(test_widths),
                TEST(test_where_clusters_begin),
                TEST(test_a_row_that_is_longer),
                TEST(test_wide_characters_in_a_row),
                TEST(test_narrow_windows),
                TEST(test_history),
                TEST(test_history_is_bounded),
                TEST(test_a_line_that_is_full),
                TEST(test_replacing),
                TEST(test_garbage),
        };
        return RUN_TESTS(tests);
}
