#include "uplink-inbox.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chat/paths.h>

/* Calls the kernel directly: getrandom(3) may map memory at its first use (glibc 2.41 does), which the sandbox forbids.
 * A session behind a proxy draws its first number in the sandbox. */
uint64_t uplink_random(void)
{
        uint64_t random;
        if (syscall(SYS_getrandom, &random, sizeof(random), 0) != sizeof(random))
                abort(); /* cannot happen once the system is up, getrandom(2) */
        return random;
}

/* Receives a datagram, as uplink_inbox_receive() does, with all that the kernel states of the sender. */
static ssize_t uplink_inbox_take(int inbox, void *buffer, size_t size, struct ucred *sender, struct socket_fds *fds)
{
        struct fds_room control;
        struct iovec iov = {.iov_base = buffer, .iov_len = size};
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(inbox, &msg, MSG_CMSG_CLOEXEC);
        if (n >= 0 && (!socket_credentials(&msg, sender) || (msg.msg_flags & MSG_TRUNC)))
                *sender = (struct ucred){.pid = 0, .uid = (uid_t)-1};
        fds->count = 0;
        if (n >= 0)
                socket_take_fds(&msg, fds);
        return n;
}

ssize_t uplink_inbox_receive(int inbox, void *buffer, size_t size, uid_t *sender, struct socket_fds *fds)
{
        struct ucred credentials = {.uid = (uid_t)-1};
        ssize_t n = uplink_inbox_take(inbox, buffer, size, &credentials, fds);
        *sender = credentials.uid;
        return n;
}

/* Returns true if a datagram to `address` arrives in our inbox. Between bind() and rename(), another process of our
 * user may have put its own socket in place of ours, to get our datagrams. */
static bool uplink_inbox_is_at(int inbox, int probe, const struct sockaddr_un *address)
{
        uint64_t nonce = uplink_random(), answer;
        struct ucred sender;
        struct socket_fds fds;
        bool sent = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                    send(probe, &nonce, sizeof(nonce), MSG_NOSIGNAL) == sizeof(nonce);
        /* other processes may have sent datagrams in the meantime */
        while (sent && uplink_inbox_take(inbox, &answer, sizeof(answer), &sender, &fds) >= 0) {
                socket_close_fds(&fds);
                if (sender.pid == getpid() && answer == nonce)
                        return true;
        }
        return false;
}

/* Binds the inbox under a name that everybody may know, and renames it. Returns 0 or a negative errno. */
static int uplink_inbox_bind(int inbox, int probe, const char *dir, const struct sockaddr_un *address)
{
        struct sockaddr_un binding;
        int on = 1, r = path_binding(&binding, dir, getpid(), (uint32_t)uplink_random());
        if (r < 0)
                return r;
        if (setsockopt(inbox, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        if (bind(inbox, (const struct sockaddr *)&binding, sizeof(binding)) < 0)
                return -errno;
        if (rename(binding.sun_path, address->sun_path) < 0) {
                r = -errno;
                unlink(binding.sun_path);
        } else if (!uplink_inbox_is_at(inbox, probe, address)) {
                unlink(address->sun_path);
                r = -EPERM;
        }
        return r;
}

int uplink_inbox_open(int *inbox, const char *dir, uint64_t key, int probe)
{
        struct sockaddr_un address;
        int r = path_inbox(&address, dir, key);
        if (r < 0)
                return r;
        if (*inbox >= 0 && access(address.sun_path, F_OK) == 0)
                return 0;
        uplink_inbox_close(inbox, dir, key);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = uplink_inbox_bind(fd, probe, dir, &address);
        if (r < 0)
                close(fd);
        else
                *inbox = fd;
        return r;
}

void uplink_inbox_close(int *inbox, const char *dir, uint64_t key)
{
        struct sockaddr_un address;
        if (*inbox < 0)
                return;
        path_inbox(&address, dir, key);
        unlink(address.sun_path);
        close(*inbox);
        *inbox = -1;
}
