/* What both ends of a datagram socket ask of the kernel. */
#pragma once

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/* Room for the sender's credentials and nothing else: descriptors that come along (SCM_RIGHTS) are not installed. */
struct credentials_room {
        alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct ucred))];
};

/* Takes the kernel's word on the sender (SCM_CREDENTIALS, unix(7)) from a received message. Returns false where it has
 * none. */
static inline bool socket_credentials(const struct msghdr *msg, struct ucred *cred)
{
        const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
                return false;
        memcpy(cred, CMSG_DATA(c), sizeof(*cred));
        return true;
}

/* Whether what failed with this errno may work later; else the other end is gone. */
static inline bool socket_is_transient(int error)
{
        return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}
