#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/socket.h>

enum { CLOSE_DRAIN_MAX_READS = 64 };

static void set_nonblocking(int fd)
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
                set_nonblocking(in);
                set_nonblocking(out);
        }
}

size_t client_read(struct client *c, void *buffer, size_t size)
{
        ssize_t n = c->is_socket ? recv(c->in, buffer, size, MSG_DONTWAIT) : read(c->in, buffer, size);
        if (n > 0)
                return (size_t)n;
        if (n == 0 || !socket_is_transient(errno))
                c->in_ended = true;
        if (n < 0) {
                c->in_failed = c->in_ended;
                c->timed_out = errno == ETIMEDOUT;
        }
        return 0;
}

bool client_is_gone(const struct client *c)
{
        char byte;
        ssize_t n = c->is_socket ? recv(c->in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 1;
        return n == 0 || (n < 0 && !socket_is_transient(errno));
}

bool client_sent(struct client *c)
{
        bool sent = c->sent;
        c->sent = false;
        return sent;
}

int64_t client_silent_ms(const struct client *c)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof(info);
        if (getsockopt(c->out, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return -1;
        return info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0 ? (int64_t)info.tcpi_last_ack_recv : -1;
}

bool client_waits(const struct client *c)
{
        return c->end > c->start;
}

size_t client_room(const struct client *c)
{
        return sizeof(c->buffer) - (c->end - c->start);
}

/* Where the next `size` bytes go, which are known to fit. The waiting ones move to the front only when the tail is used
 * up, so the pages behind it stay untouched. */
static char *reserve(struct client *c, size_t size)
{
        if (sizeof(c->buffer) - c->end < size) {
                memmove(c->buffer, c->buffer + c->start, c->end - c->start);
                c->end -= c->start;
                c->start = 0;
        }
        char *at = c->buffer + c->end;
        c->end += size;
        return at;
}

static void put(struct client *c, const void *data, size_t size)
{
        memcpy(reserve(c, size), data, size);
}

void client_raw(struct client *c, const void *data, size_t size)
{
        if (client_room(c) >= size)
                put(c, data, size);
}

void client_line(struct client *c, const struct slice *parts, size_t n)
{
        size_t size = 2;
        for (size_t i = 0; i < n; i++)
                size += parts[i].len;
        if (c->skipped > 0 || client_room(c) < size) {
                c->skipped++;
                c->skipped_all++;
                return;
        }
        char *at = reserve(c, size);
        for (size_t i = 0; i < n; i++)
                at = mempcpy(at, parts[i].at, parts[i].len);
        at[0] = '\r';
        at[1] = '\n';
        c->lines_out++;
}

static void tell_skipped(struct client *c)
{
        char text[80];
        int n = snprintf(text, sizeof(text), "*** %llu line%s skipped: your connection is too slow\r\n",
                         (unsigned long long)c->skipped, c->skipped == 1 ? "" : "s");
        put(c, text, (size_t)n);
        c->skipped = 0;
}

void client_flush(struct client *c)
{
        while (client_waits(c) && !c->out_broken) {
                const char *at = c->buffer + c->start;
                size_t size = c->end - c->start;
                ssize_t n =
                        c->is_socket ? send(c->out, at, size, MSG_DONTWAIT | MSG_NOSIGNAL) : write(c->out, at, size);
                if (n < 0) {
                        c->out_broken = !socket_is_transient(errno);
                        break;
                }
                c->sent = true;
                c->start += (size_t)n;
                if ((size_t)n < size)
                        break;
        }
        if (!client_waits(c) || c->out_broken)
                c->start = c->end = 0;
        if (c->skipped > 0 && client_room(c) >= sizeof(c->buffer) / 2)
                tell_skipped(c);
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
