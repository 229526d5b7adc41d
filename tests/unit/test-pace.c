#include <errno.h>

#include <chat/pace.h>

#include "test.h"

/* Returns how many lines may go at `now_ms`, at most 1000. */
static int spend(struct pace *p, int64_t now_ms)
{
        int lines = 0;
        for (; lines < 1000 && pace_next_ms(p, now_ms) <= now_ms; lines++)
                pace_take(p, now_ms);
        return lines;
}

static void test_a_burst_and_then_the_rate(void **state)
{
        (void)state;
        struct pace p = pace_of(10, 20);
        assert_int_equal(spend(&p, 5000), 20);
        assert_int_equal(pace_next_ms(&p, 5000), 5100);
        assert_int_equal(spend(&p, 5099), 0);
        assert_int_equal(spend(&p, 5100), 1);
        assert_int_equal(spend(&p, 5300), 2);
        assert_int_equal(spend(&p, 5300 + 1000), 10);
        assert_int_equal(spend(&p, 60000), 20); /* no more than full */
        assert_int_equal(spend(&p, 60000), 0);
}

static void test_a_rate_that_does_not_divide(void **state)
{
        (void)state;
        struct pace p = pace_of(3, 1);
        int lines = 0;
        for (int64_t now = 0; now < 10000; now++)
                lines += spend(&p, now);
        assert_in_range(lines, 29, 31);
}

static void test_no_limit(void **state)
{
        (void)state;
        struct pace p = {0};
        assert_int_equal(spend(&p, 1), 1000);
}

static void test_parse(void **state)
{
        (void)state;
        static const char *const wrong[] = {"",
                                            "x",
                                            "0",
                                            "10:0",
                                            "10:",
                                            "10:5x",
                                            ":5",
                                            "-1",
                                            "+1",
                                            "10,5",
                                            "1000001",
                                            "10:1000001",
                                            "OFF",
                                            " 10",
                                            "1 ",
                                            "1e3",
                                            "99999999999999999999"};
        struct pace p = {0};
        assert_int_equal(pace_parse(&p, "10"), 0);
        assert_int_equal(spend(&p, 0), 20);
        assert_int_equal(pace_parse(&p, "5:3"), 0);
        assert_int_equal(spend(&p, 0), 3);
        assert_int_equal(pace_next_ms(&p, 0), 200);
        assert_int_equal(pace_parse(&p, "1000000"), 0);
        assert_int_equal(p.burst, PACE_MAX);
        assert_int_equal(pace_parse(&p, "off"), 0);
        assert_int_equal(spend(&p, 0), 1000);
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_int_equal(pace_parse(&p, wrong[i]), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_burst_and_then_the_rate),
                cmocka_unit_test(test_a_rate_that_does_not_divide),
                cmocka_unit_test(test_no_limit),
                cmocka_unit_test(test_parse),
        };
        return RUN_TESTS(tests);
}
