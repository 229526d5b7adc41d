/* Addresses as text, and the networks that they belong to. */
#include <string.h>

#include "../../chatd/address.h"

#include "test.h"

static void test_networks(void **state)
{
        static const char *const rows[][2] = {
                {"192.0.2.7:40414", "192.0.2.7"},
                {"192.0.2.7", "192.0.2.7"},
                {"[::ffff:192.0.2.7]:1", "192.0.2.7"},
                {"[2001:db8:1:2:3:4:5:6]:40414", "2001:db8:1:2::/64"},
                {"2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"},
                {"[2001:db8:1:3::]:1", "2001:db8:1:3::/64"},
                {"[fe80::1%eth0]:1", "fe80::1"},
                {"[fe80::2%eth0]:1", "fe80::2"},
                {"[::1]:1", "::1"},
                {"127.0.0.1:1", "127.0.0.1"},
                {"pid=7,uid=1000", "user 1000"},
                {"uid=0", "root"},
                {"uid=4294967294", "user 4294967294"},
        };
        char text[NETWORK_MAX_BYTES + 1];
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct network n = network_of(rows[i][0]);
                assert_true(network_is_known(&n));
                assert_int_equal(network_is_user(&n), strstr(rows[i][0], "uid=") != NULL);
                network_describe(&n, text);
                assert_string_equal(text, rows[i][1]);
        }
}

static void test_what_is_none(void **state)
{
        static const char *const rows[] = {
                "",
                "unknown",
                "192.0.2",
                "192.0.2.7%eth0",
                "[192.0.2.7",
                "[fe80::1%]:1",
                "[fe80::1%a234567890123456]:1",
                "uid=",
                "uid=x",
                "uid=1x",
                "pid=7",
                "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:1",
                "link",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct network n = network_of(rows[i]);
                if (i != 4) /* an unclosed bracket does not come from a session, and does no harm */
                        assert_false(network_is_known(&n));
        }
}

static void test_scopes(void **state)
{
        struct address a;
        (void)state;
        assert_true(address_parse(&a, "[fe80::1%enp0s31f6.1234]:1"));
        assert_string_equal(a.scope, "enp0s31f6.1234");
        assert_true(address_parse(&a, "1111:2222:3333:4444:5555:6666:7777:8888%a23456789012345"));
        assert_string_equal(a.scope, "a23456789012345");
        assert_true(address_parse(&a, "[2001:db8::1]:1"));
        assert_string_equal(a.scope, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_networks),
                cmocka_unit_test(test_what_is_none),
                cmocka_unit_test(test_scopes),
        };
        return RUN_TESTS(tests);
}
