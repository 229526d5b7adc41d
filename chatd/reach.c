#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chat/paths.h>

bool reach_process_runs(const struct member *m)
{
        struct pollfd p = {.fd = pidfd_open((pid_t)(m->id >> 32), 0), .events = POLLIN};
        if (p.fd < 0)
                return false;
        bool runs = poll(&p, 1, 0) == 0;
        close(p.fd);
        return runs;
}

void reach_close(struct member *m)
{
        if (m->fd >= 0)
                close(m->fd);
        if (m->pidfd >= 0)
                close(m->pidfd);
        lent_close(&m->lent);
        m->fd = m->pidfd = -1;
}

int reach_open_inbox(int dir, const char *file, uid_t owner, struct sockaddr_un *address)
{
        struct stat st;
        int fd = openat(dir, file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == EACCES || errno == ELOOP ? -EPERM : -errno;
        int error = 0;
        if (fstat(fd, &st) < 0)
                error = -errno;
        else if (!S_ISSOCK(st.st_mode) || st.st_uid != owner)
                error = -EPERM;
        if (error < 0) {
                close(fd);
                return error;
        }
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d", fd);
        return fd;
}

/* Opens the inbox of the link, or of the session with this `key`, and writes its address. Returns a descriptor or a
 * negative errno. */
static int reach_find_inbox(const char *dir, uid_t owner, uint64_t id, uint64_t key, struct sockaddr_un *address)
{
        struct sockaddr_un path;
        int error = id == LINK_ID ? path_link(&path, dir) : path_inbox(&path, dir, key);
        if (error < 0)
                return error;
        return reach_open_inbox(AT_FDCWD, path.sun_path, id == LINK_ID ? geteuid() : owner, address);
}

/* Makes the buffer of the socket to the link as large as the kernel allows, because records must fit into the link's
 * inbox while chat-link is started again. */
static void reach_widen(int fd)
{
        int most = INT_MAX;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
}

/* Opens the descriptors of `m`. Returns false with errno. */
static bool reach_open_member(struct member *m, const struct sockaddr_un *address)
{
        m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (m->fd < 0 || connect(m->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
                return false;
        if (m->id == LINK_ID) {
                reach_widen(m->fd);
                return true;
        }
        m->pidfd = pidfd_open((pid_t)(m->id >> 32), 0);
        return m->pidfd >= 0;
}

int reach_connect(const char *dir, uid_t owner, struct member *m)
{
        struct sockaddr_un address;
        reach_close(m);
        int inbox = reach_find_inbox(dir, owner, m->id, m->key, &address);
        if (inbox < 0)
                return inbox;
        int error = reach_open_member(m, &address) ? 0 : -errno;
        close(inbox);
        if (error < 0)
                reach_close(m);
        return error;
}

int reach_send(struct member *m, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct iovec iov = {buffer, frame_encode(buffer, sizeof(buffer), f)};
        const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        if (m->fd < 0)
                return -ENOTCONN;
        if (sendmsg(m->fd, &msg, MSG_NOSIGNAL) < 0)
                return -errno;
        lent_sent(&m->lent);
        return 0;
}

int reach_send_stranger(const char *dir, uid_t owner, int fd, uint64_t id, uint64_t key, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct sockaddr_un address;
        size_t size = frame_encode(buffer, sizeof(buffer), f);
        int inbox = reach_find_inbox(dir, owner, id, key, &address);
        if (inbox < 0)
                return inbox;
        ssize_t n = sendto(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&address,
                           sizeof(address));
        int error = n < 0 ? -errno : 0;
        close(inbox);
        return error;
}

void reach_remove_inbox(const char *dir, uint64_t key)
{
        struct sockaddr_un address;
        if (path_inbox(&address, dir, key) == 0)
                unlink(address.sun_path);
}
