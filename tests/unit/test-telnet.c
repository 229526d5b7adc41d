#include "../../chat-session/telnet.h"

#include "test.h"

struct result {
        char text[256];
        size_t len, replies, interrupts, ends, ayts, erased, characters, ignored, windows, echoes;
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
                case TELNET_IGNORED:
                        r->ignored++;
                        break;
                case TELNET_ERASE_CHARACTER:
                        r->characters++;
                        break;
                case TELNET_ERASE_LINE:
                        r->erased++;
                        break;
                case TELNET_END:
                        r->ends++;
                        break;
                case TELNET_WINDOW:
                        r->windows++;
                        break;
                case TELNET_ECHOES:
                        r->echoes++;
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
        assert_false(telnet_ask(&t)); /* not known to speak telnet */
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
        PUSH(&t, &r, "\xff\xfb\x00"); /* on again: the peer waits for an answer */
        assert_int_equal(r.replies, 2);
        assert_memory_equal(r.reply + 3, "\xff\xfd\x00", 3);

        t = (struct telnet){0};
        r = (struct result){0};
        PUSH(&t, &r, "\xff\xf1");
        assert_true(telnet_ask(&t));
        PUSH(&t, &r, "\xff\xfc\x00"); /* refused */
        assert_int_equal(r.replies, 0);
        PUSH(&t, &r, "\xff\xfb\x00"); /* offered later */
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
             "b\xff\xf6\xff\xf7\xff\xf8\xff\xec\xff\xee\xff\xf2\xff\xf9"
             "c\xff\x01"
             "d");
        assert_int_equal(r.len, 4);
        assert_memory_equal(r.text, "abcd", 4);
        assert_int_equal(r.ayts, 1);
        assert_int_equal(r.characters, 1);
        assert_int_equal(r.erased, 1);
        assert_int_equal(r.ends, 2);
}

static void test_commands_that_bytes_become(void **state)
{
        (void)state;
        static const uint8_t became[][2] = {{244, 0x83}, {245, 0x8f}, {243, 0x9c}, {237, 0x9a}, {236, 0x84}, {238, 0}};
        for (size_t i = 0; i < sizeof(became) / sizeof(became[0]); i++) {
                struct telnet t = {0};
                telnet_push(&t, 255);
                assert_int_not_equal(telnet_push(&t, became[i][0]), TELNET_NOTHING);
                assert_int_equal(t.data, became[i][1]);
        }
}

static void test_a_mind_that_changes_for_ever(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        for (int i = 0; i < 1000; i++)
                PUSH(&t, &r, "\xff\xfb\0\xff\xfc\0");
        assert_int_equal(r.replies, TELNET_CHANGES_MAX);
        assert_false(t.binary[0]);
        PUSH(&t, &r, "text");
        assert_int_equal(r.len, 4);
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

/* RFC 1073: four bytes; a byte 255 is sent twice. */
static void test_the_size_of_a_window(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        PUSH(&t, &r, "\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0");
        assert_int_equal(r.windows, 1);
        assert_int_equal(t.columns, 80);
        PUSH(&t, &r, "\xff\xfa\x1f\x00\xff\xff\xff\xff\xff\xff\xff\xf0");
        assert_int_equal(r.windows, 2);
        assert_int_equal(t.columns, 255);
        PUSH(&t, &r, "\xff\xfa\x1f\xff\xff\xff\xff\x00\x18\xff\xf0");
        assert_int_equal(t.columns, 65535);
        PUSH(&t, &r, "\xff\xfa\x1f\x00\x00\x00\x00\xff\xf0");
        assert_int_equal(r.windows, 4);
        assert_int_equal(t.columns, 0);
        PUSH(&t, &r, "\xff\xfa\x1f\x00\x50\x00\xff\xf0");      /* too short */
        PUSH(&t, &r, "\xff\xfa\x1f\x00\x50\x00\x18x\xff\xf0"); /* too long */
        PUSH(&t, &r, "\xff\xfa\x18\x00\x50\x00\x18\xff\xf0");  /* another option */
        PUSH(&t, &r, "\xff\xfa\x1f\x00\x50\x00\x18\xff\xf1");  /* without an end */
        assert_int_equal(r.windows, 4);
        assert_int_equal(t.columns, 0);
        PUSH(&t, &r, "\xff\xfa");
        PUSH(&t, &r, "\x1f\x01\x00\x00\x18\xff");
        PUSH(&t, &r, "\xf0");
        assert_int_equal(t.columns, 256);
        assert_int_equal(r.len + r.replies, 0);
}

/* What a telnet in a terminal offers: it counts once both offers have come without a request for them. */
static void test_offers_of_editing(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        uint8_t commands[TELNET_EDIT_BYTES];
        PUSH(&t, &r, "\xff\xfb\x1f\xff\xfb\x03\xff\xfd\x01\xff\xf4\xff\xfd\x06");
        assert_false(telnet_offers_editing(&t));
        PUSH(&t, &r, "\xff\xfd\x03");
        assert_true(telnet_offers_editing(&t));
        assert_false(telnet_offers_editing(&t));
        PUSH(&t, &r, "\xff\xfb\x1f\xff\xfd\x03");
        assert_false(telnet_offers_editing(&t));

        t = (struct telnet){0};
        telnet_edit(&t, true, commands);
        telnet_edit(&t, false, commands);
        PUSH(&t, &r, "\xff\xfb\x1f\xff\xfd\x03"); /* late answers */
        assert_false(telnet_offers_editing(&t));
}

static void test_editing(void **state)
{
        (void)state;
        struct telnet t = {0};
        struct result r = {0};
        uint8_t commands[TELNET_EDIT_BYTES];
        assert_int_equal(telnet_edit(&t, true, commands), 12);
        assert_memory_equal(commands, "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfd\x1f", 12);
        for (int i = 0; i < 3; i++) /* the answers are not answered, except for the first WILL NAWS */
                PUSH(&t, &r, "\xff\xfd\x01\xff\xfd\x03\xff\xfb\x03\xff\xfb\x1f\xff\xfc\x1f\xff\xfe\x03");
        assert_int_equal(r.replies, 1);
        assert_int_equal(r.echoes, 0);
        assert_memory_equal(r.reply, "\xff\xfd\x1f", 3);
        r = (struct result){0};
        PUSH(&t, &r, "\xff\xfd\x1f\xff\xfb\x01"); /* nobody asked for these */
        assert_int_equal(r.replies, 2);
        assert_memory_equal(r.reply, "\xff\xfc\x1f\xff\xfe\x01", 6);
        PUSH(&t, &r, "\xff\xfe\x01");
        assert_int_equal(r.echoes, 1);

        r = (struct result){0};
        assert_int_equal(telnet_edit(&t, false, commands), 9);
        assert_memory_equal(commands, "\xff\xfc\x01\xff\xfc\x03\xff\xfe\x03", 9);
        PUSH(&t, &r, "\xff\xfe\x01\xff\xfe\x03\xff\xfc\x03"); /* the answers */
        assert_int_equal(r.replies + r.echoes, 0);
        PUSH(&t, &r, "\xff\xfd\x01");
        assert_memory_equal(r.reply, "\xff\xfc\x01", 3);
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
                cmocka_unit_test(test_commands_that_bytes_become),
                cmocka_unit_test(test_a_mind_that_changes_for_ever),
                cmocka_unit_test(test_long_subnegotiation_is_skipped),
                cmocka_unit_test(test_the_size_of_a_window),
                cmocka_unit_test(test_offers_of_editing),
                cmocka_unit_test(test_editing),
        };
        return RUN_TESTS(tests);
}
