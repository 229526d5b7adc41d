#include <errno.h>
#include <stdio.h>

#include "../../chat-session/charset.h"

#include "test.h"

static struct charset charset;

static void open_set(const char *name)
{
        memset(&charset, 0, sizeof(charset));
        assert_int_equal(charset_open(&charset, name), 0);
        assert_string_equal(charset.name, name);
}

static void assert_read(uint8_t byte, const char *expected)
{
        char utf8[CHARSET_READ_MAX_BYTES + 1] = "";
        utf8[charset_read(&charset, byte, utf8)] = '\0';
        assert_string_equal(utf8, expected);
}

static void assert_written(const char *text, const char *expected)
{
        char out[256];
        size_t size = strlen(text);
        memcpy(out, text, size);
        size_t n = charset_write(&charset, out, size);
        assert_true(n <= size);
        out[n] = '\0';
        assert_string_equal(out, expected);
}

static void test_latin1(void **state)
{
        (void)state;
        open_set("ISO-8859-1");
        assert_read('a', "a");
        assert_read(0xe9, "é");
        assert_read(0xff, "ÿ");
        assert_read(0x85, "\xc2\x85"); /* a control character, which is cleaned later as in every text */
        assert_written("", "");
        assert_written("plain\r\n", "plain\r\n");
        assert_written("ann: naïve café ½\r\n", "ann: na\xefve caf\xe9 \xbd\r\n");
        assert_written("10 € “so”", "10 ? ?so?");
        assert_written("ÿ", "\xff\xff"); /* IAC IAC */
        assert_written("\x1b[36mbob\x1b[0m\a", "\x1b[36mbob\x1b[0m\a");
}

static void test_others(void **state)
{
        (void)state;
        open_set("CP437");
        assert_read(0x80, "Ç");
        assert_read(0x81, "ü");
        assert_read(0xe1, "ß");
        assert_read(0xb0, "░");
        assert_written("Grüße ░▒▓ █ €", "Gr\x81\xe1"
                                        "e \xb0\xb1\xb2 \xdb ?");
        open_set("CP1252");
        assert_read(0x80, "€");
        assert_read(0x93, "“");
        assert_read(0x81, "\xff"); /* no character */
        assert_written("10 € “so”", "10 \x80 \x93so\x94");
        open_set("KOI8-R");
        assert_read(0xd5, "у");
        assert_written("ура Ъ", "\xd5\xd2\xc1 \xff\xff");
        open_set("CP1251");
        assert_written("яя", "\xff\xff\xff\xff");
        open_set("ASCII");
        assert_read(0xe9, "\xff");
        assert_written("café", "caf?");
}

/* A cluster of combined characters becomes one "?". If the set has some of its characters, these stay instead. */
static void test_what_does_not_fit(void **state)
{
        (void)state;
        open_set("ISO-8859-1");
        assert_written("日本", "??");
        assert_written("e\u0301!", "e!");
        assert_written("\u0301", "?");
        assert_written("\U0001f469\u200d\U0001f469\u200d\U0001f467.", "?.");
        assert_written("\u2764\ufe0fx", "?x");
        assert_written("\ufffd", "?");
        open_set("TIS-620"); /* marks are separate characters in this set */
        assert_written("กำ\u0e01\u0e35", "\xa1\xd3\xa1\xd5");
}

/* Every byte that is a character comes back, in every set. */
static void test_there_and_back(void **state)
{
        (void)state;
        static const char *const names[] = {"ISO-8859-1", "ISO-8859-2", "ISO-8859-15", "CP437",     "CP850",  "CP852",
                                            "CP866",      "CP1250",     "CP1251",      "CP1252",    "KOI8-R", "KOI8-U",
                                            "TIS-620",    "MACINTOSH",  "ISO-8859-7",  "ISO-8859-9"};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                open_set(names[i]);
                for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
                        char text[CHARSET_READ_MAX_BYTES];
                        size_t n = charset_read(&charset, (uint8_t)byte, text);
                        if (n == 1 && byte >= 0x80)
                                continue; /* no character */
                        assert_int_equal(charset_write(&charset, text, n), byte == 0xff ? 2 : 1);
                        assert_int_equal((uint8_t)text[0], byte);
                }
        }
}

static void test_what_is_refused(void **state)
{
        (void)state;
        static const char *const refused[] = {
                "BIG5",   "SHIFT_JIS", "EUC-KR", "GBK",   "UTF-8",       "UTF-16",          "UCS-2",    "UTF-7",
                "CP1258", "EBCDIC-US", "CP864",  "CP932", "ISO-2022-JP", "ISO-2022-CN-EXT", "DIN_66003"};
        static const char *const unknown[] = {"",
                                              "latin-one",
                                              "ISO-8859-1//TRANSLIT",
                                              "/etc/passwd",
                                              "../x",
                                              "a name that is longer than any there is"};
        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
                if (charset_open(&charset, refused[i]) != -ENOTSUP)
                        fail_msg("%s is not refused", refused[i]);
        for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
                assert_int_equal(charset_open(&charset, unknown[i]), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_latin1),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_what_does_not_fit),
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_what_is_refused),
        };
        return RUN_TESTS(tests);
}
