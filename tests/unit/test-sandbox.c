/* The sandbox, twice: by the kernel, in processes that enter it and make one call, and by a small interpreter
 * that runs the filters of both architectures. Those in the strict sandbox make raw system calls only, because what
 * the sanitizers do besides is not allowed in it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chat/socket.h>

#include "../../chat-session/sandbox.h"
#include "sandbox-filter.h"

#include "test.h"

enum { OWN = SANDBOX_OWN_FD, ALLOWED = 0, KILLED = 1 };

static const struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "inbox"};
static const struct sockaddr unspecific = {.sa_family = AF_UNSPEC};

/* ---- by the kernel ---- */

struct call {
        const char *name;
        long number;
        long args[6];
};

#define POINTER(p) ((long)(uintptr_t)(p))
#define CALL(n, ...)                                                                                                   \
        {                                                                                                              \
#n, SYS_##n,                                                                                           \
                {                                                                                                      \
                        __VA_ARGS__                                                                                    \
                }                                                                                                      \
        }

/* Runs `body` in a process whose descriptors 0 and 1 are a connected TCP socket, in the sandbox and an empty directory.
 * Returns its wait status. */
static int in_sandbox(enum sandbox_kind kind, void (*body)(const void *), const void *arg)
{
        char dir[] = "/tmp/chat-unit.XXXXXX";
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int status, listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

        assert_non_null(mkdtemp(dir));
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
        int accepted = accept(listener, NULL, NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (chdir(dir) < 0 || dup2(accepted, 0) < 0 || dup2(accepted, 1) < 0 ||
                    sandbox_enter(kind, socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)))
                        syscall(SYS_exit_group, 99);
                body(arg);
                syscall(SYS_exit_group, 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(accepted);
        close(client);
        close(listener);
        char file[64];
        snprintf(file, sizeof(file), "%s/%s", dir, path.sun_path);
        unlink(file);
        rmdir(dir);
        return status;
}

static void make_call(const void *arg)
{
        const struct call *c = arg;
        syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5]);
}

