/* A kernel that lacks a feature, as old kernels and some kernels in containers do. A filter of system calls plays the
 * kernel. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum kernel {
        KERNEL_AS_IT_IS,
        KERNEL_WITHOUT_PIDFD,       /* pidfd_open(2): ENOSYS */
        KERNEL_FORBIDS_PIDFD,       /* EPERM, as the seccomp profiles of some containers answer */
        KERNEL_WITHOUT_SECCOMP,     /* prctl(PR_SET_SECCOMP), seccomp(2): EINVAL */
        KERNEL_WITHOUT_PEEK_OFFSET, /* setsockopt(SO_PEEK_OFF): ENOPROTOOPT */
        KERNELS,
};

/* Starts a program as process_start() does, on such a kernel. Its children run on that kernel, too. */
pid_t kernel_start(enum kernel kernel, char *const argv[], int in, int out, int err);

/* Returns true if `said` is one line that has `part` in it. Otherwise prints it. */
bool kernel_is_one_line(const char *said, const char *part);
