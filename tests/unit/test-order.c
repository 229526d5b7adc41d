#include "../../chatd/order.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { STEPS = STEP_FORGET + 1 };

/* Returns true if a round may go from one step to the other. A child tries that, because an assertion would end it. */
static bool may_enter(enum step from, enum step to)
{
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                struct order r = {.step = from};
                setrlimit(RLIMIT_CORE, &(struct rlimit){0});
                dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
                order_enter(&r, to);
                _exit(r.step == to ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
        return status == 0;
}

static void test_no_step_comes_before_its_turn(void **state)
{
        static const bool allowed[STEPS][STEPS] = {
                [STEP_OVER] = {[STEP_OVER] = true, [STEP_TAKE] = true},
                [STEP_UNKNOWN] = {[STEP_OVER] = true, [STEP_TAKE] = true},
                [STEP_TAKE] = {[STEP_RELAY] = true},
                [STEP_RELAY] = {[STEP_NOTE] = true},
                [STEP_NOTE] = {[STEP_PART] = true},
                [STEP_PART] = {[STEP_CONSUME] = true},
                [STEP_CONSUME] = {[STEP_FORGET] = true},
                [STEP_FORGET] = {[STEP_OVER] = true},
        };
        (void)state;
        for (int from = 0; from < STEPS; from++)
                for (int to = 0; to < STEPS; to++)
                        assert_int_equal(may_enter((enum step)from, (enum step)to), allowed[from][to]);
}

/* Admits frames as long as they may share a batch. Returns their number. */
static size_t admit(const enum content *frames, size_t n)
{
        struct order r = {0};
        size_t i = 0;
        order_enter(&r, STEP_TAKE);
        while (i < n && order_admit(&r, frames[i]))
                i++;
        return i;
}

static void test_frames_that_share_a_batch(void **state)
{
        (void)state;
        for (int first = CONTENT_PLAIN; first < CONTENTS; first++)
                for (int second = CONTENT_PLAIN; second < CONTENTS; second++) {
                        const enum content frames[] = {(enum content)first, (enum content)second};
                        bool alone = first == CONTENT_ALONE || second == CONTENT_ALONE;
                        bool plain = first == CONTENT_PLAIN || second == CONTENT_PLAIN;
                        assert_int_equal(admit(frames, 2), !alone && (plain || first == second) ? 2 : 1);
                }
}

static void test_a_plain_frame_between_changes_nothing(void **state)
{
        (void)state;
        const enum content come[] = {CONTENT_PLAIN, CONTENT_MEMBERSHIP, CONTENT_PLAIN, CONTENT_CHANGES};
        const enum content change[] = {CONTENT_CHANGES, CONTENT_PLAIN, CONTENT_CHANGES, CONTENT_PLAIN,
                                       CONTENT_MEMBERSHIP};
        assert_int_equal(admit(come, 4), 3);
        assert_int_equal(admit(change, 5), 4);
}

static void test_old_frames(void **state)
{
        struct order r = {0};
        (void)state;
        order_recover(&r, 5);
        assert_int_equal(r.step, STEP_UNKNOWN);
        r.step = STEP_CONSUME;
        assert_false(order_consume(&r, 4));
        assert_true(order_consume(&r, 2));
        assert_false(order_consume(&r, 2));
        assert_int_equal(r.old_frames, 0);
        r = (struct order){0};
        order_recover(&r, 0);
        assert_int_equal(r.step, STEP_OVER);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_step_comes_before_its_turn),
                cmocka_unit_test(test_frames_that_share_a_batch),
                cmocka_unit_test(test_a_plain_frame_between_changes_nothing),
                cmocka_unit_test(test_old_frames),
        };
        return RUN_TESTS(tests);
}
