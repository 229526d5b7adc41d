/* The sandbox is tested twice: by the kernel, in processes that enter it and make one call, and by a small interpreter
 * that runs the filter of each architecture. Processes in the strict sandbox make raw system calls only, because it
 * does not allow the other calls of the sanitizers. */
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

#include <chat/clock.h>
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

/* The names of these calls if a register has 32 bits. */
#ifdef SYS_mmap2
#define MMAP SYS_mmap2
#define FSTATAT SYS_fstatat64
#define FSTAT SYS_fstat64
#else
#define MMAP SYS_mmap
#define FSTATAT SYS_newfstatat
#define FSTAT SYS_fstat
#endif
#ifdef SYS_ppoll_time64
#define PPOLL SYS_ppoll_time64
#define CLOCK_GETTIME SYS_clock_gettime64
#else
#define PPOLL SYS_ppoll
#define CLOCK_GETTIME SYS_clock_gettime
#endif

/* Returns true if the kernel takes filters: then it reports EFAULT for NULL, seccomp(2). qemu-user takes none. */
static bool kernel_has_filters(void)
{
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}

static void skip_without_filters(void)
{
        if (kernel_has_filters())
                return;
        print_message("SKIPPED: this kernel, or qemu-user, takes no filters\n");
        skip();
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
                int uplink = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
                if (chdir(dir) < 0 || dup2(accepted, 0) < 0 || dup2(accepted, 1) < 0 || sandbox_enter(kind, &uplink))
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
        skip_without_filters();
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
#if __SIZEOF_LONG__ > 4
                CALL(connect, 1L << 32, POINTER(&unspecific), sizeof(unspecific)), /* the kernel takes it for 0 */
                CALL(close, 1L << 32 | SANDBOX_UPLINK_FD), /* the kernel takes it for the socket to chatd */
#endif
                CALL(connect, OWN, POINTER(&unspecific), sizeof(unspecific)),
                CALL(connect, SANDBOX_FDS_MAX - 1, POINTER(&unspecific), sizeof(unspecific)),
                CALL(close, SANDBOX_UPLINK_FD),
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
                {"mmap", MMAP, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
                {"mmap", MMAP, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
#ifdef SYS_socketcall
                CALL(socketcall, 1, 0), /* socket() */
#endif
                CALL(mprotect, 0, 0, PROT_EXEC),
                CALL(madvise, 0, 0, MADV_HUGEPAGE),
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

/* Makes the calls of a session, and those that libc may make for it. */
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
        MUST(syscall(PPOLL, &fd, 1, &none, &mask, 8) == 1);
        MUST(syscall(SYS_getsockopt, 0, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
        MUST(syscall(SYS_socket, AF_UNIX, type, 0) == OWN);
        MUST(syscall(SYS_setsockopt, OWN, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
        MUST(syscall(SYS_bind, OWN, &path, sizeof(path)) == 0);
        for (int last = OWN + 1; last < SANDBOX_FDS_MAX; last++) /* all that it can have */
                MUST(syscall(SYS_socket, AF_UNIX, type, 0) == last);
        MUST(syscall(SYS_socket, AF_UNIX, type, 0) == -1 && errno == EMFILE);
        MUST(syscall(SYS_connect, SANDBOX_UPLINK_FD, &path, sizeof(path)) == 0);
        MUST(syscall(SYS_connect, SANDBOX_UPLINK_FD, &path, sizeof(path)) == 0); /* a second time */
        MUST(syscall(SYS_sendto, SANDBOX_UPLINK_FD, &byte, 1, MSG_NOSIGNAL, NULL, 0) == 1);
        MUST(syscall(SYS_recvmsg, OWN, &msg, MSG_DONTWAIT) == 1);
        for (int last = OWN + 1; last < SANDBOX_FDS_MAX; last++)
                MUST(syscall(SYS_close, last) == 0);
        MUST(syscall(FSTATAT, AT_FDCWD, "inbox", &st, 0) == 0);
        MUST(syscall(FSTAT, 0, &st) == 0);
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
        MUST(syscall(CLOCK_GETTIME, CLOCK_MONOTONIC, &none) == 0);
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
        skip_without_filters();
        assert_int_equal(in_sandbox(SANDBOX_STRICT, serve, NULL),
                         0); /* otherwise the exit status is the number of the step */
}

/* Passes the client's connection to itself, and tries to connect the copy to another place. */
static void pass_and_connect(const void *arg)
{
        static const struct timespec a_moment = {.tv_nsec = 1000 * 1000};
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
        ssize_t n;
        int64_t until = clock_ms() + 10000;
        do /* other tests of this user may use up the descriptors that can be on their way, unix(7) */
                n = syscall(SYS_sendmsg, OWN, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == ETOOMANYREFS && clock_ms() < until && ppoll(NULL, 0, &a_moment, NULL) == 0);
        MUST(n == 1);
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
        skip_without_filters();
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
        skip_without_filters();
        if (!SANDBOX_SANITIZED)
                skip();
        char report[4096];
        int pipe_fds[2], err = dup(STDERR_FILENO);
        assert_int_equal(pipe(pipe_fds), 0);
        assert_true(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20) > 0); /* so that it holds the whole report */
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

/* Runs a filter. Knows what libseccomp uses of BPF (linux/filter.h), and fails the test for anything else. */
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

/* The architectures, and the kernel's names for them. */
enum machine { MACHINE_X86_64, MACHINE_ARM64, MACHINE_I386, MACHINE_ARM, MACHINES };

static const struct sock_filter x86_64[] = sandbox_x86_64, aarch64[] = sandbox_aarch64, x86[] = sandbox_i386,
                                arm[] = sandbox_arm;

static const struct {
        const char *name;
        const struct sock_filter *filter;
        size_t size;
        uint32_t arch;
        bool is_32_bit;
} machines[MACHINES] = {
        [MACHINE_X86_64] = {"x86-64", x86_64, sizeof(x86_64) / sizeof(x86_64[0]), AUDIT_ARCH_X86_64, false},
        [MACHINE_ARM64] = {"arm64", aarch64, sizeof(aarch64) / sizeof(aarch64[0]), AUDIT_ARCH_AARCH64, false},
        [MACHINE_I386] = {"i386", x86, sizeof(x86) / sizeof(x86[0]), AUDIT_ARCH_I386, true},
        [MACHINE_ARM] = {"arm", arm, sizeof(arm) / sizeof(arm[0]), AUDIT_ARCH_ARM, true},
};

enum { NO = -1 }; /* the architecture has no such call */

/* The numbers are the kernel's ABI. */
struct row {
        const char *name;
        int nr[MACHINES];
        uint64_t args[6];
        int result;
};

static const struct row rows[] = {
        {"read", {0, 63, 3, 3}, {0}, ALLOWED},
        {"write", {1, 64, 4, 4}, {1}, ALLOWED},
        {"stat", {4, NO, 106, 106}, {0}, ALLOWED},
        {"stat64", {NO, NO, 195, 195}, {0}, ALLOWED},
        {"newfstatat", {262, 79, NO, NO}, {0}, ALLOWED},
        {"fstatat64", {NO, NO, 300, 327}, {0}, ALLOWED},
        {"statx", {NO, NO, 383, 397}, {0}, ALLOWED},
        {"statx", {332, 291, NO, NO}, {0}, KILLED},
        {"fstat", {5, 80, 108, 108}, {0}, ALLOWED},
        {"fstat64", {NO, NO, 197, 197}, {0}, ALLOWED},
        {"access", {21, NO, 33, 33}, {0}, ALLOWED},
        {"faccessat", {269, 48, 307, 334}, {0}, ALLOWED},
        {"faccessat2", {439, 439, 439, 439}, {0}, ALLOWED},
        {"unlink", {87, NO, 10, 10}, {0}, ALLOWED},
        {"unlinkat", {263, 35, 301, 328}, {0}, ALLOWED},
        {"rename", {82, NO, 38, 38}, {0}, ALLOWED},
        {"renameat", {264, 38, 302, 329}, {0}, ALLOWED},
        {"renameat2", {316, 276, 353, 382}, {0}, ALLOWED},
        {"renameat2", {316, 276, 353, 382}, {0, 0, 0, 0, 2}, KILLED},
        {"ppoll", {271, 73, 309, 336}, {0}, ALLOWED},
        {"ppoll_time64", {NO, NO, 414, 414}, {0}, ALLOWED},
        {"recvfrom", {45, 207, 371, 292}, {0}, ALLOWED},
        {"recv", {NO, NO, NO, 291}, {0}, ALLOWED},
        {"recvmsg", {47, 212, 372, 297}, {3}, ALLOWED},
        {"recvmmsg", {299, 243, 337, 365}, {3}, KILLED},
        {"recvmmsg_time64", {NO, NO, 417, 417}, {3}, KILLED},
        {"shutdown", {48, 210, 373, 293}, {1, 1}, ALLOWED},
        {"getpid", {39, 172, 20, 20}, {0}, ALLOWED},
        {"getrandom", {318, 278, 355, 384}, {0}, ALLOWED},
        {"brk", {12, 214, 45, 45}, {0}, ALLOWED},
        {"clock_gettime", {228, 113, 265, 263}, {0}, ALLOWED},
        {"clock_gettime64", {NO, NO, 403, 403}, {0}, ALLOWED},
        {"gettimeofday", {96, 169, 78, 78}, {0}, ALLOWED},
        {"time", {201, NO, 13, NO}, {0}, ALLOWED},
        {"restart_syscall", {219, 128, 0, 0}, {0}, ALLOWED},
        {"sigreturn", {NO, NO, 119, 119}, {0}, ALLOWED},
        {"rt_sigreturn", {15, 139, 173, 173}, {0}, ALLOWED},
        {"rt_sigprocmask", {14, 135, 175, 175}, {0}, ALLOWED},
        {"exit", {60, 93, 1, 1}, {0}, ALLOWED},
        {"exit_group", {231, 94, 252, 248}, {0}, ALLOWED},
        {"socket", {41, 198, 359, 281}, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}, ALLOWED},
        {"socket", {41, 198, 359, 281}, {AF_UNIX, SOCK_STREAM, 0}, KILLED},
        {"socket", {41, 198, 359, 281}, {AF_INET, SOCK_DGRAM, 0}, KILLED},
        {"socket", {41, 198, 359, 281}, {AF_UNIX, SOCK_DGRAM, 1}, KILLED},
        {"bind", {49, 200, 361, 282}, {4}, ALLOWED},
        {"bind", {49, 200, 361, 282}, {3}, KILLED},
        {"bind", {49, 200, 361, 282}, {15}, ALLOWED},
        {"bind", {49, 200, 361, 282}, {2}, KILLED},
        {"bind", {49, 200, 361, 282}, {16}, KILLED},
        {"connect", {42, 203, 362, 283}, {3}, ALLOWED},
        {"connect", {42, 203, 362, 283}, {4}, KILLED},
        {"connect", {42, 203, 362, 283}, {7}, KILLED},
        {"connect", {42, 203, 362, 283}, {8}, KILLED},
        {"close", {3, 57, 6, 6}, {0}, ALLOWED},
        {"close", {3, 57, 6, 6}, {1}, ALLOWED},
        {"close", {3, 57, 6, 6}, {2}, ALLOWED},
        {"close", {3, 57, 6, 6}, {3}, KILLED},
        {"close", {3, 57, NO, NO}, {UINT64_C(1) << 32 | 3}, KILLED}, /* the same descriptor for the kernel */
        {"close", {3, 57, 6, 6}, {4}, ALLOWED},
        {"close", {3, 57, 6, 6}, {15}, ALLOWED},
        {"close", {3, 57, 6, 6}, {16}, KILLED},
        {"connect", {42, 203, NO, NO}, {UINT64_C(7) << 32 | 3}, ALLOWED}, /* the upper half is ignored */
        {"connect", {42, 203, 362, 283}, {0}, KILLED},
        {"connect", {42, 203, 362, 283}, {1}, KILLED},
        {"connect", {42, 203, 362, 283}, {2}, KILLED},
        {"connect", {42, 203, NO, NO}, {UINT64_C(7) << 32}, KILLED},
        {"connect", {42, 203, 362, 283}, {UINT32_MAX}, KILLED},
        {"connect", {42, 203, 362, 283}, {0x103}, KILLED},
        {"setsockopt", {54, 208, 366, 294}, {3, SOL_SOCKET, SO_PASSCRED}, ALLOWED},
        {"setsockopt", {54, 208, 366, 294}, {3, SOL_SOCKET, SO_RCVBUF}, KILLED},
        {"setsockopt", {54, 208, 366, 294}, {3, IPPROTO_TCP, SO_PASSCRED}, KILLED},
        {"getsockopt", {55, 209, 365, 295}, {0, IPPROTO_TCP, TCP_INFO}, ALLOWED},
        {"getsockopt", {55, 209, 365, 295}, {0, SOL_SOCKET, TCP_INFO}, KILLED},
        {"send", {NO, NO, NO, 289}, {1, 2, 3, 4}, ALLOWED},
        {"sendto", {44, 206, 369, 290}, {1, 2, 3, 4, 0, 0}, ALLOWED},
        {"sendto", {44, 206, 369, 290}, {1, 2, 3, 4, 5, 6}, KILLED},
        {"sendto", {44, 206, NO, NO}, {1, 2, 3, 4, UINT64_C(5) << 32, 6}, KILLED},
        {"sendmsg", {46, 211, 370, 296}, {4, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, ALLOWED},
        {"sendmsg", {46, 211, 370, 296}, {15, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, ALLOWED},
        {"sendmsg", {46, 211, 370, 296}, {1, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, KILLED},
        {"sendmsg", {46, 211, 370, 296}, {3, 1, MSG_NOSIGNAL | MSG_DONTWAIT}, KILLED},
        {"sendmsg", {46, 211, 370, 296}, {4, 1, MSG_FASTOPEN}, KILLED},
        {"sendmmsg", {307, 269, 345, 374}, {4}, KILLED},
        {"listen", {50, 201, 363, 284}, {4}, KILLED},
        {"accept4", {288, 242, 364, 366}, {4}, KILLED},
        {"socketpair", {53, 199, 360, 288}, {AF_UNIX, SOCK_DGRAM, 0}, KILLED},
        {"ioctl", {16, 29, 54, 54}, {1, SIOCOUTQ}, ALLOWED},
        {"ioctl", {16, 29, 54, 54}, {1, TIOCSTI}, KILLED},
        {"munmap", {11, 215, 91, 91}, {0}, ALLOWED},
        {"madvise", {28, 233, 219, 220}, {0, 4096, MADV_DONTNEED}, ALLOWED},
        {"madvise", {28, 233, 219, 220}, {0, 4096, MADV_REMOVE}, KILLED},
        {"open", {2, NO, 5, 5}, {0}, KILLED},
        {"openat", {257, 56, 295, 322}, {0}, KILLED},
        {"execve", {59, 221, 11, 11}, {0}, KILLED},
        {"fork", {57, NO, 2, 2}, {0}, KILLED},
        {"clone", {56, 220, 120, 120}, {0}, KILLED},
        {"clone3", {435, 435, 435, 435}, {0}, KILLED},
        {"mmap",
         {9, 222, 192, 192},
         {0, 72, PROT_READ | PROT_WRITE, MAP_SHARED, 3},
         ALLOWED}, /* mmap2 if a register has 32 bits */
        {"mmap", {9, 222, 192, 192}, {0, 72, PROT_READ, MAP_SHARED, 3}, ALLOWED},
        {"mmap", {9, 222, 192, 192}, {0, 72, PROT_READ | PROT_EXEC, MAP_SHARED, 3}, KILLED},
        {"mmap", {9, 222, 192, 192}, {0, 72, PROT_READ | PROT_WRITE, MAP_PRIVATE, 3}, KILLED},
        {"mmap", {9, 222, 192, 192}, {0, 72, PROT_READ, MAP_SHARED | MAP_FIXED, 3}, KILLED},
        {"mmap", {9, 222, 192, 192}, {0, 72, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, UINT32_MAX}, KILLED},
        {"mmap, the old one",
         {NO, NO, 90, NO},
         {0, 72, PROT_READ, MAP_SHARED, 3},
         KILLED}, /* its arguments are in memory */
        {"mprotect", {10, 226, 125, 125}, {0}, KILLED},
        {"ptrace", {101, 117, 26, 26}, {0}, KILLED},
        {"kill", {62, 129, 37, 37}, {0}, KILLED},
        {"prctl", {157, 167, 172, 172}, {0}, KILLED},
        {"io_uring_setup", {425, 425, 425, 425}, {0}, KILLED},
        {"process_vm_readv", {310, 270, 347, 376}, {0}, KILLED},
        {"modify_ldt", {154, NO, 123, NO}, {0}, KILLED},
        {"cacheflush", {NO, NO, NO, 0xf0002}, {0}, KILLED},
};

static void assert_result(enum machine m, const struct seccomp_data *data, const char *name, int expected)
{
        uint32_t result = run(machines[m].filter, machines[m].size, data);
        if (result != (expected == ALLOWED ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS))
                fail_msg("%s, %s: %#x", machines[m].name, name, result);
}

static void test_the_filter_of_each_architecture(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                for (enum machine m = 0; m < MACHINES; m++) {
                        struct seccomp_data data = {.nr = rows[i].nr[m], .arch = machines[m].arch};
                        if (data.nr == NO)
                                continue;
                        memcpy(data.args, rows[i].args, sizeof(data.args));
                        assert_result(m, &data, rows[i].name, rows[i].result);
                }
}

static bool is_listed(enum machine m, int nr)
{
        bool listed = false;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                listed = listed || (nr != NO && nr == rows[i].nr[m]);
        return listed;
}

/* No other call is allowed. Calls by the numbers of another architecture that the processor knows are not allowed,
 * either. */
static void test_all_other_calls(void **state)
{
        (void)state;
        for (enum machine m = 0; m < MACHINES; m++)
                for (int nr = -1; nr < 1024; nr++) {
                        struct seccomp_data data = {.nr = nr, .arch = machines[m].arch};
                        char name[32];
                        snprintf(name, sizeof(name), "call %d", nr);
                        if (!is_listed(m, nr))
                                assert_result(m, &data, name, KILLED);
                        for (enum machine other = 0; other < MACHINES; other++) {
                                data.arch = machines[other].arch;
                                if (other != m)
                                        assert_result(m, &data, machines[other].name, KILLED);
                        }
                        data.arch = machines[m].arch;
                        data.nr |= 0x40000000; /* x32; on ARM, beyond all numbers */
                        assert_result(m, &data, "x32", KILLED);
                }
}

/* All calls that i386 makes by socketcall(2) are forbidden, whatever their arguments. */
static void test_no_socketcall(void **state)
{
        (void)state;
        for (uint64_t call = 0; call < 32; call++) {
                struct seccomp_data data = {.nr = 102, .arch = AUDIT_ARCH_I386, .args = {call}};
                assert_result(MACHINE_I386, &data, "socketcall", KILLED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forbidden_calls),
                cmocka_unit_test(test_what_a_session_does),
                cmocka_unit_test(test_a_bug_is_reported),
                cmocka_unit_test(test_the_filter_of_each_architecture),
                cmocka_unit_test(test_all_other_calls),
                cmocka_unit_test(test_no_socketcall),
                cmocka_unit_test(test_the_clients_connection_stays_what_it_is),
        };
        return RUN_TESTS(tests);
}
