/* Bold, colors and other formatting of IRC texts. */
#include <stdio.h>

#include "../../chat-irc/formatting.h"

#include "test.h"

static const struct {
        const char *text, *plain;
} texts[] = {
        {"", ""},
        {"plain", "plain"},
        {"\x02"
         "bold\x02 and \x1ditalic\x0f",
         "bold and italic"},
        {"\x03"
         "4red\x03, \x03"
         "04,12both\x03",
         "red, both"},
        {"\x03"
         "123 apples",
         "3 apples"},
        {"\x03"
         "4,x and \x03,5",
         ",x and ,5"},
        {"\x04"
         "ff0000red\x04, \x04"
         "ff00000,00ff00x",
         "red, 0,00ff00x"},
        {"\x04"
         "ff00 is no color",
         "ff00 is no color"},
        {"at the end\x03", "at the end"},
        {"at the end\x03"
         "4,",
         "at the end,"},
        {"a\aand\tb", "a\aand\tb"},
};

static void test_texts(void **state)
{
        char out[64];
        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct slice got = formatting_remove(slice_of(texts[i].text), out);
                assert_int_equal(got.len, strlen(texts[i].plain));
                assert_memory_equal(got.at, texts[i].plain, got.len);
        }
}

/* The text may be its own place. */
static void test_in_place(void **state)
{
        char text[] = "\x02"
                      "bold\x02 text";
        (void)state;
        struct slice got = formatting_remove(slice_of(text), text);
        assert_int_equal(got.len, 9);
        assert_memory_equal(text, "bold text", 9);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_in_place),
        };
        return RUN_TESTS(tests);
}
