#include <chat/names.h>
#include <chat/nearest.h>

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
        assert_same("Maria", "Marla", false);
        assert_same("Bill", "B1ll", false);
        assert_same("bob", "b0b", false);
        assert_same("ann-b", "ann_b", false);
        assert_same("ann", "anna", false);
        assert_same("ann", "", false);
}

static void assert_alike(const char *a, const char *b, bool alike)
{
        assert_int_equal(name_looks_like(a, strlen(a), b, strlen(b)), alike);
        assert_int_equal(name_looks_like(b, strlen(b), a, strlen(a)), alike);
        if (alike)
                assert_int_equal(name_compare_blurred(a, strlen(a), b, strlen(b)), 0);
}

static void test_which_are_too_similar(void **state)
{
        (void)state;
        static const char *const alike[][2] = {
                {"ann", "ann"},   {"ann", "ANN"},   {"Ian", "lan"},     {"Ian", "ian"},     {"paul", "pauI"},
                {"paul", "pau1"}, {"BIll", "BI1l"}, {"B0B", "BOB"},     {"b0b", "BOB"},     {"Zoe", "z0E"},
                {"Il1", "lI1"},   {"Il1", "1lI"},   {"MARIA", "MAR1A"}, {"MARIA", "marIa"},
        };
        static const char *const apart[][2] = {
                {"Maria", "Marla"},
                {"maria", "mar1a"},
                {"paul", "paui"},
                {"swan", "svvan"},
                {"moron", "rnoron"},
                {"ann-b", "ann_b"},
                {"ann.b", "ann-b"},
                {"ann", "anna"},
                {"ann", ""},
                {"b8b", "bbb"},
                {"s5", "ss"},
                {"aLan", "a1an"},
                {"127.0.0.1:1", "127.0.0.1:l1"},
        };
        for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
                assert_alike(alike[i][0], alike[i][1], true);
        for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++)
                assert_alike(apart[i][0], apart[i][1], false);
        assert_alike("", "", true);
}

static void test_reserved(void **state)
{
        (void)state;
        static const char *const reserved[] = {"Administrator", "administrator", "Adm1nistrator", "AdmInistrat0r",
                                               "Admlnistrator"};
        for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
                assert_true(name_is_reserved(reserved[i], strlen(reserved[i])));
        assert_false(name_is_reserved("Administrators", strlen("Administrators")));
        assert_false(name_is_reserved("admin", strlen("admin")));
}

static void assert_distance(const char *a, const char *b, size_t distance)
{
        assert_int_equal(nearest_distance(slice_of(a), slice_of(b)), distance);
        assert_int_equal(nearest_distance(slice_of(b), slice_of(a)), distance);
}

static void test_distance(void **state)
{
        (void)state;
        assert_distance("", "", 0);
        assert_distance("", "abc", 3);
        assert_distance("trol", "Troll", 1);
        assert_distance("exti", "exit", 1);
        assert_distance("ab", "ba", 1);
        assert_distance("ca", "abc", 3); /* no character is changed twice */
        assert_distance("kitten", "sitting", 3);
        assert_distance("abcdefghijklmnopqrstuvwx", "xbcdefghijklmnopqrstuvwa", 2);
        assert_distance("abcdefghijklmnopqrstuvwxy", "abc", SIZE_MAX);
}

/* Addresses are never too similar: otherwise two clients could not both be here. */
static void test_addresses_stay_apart(void **state)
{
        (void)state;
        static const char *const addresses[] = {
                "127.0.0.1:40414", "127.0.0.1:40404",  "10.0.0.1:1",       "1.0.0.1:1", "10.11.0.1:1",
                "101.1.0.1:1",     "[fe80::1%eth0]:1", "[fe80::1%eth1]:1", "[::1]:5",   "[::]:15"};
        for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
                for (size_t j = 0; j < i; j++) {
                        assert_same(addresses[i], addresses[j], false);
                        assert_alike(addresses[i], addresses[j], false);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_can_be_a_name),
                cmocka_unit_test(test_which_are_the_same),
                cmocka_unit_test(test_which_are_too_similar),
                cmocka_unit_test(test_reserved),
                cmocka_unit_test(test_distance),
                cmocka_unit_test(test_addresses_stay_apart),
        };
        return RUN_TESTS(tests);
}
