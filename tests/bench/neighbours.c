/* What a bad neighbour costs the others: lines per second and latency among ten good clients, beside one more that is
 * good, that never reads, that reads a byte at a time, or whose session is stopped. Rounds of all four are interleaved;
 * the medians and their ratios to the good neighbour are printed. `make bench-neighbours`. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "../system/harness.h"

enum {
        ROUNDS = 7,
        CLIENTS = 10, /* the first one speaks */
        IN_FLIGHT = 64,
        SATURATED_MS = 1500,
        TRICKLE_LINES = 300,
        TRICKLE_EVERY_US = 4000,
        LINE_BYTES = 80,
        WAIT_MAX_MS = 10000,
};

enum neighbour {
        GOOD,
        DEAF,
        BYTEWISE,
        STOPPED,
        NEIGHBOURS,
};

static const char *const names[NEIGHBOURS] = {"good", "never reads", "a byte at a time", "session stopped"};

struct bench {
        struct chat *chat;
        struct client *clients[CLIENTS], *other;
        enum neighbour neighbour;
        int epoll;
        uint64_t arrived[CLIENTS]; /* lines */
};

struct result {
        double lines_per_s, p50_us, p99_us;
};

static int64_t now_us(void)
{
        return (int64_t)clock_boottime_us();
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static double quantile(double *values, size_t n, double q)
{
        qsort(values, n, sizeof(*values), compare);
        return values[(size_t)((double)(n - 1) * q)];
}

/* Reads what there is, for at most `wait_ms`; every line end is a line. */
static void take(struct bench *b, int wait_ms)
{
        static char bytes[1 << 16];
        struct epoll_event events[CLIENTS + 1];
        int n = epoll_wait(b->epoll, events, CLIENTS + 1, wait_ms);
        for (int i = 0; i < n; i++) {
                uint32_t who = events[i].data.u32;
                int fd = who < CLIENTS ? b->clients[who]->fd : b->other->fd;
                ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
                for (ssize_t at = 0; who < CLIENTS && at < got; at++)
                        b->arrived[who] += bytes[at] == '\n';
        }
        if (b->neighbour == BYTEWISE)
                recv(b->other->fd, bytes, 1, MSG_DONTWAIT);
}

/* How many lines have reached every good client. */
static uint64_t arrived_everywhere(const struct bench *b)
{
        uint64_t least = b->arrived[1];
        for (int i = 2; i < CLIENTS; i++)
                least = b->arrived[i] < least ? b->arrived[i] : least;
        return least;
}

/* Until every good client has `lines`. A benchmark whose good clients miss some says nothing. */
static void wait_everywhere(struct bench *b, uint64_t lines)
{
        int64_t deadline = now_us() + WAIT_MAX_MS * 1000;
        while (arrived_everywhere(b) < lines) {
                take(b, 10);
                if (now_us() > deadline) {
                        fprintf(stderr, "\na good client, beside one (%s), has %llu of %llu lines\n",
                                names[b->neighbour], (unsigned long long)arrived_everywhere(b),
                                (unsigned long long)lines);
                        exit(EXIT_FAILURE);
                }
        }
}

static void say(const struct bench *b, unsigned lines)
{
        char line[LINE_BYTES + 1];
        memset(line, 'x', LINE_BYTES - 1);
        line[LINE_BYTES - 1] = '\n';
        for (unsigned i = 0; i < lines; i++)
                client_send_bytes(b->clients[0], line, LINE_BYTES);
}

static double run_saturated(struct bench *b)
{
        uint64_t first = arrived_everywhere(b), sent = first;
        int64_t begin = now_us();
        while (now_us() - begin < SATURATED_MS * 1000) {
                uint64_t room = IN_FLIGHT - (sent - arrived_everywhere(b));
                if (room > IN_FLIGHT / 2) {
                        say(b, (unsigned)room);
                        sent += room;
                }
                take(b, 10);
        }
        double rate = (double)(arrived_everywhere(b) - first) * 1e6 / (double)(now_us() - begin);
        wait_everywhere(b, sent);
        return rate;
}

static void run_trickle(struct bench *b, struct result *r)
{
        static double us[TRICKLE_LINES];
        uint64_t sent = arrived_everywhere(b);
        for (int i = 0; i < TRICKLE_LINES; i++) {
                int64_t begin = now_us();
                say(b, 1);
                sent++;
                wait_everywhere(b, sent);
                us[i] = (double)(now_us() - begin);
                usleep(TRICKLE_EVERY_US);
        }
        r->p50_us = quantile(us, TRICKLE_LINES, 0.5);
        r->p99_us = quantile(us, TRICKLE_LINES, 0.99);
}

static void watch(const struct bench *b, const struct client *c, uint32_t who)
{
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = who};
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static struct result run(enum neighbour neighbour)
{
        struct bench b = {.neighbour = neighbour, .chat = chat_start(), .epoll = epoll_create1(EPOLL_CLOEXEC)};
        struct result r;
        pid_t session;
        b.other = chat_join(b.chat, &session);
        for (int i = 0; i < CLIENTS; i++)
                b.clients[i] = chat_join(b.chat, NULL);
        client_send(b.clients[CLIENTS - 1], "all here\n");
        for (int i = 0; i < CLIENTS - 1; i++)
                client_expect(b.clients[i], ": all here\r\n");
        for (int i = 1; i < CLIENTS; i++)
                watch(&b, b.clients[i], (uint32_t)i);
        if (neighbour == GOOD)
                watch(&b, b.other, CLIENTS);
        if (neighbour == STOPPED)
                kill(session, SIGSTOP);
        r.lines_per_s = run_saturated(&b);
        run_trickle(&b, &r);
        for (int i = 0; i < CLIENTS; i++)
                client_free(b.clients[i]);
        client_free(b.other);
        kill(session, SIGKILL);
        close(b.epoll);
        chat_stop(b.chat);
        return r;
}

int main(void)
{
        static double rates[NEIGHBOURS][ROUNDS], p50[NEIGHBOURS][ROUNDS], p99[NEIGHBOURS][ROUNDS];
        tests_begin();
        for (int round = 0; round < ROUNDS; round++)
                for (int n = 0; n < NEIGHBOURS; n++) {
                        fprintf(stderr, "\rround %d of %d, neighbour %d of %d ", round + 1, ROUNDS, n + 1, NEIGHBOURS);
                        struct result r = run((enum neighbour)n);
                        rates[n][round] = r.lines_per_s;
                        p50[n][round] = r.p50_us;
                        p99[n][round] = r.p99_us;
                }
        fprintf(stderr, "\n");
        double good_rate = quantile(rates[GOOD], ROUNDS, 0.5), good_p50 = quantile(p50[GOOD], ROUNDS, 0.5),
               good_p99 = quantile(p99[GOOD], ROUNDS, 0.5);
        printf("%-18s %10s %6s %8s %6s %8s %6s\n", "neighbour", "lines/s", "ratio", "p50 us", "ratio", "p99 us",
               "ratio");
        for (int n = 0; n < NEIGHBOURS; n++) {
                double rate = quantile(rates[n], ROUNDS, 0.5), half = quantile(p50[n], ROUNDS, 0.5),
                       most = quantile(p99[n], ROUNDS, 0.5);
                printf("%-18s %10.0f %6.2f %8.0f %6.2f %8.0f %6.2f\n", names[n], rate, rate / good_rate, half,
                       half / good_p50, most, most / good_p99);
        }
        return 0;
}
