/* Measures what a bad neighbour costs the others: lines per second and latency among ten good clients, beside one more
 * that is good, that never reads, that reads a byte at a time, or whose session is stopped. Rounds of all four are
 * interleaved; the medians and their ratios to the good neighbour are printed. Then the same, but only lines per
 * second, beside a crowd that is quiet, that talks, or that changes names or rooms, each as fast as sessions allow.
 * `make bench-neighbours`. */
#include <errno.h>
#include <sched.h>
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
        CLIENTS = 10, /* the first one is the author */
        IN_FLIGHT = 64,
        SATURATED_MS = 1500,
        TRICKLE_LINES = 300,
        TRICKLE_EVERY_US = 4000,
        LINE_BYTES = 80,
        WAIT_MAX_MS = 10000,
        CROWD = 150,
        CROWD_EVERY_US = 100 * 1000, /* for each of them, as Pace= permits */
        CROWD_TICK_MS = 1,
};

#define LINE_END "|\n" /* end of a line of ours: notices of the crowd have no such end */

enum neighbour {
        GOOD,
        DEAF,
        BYTEWISE,
        STOPPED,
        NEIGHBOURS,
};

static const char *const names[NEIGHBOURS] = {"good", "never reads", "a byte at a time", "session stopped"};

enum crowd {
        QUIET,
        TALKING,
        RENAMING,
        MOVING,
        CROWDS,
};

static const char *const crowd_names[CROWDS] = {"quiet", "talking", "/nick", "/join"};

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

/* Reads what there is, for at most `wait_ms`; every line end counts as a line. */
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
                        b->arrived[who] += bytes[at] == '|';
        }
        if (b->neighbour == BYTEWISE)
                recv(b->other->fd, bytes, 1, MSG_DONTWAIT);
}

/* Returns how many lines have reached every good client. */
static uint64_t arrived_everywhere(const struct bench *b)
{
        uint64_t least = b->arrived[1];
        for (int i = 2; i < CLIENTS; i++)
                least = b->arrived[i] < least ? b->arrived[i] : least;
        return least;
}

/* Waits until every good client has `lines`. If good clients miss lines, the benchmark shows nothing. */
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
        memset(line, 'x', LINE_BYTES);
        memcpy(line + LINE_BYTES - strlen(LINE_END), LINE_END, strlen(LINE_END));
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

static void crowd_say(enum crowd crowd, const struct client *c, int i, unsigned n)
{
        char text[64];
        int len = 0;
        if (crowd == TALKING)
                len = snprintf(text, sizeof(text), "line %u\n", n);
        else if (crowd == RENAMING)
                len = snprintf(text, sizeof(text), "/nick p%d.%c\n", i, n % 2 ? 'x' : 'y');
        else if (crowd == MOVING)
                len = snprintf(text, sizeof(text), "/join %s\n", n % 2 ? "den" : "lobby");
        send(c->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Lets each of the crowd act in turn and read, until the process is killed. */
static void crowd_run(enum crowd crowd, struct client **all)
{
        static char bytes[1 << 16];
        int64_t begin = now_us();
        for (unsigned next = 0;; usleep(CROWD_TICK_MS * 1000)) {
                for (; (int64_t)next * CROWD_EVERY_US / CROWD < now_us() - begin; next++)
                        if (crowd != QUIET)
                                crowd_say(crowd, all[next % CROWD], (int)(next % CROWD), next / CROWD);
                for (int i = 0; i < CROWD; i++)
                        recv(all[i]->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        }
}

static struct result run_beside(enum crowd crowd)
{
        struct bench b = {.neighbour = GOOD, .chat = chat_start(), .epoll = epoll_create1(EPOLL_CLOEXEC)};
        struct client *all[CROWD];
        struct result r = {0};
        for (int i = 0; i < CROWD; i++) {
                all[i] = chat_join_with(b.chat, "127.0.0.1", NULL, b.chat->option, NULL);
                client_greeted(all[i]);
        }
        for (int i = 0; i < CLIENTS; i++)
                b.clients[i] = chat_join(b.chat, NULL);
        for (int i = 1; i < CLIENTS; i++)
                watch(&b, b.clients[i], (uint32_t)i);
        pid_t pid = process_fork();
        if (pid == 0)
                crowd_run(crowd, all);
        run_trickle(&b, &r); /* until all have lent their connections */
        run_trickle(&b, &r);
        kill(pid, SIGKILL);
        process_wait(pid);
        for (int i = 0; i < CLIENTS; i++)
                client_free(b.clients[i]);
        for (int i = 0; i < CROWD; i++)
                client_free(all[i]);
        close(b.epoll);
        chat_stop(b.chat);
        return r;
}

static void measure_crowds(void)
{
        static double p50[CROWDS][ROUNDS], p99[CROWDS][ROUNDS];
        for (int round = 0; round < ROUNDS; round++)
                for (int n = 0; n < CROWDS; n++) {
                        fprintf(stderr, "\rround %d of %d, crowd %d of %d ", round + 1, ROUNDS, n + 1, CROWDS);
                        struct result r = run_beside((enum crowd)n);
                        p50[n][round] = r.p50_us;
                        p99[n][round] = r.p99_us;
                }
        fprintf(stderr, "\n");
        double quiet_p50 = quantile(p50[QUIET], ROUNDS, 0.5), quiet_p99 = quantile(p99[QUIET], ROUNDS, 0.5);
        printf("\n%d people beside   %8s %6s %8s %6s\n", CROWD, "p50 us", "ratio", "p99 us", "ratio");
        for (int n = 0; n < CROWDS; n++) {
                double half = quantile(p50[n], ROUNDS, 0.5), most = quantile(p99[n], ROUNDS, 0.5);
                printf("%-18s %8.0f %6.2f %8.0f %6.2f\n", crowd_names[n], half, half / quiet_p50, most,
                       most / quiet_p99);
        }
}

static void measure_neighbours(void)
{
        static double rates[NEIGHBOURS][ROUNDS], p50[NEIGHBOURS][ROUNDS], p99[NEIGHBOURS][ROUNDS];
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
}

/* Prepares queues as on a host with systemd: they are long, otherwise a crowd's sessions lag only for lack of a
 * processor. The run directory is put in memory, because a disk makes chatd wait for each new name. */
static void prepare_machine(void)
{
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0)
                shell("ip link set lo up && echo 512 >/proc/sys/net/unix/max_dgram_qlen && "
                      "mount --make-rprivate / && mount -t tmpfs tmpfs /tmp");
        else
                fprintf(stderr, "queues are short, and notes may be on a disk: only root can change that\n");
}

/* With the argument "crowds" measures only crowds. */
int main(int argc, char **argv)
{
        tests_begin();
        prepare_machine();
        if (argc < 2 || strcmp(argv[1], "crowds") != 0)
                measure_neighbours();
        measure_crowds();
        return 0;
}
