/* greeting ROUNDS NAME=PORT=INSTANCES[=LINE]...: measures how long each of these services, which a launcher starts per
 * connection, takes from connect(2) to its first byte. A client whose server speaks second sends the LINE first.
 *
 * Rounds are interleaved, each in an order of its own, so that disturbances by the machine, and whatever one target
 * leaves behind for the next, affect all targets alike. One connection at a time: the next begins when the last
 * instance is gone. INSTANCES shows which instances run: a directory is the cgroup in which systemd makes one for each
 * instance, a file is the launcher's /proc/PID/task/PID/children. Prints one line per target, in µs: NAME p10 p50 p90,
 * and the ratio of its median to that of the first target.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/clock.h>

enum {
        TARGETS_MAX = 64,
        ROUNDS_MAX = 100000,
        WARM_UP_ROUNDS = 3,
        DEADLINE_MS = 20000,
        GONE_POLL_US = 200,
};

struct target {
        const char *name;
        in_port_t port;
        const char *instances;
        const char *line; /* NULL: none */
        uint32_t *us;     /* a value for each round */
};

static void fail(const char *what, const struct target *t)
{
        fprintf(stderr, "greeting: %s: %s\n", t->name, what);
        exit(EXIT_FAILURE);
}

/* Reads once, before the deadline. Returns what read(2) returns. */
static ssize_t read_some(const struct target *t, int fd)
{
        char buffer[4096];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, DEADLINE_MS) != 1)
                fail("nothing came", t);
        return read(fd, buffer, sizeof(buffer));
}

/* Returns true if an instance runs. A missing cgroup has none. */
static bool is_running(const struct target *t)
{
        struct stat st;
        char byte;
        if (stat(t->instances, &st) < 0)
                return false;
        if (S_ISDIR(st.st_mode))
                return st.st_nlink > 2; /* a directory's links are its name, "." and one for each directory in it */
        int fd = open(t->instances, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, &byte, 1);
        close(fd);
        return n > 0;
}

static void wait_until_gone(const struct target *t)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (is_running(t)) {
                if (clock_ms() > deadline)
                        fail("its instance does not end", t);
                usleep(GONE_POLL_US);
        }
}

static uint32_t measure(const struct target *t)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_port = htons(t->port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint64_t start = clock_boottime_us();
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                fail("cannot connect", t);
        if (t->line && dprintf(fd, "%s\r\n", t->line) < 0)
                fail("cannot send", t);
        if (read_some(t, fd) <= 0)
                fail("it said nothing", t);
        uint64_t took = clock_boottime_us() - start;
        shutdown(fd, SHUT_WR);
        while (read_some(t, fd) > 0)
                ;
        close(fd);
        wait_until_gone(t);
        return (uint32_t)took;
}

static void shuffle(size_t *order, size_t n)
{
        for (size_t i = n; i > 1; i--) {
                size_t other = (size_t)random() % i, kept = order[i - 1];
                order[i - 1] = order[other];
                order[other] = kept;
        }
}

static int compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return (x > y) - (x < y);
}

/* Parses NAME=PORT=INSTANCES[=LINE]. Returns false if it is malformed. */
static bool parse_target(struct target *t, char *text, size_t rounds)
{
        char *port = strchr(text, '='), *end;
        if (!port)
                return false;
        *port++ = '\0';
        unsigned long number = strtoul(port, &end, 10);
        if (number == 0 || number > UINT16_MAX || end[0] != '=' || end[1] == '\0')
                return false;
        t->name = text;
        t->port = (in_port_t)number;
        t->instances = end + 1;
        char *line = strchr(end + 1, '=');
        if (line)
                *line++ = '\0';
        t->line = line;
        t->us = calloc(rounds, sizeof(*t->us));
        return t->us != NULL;
}

int main(int argc, char **argv)
{
        static struct target targets[TARGETS_MAX];
        size_t order[TARGETS_MAX], count = 0;
        long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

        bool usable = rounds > 0 && rounds <= ROUNDS_MAX && argc - 2 <= TARGETS_MAX;
        for (int i = 2; usable && i < argc; i++, count++) {
                order[count] = count;
                usable = parse_target(&targets[count], argv[i], (size_t)rounds);
        }
        if (!usable) {
                fprintf(stderr, "Usage: greeting ROUNDS NAME=PORT=INSTANCES[=LINE]...\n");
                return 2;
        }
        for (long round = -WARM_UP_ROUNDS; round < rounds; round++) {
                shuffle(order, count);
                for (size_t i = 0; i < count; i++) {
                        const struct target *t = &targets[order[i]];
                        uint32_t us = measure(t);
                        if (round >= 0)
                                t->us[round] = us;
                }
        }
        for (size_t i = 0; i < count; i++) {
                const struct target *t = &targets[i];
                size_t n = (size_t)rounds;
                qsort(t->us, n, sizeof(*t->us), compare); /* the first target is sorted first */
                uint32_t median = t->us[n / 2], first = targets[0].us[n / 2];
                printf("%s %u %u %u %.2f\n", t->name, t->us[n / 10], median, t->us[n * 9 / 10], median / (double)first);
        }
        return 0;
}
