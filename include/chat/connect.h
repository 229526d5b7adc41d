/* Connects a member to chatd. */
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"

/* Makes the socket that connect_broker() takes. Returns a descriptor or a negative errno. */
static inline int connect_socket(void)
{
        int on = 1, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* This makes the kernel add the sender's credentials to each datagram, even if chatd's intake is so new that
         * chatd has not asked for them yet. */
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0)
                return fd;
        on = -errno;
        close(fd);
        return on;
}

/* Connects the socket `fd`, which may be connected already, to chatd's intake below `dir`. Sets `*intake` to what
 * stat(2) says of the intake: its inode identifies it, and its owner is chatd's user. Returns 0 or a negative errno:
 * -EPERM if another user put the socket there. */
static inline int connect_broker(int fd, const char *dir, struct stat *intake)
{
        struct sockaddr_un address;
        struct stat owner;
        int r = path_broker(&address, dir);
        *intake = (struct stat){0};
        if (r < 0)
                return r;
        if (stat(dir, &owner) < 0 || stat(address.sun_path, intake) < 0)
                return -errno;
        if (intake->st_uid != owner.st_uid && owner.st_uid != 0)
                return -EPERM;
        return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}
