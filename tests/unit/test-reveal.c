#include <chat/reveal.h>

#include "test.h"

#define ZWNJ "\u200c"
#define ZWJ "\u200d"
#define VS1 "\ufe00"
#define VS15 "\ufe0e"
#define VS16 "\ufe0f"
#define TAG(ascii) "\xf3\xa0\x81" ascii /* the tag of a letter: U+E0040 and above */
#define TAG_END "\U000e007f"
#define BLACK_FLAG "\U0001f3f4"
#define ACUTE "\u0301"
#define FOUR(text) text text text text
#define EIGHT(text) FOUR(text) FOUR(text)

enum { LINE_MAX_BYTES = 4096 };

/* Returns what is shown in `size` bytes. Showing that again must change nothing. */
static struct slice shown_in(const char *text, size_t size)
{
        static char out[LINE_MAX_BYTES], again[LINE_MAX_BYTES];
        struct slice first = reveal(slice_of(text), out, size);
        struct slice second = reveal(first, again, sizeof(again));
        assert_true(text_is_clean(text, strlen(text)) && text_is_clean(first.at, first.len));
        assert_true(first.len <= size);
        assert_int_equal(second.len, first.len);
        assert_memory_equal(second.at, first.at, first.len);
        return first;
}

static void assert_shown(const char *text, const char *expected)
{
        struct slice shown = shown_in(text, LINE_MAX_BYTES);
        assert_int_equal(shown.len, strlen(expected));
        assert_memory_equal(shown.at, expected, shown.len);
}

static void assert_stays(const char *text)
{
        assert_shown(text, text);
}

static void test_what_everybody_sees_stays(void **state)
{
        (void)state;
        assert_stays("");
        assert_stays("plain ~ text");
        assert_stays("Grüße, 世界, ура, 안녕, नमस्ते, ไทย 🙂 é e" ACUTE);
        assert_stays("\ue0b0 \U000f0001"); /* for private use: some fonts of terminals have such characters */
        assert_stays("\u0600\u0661");      /* a number sign: a visible format character */
}

static void test_what_nobody_sees_is_shown_by_number(void **state)
{
        (void)state;
        assert_shown("a\u200b"
                     "b",
                     "a<U+200B>b");
        assert_shown("\ufeff/msg bob x", "<U+FEFF>/msg bob x");
        assert_shown("pass\u00adword", "pass<U+00AD>word");
        assert_shown("\u2060\u2061\u2062\u2063\u2064", "<U+2060><U+2061><U+2062><U+2063><U+2064>");
        assert_shown("\u180e\ufff9a\ufffa"
                     "b\ufffb",
                     "<U+180E><U+FFF9>a<U+FFFA>b<U+FFFB>");
        assert_shown("\u115f\u1160\u3164\uffa0", "<U+115F><U+1160><U+3164><U+FFA0>");
        assert_shown("\u034f\u17b4\u206a\U0001d173\U0001bca0", "<U+034F><U+17B4><U+206A><U+1D173><U+1BCA0>");
        assert_shown("\U000e0000\U000e0001\U000e0020\U000e0061\U000e007f",
                     "<U+E0000><U+E0001><U+E0020><U+E0061><U+E007F>");
        assert_shown("\u2065\ufff0\U000e0080\U0010ffff", "<U+2065><U+FFF0><U+E0080><U+10FFFF>"); /* not assigned */
}

static void test_joiners_of_pictures(void **state)
{
        (void)state;
        assert_stays("👩" ZWJ "👩" ZWJ "👧" ZWJ "👦");
        assert_stays("🏳" VS16 ZWJ "🌈");
        assert_stays("🕵🏽" ZWJ "♂" VS16);
        assert_shown("👩" ZWJ, "👩<U+200D>");
        assert_shown("👩" ZWJ "x", "👩<U+200D>x");
        assert_shown("x" ZWJ "👩", "x<U+200D>👩");
        assert_shown("👩" ZWJ ZWJ "👩", "👩<U+200D><U+200D>👩");
        assert_shown("👩" ZWNJ "👩", "👩<U+200C>👩");
        assert_shown("👩 " ZWJ "👩", "👩 <U+200D>👩");
}

