#include <chat/names.h>

#include "test.h"

static void assert_same(const char *a, const char *b, bool same)
{
        int order = name_compare(a, strlen(a), b, strlen(b));
        assert_int_equal(order == 0, same);
        assert_int_equal(name_compare(b, strlen(b), a, strlen(a)), -order);
}

static void test_what_can_be_a_name(void **state)
{
        (void)state;
        static const char *const good[] = {"a", "Ann", "ann_b.c-9", "abcdefghijklmnopqrstuvwx"};
        static const char *const bad[] = {"",
                                          "9lives",
                                          "-ann",
                                          "ann b",
                                          "ann@b",
                                          "ann:",
                                          "gr\xc3\xbc\xc3\x9f",
                                          "a\n",
                                          "a~2",
                                          "127.0.0.1:1",
                                          "abcdefghijklmnopqrstuvwxy"};
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                assert_true(name_is_nick(good[i], strlen(good[i])));
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(name_is_nick(bad[i], strlen(bad[i])));
        assert_false(name_is_nick("a\0b", 3));
}

static void test_which_are_the_same(void **state)
{
        (void)state;
        assert_same("ann", "ANN", true);
        assert_same("Bill", "B1LL", true);
        assert_same("oslo", "0SL0", true);
        assert_same("moron", "rnoron", true);
        assert_same("swan", "svvan", true);
        assert_same("ann-b", "ann_b", true);
        assert_same("ann.b", "ann-b", true);
        assert_same("ann", "anna", false);
        assert_same("ann", "amn", false);
        assert_same("ann", "", false);
        assert_same("r", "m", false);
        assert_same("rr", "rn", false);
        assert_same("v", "w", false);
}

/* Or two clients could not both be there. */
static void test_addresses_stay_apart(void **state)
{
        (void)state;
        assert_same("127.0.0.1:40414", "127.0.0.1:40404", false);
        assert_same("10.0.0.1:1", "1.0.0.1:1", false);
        assert_same("10.11.0.1:1", "101.1.0.1:1", false);
        assert_same("[fe80::1%eth0]:1", "[fe80::1%eth1]:1", false);
        assert_same("[::1]:5", "[::]:15", false);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_can_be_a_name),
                cmocka_unit_test(test_which_are_the_same),
                cmocka_unit_test(test_addresses_stay_apart),
        };
        return RUN_TESTS(tests);
}