static void test_forbidden_calls(void **state)
{
        (void)state;
        char byte = 0;
        const struct call calls[] = {
                CALL(openat, AT_FDCWD, POINTER("/etc/passwd"), O_RDONLY),
                CALL(execve, POINTER("/bin/true"), 0, 0),
                CALL(execveat, AT_FDCWD, POINTER("/bin/true"), 0, 0, 0),
                CALL(clone, SIGCHLD),
                CALL(clone3, 0, 0),
#ifdef SYS_fork
                CALL(fork, 0),
                CALL(open, POINTER("/etc/passwd"), O_RDONLY),
                CALL(dup2, 0, 5),
#endif
                CALL(socket, AF_INET, SOCK_STREAM, 0),
                CALL(socket, AF_INET, SOCK_DGRAM, 0),
                CALL(socket, AF_UNIX, SOCK_STREAM, 0),
                CALL(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0),
                CALL(socket, AF_NETLINK, SOCK_DGRAM, 0),
                CALL(socketpair, AF_UNIX, SOCK_DGRAM, 0, 0),
                CALL(connect, 0, POINTER(&unspecific), sizeof(unspecific)),
                CALL(connect, 1, POINTER(&unspecific), sizeof(unspecific)),
                CALL(connect, 2, POINTER(&unspecific), sizeof(unspecific)),
                CALL(connect, 1L << 32, POINTER(&unspecific), sizeof(unspecific)), /* the kernel takes it for 0 */
                CALL(connect, OWN, POINTER(&unspecific), sizeof(unspecific)),
                CALL(connect, SANDBOX_FDS_MAX - 1, POINTER(&unspecific), sizeof(unspecific)),
                CALL(close, SANDBOX_UPLINK_FD),
                CALL(close, 1L << 32 | SANDBOX_UPLINK_FD), /* the kernel takes it for the same */
                CALL(connect, SANDBOX_FDS_MAX, POINTER(&unspecific), sizeof(unspecific)),
                CALL(bind, 0, POINTER(&path), sizeof(path)),
                CALL(bind, 1, POINTER(&path), sizeof(path)),
                CALL(bind, SANDBOX_UPLINK_FD, POINTER(&path), sizeof(path)),
                CALL(listen, OWN, 1),
                CALL(accept4, 0, 0, 0, 0),
                CALL(sendto, 0, POINTER(&byte), 1, 0, POINTER(&path), sizeof(path)),
                CALL(sendmsg, 0, 0, MSG_NOSIGNAL | MSG_DONTWAIT),
                CALL(sendmsg, OWN, 0, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_FASTOPEN),
                CALL(sendmmsg, 0, 0, 0, 0),
                CALL(setsockopt, 0, SOL_SOCKET, SO_RCVBUF, POINTER(&byte), 1),
                CALL(setsockopt, 0, IPPROTO_TCP, SO_PASSCRED, POINTER(&byte), 1),
                CALL(getsockopt, 0, SOL_SOCKET, SO_PEERCRED, 0, 0),
                CALL(dup, 0),
                CALL(dup3, 0, 5, 0),
                CALL(fcntl, 0, F_DUPFD, 5),
                CALL(ioctl, 0, 0, 0),
                CALL(kill, 0, 0),
                CALL(tkill, 1, 0),
                CALL(tgkill, 1, 1, 0),
                CALL(rt_sigqueueinfo, 1, 0, 0),
                CALL(pidfd_open, 1, 0),
                CALL(pidfd_getfd, 0, 0, 0),
                CALL(pidfd_send_signal, 0, 0, 0, 0),
                CALL(ptrace, PTRACE_TRACEME, 0, 0, 0),
                CALL(process_vm_readv, 1, 0, 0, 0, 0, 0),
                CALL(process_vm_writev, 1, 0, 0, 0, 0, 0),
                CALL(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                CALL(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                CALL(mprotect, 0, 0, PROT_EXEC),
                CALL(memfd_create, POINTER(""), 0),
                CALL(io_uring_setup, 1, 0),
                CALL(io_uring_enter, 0, 0, 0, 0, 0),
                CALL(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0),
                CALL(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, 0),
                CALL(setuid, 0),
                CALL(setresuid, 0, 0, 0),
                CALL(capset, 0, 0),
                CALL(mount, 0, 0, 0, 0, 0),
                CALL(chroot, POINTER("/")),
                CALL(chdir, POINTER("/")),
                CALL(unshare, CLONE_NEWUSER),
                CALL(setns, 0, 0),
                CALL(mknodat, AT_FDCWD, POINTER("x"), 0, 0),
                CALL(mkdirat, AT_FDCWD, POINTER("x"), 0),
                CALL(symlinkat, POINTER("/"), AT_FDCWD, POINTER("x")),
                CALL(linkat, AT_FDCWD, POINTER("x"), AT_FDCWD, POINTER("y"), 0),
                CALL(fchmodat, AT_FDCWD, POINTER("x"), 0),
                CALL(getdents64, 0, 0, 0),
                CALL(bpf, 0, 0, 0),
                CALL(perf_event_open, 0, 0, 0, 0, 0),
                CALL(userfaultfd, 0),
                CALL(keyctl, 0, 0),
                CALL(shmget, 0, 0, 0),
                CALL(prlimit64, 0, 0, 0, 0),
                CALL(sched_setaffinity, 0, 0, 0),
                {"a call that there is not", 100000, {0}},
        };
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
                int status = in_sandbox(SANDBOX_STRICT, make_call, &calls[i]);
                if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
                        fail_msg("row %zu, %s: wait status %#x", i, calls[i].name, (unsigned)status);
        }
}

#define MUST(condition)                                                                                                \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        syscall(SYS_exit_group, step);                                                                 \
                step++;                                                                                                \
        } while (0)