static void test_joiners_of_scripts(void **state)
{
        (void)state;
        assert_stays("می" ZWNJ "خواهم");
        assert_stays("۸۰" ZWNJ "ساله PDF" ZWNJ "ها ه" ZWJ);
        assert_stays("ක්" ZWJ "ෂ क्" ZWNJ "ष র" ZWJ "্য"); /* behind a virama, and in front of one */
        assert_shown("a" ZWNJ "b", "a<U+200C>b");
        assert_shown("при" ZWJ "вет", "при<U+200D>вет");
        assert_shown("你" ZWNJ "好", "你<U+200C>好");
        assert_shown(ZWJ "/msg", "<U+200D>/msg");
        assert_shown("م" ZWNJ ZWNJ ZWNJ "م", "م" ZWNJ "<U+200C>" ZWNJ "م");
        assert_shown("م" ZWNJ ZWNJ ZWNJ "x", "م" ZWNJ "<U+200C><U+200C>x");
}

static void test_selectors(void **state)
{
        (void)state;
        assert_stays("❤" VS16 " ❤" VS15 " ©" VS16 " 1" VS16 "\u20e3 #" VS16 "\u20e3");
        assert_stays("葛\U000e0101 ∩" VS1 " ᠠ\u180b က" VS1);
        assert_shown("a" VS16, "a<U+FE0F>");
        assert_shown("1" VS16, "1<U+FE0F>");
        assert_shown("a" VS16 "\u20e3", "a<U+FE0F>\u20e3");
        assert_shown("1" VS15 "\u20e3", "1<U+FE0E>\u20e3");
        assert_shown("❤" VS16 VS16, "❤" VS16 "<U+FE0F>");
        assert_shown("漢" VS16, "漢<U+FE0F>");
        assert_shown("漢\U000e0100\U000e0101", "漢\U000e0100<U+E0101>");
        assert_shown("a\U000e0100", "a<U+E0100>");
        assert_shown(" " VS1, " <U+FE00>");
        assert_shown(VS1 VS16, "<U+FE00><U+FE0F>"); /* ">" is a mathematical sign */
}

static void test_flags(void **state)
{
        (void)state;
#define SCOTLAND TAG("\xa7") TAG("\xa2") TAG("\xb3") TAG("\xa3") TAG("\xb4")
        assert_stays("🇩🇪 " BLACK_FLAG " " BLACK_FLAG SCOTLAND TAG_END "!");
        assert_shown(BLACK_FLAG TAG("\xa7") "x", BLACK_FLAG "<U+E0067>x");
        assert_shown(BLACK_FLAG TAG("\xa7") TAG_END, BLACK_FLAG "<U+E0067><U+E007F>");
        assert_shown(BLACK_FLAG SCOTLAND, BLACK_FLAG "<U+E0067><U+E0062><U+E0073><U+E0063><U+E0074>");
}

static void test_a_base_has_eight_marks(void **state)
{
        (void)state;
        assert_stays("a" EIGHT(ACUTE) "b" EIGHT(ACUTE));
        assert_shown("a" EIGHT(ACUTE) "\u0302\u20dd"
                                      "b",
                     "a" EIGHT(ACUTE) "b");
        assert_shown(EIGHT(ACUTE) ACUTE, EIGHT(ACUTE));
        assert_shown("م" EIGHT("\u064e") ZWNJ "\u064e" ZWNJ, "م" EIGHT("\u064e") ZWNJ "<U+200C>");
        assert_shown("र" EIGHT(ACUTE) ZWJ "्", "र" EIGHT(ACUTE) "<U+200D>्"); /* the virama is the first of ">" */
}

