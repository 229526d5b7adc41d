#include "../../chat-session/commands.h"

#include "test.h"

static void test_commands(void **state)
{
        (void)state;
        assert_int_equal(command_find(slice_of("exit")), COMMAND_LEAVE);
        assert_int_equal(command_find(slice_of("exit  ")), COMMAND_LEAVE);
        assert_int_equal(command_find(slice_of("/quit")), COMMAND_LEAVE);
        assert_int_equal(command_find(slice_of("")), COMMAND_NONE);
        assert_int_equal(command_find(slice_of("exit now")), COMMAND_NONE);
        assert_int_equal(command_find(slice_of(" exit")), COMMAND_NONE);
        assert_int_equal(command_find(slice_of("/quitter")), COMMAND_NONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_commands)};
        return RUN_TESTS(tests);
}
