#include <chat/paths.h>

#include "test.h"

static void test_addresses(void **state)
{
        (void)state;
        struct sockaddr_un a;
        assert_int_equal(path_broker(&a, "/run/chat"), 0);
        assert_string_equal(a.sun_path, "/run/chat/chatd.sock");
        assert_int_equal(path_inbox(&a, "/run/chat", 0xabcULL), 0);
        assert_string_equal(a.sun_path, "/run/chat/sessions/0000000000000abc");
}

static void test_longest_directory(void **state)
{
        (void)state;
        char dir[200] = "/";
        struct sockaddr_un a;
        memset(dir + 1, 'd', sizeof(dir) - 2);
        dir[RUN_DIR_MAX_BYTES] = '\0';
        assert_int_equal(path_inbox(&a, dir, UINT64_MAX), 0);
        dir[RUN_DIR_MAX_BYTES] = 'd';
        assert_int_equal(path_inbox(&a, dir, UINT64_MAX), -ENAMETOOLONG);
}

static void test_ids(void **state)
{
        (void)state;
        uint64_t id = 0;
        assert_int_equal(path_parse_id("0123456789abcdef", &id), 0);
        assert_true(id == 0x0123456789abcdefULL);
        assert_int_equal(path_parse_id("0123456789abcde", &id), -EINVAL);
        assert_int_equal(path_parse_id("0123456789abcdef0", &id), -EINVAL);
        assert_int_equal(path_parse_id("0123456789ABCDEF", &id), -EINVAL);
        assert_int_equal(path_parse_id("0123456789abcde/", &id), -EINVAL);
        assert_int_equal(path_parse_id("..", &id), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_longest_directory),
                cmocka_unit_test(test_ids),
        };
        return RUN_TESTS(tests);
}