/* What a session does, and what libc may make of it. */
static void serve(const void *arg)
{
        int step = 1, on = 1, type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
        char byte = 'x';
        struct stat st;
        struct timespec none = {0};
        struct tcp_info info;
        socklen_t size = sizeof(info);
        struct pollfd fd = {.fd = 0, .events = POLLOUT};
        struct iovec iov = {.iov_base = &byte, .iov_len = 1};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        sigset_t mask = {0};
        (void)arg;
        MUST(syscall(SYS_write, 1, &byte, 1) == 1);
        MUST(syscall(SYS_sendto, 1, &byte, 1, MSG_NOSIGNAL, NULL, 0) == 1);
        MUST(syscall(SYS_recvfrom, 0, &byte, 1, MSG_DONTWAIT, NULL, NULL) == -1 && errno == EAGAIN);
        MUST(syscall(SYS_ppoll, &fd, 1, &none, &mask, 8) == 1);
        MUST(syscall(SYS_getsockopt, 0, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
        MUST(syscall(SYS_socket, AF_UNIX, type, 0) == OWN);
        MUST(syscall(SYS_setsockopt, OWN, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
        MUST(syscall(SYS_bind, OWN, &path, sizeof(path)) == 0);
        for (int last = OWN + 1; last < SANDBOX_FDS_MAX; last++) /* any that it can have */
                MUST(syscall(SYS_socket, AF_UNIX, type, 0) == last);
        MUST(syscall(SYS_socket, AF_UNIX, type, 0) == -1 && errno == EMFILE);
        MUST(syscall(SYS_connect, SANDBOX_UPLINK_FD, &path, sizeof(path)) == 0);
        MUST(syscall(SYS_connect, SANDBOX_UPLINK_FD, &path, sizeof(path)) == 0); /* and again */
        MUST(syscall(SYS_sendto, SANDBOX_UPLINK_FD, &byte, 1, MSG_NOSIGNAL, NULL, 0) == 1);
        MUST(syscall(SYS_recvmsg, OWN, &msg, MSG_DONTWAIT) == 1);
        for (int last = OWN + 1; last < SANDBOX_FDS_MAX; last++)
                MUST(syscall(SYS_close, last) == 0);
        MUST(syscall(SYS_newfstatat, AT_FDCWD, "inbox", &st, 0) == 0);
        MUST(syscall(SYS_fstat, 0, &st) == 0);
        MUST(syscall(SYS_faccessat, AT_FDCWD, "inbox", F_OK) == 0);
        MUST(syscall(SYS_renameat2, AT_FDCWD, "inbox", AT_FDCWD, "other", 0) == 0);
        MUST(syscall(SYS_renameat, AT_FDCWD, "other", AT_FDCWD, "inbox") == 0);
        MUST(syscall(SYS_unlinkat, AT_FDCWD, "inbox", 0) == 0);
#ifdef SYS_stat
        MUST(syscall(SYS_stat, ".", &st) == 0);
        MUST(syscall(SYS_access, ".", F_OK) == 0);
        MUST(syscall(SYS_rename, "inbox", "other") == -1 && errno == ENOENT);
        MUST(syscall(SYS_unlink, "inbox") == -1 && errno == ENOENT);
#endif
        MUST(syscall(SYS_getrandom, &byte, 1, 0) == 1);
        MUST(syscall(SYS_getpid) > 0);
        MUST(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &none) == 0);
        MUST(syscall(SYS_gettimeofday, &none, NULL) == 0);
#ifdef SYS_time
        MUST(syscall(SYS_time, NULL) > 0);
#endif
        MUST(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8) == 0);
        MUST(syscall(SYS_brk, 0) > 0);
        MUST(syscall(SYS_close, OWN) == 0);
        MUST(syscall(SYS_close, 2) == 0);
        MUST(syscall(SYS_shutdown, 1, SHUT_WR) == 0);
        MUST(syscall(SYS_read, 2, &byte, 0) <= 0);
}

static void test_what_a_session_does(void **state)
{
        (void)state;
        assert_int_equal(in_sandbox(SANDBOX_STRICT, serve, NULL),
                         0); /* else the exit status is the number of the step */
}

/* Passes the client's connection to itself, and tries to connect that to somewhere else. */
static void pass_and_connect(const void *arg)
{
        int step = 1, connection = 0;
        char byte = 'x';
        struct sockaddr_un address = path;
        struct iovec iov = {&byte, 1};
        struct fds_room control = {0};
        struct msghdr msg = {
                .msg_name = &address,
                .msg_namelen = sizeof(address),
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = CMSG_SPACE(sizeof(int)),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        struct socket_fds fds = {0};
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(c), &connection, sizeof(connection));
        (void)arg;
        MUST(syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0) == OWN);
        MUST(syscall(SYS_bind, OWN, &path, sizeof(path)) == 0);
        MUST(syscall(SYS_sendmsg, OWN, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == 1);
        msg.msg_name = NULL;
        msg.msg_controllen = sizeof(control);
        MUST(syscall(SYS_recvmsg, OWN, &msg, MSG_DONTWAIT) == 1);
        socket_take_fds(&msg, &fds);
        MUST(fds.count == 1 && fds.fd[0] == OWN + 1);
        syscall(SYS_connect, fds.fd[0], &unspecific, sizeof(unspecific));
}

static void test_the_clients_connection_stays_what_it_is(void **state)
{
        (void)state;
        int status = in_sandbox(SANDBOX_STRICT, pass_and_connect, NULL);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
                fail_msg("wait status %#x", (unsigned)status);
}

static void use_after_free(const void *arg)
{
        volatile char *volatile p = malloc(1);
        (void)arg;
        free((void *)p);
        *p = 'x';
}

static void test_a_bug_is_reported(void **state)
{
        (void)state;
        char report[4096];
        int pipe_fds[2], err = dup(STDERR_FILENO);
        assert_int_equal(pipe(pipe_fds), 0);
        assert_true(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20) > 0); /* the whole report */
        dup2(pipe_fds[1], STDERR_FILENO);
        int status = in_sandbox(SANDBOX_WITH_SANITIZER, use_after_free, NULL);
        dup2(err, STDERR_FILENO);
        close(err);
        close(pipe_fds[1]);
        ssize_t n = read(pipe_fds[0], report, sizeof(report) - 1);
        close(pipe_fds[0]);
        assert_true(n > 0);
        report[n] = '\0';
        assert_non_null(strstr(report, "AddressSanitizer: heap-use-after-free"));
        assert_non_null(strstr(report, "use_after_free tests/unit/test-sandbox.c"));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* ---- by an interpreter ---- */

/* Runs a filter. Knows what libseccomp uses of BPF (linux/filter.h), and fails the test on anything else. */
static uint32_t run(const struct sock_filter *program, size_t size, const struct seccomp_data *data)
{
        uint32_t a = 0;
        for (size_t at = 0; at < size; at++) {
                const struct sock_filter *op = &program[at];
                bool met;
                switch (op->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        assert_true(op->k + sizeof(a) <= sizeof(*data));
                        memcpy(&a, (const char *)data + op->k, sizeof(a));
                        continue;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= op->k;
                        continue;
                case BPF_RET | BPF_K:
                        return op->k;
                case BPF_JMP | BPF_JA:
                        at += op->k;
                        continue;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        met = a == op->k;
                        break;
                case BPF_JMP | BPF_JGT | BPF_K:
                        met = a > op->k;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        met = a >= op->k;
                        break;
                default:
                        fail_msg("instruction %zu has the code %#x", at, op->code);
                        return 0;
                }
                at += met ? op->jt : op->jf;
        }
        fail_msg("a filter without an end");
        return 0;
}

static const struct sock_filter x86_64[] = sandbox_x86_64, aarch64[] = sandbox_aarch64;

/* The numbers are the kernel's ABI; 0 for arm64, where that is io_setup, means that it has no such call. */
struct row {
        const char *name;
        int x86_64, arm64;
        uint64_t args[6];
        int result;
};

static const struct row rows[] = {
        {"read", 0, 63, {0}, ALLOWED},
        {"write", 1, 64, {1}, ALLOWED},
        {"stat", 4, 0, {0}, ALLOWED},
        {"newfstatat", 262, 79, {0}, ALLOWED},
        {"fstat", 5, 80, {0}, ALLOWED},
        {"access", 21, 0, {0}, ALLOWED},
        {"faccessat", 269, 48, {0}, ALLOWED},
        {"faccessat2", 439, 439, {0}, ALLOWED},
        {"unlink", 87, 0, {0}, ALLOWED},
        {"unlinkat", 263, 35, {0}, ALLOWED},
        {"rename", 82, 0, {0}, ALLOWED},
        {"renameat", 264, 38, {0}, ALLOWED},
        {"renameat2", 316, 276, {0}, ALLOWED},
        {"renameat2", 316, 276, {0, 0, 0, 0, 2}, KILLED},
        {"ppoll", 271, 73, {0}, ALLOWED},
        {"recvfrom", 45, 207, {0}, ALLOWED},
        {"recvmsg", 47, 212, {3}, ALLOWED},
        {"shutdown", 48, 210, {1, 1}, ALLOWED},
        {"getpid", 39, 172, {0}, ALLOWED},
        {"getrandom", 318, 278, {0}, ALLOWED},
        {"brk", 12, 214, {0}, ALLOWED},
        {"clock_gettime", 228, 113, {0}, ALLOWED},
        {"gettimeofday", 96, 169, {0}, ALLOWED},
        {"time", 201, 0, {0}, ALLOWED},
        {"restart_syscall", 219, 128, {0}, ALLOWED},
        {"rt_sigreturn", 15, 139, {0}, ALLOWED},
        {"rt_sigprocmask", 14, 135, {0}, ALLOWED},
        {"exit", 60, 93, {0}, ALLOWED},
        {"exit_group", 231, 94, {0}, ALLOWED},
        {"socket", 41, 198, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}, ALLOWED},
        {"socket", 41, 198, {AF_UNIX, SOCK_STREAM, 0}, KILLED},
        {"socket", 41, 198, {AF_INET, SOCK_DGRAM, 0}, KILLED},
        {"socket", 41, 198, {AF_UNIX, SOCK_DGRAM, 1}, KILLED},
        {"bind", 49, 200, {4}, ALLOWED},
        {"bind", 49, 200, {3}, KILLED},
        {"bind", 49, 200, {15}, ALLOWED},
        {"bind", 49, 200, {2}, KILLED},
        {"bind", 49, 200, {16}, KILLED},
        {"connect", 42, 203, {3}, ALLOWED},
        {"connect", 42, 203, {4}, KILLED},
        {"connect", 42, 203, {7}, KILLED},
        {"connect", 42, 203, {8}, KILLED},
        {"close", 3, 57, {0}, ALLOWED},
        {"close", 3, 57, {1}, ALLOWED},
        {"close", 3, 57, {2}, ALLOWED},
        {"close", 3, 57, {3}, KILLED},
        {"close", 3, 57, {UINT64_C(1) << 32 | 3}, KILLED}, /* which is the same */
        {"close", 3, 57, {4}, ALLOWED},
        {"close", 3, 57, {15}, ALLOWED},
        {"close", 3, 57, {16}, KILLED},
        {"connect", 42, 203, {UINT64_C(7) << 32 | 3}, ALLOWED}, /* nobody looks at the upper half */
        {"connect", 42, 203, {0}, KILLED},
        {"connect", 42, 203, {1}, KILLED},
        {"connect", 42, 203, {2}, KILLED},
        {"connect", 42, 203, {UINT64_C(7) << 32}, KILLED},
        {"connect", 42, 203, {UINT32_MAX}, KILLED},
        {"connect", 42, 203, {0x103}, KILLED},
        {"setsockopt", 54, 208, {3, SOL_SOCKET, SO_PASSCRED}, ALLOWED},
        {"setsockopt", 54, 208, {3, SOL_SOCKET, SO_RCVBUF}, KILLED},
        {"setsockopt", 54, 208, {3, IPPROTO_TCP, SO_PASSCRED}, KILLED},
        {"getsockopt", 55, 209, {0, IPPROTO_TCP, TCP_INFO}, ALLOWED},
        {"getsockopt", 55, 209, {0, SOL_SOCKET, TCP_INFO}, KILLED},
        {"sendto", 44, 206, {1, 2, 3, 4, 0, 0}, ALLOWED},
        {"sendto", 44, 206, {1, 2, 3, 4, 5, 6}, KILLED},
        {"sendto", 44, 206, {1, 2, 3, 4, UINT64_C(5) << 32, 6}, KILLED},
        {"sendmsg", 46, 211, {4, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, ALLOWED},
        {"sendmsg", 46, 211, {15, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, ALLOWED},
        {"sendmsg", 46, 211, {1, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, KILLED},
        {"sendmsg", 46, 211, {3, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, KILLED},
        {"sendmsg", 46, 211, {4, 1, MSG_FASTOPEN}, KILLED},
        {"ioctl", 16, 29, {1, SIOCOUTQ}, ALLOWED},
        {"ioctl", 16, 29, {1, TIOCSTI}, KILLED},
        {"munmap", 11, 215, {0}, ALLOWED},
        {"openat", 257, 56, {0}, KILLED},
        {"execve", 59, 221, {0}, KILLED},
        {"clone", 56, 220, {0}, KILLED},
        {"clone3", 435, 435, {0}, KILLED},
        {"mmap", 9, 222, {0, 72, PROT_READ | PROT_WRITE, MAP_SHARED, 3}, ALLOWED},
        {"mmap", 9, 222, {0, 72, PROT_READ, MAP_SHARED, 3}, ALLOWED},
        {"mmap", 9, 222, {0, 72, PROT_READ | PROT_EXEC, MAP_SHARED, 3}, KILLED},
        {"mmap", 9, 222, {0, 72, PROT_READ | PROT_WRITE, MAP_PRIVATE, 3}, KILLED},
        {"mmap", 9, 222, {0, 72, PROT_READ, MAP_SHARED | MAP_FIXED, 3}, KILLED},
        {"mmap", 9, 222, {0, 72, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, UINT32_MAX}, KILLED},
        {"mprotect", 10, 226, {0}, KILLED},
        {"ptrace", 101, 117, {0}, KILLED},
        {"kill", 62, 129, {0}, KILLED},
        {"io_uring_setup", 425, 425, {0}, KILLED},
        {"process_vm_readv", 310, 270, {0}, KILLED},
};

static void assert_result(bool arm64, const struct seccomp_data *data, const char *name, int expected)
{
        uint32_t result = arm64 ? run(aarch64, sizeof(aarch64) / sizeof(aarch64[0]), data)
                                : run(x86_64, sizeof(x86_64) / sizeof(x86_64[0]), data);
        if (result != (expected == ALLOWED ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS))
                fail_msg("%s, %s: %#x", arm64 ? "arm64" : "x86-64", name, result);
}

static void test_the_filters_of_both_architectures(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                const struct row *row = &rows[i];
                for (int arm64 = 0; arm64 <= 1; arm64++) {
                        struct seccomp_data data = {.nr = arm64 ? row->arm64 : row->x86_64,
                                                    .arch = arm64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64};
                        if (arm64 && row->arm64 == 0)
                                continue;
                        memcpy(data.args, row->args, sizeof(data.args));
                        assert_result(arm64, &data, row->name, row->result);
                }
        }
}

/* No other call is allowed, and none by the numbers of an architecture that the processor knows as well. */
static void test_all_other_calls(void **state)
{
        (void)state;
        for (int arm64 = 0; arm64 <= 1; arm64++)
                for (int nr = -1; nr < 1024; nr++) {
                        struct seccomp_data data = {.nr = nr, .arch = arm64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64};
                        char name[32];
                        bool listed = false;
                        snprintf(name, sizeof(name), "call %d", nr);
                        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                                listed = listed || nr == (arm64 ? rows[i].arm64 : rows[i].x86_64);
                        if (!listed || (arm64 && nr == 0))
                                assert_result(arm64, &data, name, KILLED);
                        data.arch = arm64 ? AUDIT_ARCH_ARM : AUDIT_ARCH_I386;
                        assert_result(arm64, &data, "32 bits", KILLED);
                        data.arch = AUDIT_ARCH_X86_64;
                        data.nr |= 0x40000000; /* x32 */
                        if (!arm64)
                                assert_result(arm64, &data, "x32", KILLED);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forbidden_calls),
                cmocka_unit_test(test_what_a_session_does),
                cmocka_unit_test(test_a_bug_is_reported),
                cmocka_unit_test(test_the_filters_of_both_architectures),
                cmocka_unit_test(test_all_other_calls),
                cmocka_unit_test(test_the_clients_connection_stays_what_it_is),
        };
        return RUN_TESTS(tests);
}
