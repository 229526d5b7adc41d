/* limit-sessions PORT: the least that a chat server can do whose clients have a process each, as the chat's sessions
 * are. A client's process reads its whole lines and sends them as one datagram to the process in the middle. That one
 * takes all datagrams that are there, and gives their lines to all other clients with one write each. No names, no
 * notices, no checks, no sandbox; a client that does not read is disconnected. The comparison with `limit` shows the
 * cost of the processes, and the comparison with the chat shows the cost of everything else. */
#include <err.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "listen.h"

enum {
        DATAGRAMS = 128, /* taken at once */
        DATAGRAM_BYTES = 8192,
        CLIENTS_MAX = 4096,
};

struct datagram {
        uint32_t client;
        char lines[DATAGRAM_BYTES];
};

static int clients[CLIENTS_MAX]; /* -1: it is gone */
static uint32_t count;
static struct datagram datagrams[DATAGRAMS];
static struct mmsghdr headers[DATAGRAMS];

/* The process of a client. An empty datagram says that the client is gone. */
__attribute__((noreturn)) static void serve(int fd, int out, uint32_t client)
{
        static struct datagram d;
        size_t len = 0;
        d.client = client;
        for (ssize_t n; (n = recv(fd, d.lines + len, sizeof(d.lines) - len, 0)) > 0;) {
                len += (size_t)n;
                const char *end = memrchr(d.lines, '\n', len);
                size_t whole = end ? (size_t)(end + 1 - d.lines) : len == sizeof(d.lines) ? len : 0;
                if (whole > 0 && send(out, &d, sizeof(d.client) + whole, 0) < 0)
                        break;
                memmove(d.lines, d.lines + whole, len - whole);
                len -= whole;
        }
        send(out, &d, sizeof(d.client), 0);
        _exit(0);
}

static void add(int listener, int out)
{
        int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || count == CLIENTS_MAX)
                errx(EXIT_FAILURE, "cannot take one more client");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        clients[count] = fd;
        if (fork() == 0)
                serve(fd, out, count);
        count++;
}

static void drop(uint32_t client)
{
        if (clients[client] < 0)
                return;
        shutdown(clients[client], SHUT_RDWR);
        close(clients[client]);
        clients[client] = -1;
}

static void give(uint32_t client, size_t n)
{
        struct iovec iov[DATAGRAMS];
        const struct msghdr msg = {.msg_iov = iov};
        struct msghdr out = msg;
        size_t size = 0;
        for (size_t i = 0; i < n; i++) {
                size_t lines = headers[i].msg_len - sizeof(datagrams[i].client);
                if (datagrams[i].client != client && lines > 0)
                        iov[out.msg_iovlen++] = (struct iovec){datagrams[i].lines, lines};
                size += datagrams[i].client != client ? lines : 0;
        }
        if (size > 0 && sendmsg(clients[client], &out, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size)
                drop(client);
}

/* Takes all datagrams that are there, and gives their lines to all. */
static void relay(int in)
{
        int n = recvmmsg(in, headers, DATAGRAMS, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
                if (headers[i].msg_len == sizeof(datagrams[i].client))
                        drop(datagrams[i].client);
        for (uint32_t client = 0; n > 0 && client < count; client++)
                if (clients[client] >= 0)
                        give(client, (size_t)n);
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
}

int main(int argc, char **argv)
{
        struct iovec iov[DATAGRAMS];
        struct epoll_event events[2];
        int pair[2], epoll = epoll_create1(EPOLL_CLOEXEC);
        if (argc != 2)
                errx(2, "Usage: limit-sessions PORT");
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
                err(EXIT_FAILURE, "socketpair");
        for (int i = 0; i < DATAGRAMS; i++) {
                iov[i] = (struct iovec){&datagrams[i], sizeof(datagrams[i])};
                headers[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        }
        int listener = listen_on((in_port_t)atoi(argv[1]));
        const int watched[2] = {listener, pair[0]};
        for (int i = 0; i < 2; i++) {
                struct epoll_event event = {.events = EPOLLIN, .data.fd = watched[i]};
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, watched[i], &event) < 0)
                        err(EXIT_FAILURE, "epoll_ctl");
        }
        for (;;) {
                int n = epoll_wait(epoll, events, 2, -1);
                for (int i = 0; i < n; i++)
                        if (events[i].data.fd == listener)
                                add(listener, pair[1]);
                        else
                                relay(pair[0]);
        }
}
