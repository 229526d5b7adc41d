/* Included by every unit test. In the environment, TEST=PATTERN runs only the tests whose names match, and
 * SKIP="a/test_b c/test_d" skips test_b of test-a.c and test_d of test-c.c. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline void skip_named(void **state)
{
        (void)state;
        skip();
}

/* Returns true if the test of this program is one of the words of SKIP. */
static inline bool is_skipped(const char *test)
{
        char word[256];
        const char *skipped = getenv("SKIP");
        int len = snprintf(word, sizeof(word), "%s/%s", program_invocation_short_name + strlen("test-"), test);
        for (const char *at = skipped; at && (at = strstr(at, word)); at += len)
                if ((at == skipped || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
                        return true;
        return false;
}

static inline int run_chosen(struct CMUnitTest *tests, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (is_skipped(tests[i].name))
                        tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = skip_named};
        cmocka_set_test_filter(getenv("TEST"));
        return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}

/* The value is the number of failed tests. */
#define RUN_TESTS(tests)                                                                                               \
        ({                                                                                                             \
                struct CMUnitTest chosen[sizeof(tests) / sizeof((tests)[0])];                                          \
                memcpy(chosen, tests, sizeof(chosen));                                                                 \
                run_chosen(chosen, sizeof(chosen) / sizeof(chosen[0]));                                                \
        })

/* journal_stop() does not wait endlessly for the journal's thread, and does not free its memory if it has not ended in
 * time. On a busy machine that is not a leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:journal_start\n";
}
