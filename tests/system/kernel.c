#include "kernel.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

/* The call that fails: always, or if its argument `which` has this value. */
static const struct refusal {
        unsigned call;
        int which; /* -1: always */
        unsigned value;
        unsigned error;
} refusals[KERNELS] = {
        [KERNEL_WITHOUT_PIDFD] = {SYS_pidfd_open, -1, 0, ENOSYS},
        [KERNEL_FORBIDS_PIDFD] = {SYS_pidfd_open, -1, 0, EPERM},
        [KERNEL_WITHOUT_SECCOMP] = {SYS_prctl, 0, PR_SET_SECCOMP, EINVAL},
        [KERNEL_WITHOUT_PEEK_OFFSET] = {SYS_setsockopt, 2, SO_PEEK_OFF, ENOPROTOOPT},
};

static bool refuse(const struct refusal *r)
{
        unsigned at = (unsigned)(r->which < 0 ? offsetof(struct seccomp_data, nr)
                                              : offsetof(struct seccomp_data, args) + 8 * (size_t)r->which);
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->call, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->which < 0 ? r->call : r->value, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | r->error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

pid_t kernel_start(enum kernel kernel, char *const argv[], int in, int out, int err)
{
        pid_t pid = process_fork();
        if (pid > 0)
                return pid;
        if (kernel == KERNEL_AS_IT_IS || refuse(&refusals[kernel]))
                process_become(argv, in, out, err);
        _exit(127);
}

bool kernel_is_one_line(const char *said, const char *part)
{
        const char *end = strchr(said, '\n');
        if (end && end[1] == '\0' && strstr(said, part))
                return true;
        fprintf(stderr, "This is not one line with \"%s\" in it:\n%s\n", part, said);
        return false;
}
