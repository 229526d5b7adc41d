/* Credentials and descriptors in messages, for both ends of a socket. */
#pragma once

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for the sender's credentials and nothing else. So the kernel does not install descriptors that come with the
 * message (SCM_RIGHTS). */
struct credentials_room {
        alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct ucred))];
};

/* Copies the sender's credentials, as the kernel states them (SCM_CREDENTIALS, unix(7)), from a received message.
 * Returns false if it has none. */
static inline bool socket_credentials(const struct msghdr *msg, struct ucred *cred)
{
        const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
                return false;
        memcpy(cred, CMSG_DATA(c), sizeof(*cred));
        return true;
}

/* Returns true if a call that failed with this errno may work later. Otherwise the other end is gone. */
static inline bool socket_is_transient(int error)
{
        return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

enum { SOCKET_FDS_MAX = 4 };

/* Room for the sender's credentials and some descriptors. */
struct fds_room {
        alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int[SOCKET_FDS_MAX]))];
};

/* Sends one message with `n` descriptors, SOCKET_FDS_MAX at most. Returns 0 or a negative errno. The descriptors stay
 * open here. */
static inline int socket_send_fds(int fd, struct iovec *iov, const int *fds, size_t n)
{
        struct fds_room control = {0};
        struct msghdr msg = {
                .msg_iov = iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
        return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The descriptors that came with a message. */
struct socket_fds {
        int fd[SOCKET_FDS_MAX];
        size_t count;
};

/* Takes the descriptors that came with `msg`. The caller must close them. */
static inline void socket_take_fds(struct msghdr *msg, struct socket_fds *fds)
{
        fds->count = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                fds->count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(fds->fd, CMSG_DATA(c), fds->count * sizeof(int));
        }
}

static inline void socket_close_fds(struct socket_fds *fds)
{
        while (fds->count > 0)
                close(fds->fd[--fds->count]);
}