static void test_runs_of_blanks(void **state)
{
        (void)state;
        assert_stays("a" EIGHT(" ") "b" EIGHT(" ") "c" EIGHT(" "));
        assert_shown("a" EIGHT(" ") " b", "a" EIGHT(" ") "b");
        assert_shown("a" EIGHT(EIGHT(" ")) "*** Administrator: x", "a" EIGHT(" ") "*** Administrator: x");
        assert_shown("a" FOUR(" \u00a0") "\u3000\u2003\u2800 é", "a" FOUR(" \u00a0") "é");
        assert_shown("é" EIGHT("\u3000") "\u3000", "é" EIGHT("\u3000"));
        assert_shown("a" EIGHT(" ") "\u00a0", "a" EIGHT(" "));
        assert_stays(FOUR(EIGHT(" ")) EIGHT(" ") "code");
        assert_shown(FOUR(EIGHT(" ")) EIGHT(" ") " code", FOUR(EIGHT(" ")) EIGHT(" ") "code");
        assert_shown(FOUR(EIGHT("\u00a0")) EIGHT(" ") "\u00a0é", FOUR(EIGHT("\u00a0")) EIGHT(" ") "é");
        assert_shown(FOUR(EIGHT("\u3000")) "漢", EIGHT("\u3000") EIGHT("\u3000") FOUR("\u3000") "漢"); /* 40 columns */
        assert_shown(EIGHT(" ") ACUTE EIGHT(" ") "  ", EIGHT(" ") ACUTE EIGHT(" "));
}

static void test_blanks_behind_a_name(void **state)
{
        (void)state;
        struct slice code = slice_of(FOUR(EIGHT(" ")) EIGHT(" ") "code"), none = slice_of("code"), wide;
        assert_int_equal(reveal_behind_name(code, 24).len, 44); /* the longest name that a member can choose */
        assert_int_equal(reveal_behind_name(code, 25).len, 43);
        assert_int_equal(reveal_behind_name(code, 63).len, 5);
        assert_int_equal(reveal_behind_name(code, 64).len, 4);
        assert_int_equal(reveal_behind_name(code, 96).len, 4);
        assert_int_equal(reveal_behind_name(none, 96).len, 4);
        assert_int_equal(reveal_behind_name(slice_of(""), 96).len, 0);
        assert_int_equal(reveal_behind_name(slice_of("   "), 96).len, 0);
        wide = reveal_behind_name(slice_of(EIGHT("\u3000") "x"), 59); /* five columns are left: two blanks */
        assert_int_equal(wide.len, 7);
        assert_memory_equal(wide.at, "\u3000\u3000x", wide.len);
}

/* A run of every length at every place, compared with another implementation. */
static void test_every_run_is_found(void **state)
{
        (void)state;
        for (size_t begin = 0; begin < 30; begin++)
                for (size_t len = 0; len < 30; len++) {
                        char text[64], out[64];
                        memset(text, 'x', sizeof(text));
                        memset(text + begin, ' ', len);
                        struct slice shown = reveal((struct slice){text, sizeof(text)}, out, sizeof(out));
                        size_t most = begin > 0 ? REVEAL_BLANKS_MAX : REVEAL_INDENT_MAX;
                        assert_int_equal(shown.len, sizeof(text) - (len > most ? len - most : 0));
                }
}

static void test_where_numbers_have_no_room(void **state)
{
        (void)state;
        static const char text[] = "a\u200b\u00adm" EIGHT(ACUTE) ACUTE "!";
        struct slice shown = shown_in(text, sizeof(text) - 1);
        static const char expected[] = "a??m" EIGHT(ACUTE) "!";
        assert_int_equal(shown.len, sizeof(expected) - 1);
        assert_memory_equal(shown.at, expected, shown.len);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_everybody_sees_stays),
                cmocka_unit_test(test_what_nobody_sees_is_shown_by_number),
                cmocka_unit_test(test_joiners_of_pictures),
                cmocka_unit_test(test_joiners_of_scripts),
                cmocka_unit_test(test_selectors),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_a_base_has_eight_marks),
                cmocka_unit_test(test_runs_of_blanks),
                cmocka_unit_test(test_blanks_behind_a_name),
                cmocka_unit_test(test_every_run_is_found),
                cmocka_unit_test(test_where_numbers_have_no_room),
        };
        return RUN_TESTS(tests);
}
