#include <chat/safe-text.h>

#include "test.h"

/* Cleans `n` bytes; the result is terminated. */
static void clean(char out[static 256], const char *in, size_t n)
{
        struct text_cleaner c = {0};
        size_t len = 0;
        for (size_t i = 0; i < n; i++)
                len += text_clean(&c, (uint8_t)in[i], out + len);
        len += text_clean_end(&c, out + len);
        out[len] = '\0';
        assert_true(text_is_clean(out, len));
}

static void assert_clean(const char *in, const char *expected)
{
        char out[256];
        clean(out, in, strlen(in));
        assert_string_equal(out, expected);
}

static void test_plain_text_stays(void **state)
{
        (void)state;
        assert_clean("plain ~ text", "plain ~ text");
        assert_clean("Grüße, 世界 🙂 é", "Grüße, 世界 🙂 é");
        assert_clean("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"); /* U+10FFFF */
}

static void test_controls_become_visible(void **state)
{
        (void)state;
        assert_clean("\x1b[31mred", "^[[31mred");
        assert_clean("a\x7f\x01\x1f", "a^?^A^_");
        assert_clean("a\tb", "a    b");
        assert_clean("\xc2\x9b"
                     "2J",
                     "<U+009B>2J"); /* C1: CSI */
        assert_clean("\xc2\x85", "<U+0085>");
        assert_clean("\xe2\x80\xae"
                     "evil",
                     "<U+202E>evil");
        assert_clean("\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f\xe2\x80\xa8", "<U+2066><U+061C><U+200F><U+2028>");
        char out[256];
        clean(out, "a\0b", 3);
        assert_string_equal(out, "a^@b");
}

static void test_invalid_bytes_become_replacements(void **state)
{
        (void)state;
        assert_clean("\xff\xfe", "\ufffd\ufffd");
        assert_clean("gr\xfc\xdf", "gr\ufffd\ufffd");
        assert_clean("\xc0\xaf", "\ufffd\ufffd");                     /* overlong / */
        assert_clean("\xe0\x80\xaf", "\ufffd\ufffd\ufffd");           /* overlong too */
        assert_clean("\xed\xa0\x80", "\ufffd\ufffd\ufffd");           /* a surrogate */
        assert_clean("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"); /* above U+10FFFF */
        assert_clean("\xe2\x82"
                     "x",
                     "\ufffdx");                         /* cut short by text */
        assert_clean("\xe2\x82\xe2\x82\xac", "\ufffd€"); /* cut short by another one */
        assert_clean("\xe2\x82", "\ufffd");              /* cut short by the end */
        assert_clean("\xe2\x82\x1b", "\ufffd^[");
        assert_clean("\xf0\x9f\x99\xff", "\ufffd\ufffd");
}

static void test_one_byte_never_becomes_more_than_the_bound(void **state)
{
        (void)state;
        for (unsigned first = 0; first < 256; first++)
                for (unsigned second = 0; second < 256; second++) {
                        char out[256];
                        struct text_cleaner c = {0};
                        text_clean(&c, (uint8_t)first, out);
                        assert_in_range(text_clean(&c, (uint8_t)second, out), 0, TEXT_CLEAN_MAX);
                }
}

/* Every byte at every place of a text of a little more than two times eight bytes. */
static void test_plain_text_ends_at_the_first_other_byte(void **state)
{
        (void)state;
        char text[20];
        for (unsigned byte = 0; byte < 256; byte++)
                for (size_t at = 0; at < sizeof(text); at++) {
                        memset(text, at % 2 == 0 ? '~' : ' ', sizeof(text));
                        text[at] = (char)byte;
                        bool plain = byte >= 0x20 && byte < 0x7f;
                        assert_int_equal(text_plain(text, sizeof(text)), plain ? sizeof(text) : at);
                        assert_int_equal(text_plain(text, at), at);
                }
}

static void test_is_clean_agrees_with_the_cleaner(void **state)
{
        (void)state;
        /* all strings of three bytes from a set that reaches every branch */
        static const uint8_t set[] = {0,    '\t', 'a',  0x7e, 0x7f, 0x80, 0x85, 0x8e, 0x9f, 0xa0, 0xa6,
                                      0xae, 0xbf, 0xc1, 0xc2, 0xd8, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xff};
        for (size_t i = 0; i < sizeof(set); i++)
                for (size_t j = 0; j < sizeof(set); j++)
                        for (size_t k = 0; k < sizeof(set); k++) {
                                char in[] = {(char)set[i], (char)set[j], (char)set[k]}, out[256];
                                clean(out, in, 3);
                                bool same = strlen(out) == 3 && memcmp(in, out, 3) == 0;
                                assert_int_equal(text_is_clean(in, 3), same);
                        }
}

static void test_names(void **state)
{
        (void)state;
        static const char *const names[] = {"ann", "ann~2", "127.0.0.1:40000", "[fe80::1%2]:9", "!"};
        static const char *const none[] = {"", " ", "ann ", "a b", "a:", ":", "\t", "\x7f", "\u00e4", "a\u200b", "x\n"};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                assert_true(text_is_name(names[i], strlen(names[i])));
        for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
                assert_false(text_is_name(none[i], strlen(none[i])));
}

static void test_hosts(void **state)
{
        (void)state;
        static const char *const hosts[] = {"b", "web-1", "7", "a--b"};
        static const char *const none[] = {"", "-", "-a", "a-", "B", "a.b", "a_b", "a b", "\u00e4", "a@b", "*", ">"};
        for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
                assert_true(text_is_host(hosts[i], strlen(hosts[i])));
        for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
                assert_false(text_is_host(none[i], strlen(none[i])));
}

static void test_names_here_and_elsewhere(void **state)
{
        (void)state;
        static const char *const local[] = {"ann", "ann~2", "ann%corp", "127.0.0.1:40000"};
        static const char *const remote[] = {"ann@b", "ann~2@web-1", "[::1]:9@b"};
        static const char *const neither[] = {"",        "@",     "@b",     "ann@",   "ann@B",
                                              "ann@b@c", "a b@c", "ann:@b", "ann@b:", " @b"};
        for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
                assert_true(text_is_local_name(local[i], strlen(local[i])));
                assert_false(text_is_remote_name(local[i], strlen(local[i])));
        }
        for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
                assert_false(text_is_local_name(remote[i], strlen(remote[i])));
                assert_true(text_is_remote_name(remote[i], strlen(remote[i])));
        }
        for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
                assert_false(text_is_local_name(neither[i], strlen(neither[i])));
                assert_false(text_is_remote_name(neither[i], strlen(neither[i])));
        }
        assert_false(text_is_remote_name("ann@b", 4)); /* the functions look no further than the given size */
        assert_true(text_is_local_name("ann@b", 3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain_text_stays),
                cmocka_unit_test(test_controls_become_visible),
                cmocka_unit_test(test_invalid_bytes_become_replacements),
                cmocka_unit_test(test_one_byte_never_becomes_more_than_the_bound),
                cmocka_unit_test(test_plain_text_ends_at_the_first_other_byte),
                cmocka_unit_test(test_is_clean_agrees_with_the_cleaner),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_names_here_and_elsewhere),
        };
        return RUN_TESTS(tests);
}
