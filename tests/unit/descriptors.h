/* A process that has no descriptors left. */
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

enum { FEW_FDS = 128 };

/* Takes all descriptors of the process, which may have FEW_FDS from now on, except `left`. Returns how many it took. */
static inline int take_descriptors(struct rlimit *before, int taken[static FEW_FDS], int left)
{
        int n = 0;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
        struct rlimit few = {.rlim_cur = FEW_FDS, .rlim_max = before->rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        while ((taken[n] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
                n++;
        while (left-- > 0)
                close(taken[--n]);
        return n;
}

static inline void free_descriptors(const struct rlimit *before, const int *taken, int n)
{
        while (n > 0)
                close(taken[--n]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}
