/* Words for what a host may lack: each program says in one line what is missing, and what to do. */
#pragma once

#include <errno.h>
#include <string.h>

#include "paths.h"

/* Returns the advice that follows the reason why a run directory cannot be used. */
static inline const char *lack_run_dir(const char *dir)
{
        if (strcmp(dir, RUN_DIR_DEFAULT) == 0)
                return "systemd-tmpfiles --create makes it";
        return "make it as the user who is to run this";
}

/* Returns the explanation that follows the reason why a session cannot enter its sandbox. The reason is an errno. */
static inline const char *lack_sandbox(int error)
{
        if (error == EINVAL || error == ENOSYS)
                return "; the kernel has no filters of system calls (CONFIG_SECCOMP_FILTER)";
        if (error == EPERM || error == EACCES)
                return "; a container may forbid it";
        return "";
}
