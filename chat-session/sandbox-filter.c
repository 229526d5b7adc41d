/* Writes sandbox-filter.h on standard output: the system calls that a session may make once it serves its client, as
 * programs for seccomp(2), one for each architecture.
 *
 * This program runs while chat-session is built, so chat-session itself does not need libseccomp. To load that library
 * and compile the filter would take longer than the rest of a session's start.
 *
 * seccomp(2) sees a call's registers, not what a pointer points to. So the filter cannot restrict paths, nor the
 * addresses that the session's own socket connects to.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox.h"

/* System calls that are allowed with any arguments. A libc makes different calls for the same function, depending on
 * its version and the architecture; hence both stat and newfstatat. */
static const char *const allowed[] = {
        /* the client; it may be a pipe or a terminal */
        "read", "write", "recvfrom", "shutdown",
        /* waiting */
        "ppoll", "restart_syscall", "rt_sigreturn", "rt_sigprocmask",
        /* the clock: these are calls if the kernel gives processes no clock to read (vdso(7)), and a libc may replace
         * one by another */
        "clock_gettime", "gettimeofday", "time",
        /* chatd, and the file of the inbox, which may have to be made again */
        "recvmsg", "stat", "newfstatat", "fstat", "access", "faccessat", "faccessat2", "unlink", "unlinkat", "rename",
        "renameat", "getpid", "getrandom",
        /* memory for libc, up to RLIMIT_DATA */
        "brk",
        /* the end */
        "exit", "exit_group"};

/* System calls that a libc uses for the same functions if registers have 32 bits: calls with times and inode numbers of
 * 64 bits, and older ones. send() and recv() are separate calls on ARM. */
static const char *const allowed_32_bit[] = {
        "ppoll_time64", "clock_gettime64", "stat64", "fstat64", "fstatat64", "statx", "send", "recv", "sigreturn"};

/* System calls that AddressSanitizer and UBSan need in addition, to report a bug and to end properly. Without them the
 * bug would end the process with SIGSYS and without a report. */
static const char *const allowed_sanitizer[] = {
        /* the sanitizer's memory, and a test that an address is mapped: a write from there to a pipe */
        "mmap", "munmap", "mprotect", "madvise", "sigaltstack", "prctl", "pipe2",
        /* the program file and its symbols, for names in the stack trace */
        "open", "openat", "lseek", "pread64", "readlink", "readlinkat", "getcwd", "fcntl",
        /* the report */
        "writev", "ioctl", "getrlimit", "prlimit64", "getuid", "geteuid",
        /* other threads, although there are none */
        "gettid", "futex", "sched_yield",
        /* the end: the default action of a signal, for a report on SIGSEGV, and abort() */
        "rt_sigaction", "tgkill"};

static const char *const allowed_sanitizer_32_bit[] = {"mmap2",    "_llseek",   "fcntl64",     "ugetrlimit",
                                                       "getuid32", "geteuid32", "futex_time64"};

/* Calls that fail instead of ending the process. Clang's sanitizer would start a program that names the places in the
 * code; if that fails, it prints addresses. */
static const char *const refused_sanitizer[] = {"fork", "vfork", "clone", "clone3"};

/* An architecture that has a filter. */
struct machine {
        const char *name, *name_with_sanitizer; /* of the macros that hold the filters */
        uint32_t arch;
        bool is_32_bit;
};

static const struct machine machines[] = {
        {"sandbox_x86_64", "sandbox_x86_64_with_sanitizer", SCMP_ARCH_X86_64, false},
        {"sandbox_aarch64", "sandbox_aarch64_with_sanitizer", SCMP_ARCH_AARCH64, false},
        {"sandbox_i386", "sandbox_i386_with_sanitizer", SCMP_ARCH_X86, true},
        {"sandbox_arm", "sandbox_arm_with_sanitizer", SCMP_ARCH_ARM, true},
};

/* If libseccomp's filter for i386 allows a socket function, it allows socketcall(2) for it, too, with any arguments.
 * These instructions stand in front of that filter and forbid socketcall(2). The session does not need it, see
 * socketcall.c. */
