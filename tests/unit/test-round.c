#include "../../chatd/round.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { STEPS = ROUND_FORGET + 1 };

/* Returns true if a round may go from one step to the other: an assertion would end a child. */
static bool may_enter(enum round_step from, enum round_step to)
{
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                struct round r = {.step = from};
                setrlimit(RLIMIT_CORE, &(struct rlimit){0});
                dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
                round_enter(&r, to);
                _exit(r.step == to ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
        return status == 0;
}

static void test_no_step_comes_before_its_turn(void **state)
{
        static const bool allowed[STEPS][STEPS] = {
                [ROUND_OVER] = {[ROUND_OVER] = true, [ROUND_TAKE] = true},
                [ROUND_UNKNOWN] = {[ROUND_OVER] = true, [ROUND_TAKE] = true},
                [ROUND_TAKE] = {[ROUND_RELAY] = true},
                [ROUND_RELAY] = {[ROUND_NOTE] = true},
                [ROUND_NOTE] = {[ROUND_PART] = true},
                [ROUND_PART] = {[ROUND_CONSUME] = true},
                [ROUND_CONSUME] = {[ROUND_FORGET] = true},
                [ROUND_FORGET] = {[ROUND_OVER] = true},
        };
        (void)state;
        for (int from = 0; from < STEPS; from++)
                for (int to = 0; to < STEPS; to++)
                        assert_int_equal(may_enter((enum round_step)from, (enum round_step)to), allowed[from][to]);
}

/* Admits frames, as long as they may share a batch. Returns how many. */
static size_t admit(const enum round_content *frames, size_t n)
{
        struct round r = {0};
        size_t i = 0;
        round_enter(&r, ROUND_TAKE);
        while (i < n && round_admit(&r, frames[i]))
                i++;
        return i;
}

static void test_frames_that_share_a_batch(void **state)
{
        (void)state;
        for (int first = ROUND_PLAIN; first < ROUND_CONTENTS; first++)
                for (int second = ROUND_PLAIN; second < ROUND_CONTENTS; second++) {
                        const enum round_content frames[] = {(enum round_content)first, (enum round_content)second};
                        bool alone = first == ROUND_ALONE || second == ROUND_ALONE;
                        bool plain = first == ROUND_PLAIN || second == ROUND_PLAIN;
                        assert_int_equal(admit(frames, 2), !alone && (plain || first == second) ? 2 : 1);
                }
}

static void test_a_plain_frame_between_changes_nothing(void **state)
{
        (void)state;
        const enum round_content come[] = {ROUND_PLAIN, ROUND_MEMBERSHIP, ROUND_PLAIN, ROUND_CHANGES};
        const enum round_content change[] = {ROUND_CHANGES, ROUND_PLAIN, ROUND_CHANGES, ROUND_PLAIN, ROUND_MEMBERSHIP};
        assert_int_equal(admit(come, 4), 3);
        assert_int_equal(admit(change, 5), 4);
}

static void test_old_frames(void **state)
{
        struct round r = {0};
        (void)state;
        round_recover(&r, 5);
        assert_int_equal(r.step, ROUND_UNKNOWN);
        r.step = ROUND_CONSUME;
        assert_false(round_consume(&r, 4));
        assert_true(round_consume(&r, 2));
        assert_false(round_consume(&r, 2));
        assert_int_equal(r.old_frames, 0);
        r = (struct round){0};
        round_recover(&r, 0);
        assert_int_equal(r.step, ROUND_OVER);
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
