/* Networks that connect too often. */
#include <stdio.h>

#include "../../chatd/floods.h"

#include "test.h"

enum { NOW = 1000 };

static int begin(void **state)
{
        *state = calloc(1, sizeof(struct floods));
        return *state ? 0 : -1;
}

static int end(void **state)
{
        free(*state);
        return 0;
}

/* Counts `connections` connections from an address. Asserts that none in front of the last is too many. Returns true if
 * the last is too many. */
static bool last_of(struct floods *f, unsigned connections, const char *address, int64_t now)
{
        const struct network n = network_of(address);
        while (--connections > 0)
                assert_false(floods_count(f, &n, now));
        return floods_count(f, &n, now);
}

static void test_each_hundred_within_a_minute(void **state)
{
        struct floods *f = *state;
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "192.0.2.7:1", NOW));
        assert_true(last_of(f, 1, "192.0.2.7:2", NOW + FLOODS_MS - 1));
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "192.0.2.7:3", NOW + FLOODS_MS));
        assert_true(last_of(f, 1, "192.0.2.7:3", NOW + FLOODS_MS));
}

static void test_fewer_than_that_begin_anew(void **state)
{
        struct floods *f = *state;
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "192.0.2.7:1", NOW));
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "192.0.2.7:1", NOW + FLOODS_MS));
        assert_true(last_of(f, 1, "192.0.2.7:1", NOW + FLOODS_MS));
}

static void test_networks_are_apart(void **state)
{
        struct floods *f = *state;
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "192.0.2.7:1", NOW));
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "192.0.2.8:1", NOW));
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "[2001:db8::1]:1", NOW));
        assert_true(last_of(f, 1, "[2001:db8::2]:1", NOW)); /* of the same /64 */
        assert_true(last_of(f, 1, "192.0.2.7:1", NOW));
        assert_true(last_of(f, 1, "192.0.2.8:1", NOW));
}

static void test_users_of_this_host_do_not_count(void **state)
{
        struct floods *f = *state;
        assert_false(last_of(f, 3 * FLOODS_CONNECTIONS, "pid=7,uid=1000", NOW));
        assert_false(last_of(f, 3 * FLOODS_CONNECTIONS, "unknown", NOW));
}

static void test_the_oldest_makes_place(void **state)
{
        struct floods *f = *state;
        char address[32];
        for (int i = 0; i < FLOODS_NETWORKS; i++) {
                snprintf(address, sizeof(address), "10.0.0.%d:1", i);
                assert_false(last_of(f, FLOODS_CONNECTIONS - 1, address, NOW + i));
        }
        assert_false(last_of(f, 1, "192.0.2.7:1", NOW + FLOODS_NETWORKS)); /* takes the place of 10.0.0.0 */
        assert_true(last_of(f, 1, "10.0.0.1:1", NOW + FLOODS_NETWORKS));
        assert_false(last_of(f, FLOODS_CONNECTIONS - 1, "10.0.0.0:1", NOW + FLOODS_NETWORKS));
        assert_true(last_of(f, 1, "10.0.0.0:1", NOW + FLOODS_NETWORKS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_each_hundred_within_a_minute), TEST(test_fewer_than_that_begin_anew),
                TEST(test_networks_are_apart),           TEST(test_users_of_this_host_do_not_count),
                TEST(test_the_oldest_makes_place),
        };
        return RUN_TESTS(tests);
}
