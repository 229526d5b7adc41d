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
