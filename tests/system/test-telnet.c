/* Real telnet clients, nc and PuTTY through the booted units; telnet.exp plays them. */
#include <stdio.h>

#include "booted.h"

static void test_three_telnets_nc_and_putty(void **state)
{
        (void)state;
        struct client *witness = booted_join();
        shell("expect tests/system/telnet.exp 127.0.0.1 %d 2>&1", CHAT_PORT);
        client_send(witness, "exit\n");
        const char *all = client_expect_end(witness);
        assert_non_null(strstr(all, "grüße"));
        assert_null(strchr(all, '\xff')); /* a client that never negotiated never sees an IAC */
        client_free(witness);
}

static void test_over_ipv6(void **state)
{
        (void)state;
        shell("expect tests/system/telnet.exp ::1 %d 2>&1", CHAT_PORT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_three_telnets_nc_and_putty),
                cmocka_unit_test(test_over_ipv6),
        };
        return RUN_TESTS(tests, booted_install_without_history, NULL);
}
