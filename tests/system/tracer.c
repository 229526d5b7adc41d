#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>

#include "harness.h"

enum { WRITE_MAX_BYTES = 256 * 1024, PIECES_MAX = 1024, LOOK_US = 50 };

bool tracer_may_trace(void)
{
        int status;
        pid_t pid = process_fork();
        if (pid == 0)
                _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WEXITSTATUS(status) == EPERM)
                return false;
        assert_int_equal(status, 0);
        return true;
}

/* Copies from this address of the process. Returns the bytes copied. */
static size_t copy(pid_t pid, void *to, const void *from, size_t size)
{
        struct iovec here = {to, size}, there = {(void *)from, size};
        ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);
        return n < 0 ? 0 : (size_t)n;
}

/* Returns the bytes that a beginning sendmsg() will write, or 0 if `text` is not among them. */
static size_t written(pid_t pid, const void *message, const char *text)
{
        static char bytes[WRITE_MAX_BYTES];
        static struct iovec pieces[PIECES_MAX];
        struct msghdr msg = {0};
        size_t size = 0;
        assert_int_equal(copy(pid, &msg, message, sizeof(msg)), sizeof(msg));
        assert_in_range(msg.msg_iovlen, 0, PIECES_MAX);
        assert_int_equal(copy(pid, pieces, msg.msg_iov, msg.msg_iovlen * sizeof(*pieces)),
                         msg.msg_iovlen * sizeof(*pieces));
        for (size_t i = 0; i < msg.msg_iovlen; i++) {
                assert_in_range(pieces[i].iov_len, 0, sizeof(bytes) - size);
                size += copy(pid, bytes + size, pieces[i].iov_base, pieces[i].iov_len);
        }
        return memmem(bytes, size, text, strlen(text)) ? size : 0;
}

/* Lets the process run to its next stop. */
static void run_to_next_stop(pid_t pid, int *status, int64_t deadline, const char *text)
{
        bool is_event = *status >> 16 != 0, is_call = WSTOPSIG(*status) == (SIGTRAP | 0x80);
        int signal = is_event || is_call ? 0 : WSTOPSIG(*status);
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, signal), 0);
        while (waitpid(pid, status, WNOHANG) == 0) {
                if (clock_ms() > deadline)
                        fail_msg("waited %d ms for a write of: %s", DEADLINE_MS, text);
                usleep(LOOK_US);
        }
        if (!WIFSTOPPED(*status))
                fail_msg("the process ended by itself (%x) before a write of: %s", (unsigned)*status, text);
}

void tracer_kill_behind(pid_t pid, const char *text, enum tracer_when when)
{
        struct __ptrace_syscall_info info = {0};
        int64_t deadline = clock_ms() + DEADLINE_MS;
        int status;
        size_t size = 0;
        bool done = false;
        assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
        assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        kill(pid, SIGCONT);
        while (!done) {
                run_to_next_stop(pid, &status, deadline, text);
                assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
                if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
                        int64_t n = info.exit.rval;
                        done = size > 0 && n >= 0 && (when == TRACER_WHOLE || (size_t)n < size);
                        size = 0;
                } else if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_sendmsg) {
                        size = written(pid, (const void *)(uintptr_t)info.entry.args[1], text);
                }
        }
        kill(pid, SIGKILL);
        do
                assert_int_equal(waitpid(pid, &status, 0), pid);
        while (WIFSTOPPED(status));
}
