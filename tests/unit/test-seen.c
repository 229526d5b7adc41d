#include <chat/seen.h>

#include "test.h"

static void test_nothing_is_dropped_within_an_epoch(void **state)
{
        (void)state;
        struct seen s = {0};
        assert_true(seen_epoch(&s, 1));
        assert_false(seen_epoch(&s, 1));
        assert_false(seen_before(&s, 7, 1));
        assert_false(seen_before(&s, 7, 1)); /* that would be an error of chatd, not the effect of a restart */
}

static void test_a_batch_relayed_again_is_dropped(void **state)
{
        (void)state;
        struct seen s = {0};
        seen_epoch(&s, 1);
        for (uint64_t n = 1; n <= 1000; n++)
                assert_false(seen_before(&s, 7, n));
        for (uint64_t epoch = 2; epoch < 5; epoch++) { /* chatd dies in the same place three times */
                assert_true(seen_epoch(&s, epoch));
                for (uint64_t n = 1000 - BATCH_MAX_RECORDS + 1; n <= 1000; n++)
                        assert_true(seen_before(&s, 7, n));
        }
        assert_false(seen_before(&s, 7, 1001));
}

static void test_an_overlap_cut_elsewhere(void **state)
{
        (void)state;
        struct seen s = {0};
        seen_epoch(&s, 1);
        for (uint64_t n = 1; n <= 100; n++)
                seen_before(&s, 7, n);
        seen_epoch(&s, 2);
        for (uint64_t n = 90; n <= 110; n++)
                assert_int_equal(seen_before(&s, 7, n), n <= 100);
        seen_epoch(&s, 3);
        for (uint64_t n = 95; n <= 120; n++)
                assert_int_equal(seen_before(&s, 7, n), n <= 110);
}

static void test_only_the_same_sender_and_number(void **state)
{
        (void)state;
        struct seen s = {0};
        seen_epoch(&s, 1);
        seen_before(&s, 7, 1);
        seen_epoch(&s, 2);
        assert_false(seen_before(&s, 8, 1));
        assert_false(seen_before(&s, 7, 2));
        assert_true(seen_before(&s, 7, 1));
}

static void test_the_comparing_ends(void **state)
{
        (void)state;
        struct seen s = {0};
        seen_epoch(&s, 1);
        seen_epoch(&s, 2);
        for (uint64_t n = 1; n <= BATCH_MAX_RECORDS; n++)
                assert_false(seen_before(&s, 7, n));
        assert_false(seen_before(&s, 7, BATCH_MAX_RECORDS));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_is_dropped_within_an_epoch),
                cmocka_unit_test(test_a_batch_relayed_again_is_dropped),
                cmocka_unit_test(test_an_overlap_cut_elsewhere),
                cmocka_unit_test(test_only_the_same_sender_and_number),
                cmocka_unit_test(test_the_comparing_ends),
        };
        return RUN_TESTS(tests);
}
