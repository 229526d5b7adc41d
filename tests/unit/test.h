/* Included by every unit test. TEST=pattern in the environment runs only the tests whose names match. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN_TESTS(tests) (cmocka_set_test_filter(getenv("TEST")), cmocka_run_group_tests(tests, NULL, NULL))

/* journal_stop() does not wait endlessly for the journal's thread, and does not free its memory if it has not ended in
 * time. On a busy machine that is not a leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:journal_start\n";
}
