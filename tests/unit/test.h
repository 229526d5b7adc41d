/* What every unit test needs. TEST=pattern in the environment runs only the tests whose names match. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN_TESTS(tests) (cmocka_set_test_filter(getenv("TEST")), cmocka_run_group_tests(tests, NULL, NULL))

/* The journal's thread is not waited for without end, and what it has is not freed where it did not end in time: on a
 * machine that has much to do that is no leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:journal_start\n";
}
