#include "../../chat-session/telnet.h"

#include "test.h"

struct result {
        char text[256];
        size_t len, replies, interrupts, ends, ayts, erased;
        uint8_t reply[1024];
};

static void push(struct telnet *t, struct result *r, const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                switch (telnet_push(t, (uint8_t)bytes[i])) {
                case TELNET_NOTHING:
                        break;
                case TELNET_DATA:
                        r->text[r->len++] = (char)t->data;
                        break;
                case TELNET_REPLY:
                        if (r->replies < sizeof(r->reply) / 3)
                                memcpy(r->reply + 3 * r->replies, t->reply, 3);
                        r->replies++;
                        break;
                case TELNET_INTERRUPT:
                        r->interrupts++;
                        break;
                case TELNET_AYT:
                        r->ayts++;
                        break;
                case TELNET_ERASE_LINE:
                        r->erased++;
                        break;
                case TELNET_END:
                        r->ends++;
                        break;
                }
}

#define PUSH(t, r, literal) push(t, r, literal, sizeof(literal) - 1)

static void test_text_passes(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r, "hi\r\n\0\xfe");
        assert_int_equal(r.len, 6);
        assert_memory_equal(r.text, "hi\r\n\0\xfe", 6);
        assert_int_equal(r.replies, 0);
}

static void test_escaped_iac_is_data(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r,
             "a\xff\xff"
             "b");
        assert_int_equal(r.len, 3);
        assert_memory_equal(r.text,
                            "a\xff"
                            "b",
                            3);
}

static void test_each_option_is_refused_once(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        for (int round = 0; round < 100; round++)
                for (int option = 0; option < 256; option++) {
                        if (option == 0 || option == 6) /* BINARY and TIMING-MARK have rules of their own */
                                continue;
                        char will[] = {'\xff', '\xfb', (char)option}, ask[] = {'\xff', '\xfd', (char)option};
                        push(&t, &r, will, 3);
                        push(&t, &r, ask, 3);
                }
        assert_int_equal(r.replies, 2 * 254);
        assert_memory_equal(r.reply, "\xff\xfe\x01\xff\xfc\x01\xff\xfe\x02", 9);
        assert_int_equal(r.len, 0);
}

static void test_wont_and_dont_are_not_answered(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r, "\xff\xfc\x01\xff\xfe\x03");
        assert_int_equal(r.replies, 0);
}

static void test_binary_is_agreed_to(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        for (int i = 0; i < 10; i++) /* once is enough */
                PUSH(&t, &r, "\xff\xfb\x00\xff\xfd\x00");
        assert_int_equal(r.replies, 2);
        assert_memory_equal(r.reply, "\xff\xfd\x00\xff\xfb\x00", 6);
        assert_false(telnet_ask(&t)); /* there is nothing left to ask */
        PUSH(&t, &r, "\xff\xfc\x00\xff\xfe\x00");
        assert_int_equal(r.replies, 4);
        assert_memory_equal(r.reply + 6, "\xff\xfe\x00\xff\xfc\x00", 6);
}

static void test_binary_is_asked_for_once(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r, "text, and \xff\xff in it");
        assert_false(telnet_ask(&t)); /* not known to be a telnet */
        PUSH(&t, &r, "\xff\xf1");
        assert_true(telnet_ask(&t));
        assert_memory_equal(t.reply, "\xff\xfd\x00", 3);
        assert_false(telnet_ask(&t));
        PUSH(&t, &r, "\xff\xfb\x00"); /* the answer is not answered */
        assert_int_equal(r.replies, 0);
        PUSH(&t, &r, "\xff\xfc\x00");
        assert_memory_equal(r.reply, "\xff\xfe\x00", 3);
}

static void test_only_the_first_answer_about_binary_was_asked_for(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r, "\xff\xf1");
        assert_true(telnet_ask(&t));
        PUSH(&t, &r, "\xff\xfb\x00\xff\xfc\x00"); /* agreed, then switched off */
        assert_int_equal(r.replies, 1);
        PUSH(&t, &r, "\xff\xfb\x00"); /* and on again: the peer waits for an answer to that */
        assert_int_equal(r.replies, 2);
        assert_memory_equal(r.reply + 3, "\xff\xfd\x00", 3);

        t = (struct telnet){0};
        r = (struct result){0};
        PUSH(&t, &r, "\xff\xf1");
        assert_true(telnet_ask(&t));
        PUSH(&t, &r, "\xff\xfc\x00"); /* refused … */
        assert_int_equal(r.replies, 0);
        PUSH(&t, &r, "\xff\xfb\x00"); /* … and offered later */
        assert_int_equal(r.replies, 1);
        assert_memory_equal(r.reply, "\xff\xfd\x00", 3);
}

static void test_interrupt_and_timing_mark(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        for (int i = 0; i < 3; i++) /* what ^C in telnet sends */
                PUSH(&t, &r, "\xff\xf4\xff\xfd\x06");
        assert_int_equal(r.interrupts, 3);
        assert_int_equal(r.replies, 3);
        assert_memory_equal(r.reply, "\xff\xfc\x06\xff\xfc\x06\xff\xfc\x06", 9);
}

static void test_other_commands(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r,
             "a\xff\xf1"
             "b\xff\xf6\xff\xf8\xff\xec\xff\xee\xff\xf2\xff\xf9"
             "c\xff\x01"
             "d");
        assert_int_equal(r.len, 4);
        assert_memory_equal(r.text, "abcd", 4);
        assert_int_equal(r.ayts, 1);
        assert_int_equal(r.erased, 1);
        assert_int_equal(r.ends, 2);
}

static void test_long_subnegotiation_is_skipped(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r, "\xff\xfa\x1f");
        for (int i = 0; i < 1000000; i++)
                PUSH(&t, &r, "x\xff\xff");
        PUSH(&t, &r,
             "\xff\xf0"
             "after");
        assert_int_equal(r.len, 5);
        assert_memory_equal(r.text, "after", 5);
        PUSH(&t, &r,
             "\xff\xfa\x1f"
             "never ended\xff\xfb\x2a"
             "!");
        assert_int_equal(r.len, 6);
        assert_int_equal(r.replies, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_passes),
                cmocka_unit_test(test_escaped_iac_is_data),
                cmocka_unit_test(test_each_option_is_refused_once),
                cmocka_unit_test(test_wont_and_dont_are_not_answered),
                cmocka_unit_test(test_binary_is_agreed_to),
                cmocka_unit_test(test_binary_is_asked_for_once),
                cmocka_unit_test(test_only_the_first_answer_about_binary_was_asked_for),
                cmocka_unit_test(test_interrupt_and_timing_mark),
                cmocka_unit_test(test_other_commands),
                cmocka_unit_test(test_long_subnegotiation_is_skipped),
        };
        return RUN_TESTS(tests);
}