enum { SOCKETCALL_OF_I386 = 102 };
static const struct sock_filter no_socketcall[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCKETCALL_OF_I386, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static void filter_check(int r, const char *what)
{
        if (r >= 0)
                return;
        fprintf(stderr, "sandbox-filter: %s: %s\n", what, strerror(-r));
        exit(1);
}

static void filter_add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n,
                       const struct scmp_arg_cmp *args)
{
        int call = seccomp_syscall_resolve_name(name);
        filter_check(call == __NR_SCMP_ERROR ? -ENOSYS : 0, name);
        filter_check(seccomp_rule_add_array(filter, action, call, n, args), name);
}

static void filter_allow(scmp_filter_ctx filter, const char *name, unsigned n, const struct scmp_arg_cmp *args)
{
        filter_add(filter, SCMP_ACT_ALLOW, name, n, args);
}

/* Allows a call on one descriptor. The upper half of the register is not compared, as the kernel ignores it: comparing
 * the whole would take 1 << 32 for another descriptor than 0. */
static void filter_allow_on(scmp_filter_ctx filter, const char *name, uint32_t mask, uint32_t fd)
{
        const struct scmp_arg_cmp is_fd = SCMP_A0(SCMP_CMP_MASKED_EQ, mask, fd);
        filter_allow(filter, name, 1, &is_fd);
}

/* Allows a call on all descriptors of the session's own that may be anything: 4 to 7, 8 to 15. */
static void filter_allow_on_own(scmp_filter_ctx filter, const char *name)
{
        _Static_assert(SANDBOX_OWN_FD == 4 && SANDBOX_FDS_MAX == 16, "these are the masks");
        filter_allow_on(filter, name, ~3U, 4);
        filter_allow_on(filter, name, ~7U, 8);
}

/* Returns a comparison for an argument that is a constant in the session: the upper half of the register is zero. */
static struct scmp_arg_cmp filter_equal(unsigned arg, uint64_t value)
{
        return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_EQ, .datum_a = value};
}

static void filter_allow_all_of(scmp_filter_ctx filter, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                filter_allow(filter, names[i], 0, NULL);
}

#define ALLOW_ALL_OF(filter, names) filter_allow_all_of(filter, names, sizeof(names) / sizeof((names)[0]))

static void filter_allow_calls(scmp_filter_ctx filter, bool is_32_bit)
{
        const struct scmp_arg_cmp datagram_socket[] = {
                filter_equal(0, AF_UNIX),
                SCMP_A1(SCMP_CMP_MASKED_EQ, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_DGRAM),
                filter_equal(2, 0),
        };
        const struct scmp_arg_cmp credentials[] = {filter_equal(1, SOL_SOCKET), filter_equal(2, SO_PASSCRED)};
        const struct scmp_arg_cmp tcp_info[] = {filter_equal(1, IPPROTO_TCP), filter_equal(2, TCP_INFO)};
        const struct scmp_arg_cmp bytes_waiting[] = {filter_equal(1, SIOCOUTQ)};
        const struct scmp_arg_cmp shared[] = {
                SCMP_A2(SCMP_CMP_MASKED_EQ, ~(uint32_t)(PROT_READ | PROT_WRITE), 0),
                filter_equal(3, MAP_SHARED),
        };
        const struct scmp_arg_cmp dropped[] = {filter_equal(2, MADV_DONTNEED)};
        const struct scmp_arg_cmp no_address[] = {filter_equal(4, 0)}, no_flags[] = {filter_equal(4, 0)};

        ALLOW_ALL_OF(filter, allowed);
        if (is_32_bit)
                ALLOW_ALL_OF(filter, allowed_32_bit);
        filter_allow(filter, "socket", 3, datagram_socket);
        filter_allow_on_own(filter, "bind");
        /* The descriptor of the connected socket always remains that socket. Any other descriptor may be the client's
         * connection, because a session can pass descriptors to itself. The session could connect the client's
         * connection to another place: to AF_UNSPEC first, connect(2). */
        filter_allow_on(filter, "connect", UINT32_MAX, SANDBOX_UPLINK_FD);
        for (uint32_t fd = 0; fd < SANDBOX_UPLINK_FD; fd++)
                filter_allow_on(filter, "close", UINT32_MAX, fd);
        filter_allow_on_own(filter, "close");
        filter_allow(filter, "setsockopt", 2, credentials);
        filter_allow(filter, "getsockopt", 2, tcp_info);
        /* the outlet: memory that chatd sent, and the connection for chatd */
        filter_allow(filter, is_32_bit ? "mmap2" : "mmap", 2, shared); /* mmap(2) of i386 has its arguments in memory */
        filter_allow(filter, "munmap", 0, NULL);
        filter_allow(filter, "madvise", 1, dropped);
        filter_allow(filter, "ioctl", 1, bytes_waiting);
        /* without MSG_FASTOPEN, which connects */
        for (uint32_t fd = 0; fd < 2; fd++) {
                const struct scmp_arg_cmp passing[] = {
                        SCMP_A0(SCMP_CMP_MASKED_EQ, fd == 0 ? ~3U : ~7U, fd == 0 ? 4 : 8),
                        filter_equal(2, MSG_NOSIGNAL | MSG_DONTWAIT),
                };
                filter_allow(filter, "sendmsg", 2, passing);
        }
        filter_allow(filter, "renameat2", 1, no_flags); /* excludes RENAME_EXCHANGE */
        /* for the client; not sendmsg(), because a filter cannot see the address in memory */
        filter_allow(filter, "sendto", 1, no_address);
}

