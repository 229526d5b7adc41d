/* Assertions of the programs, in a build that turns off those of libc. */
#ifndef NDEBUG
#define NDEBUG
#endif

#include <chat/assert.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "test.h"

/* Runs `run` in a child whose standard error is `fd`. Returns its wait status. */
static int run_child(void (*run)(void), int fd)
{
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                setrlimit(RLIMIT_CORE, &(struct rlimit){0});
                dup2(fd, STDERR_FILENO);
                run();
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        return status;
}

static void divide_badly(void)
{
        volatile int divisor = 0;
        assert(divisor != 0);
}

static void divide_well(void)
{
        volatile int divisor = 1;
        assert(divisor != 0);
}

static void test_a_broken_invariant_ends_the_process(void **state)
{
        int fds[2];
        char text[256] = "";
        (void)state;
        assert_int_equal(pipe(fds), 0);
        int status = run_child(divide_badly, fds[1]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
        assert_non_null(strstr(text, "test-assert: a fault in the program: "));
        assert_non_null(strstr(text, "test-assert.c:"));
        assert_non_null(strstr(text, ": divide_badly(): 'divisor != 0' does not hold\n"));
        close(fds[0]);
        close(fds[1]);
}

static void test_an_invariant_that_holds_costs_nothing(void **state)
{
        (void)state;
        assert_int_equal(run_child(divide_well, STDERR_FILENO), 0);
}

/* Nobody reads the text that is printed, as when the journal is stuck. */
static void test_nothing_keeps_it_from_ending(void **state)
{
        static char junk[4096];
        int fds[2], sockets[2];
        (void)state;
        assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
        while (write(fds[1], junk, sizeof(junk)) > 0)
                ;
        assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
        assert_true(WIFSIGNALED(run_child(divide_badly, fds[1])));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
        while (send(sockets[1], junk, sizeof(junk), MSG_DONTWAIT) > 0)
                ;
        assert_true(WIFSIGNALED(run_child(divide_badly, sockets[1])));
        for (int i = 0; i < 2; i++) {
                close(fds[i]);
                close(sockets[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_broken_invariant_ends_the_process),
                cmocka_unit_test(test_an_invariant_that_holds_costs_nothing),
                cmocka_unit_test(test_nothing_keeps_it_from_ending),
        };
        return RUN_TESTS(tests);
}
