#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/socket.h>

enum {
        CLOSE_DRAIN_MAX_READS = 64,
        KEEPALIVE_PROBES = 5,
        KEEPALIVE_MAX_S = 120, /* from the last sign of life to the end, as in chat.socket */
};

static void client_set_nonblocking(int fd)
{
        int flags = fcntl(fd, F_GETFL);
        if (flags >= 0)
                fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void client_init(struct client *c, int in, int out)
{
        int type, on = 1;
        socklen_t size = sizeof(type);

        c->in = in;
        c->out = out;
        c->is_socket = getsockopt(in, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                       getsockopt(out, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
        if (c->is_socket) {
                setsockopt(in, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
                setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* inetd and tcpserver do not set it */
        } else {
                client_set_nonblocking(in);
                client_set_nonblocking(out);
        }
}

void client_keep_alive(const struct client *c, int timeout_ms)
{
        int is_on = 0, on = 1, probes = KEEPALIVE_PROBES, timeout_s = timeout_ms / 1000;
        socklen_t size = sizeof(is_on);
        if (getsockopt(c->in, SOL_SOCKET, SO_KEEPALIVE, &is_on, &size) < 0 || is_on)
                return;
        if (timeout_s == 0 || timeout_s > KEEPALIVE_MAX_S)
                timeout_s = KEEPALIVE_MAX_S;
        int idle_s = timeout_s < 2 ? 1 : timeout_s / 2;
        int interval_s = timeout_s < 2 * KEEPALIVE_PROBES ? 1 : (timeout_s - idle_s) / KEEPALIVE_PROBES;
        setsockopt(c->in, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
        setsockopt(c->in, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
        setsockopt(c->in, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
        setsockopt(c->in, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

size_t client_read(struct client *c, void *buffer, size_t size)
{
        ssize_t n = c->is_socket ? recv(c->in, buffer, size, MSG_DONTWAIT) : read(c->in, buffer, size);
        if (n > 0)
                return (size_t)n;
        if (n == 0)
                c->input = CLIENT_ENDED;
        else if (!socket_is_transient(errno))
                c->input = errno == ETIMEDOUT ? CLIENT_TIMED_OUT : CLIENT_BROKE;
        return 0;
}

bool client_has_ended(const struct client *c)
{
        return c->input >= CLIENT_ENDED;
}

bool client_is_over(const struct client *c)
{
        struct pollfd fd = {.fd = c->in};
        const struct timespec no_time = {0};
        return ppoll(&fd, 1, &no_time, NULL) > 0; /* ppoll() always reports POLLHUP and POLLERR */
}

bool client_is_gone(const struct client *c)
{
        char byte;
        ssize_t n = c->is_socket ? recv(c->in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 1;
        if (n == 0 || (n < 0 && !socket_is_transient(errno)))
                return true;
        return c->is_socket && send(c->out, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE &&
               !client_is_over(c);
}

bool client_is_deaf(const struct client *c)
{
        return c->is_socket && c->is_out_broken && !client_is_over(c);
}

/* Reads TCP_INFO, tcp(7), into `info`. Returns false if it is no TCP connection. */
static bool client_read_info(const struct client *c, struct tcp_info *info)
{
        socklen_t size = sizeof(*info);
        return getsockopt(c->out, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

int64_t client_silent_ms(const struct client *c)
{
        struct tcp_info info = {0};
        if (!client_read_info(c, &info))
                return -1;
        return info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0 ? (int64_t)info.tcpi_last_ack_recv : -1;
}

int64_t client_deaf_ms(const struct client *c)
{
        struct tcp_info info = {0};
        return client_read_info(c, &info) && info.tcpi_unacked > 0 ? (int64_t)info.tcpi_last_ack_recv : -1;
}

int64_t client_position(const struct client *c)
{
        struct tcp_info before = {0}, after = {0};
        int queued_bytes;
        do { /* an acknowledgement in between moves bytes from one count to the other */
                if (!client_read_info(c, &before) || ioctl(c->out, SIOCOUTQ, &queued_bytes) < 0 ||
                    !client_read_info(c, &after))
                        return -1;
        } while (before.tcpi_bytes_acked != after.tcpi_bytes_acked);
        return (int64_t)after.tcpi_bytes_acked + queued_bytes;
}

void client_close(struct client *c)
{
        char dropped[4096];
        if (!c->is_socket)
                return;
        shutdown(c->out, SHUT_WR);
        for (int i = 0; i < CLOSE_DRAIN_MAX_READS; i++)
                if (recv(c->in, dropped, sizeof(dropped), MSG_DONTWAIT) <= 0)
                        break;
}