static void filter_allow_sanitizer(scmp_filter_ctx filter, bool is_32_bit)
{
        ALLOW_ALL_OF(filter, allowed_sanitizer);
        if (is_32_bit)
                ALLOW_ALL_OF(filter, allowed_sanitizer_32_bit);
        for (size_t i = 0; i < sizeof(refused_sanitizer) / sizeof(refused_sanitizer[0]); i++)
                filter_add(filter, SCMP_ACT_ERRNO(EPERM), refused_sanitizer[i], 0, NULL);
}

static void filter_write_instruction(const struct sock_filter *op)
{
        printf("                {0x%02x, %u, %u, 0x%08x}, \\\n", op->code, op->jt, op->jf, op->k);
}

/* Writes the compiled filter as the initializer of an array of struct sock_filter. */
static void filter_write(scmp_filter_ctx filter, const char *name, bool is_i386)
{
        struct sock_filter op;
        int fd = memfd_create(name, 0);
        filter_check(fd < 0 ? -errno : 0, name);
        filter_check(seccomp_export_bpf(filter, fd), name);
        filter_check(lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0, name);
        printf("#define %s \\\n        { \\\n", name);
        for (size_t i = 0; is_i386 && i < sizeof(no_socketcall) / sizeof(no_socketcall[0]); i++)
                filter_write_instruction(&no_socketcall[i]);
        while (read(fd, &op, sizeof(op)) == sizeof(op))
                filter_write_instruction(&op);
        printf("        }\n");
        close(fd);
}

static void filter_make(const struct machine *m, enum sandbox_kind kind)
{
        const char *name = kind == SANDBOX_WITH_SANITIZER ? m->name_with_sanitizer : m->name;
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        filter_check(filter ? 0 : -ENOMEM, name);
        if (m->arch != seccomp_arch_native()) {
                filter_check(seccomp_arch_remove(filter, SCMP_ARCH_NATIVE), name);
                filter_check(seccomp_arch_add(filter, m->arch), name);
        }
        filter_check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), name);
        /* Use a binary search. When the kernel takes the program, it runs the program for each system call, and with a
         * list that takes half as long again. */
        filter_check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), name);
        filter_allow_calls(filter, m->is_32_bit);
        if (kind == SANDBOX_WITH_SANITIZER)
                filter_allow_sanitizer(filter, m->is_32_bit);
        filter_write(filter, name, m->arch == SCMP_ARCH_X86);
        seccomp_release(filter);
}

int main(void)
{
        printf("/* Made by chat-session/sandbox-filter.c. */\n#pragma once\n");
        for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
                filter_make(&machines[i], SANDBOX_STRICT);
                filter_make(&machines[i], SANDBOX_WITH_SANITIZER);
        }
        filter_check(fflush(stdout) == 0 ? 0 : -errno, "standard output");
        return 0;
}
