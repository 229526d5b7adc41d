/* How a member finds chatd. */
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"

/* Connects to chatd's intake below `dir`. `*intake` tells which one it is, and by its owner who chatd is. Returns a
 * descriptor, or a negative errno: -EPERM for a socket that somebody else put there. */
static inline int connect_broker(const char *dir, struct stat *intake)
{
        struct sockaddr_un address;
        struct stat owner;
        int on = 1, r = path_broker(&address, dir);
        *intake = (struct stat){0};
        if (r < 0)
                return r;
        if (stat(dir, &owner) < 0 || stat(address.sun_path, intake) < 0)
                return -errno;
        if (intake->st_uid != owner.st_uid && owner.st_uid != 0)
                return -EPERM;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* With it the kernel states who sends, also while the intake is so new that it does not ask yet. */
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
            connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return fd;
        r = -errno;
        close(fd);
        return r;
}
