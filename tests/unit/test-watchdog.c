#include <sys/prctl.h>
#include <sys/wait.h>

#include <chat/watchdog.h>

#include "test.h"

enum {
        DEADLINE_MS = 20000,
        SHORT_MS = 20,
        LONG_MS = 250,
};

static void test_a_loop_that_goes_round(void **state)
{
        (void)state;
        struct watchdog w = {.program = "program"};
        for (int i = 0; i < 3 * WATCHDOG_TICKS; i++) {
                watchdog_beat(&w);
                for (int silent = 1; silent < WATCHDOG_TICKS; silent++)
                        assert_false(watchdog_tick(&w));
        }
}

static void test_a_loop_that_is_stuck(void **state)
{
        (void)state;
        struct watchdog w = {.program = "program"};
        watchdog_beat(&w);
        assert_false(watchdog_tick(&w)); /* the beat came before the tick */
        for (int silent = 1; silent < WATCHDOG_TICKS; silent++)
                assert_false(watchdog_tick(&w));
        assert_true(watchdog_tick(&w));
        watchdog_beat(&w);
        assert_false(watchdog_tick(&w));
}

/* Starts a process with a watchdog. It beats if `beats`. `*out` is its standard error. */
static pid_t start(int *out, int tick_ms, bool beats)
{
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                static struct watchdog w;
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                signal(SIGABRT, SIG_DFL);
                dup2(fds[1], STDERR_FILENO);
                close(fds[0]);
                close(fds[1]);
                if (watchdog_start(&w, "program", tick_ms) < 0)
                        _exit(1);
                for (;;) {
                        if (beats)
                                watchdog_beat(&w);
                        poll(NULL, 0, 1);
                        if (beats)
                                dprintf(STDERR_FILENO, ".");
                }
        }
        close(fds[1]);
        *out = fds[0];
        return pid;
}

static void read_some(int out, char *text, size_t size)
{
        struct pollfd there = {.fd = out, .events = POLLIN};
        assert_int_equal(poll(&there, 1, DEADLINE_MS), 1);
        ssize_t n = read(out, text, size - 1);
        assert_true(n >= 0);
        text[n] = '\0';
}

static void test_a_stuck_process_says_so_and_ends(void **state)
{
        (void)state;
        char text[256];
        int out, status;
        pid_t pid = start(&out, SHORT_MS, false);
        read_some(out, text, sizeof(text));
        assert_string_equal(text, "program: stuck; it ends itself, to be started again\n");
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        close(out);
}

/* The process is stopped as if the machine were paused: no thread runs, and time goes on. */
static void test_a_process_that_was_stopped_goes_on(void **state)
{
        (void)state;
        char text[65536];
        int out, status;
        pid_t pid = start(&out, LONG_MS, true);
        read_some(out, text, sizeof(text));
        kill(pid, SIGSTOP);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        poll(NULL, 0, (WATCHDOG_TICKS + 1) * LONG_MS);
        kill(pid, SIGCONT);
        for (int i = 0; i < (WATCHDOG_TICKS + 1) * LONG_MS; i++) { /* longer than a stuck process would last */
                read_some(out, text, sizeof(text));
                assert_string_equal(text + strspn(text, "."), "");
                poll(NULL, 0, 1);
        }
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        close(out);
}

static void test_its_end(void **state)
{
        (void)state;
        struct watchdog w;
        assert_int_equal(watchdog_start(&w, "program", DEADLINE_MS), 0);
        watchdog_stop(&w); /* does not wait for a tick */
        watchdog_stop(&w);
        assert_false(w.is_running);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_loop_that_goes_round),
                cmocka_unit_test(test_a_loop_that_is_stuck),
                cmocka_unit_test(test_a_stuck_process_says_so_and_ends),
                cmocka_unit_test(test_a_process_that_was_stopped_goes_on),
                cmocka_unit_test(test_its_end),
        };
        return RUN_TESTS(tests);
}
