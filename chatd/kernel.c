#include "kernel.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Returns true if the kernel has pidfd_open(2). Other errors have other causes: for example, descriptors have run
 * out. */
static bool kernel_has_pidfd(void)
{
        int fd = pidfd_open(getpid(), 0);
        if (fd < 0)
                return errno != ENOSYS && errno != EPERM;
        close(fd);
        return true;
}

static bool kernel_has_peek_offset(void)
{
        int offset = 0, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return true;
        bool has = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) == 0;
        close(fd);
        return has;
}

const char *kernel_lacks(void)
{
        if (!kernel_has_pidfd())
                return "pidfd_open(2), which tells when a session has died; Linux 5.3 or later has it, and the seccomp "
                       "profile of a container must allow it";
        if (!kernel_has_peek_offset())
                return "SO_PEEK_OFF for UNIX sockets, without which lines would be lost when chatd dies; Linux 3.4 or "
                       "later has it";
        return NULL;
}
