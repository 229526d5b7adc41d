/* limit [--websocket] PORT: the least that a chat server can do. One process, one epoll, no names, no notices, no checks:
 * all whole lines that the readable clients have sent since the last turn go to all other clients with one write each. The
 * comparison with the benchmark shows the cost of everything else. With --websocket, the lines are messages of WebSockets
 * (RFC 6455): a client that has sent the head of a request gets an answer without the right digest, and a message goes to
 * the others as it came, without its mask. */
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "listen.h"

enum {
        EVENTS = 256,
        READ_BYTES = 16384,
        BATCH_BYTES = EVENTS * READ_BYTES,
        WAITING_BYTES = 4 << 20, /* the most for a client that does not read: with more it is disconnected */
        CLIENTS_MAX = 65536,
};

struct client {
        int fd;
        size_t index;
        bool is_upgraded; /* it has a WebSocket */
        size_t from, to;  /* its own lines in the batch */
        char line[READ_BYTES];
        size_t line_len; /* the beginning of a line */
        char *waiting;   /* bytes that the client did not take */
        size_t waiting_len;
};

static struct client *clients[CLIENTS_MAX];
static size_t count;
static int epoll;
static bool has_websockets;
static char batch[BATCH_BYTES];
static size_t batch_len;

static void watch(int fd, uint32_t events, int op, void *what)
{
        struct epoll_event event = {.events = events, .data.ptr = what};
        if (epoll_ctl(epoll, op, fd, &event) < 0)
                err(EXIT_FAILURE, "epoll_ctl");
}

static void add(int listener)
{
        int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct client *c = fd >= 0 && count < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
        if (!c) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c->fd = fd;
        c->index = count;
        clients[count++] = c;
        watch(fd, EPOLLIN, EPOLL_CTL_ADD, c);
}

static void drop(struct client *c)
{
        clients[c->index] = clients[--count];
        clients[c->index]->index = c->index;
        close(c->fd);
        free(c->waiting);
        free(c);
}

/* Moves whole lines to the batch. Returns their size. */
static size_t take_lines(const struct client *c, size_t len)
{
        const char *end = memrchr(c->line, '\n', len);
        size_t whole = end ? (size_t)(end + 1 - c->line) : len == sizeof(c->line) ? len : 0;
        memcpy(batch + batch_len, c->line, whole);
        batch_len += whole;
        return whole;
}

/* Answers the request for a WebSocket. Returns its size. */
static size_t upgrade(struct client *c, size_t len)
{
        static const char answer[] =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        const char *end = memmem(c->line, len, "\r\n\r\n", 4);
        if (!end)
                return 0;
        c->is_upgraded = send(c->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) == sizeof(answer) - 1;
        return (size_t)(end + 4 - c->line);
}

/* Moves whole messages, of less than 64 kB, to the batch. Returns their size as they came. */
static size_t take_messages(const struct client *c, size_t len)
{
        size_t at = 0;
        while (len - at >= 6) {
                const uint8_t *frame = (const uint8_t *)c->line + at;
                size_t size = frame[1] & 0x7f, head = size < 126 ? 2 : 4;
                if (head == 4)
                        size = (size_t)(frame[2] << 8 | frame[3]);
                if (len - at < head + 4 + size)
                        break;
                uint8_t *out = (uint8_t *)batch + batch_len;
                memcpy(out, frame, head);
                out[1] &= 0x7f;
                for (size_t i = 0; i < size; i++)
                        out[head + i] = frame[head + 4 + i] ^ frame[head + i % 4];
                batch_len += head + size;
                at += head + 4 + size;
        }
        return at;
}

/* Moves the whole lines that `c` sent to the batch. Returns false at the end of its input. */
static bool take(struct client *c)
{
        ssize_t n = recv(c->fd, c->line + c->line_len, sizeof(c->line) - c->line_len, 0);
        if (n <= 0)
                return n < 0 && errno == EAGAIN;
        size_t len = c->line_len + (size_t)n;
        c->from = batch_len;
        size_t whole = !has_websockets ? take_lines(c, len) : c->is_upgraded ? take_messages(c, len) : upgrade(c, len);
        c->to = batch_len;
        memmove(c->line, c->line + whole, len - whole);
        c->line_len = len - whole;
        return true;
}

/* Keeps what the kernel does not take. Returns false if that is too much. */
static bool keep(struct client *c, const struct iovec *iov, size_t n, size_t sent)
{
        size_t was = c->waiting_len;
        for (size_t i = 0; i < n; i++) {
                size_t done = sent < iov[i].iov_len ? sent : iov[i].iov_len, rest = iov[i].iov_len - done;
                sent -= done;
                if (rest == 0)
                        continue;
                char *more = c->waiting_len + rest <= WAITING_BYTES ? realloc(c->waiting, c->waiting_len + rest) : NULL;
                if (!more)
                        return false;
                c->waiting = more;
                memcpy(c->waiting + c->waiting_len, (const char *)iov[i].iov_base + done, rest);
                c->waiting_len += rest;
        }
        if (was == 0 && c->waiting_len > 0)
                watch(c->fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD, c);
        return true;
}

static bool give(struct client *c)
{
        struct iovec iov[2] = {{batch, c->from}, {batch + c->to, batch_len - c->to}};
        const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n = 0;
        c->from = c->to = 0;
        if (iov[0].iov_len + iov[1].iov_len == 0)
                return true;
        if (c->waiting_len == 0)
                n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
                return false;
        return keep(c, iov, 2, n < 0 ? 0 : (size_t)n);
}

static bool give_waiting(struct client *c)
{
        ssize_t n = send(c->fd, c->waiting, c->waiting_len, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN;
        memmove(c->waiting, c->waiting + n, c->waiting_len - (size_t)n);
        c->waiting_len -= (size_t)n;
        if (c->waiting_len == 0)
                watch(c->fd, EPOLLIN, EPOLL_CTL_MOD, c);
        return true;
}

int main(int argc, char **argv)
{
        struct epoll_event events[EVENTS];
        struct rlimit files;
        has_websockets = argc == 3 && strcmp(argv[1], "--websocket") == 0;
        if (argc != 2 + has_websockets)
                errx(2, "Usage: limit [--websocket] PORT");
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        epoll = epoll_create1(EPOLL_CLOEXEC);
        int listener = listen_on((in_port_t)atoi(argv[argc - 1]));
        watch(listener, EPOLLIN, EPOLL_CTL_ADD, NULL);
        for (;;) {
                int n = epoll_wait(epoll, events, EVENTS, -1);
                batch_len = 0;
                for (int i = 0; i < n; i++) {
                        struct client *c = events[i].data.ptr;
                        if (!c)
                                add(listener);
                        else if (((events[i].events & EPOLLOUT) && !give_waiting(c)) ||
                                 ((events[i].events & ~(uint32_t)EPOLLOUT) && !take(c)))
                                drop(c);
                }
                for (size_t i = count; batch_len > 0 && i-- > 0;)
                        if (!give(clients[i]))
                                drop(clients[i]);
        }
}
