/* Three hosts, a link on each, and NATS between them. Whatever is killed, stopped or cut off: lines reach everybody on
 * all hosts once, each author's in order, or all are told how many are missing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/record.h>
#include <chat/safe-text.h>

#include "../../chat-link/message.h"
#include "hosts.h"
#include "told.h"

enum { A, B, C };

static struct client *person[HOSTS]; /* one on each host, in most tests */

/* ---- what clients see ---- */

/* Waits until all on the other hosts are told of `c`, a client on `host`. */
static void await_arrival(int host, const struct client *c)
{
        for (int i = 0; i < HOSTS; i++)
                if (i != host)
                        client_expect(person[i], "*** %s is connected\r\n", host_remote_name(host, c));
}

static int join_three(void **state)
{
        (void)state;
        for (int i = 0; i < HOSTS; i++)
                person[i] = host_join(i);
        for (int i = 0; i < HOSTS; i++) { /* members that were there before are not announced */
                client_send(person[i], "I am on %s\n", host_name(i));
                for (int to = 0; to < HOSTS; to++)
                        if (to != i)
                                client_expect(person[to], "%s: I am on %s\r\n", host_remote_name(i, person[i]),
                                              host_name(i));
        }
        return 0;
}

/* Lets a client leave. On return the others on its host have been told. */
static void leave(struct client *c)
{
        client_send(c, "exit\n");
        client_expect_end(c);
        client_free(c);
}

static int leave_three(void **state)
{
        (void)state;
        for (int i = 0; i < HOSTS; i++)
                leave(person[i]);
        return 0;
}

/* Asserts that a line of each client reaches all hosts. */
static void assert_alive(const char *when)
{
        for (int i = 0; i < HOSTS; i++) {
                client_send(person[i], "%s %s\n", host_name(i), when);
                for (int to = 0; to < HOSTS; to++)
                        if (to != i)
                                client_expect(person[to], "%s: %s %s\r\n", host_remote_name(i, person[i]), host_name(i),
                                              when);
        }
}

/* Sends "PREFIX 1" to "PREFIX count", and waits until a client on the same host has read them. */
static void say(struct client *from, struct client *neighbour, const char *prefix, int count)
{
        for (int i = 1; i <= count; i++)
                client_send(from, "%s %d\n", prefix, i);
        client_expect(neighbour, "%s: %s %d\r\n", from->name, prefix, count);
}

/* Returns which of the three clients, except the one on host `to`, said the line, or -1 for a notice or another
 * member's line. */
static int said_by(int to, const char *line)
{
        for (int i = 0; i < HOSTS; i++) {
                const char *name = host_remote_name(i, person[i]);
                size_t len = strlen(name);
                if (i != to && strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
                        return i;
        }
        return -1;
}

/* Reads until "PREFIX 1" to "PREFIX counts[host]" of all others have come: each once, each author's in order, and no
 * other lines of them. */
static void expect_said(int to, const char *prefix, const int counts[HOSTS])
{
        char wanted[64];
        int last[HOSTS] = {0}, left = 0;
        for (int i = 0; i < HOSTS; i++)
                left += i == to ? 0 : counts[i];
        while (left > 0) {
                const char *line = client_expect(person[to], "\r\n");
                int from = said_by(to, line);
                if (from < 0)
                        continue;
                snprintf(wanted, sizeof(wanted), ": %s %d", prefix, ++last[from]);
                assert_string_equal(strstr(line, ": "), wanted);
                left--;
        }
}

/* Lets all say "over" in turn, and asserts that no client got anything in between, neither an echo nor anything
 * twice. */
static void assert_over(void)
{
        for (int i = 0; i < HOSTS; i++) {
                client_send(person[i], "over\n");
                for (int to = 0; to < HOSTS; to++) {
                        if (to == i)
                                continue;
                        const char *line;
                        do {
                                line = client_expect(person[to], "\r\n");
                        } while (strncmp(line, "*** ", 4) == 0);
                        char wanted[128];
                        snprintf(wanted, sizeof(wanted), "%s: over", host_remote_name(i, person[i]));
                        assert_string_equal(line, wanted);
                }
        }
}

/* ---- without disturbances ---- */

static void test_lines_go_everywhere_once_and_in_order(void **state)
{
        (void)state;
        enum { LINES = 20 };
        for (int n = 1; n <= LINES; n++)
                for (int i = 0; i < HOSTS; i++)
                        client_send(person[i], "line %d\n", n);
        for (int i = 0; i < HOSTS; i++)
                expect_said(i, "line", (int[HOSTS]){LINES, LINES, LINES});
        assert_over();
}

static void test_comings_and_goings_are_announced_everywhere(void **state)
{
        (void)state;
        for (int host = 0; host < HOSTS; host++) {
                struct client *c = host_join(host);
                await_arrival(host, c);
                client_send(c, "exit\n");
                client_expect_end(c);
                for (int i = 0; i < HOSTS; i++)
                        if (i != host)
                                client_expect(person[i], "*** %s is disconnected\r\n", host_remote_name(host, c));
                client_free(c);
        }
}

/* Rooms, their members, and private messages, across hosts. */
static void test_rooms_have_people_on_several_hosts(void **state)
{
        (void)state;
        client_send(person[0], "/join kitchen\n");
        for (int i = 1; i < HOSTS; i++)
                client_expect(person[i], "*** %s went to kitchen\r\n", host_remote_name(0, person[0]));
        client_expect(person[0], "*** You are now in kitchen, alone\r\n");
        client_send(person[1], "/join kitchen\n");
        client_expect(person[0], "*** %s came from lobby\r\n", host_remote_name(1, person[1]));
        client_expect(person[2], "*** %s went to kitchen\r\n", host_remote_name(1, person[1]));
        client_send(person[0], "/topic tea\nhello, kitchen\n");
        client_expect(person[1], "*** %s set the topic: tea\r\n", host_remote_name(0, person[0]));
        client_expect(person[1], "%s: hello, kitchen\r\n", host_remote_name(0, person[0]));
        client_send(person[2], "/who\n");
        client_expect(person[2], "You are alone here: %s (you)\r\n", person[2]->name);
        client_expect(person[2], ": 1 person is in kitchen: ");
        client_expect(person[2], ": 1 person is in kitchen: ");
        client_send(person[2], "/msg nobody@%s psst\n", host_name(1));
        client_expect(person[2], "*** %s: there is nobody called nobody there\r\n", host_name(1));
        client_send(person[2], "/msg nobody@nowhere psst\n");
        client_expect(person[2], "*** There is no host called nowhere; /who lists the hosts\r\n");
        client_send(person[1], "/rooms\n");
        client_expect(person[1], "*** kitchen: 1 person, including you; tea\r\n");
        for (int i = 0; i < 2; i++)
                client_expect(person[1], ": lobby: ");
        client_send(person[0], "/leave\n");
        client_expect(person[1], "*** %s went to lobby\r\n", host_remote_name(0, person[0]));
        client_expect(person[2], "*** %s came from kitchen\r\n", host_remote_name(0, person[0]));
        client_send(person[1], "/leave\n");
        client_expect(person[0], "*** %s came from kitchen\r\n", host_remote_name(1, person[1]));
        client_expect(person[2], "*** %s came from kitchen\r\n", host_remote_name(1, person[1]));
}

static void install_chatd(int host, const char *from)
{
        host_shell(host, "install %s /usr/local/sbin/chatd && systemctl restart chatd 2>&1", from);
        host_await_link(host);
}

/* Lets the person on `host` ask all others, who are in the lobby. */
static void ask_others(int host)
{
        struct client *c = person[host];
        client_send(c, "/who\n");
        client_expect(c, "*** You are alone here: %s (you)\r\n", c->name);
        for (int i = 1; i < HOSTS; i++)
                client_expect(c, ": 1 person is in lobby: 127.0.0.1:");
        client_send(c, "/rooms\n");
        client_expect(c, "*** lobby: 1 person, including you\r\n");
        for (int i = 1; i < HOSTS; i++)
                client_expect(c, ": lobby: 1 person\r\n");
        for (int i = 1; i < HOSTS; i++) {
                const char *other = host_name((host + i) % HOSTS);
                client_send(c, "/msg nobody@%s psst\n", other);
                client_expect(c, "*** %s: there is nobody called nobody there\r\n", other);
        }
}

/* Hosts are upgraded one by one: people read the same meanwhile. */
static void test_hosts_of_two_versions(void **state)
{
        (void)state;
        ask_others(C);
        install_chatd(B, "build/previous/chatd");
        ask_others(A);
        ask_others(B);
        install_chatd(A, "build/previous/chatd");
        ask_others(B);
        ask_others(C);
        install_chatd(A, program("chatd"));
        install_chatd(B, program("chatd"));
        ask_others(B);
}

/* ---- the load, and disturbances during it ---- */

enum {
        CLIENTS_EACH = 30, /* on each host */
        SENDERS_EACH = 5,  /* the first clients of each host */
        CLIENTS = HOSTS * CLIENTS_EACH,
        SENDERS = HOSTS * SENDERS_EACH,
        LINES_PER_S = 300, /* of all together */
        IN_FLIGHT_MAX = 100 * 1000,
        KILLS_DEFAULT = 20, /* KILLS in the environment changes it */
        EVERY_MAX_MS = 1000,
        CUT_MAX_MS = 5000,
        LAST_CUT_MS = 30 * 1000,
        LAST_CUT_SANITIZED_MS = 10 * 1000,
        LINE_MAX_BYTES = 256,
};

struct receiver {
        struct client *client;
        int host;
        char half[LINE_MAX_BYTES]; /* a line that has not come completely */
        size_t half_len;
        unsigned last[SENDERS]; /* the number of each sender's last line */
        size_t count;
};

static struct receiver receivers[CLIENTS];
static struct receiver *senders[SENDERS];
static unsigned sent[SENDERS];
static size_t sent_in_all;
static struct disturbances {
        unsigned kills, restarts, cuts;
} * disturbances; /* counted by the child that disturbs, and shared with it */

static pid_t disturber; /* the child that disturbs, or 0 */

static const char *const units[] = {"chat-link", "chatd", "nats"};

enum { UNITS = sizeof(units) / sizeof(units[0]) };

static void must(int status)
{
        if (status != 0)
                _exit(1);
}

static void cut_off(int host, int ms)
{
        disturbances->cuts++;
        must(host_set_network(host, false));
        usleep((useconds_t)ms * 1000);
        must(host_set_network(host, true));
}

static void restart(int host, const char *unit)
{
        disturbances->restarts++;
        must(host_try(host, "systemctl restart %s", unit));
}

static void disturb_at_random(void)
{
        int host = (int)random() % HOSTS;
        const char *unit = units[random() % UNITS];
        usleep((useconds_t)(random() % EVERY_MAX_MS) * 1000);
        switch (random() % 7) {
        case 0:
                cut_off(host, 1000 + (int)(random() % (CUT_MAX_MS - 1000)));
                break;
        case 1:
        case 2:
        case 3:
                restart(host, unit);
                break;
        default: /* the unit may be about to be started again */
                if (host_try(host, "systemctl kill -s KILL --kill-who=main %s", unit) == 0)
                        disturbances->kills++;
        }
}

static void disturb(void)
{
        const char *wanted = getenv("KILLS");
        int times = wanted ? atoi(wanted) : KILLS_DEFAULT;
        srandom((unsigned)clock_ms());
        for (int i = 0; i < times; i++)
                disturb_at_random();
        cut_off((int)random() % HOSTS, reports_dir() ? LAST_CUT_SANITIZED_MS : LAST_CUT_MS);
        for (int unit = 0; unit < UNITS; unit++)
                for (int host = 0; host < HOSTS; host++)
                        restart(host, units[unit]);
}

static bool begins_with(const char *line, const char *name)
{
        size_t len = strlen(name);
        return strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0;
}

static void take_line(struct receiver *r, const char *line)
{
        unsigned sender, number;
        const char *text = strstr(line, ": line ");
        if (!text) {
                if (strstr(line, "connected") || strstr(line, "skipped") || strstr(line, "not available") ||
                    strstr(line, "lost") || strstr(line, "missing"))
                        fail_msg("%s on %s read: %s", r->client->name, host_name(r->host), line);
                return;
        }
        assert_int_equal(sscanf(text, ": line %u %u", &sender, &number), 2);
        assert_true(sender < SENDERS);
        const struct receiver *from = senders[sender];
        assert_true(begins_with(line, from->host == r->host ? from->client->name
                                                            : host_remote_name(from->host, from->client)));
        if (number != r->last[sender] + 1)
                fail_msg("%s on %s: line %u of sender %u came behind line %u", r->client->name, host_name(r->host),
                         number, sender, r->last[sender]);
        r->last[sender] = number;
        r->count++;
}

static void take_bytes(struct receiver *r)
{
        char bytes[64 * 1024];
        ssize_t n = recv(r->client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN)); /* nobody is disconnected */
        for (ssize_t i = 0; i < n; i++) {
                if (bytes[i] != '\n') {
                        assert_true(r->half_len < sizeof(r->half) - 1);
                        r->half[r->half_len++] = bytes[i];
                        continue;
                }
                r->half[r->half_len] = '\0';
                r->half_len = 0;
                take_line(r, r->half);
        }
}

/* Sends what the rate allows since `begin`, unless far too much is under way. */
static void send_more(int64_t begin)
{
        size_t due = (size_t)(clock_ms() - begin) * LINES_PER_S / 1000;
        for (; sent_in_all < due && sent_in_all - receivers[CLIENTS - 1].count < IN_FLIGHT_MAX; sent_in_all++) {
                size_t sender = sent_in_all % SENDERS;
                client_send(senders[sender]->client, "line %zu %u\n", sender, ++sent[sender]);
        }
}

static bool all_arrived(void)
{
        for (int i = 0; i < CLIENTS; i++) {
                size_t own =
                        i % CLIENTS_EACH < SENDERS_EACH ? sent[i / CLIENTS_EACH * SENDERS_EACH + i % CLIENTS_EACH] : 0;
                if (receivers[i].count != sent_in_all - own)
                        return false;
        }
        return true;
}

static void fail_missing(void)
{
        for (int i = 0; i < CLIENTS; i++)
                for (int s = 0; s < SENDERS; s++)
                        if (receivers[i].last[s] != sent[s] && senders[s] != &receivers[i])
                                print_error("%s on %s has %u of %u lines of sender %d, who is on %s\n",
                                            receivers[i].client->name, host_name(receivers[i].host),
                                            receivers[i].last[s], sent[s], s, host_name(senders[s]->host));
        fail_msg("nothing comes any more");
}

/* Checks what the first client on the first host was told: each client on other hosts was named, each on its own named
 * or counted. */
static void assert_arrivals(const char *text)
{
        struct told told = {0};
        told_add(&told, text);
        assert_int_equal(told_people(&told), CLIENTS - 1);
        for (int i = CLIENTS_EACH; i < CLIENTS; i++) {
                char line[128];
                snprintf(line, sizeof(line), "*** %s is connected\r\n",
                         host_remote_name(receivers[i].host, receivers[i].client));
                if (!strstr(text, line))
                        fail_msg("nobody said: %s", line);
        }
        printf("%u of %d were not named\n", told_unnamed(&told), CLIENTS_EACH - 1);
        told_free(&told);
}

static int crowd_join(void)
{
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        char *told_first = calloc(1, 1);
        for (int i = 0; i < CLIENTS; i++) {
                struct receiver *r = &receivers[i];
                r->host = i / CLIENTS_EACH;
                r->client = host_join(r->host);
                if (i % CLIENTS_EACH < SENDERS_EACH)
                        senders[r->host * SENDERS_EACH + i % CLIENTS_EACH] = r;
        }
        for (int host = 0; host < HOSTS; host++) /* members that wait to be announced */
                host_shell_until(host, "! ls /run/chat/members | grep -qE 'arriv|held|named'");
        /* a client that is shown this is a member, and so are all that joined before it, on the same host and on
         * others */
        for (int host = 0; host < HOSTS; host++) {
                struct client *last = receivers[(host + 1) * CLIENTS_EACH - 1].client;
                client_send(last, "all here?\n");
                for (int i = 0; i < CLIENTS; i++) {
                        if (receivers[i].client == last)
                                continue;
                        const char *before =
                                client_expect(receivers[i].client, "%s: all here?\r\n",
                                              receivers[i].host == host ? last->name : host_remote_name(host, last));
                        if (i > 0)
                                continue;
                        told_first = realloc(told_first, strlen(told_first) + strlen(before) + 1);
                        strcat(told_first, before);
                }
        }
        assert_arrivals(told_first);
        free(told_first);
        for (int host = 1; host < HOSTS; host++)
                host_shell_until(A, "systemctl show -P StatusText chat-link | grep -q ' %s (%d people)'",
                                 host_name(host), CLIENTS_EACH);
        for (int i = 0; i < CLIENTS; i++) {
                struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
                epoll_ctl(epoll, EPOLL_CTL_ADD, receivers[i].client->fd, &event);
        }
        return epoll;
}

static void test_a_storm(void **state)
{
        (void)state;
        disturbances = mmap(NULL, sizeof(*disturbances), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int epoll = crowd_join();
        disturber = process_fork();
        if (disturber == 0) {
                disturb();
                _exit(0);
        }
        int64_t begin = clock_ms(), deadline = begin + DEADLINE_MS;
        while (disturber > 0 || !all_arrived()) {
                struct epoll_event events[CLIENTS];
                if (disturber > 0)
                        send_more(begin);
                int n = epoll_wait(epoll, events, CLIENTS, 10);
                for (int i = 0; i < n; i++)
                        take_bytes(&receivers[events[i].data.u32]);
                if (n > 0)
                        deadline = clock_ms() + DEADLINE_MS;
                else if (clock_ms() > deadline)
                        fail_missing();
                if (disturber > 0 && process_has_ended(disturber))
                        disturber = 0;
        }
        close(epoll);
        printf("%zu lines to %d clients on %d hosts in %d s; %u kills, %u restarts, %u cuts\n", sent_in_all, CLIENTS,
               HOSTS, (int)(clock_ms() - begin) / 1000, disturbances->kills, disturbances->restarts,
               disturbances->cuts);
}

/* Ends the disturbances even after a failure, so that later tests are not disturbed. */
static int end_the_storm(void **state)
{
        (void)state;
        if (disturber > 0) {
                kill(disturber, SIGKILL);
                process_wait(disturber);
        }
        for (int i = 0; i < HOSTS; i++) {
                host_set_network(i, true);
                host_shell(i, "systemctl start nats chatd chat-link");
        }
        for (int i = 0; i < CLIENTS; i++)
                if (receivers[i].client)
                        client_free(receivers[i].client);
        return 0;
}

/* ---- one disturbance at a time ---- */

static void nats_all(const char *verb)
{
        for (int i = 0; i < HOSTS; i++)
                host_shell(i, "systemctl %s nats", verb);
}

static long link_number(int host, const char *command)
{
        return strtol(host_shell(host, "link=$(systemctl show -P MainPID chat-link); %s", command), NULL, 10);
}

static const char journal_lines[] = "journalctl -q -u chat-link | wc -l";
static const char anonymous_kib[] = "awk '/^RssAnon/ { print $2 }' /proc/$link/status";
static const char spool_kib[] = "du -s -k --apparent-size /var/lib/chat-link | cut -f1";

static void test_nats_is_away(void **state)
{
        (void)state;
        enum { LINES = 2000, JOURNAL_LINES_MAX = 20, GROWTH_MAX_KIB = 4096, SPOOL_MAX_KIB = 65 * 1024 };
        struct client *neighbour = host_join(A);
        await_arrival(A, neighbour);
        long journal = link_number(A, journal_lines), memory = link_number(A, anonymous_kib);
        nats_all("stop");
        say(person[A], neighbour, "line", LINES);
        client_expect(neighbour, " away"); /* it has tried to connect for so long */
        say(person[A], neighbour, "more", LINES);
        assert_in_range(link_number(A, journal_lines) - journal, 0, JOURNAL_LINES_MAX);
        if (!reports_dir())
                assert_in_range(link_number(A, anonymous_kib), 0, memory + GROWTH_MAX_KIB);
        assert_in_range(link_number(A, spool_kib), 0, SPOOL_MAX_KIB);
        assert_int_not_equal(host_try(A, "systemctl show -P StatusText chat-link | grep -q ^linked"), 0);
        nats_all("start");
        for (int to = B; to < HOSTS; to++) {
                expect_said(to, "line", (int[HOSTS]){[A] = LINES});
                expect_said(to, "more", (int[HOSTS]){[A] = LINES});
        }
        for (int i = 0; i < HOSTS; i++)
                host_await_link(i);
        assert_over();
        leave(neighbour);
}

/* Waits until a client was told that c is back and how many of its lines are missing, each once, and not that it is
 * away. */
static void expect_back(struct client *c, const char *lines)
{
        char missing[64];
        bool is_back = false, is_counted = false;
        snprintf(missing, sizeof(missing), "*** %s from c are missing", lines);
        while (!is_back || !is_counted) {
                const char *line = client_expect(c, "\r\n");
                bool back = strncmp(line, "*** c is back", 13) == 0, counted = strstr(line, "missing") != NULL;
                assert_null(strstr(line, "*** c is away"));
                assert_false((back && is_back) || (counted && is_counted));
                if (counted)
                        assert_string_equal(line, missing);
                is_back |= back;
                is_counted |= counted;
        }
}

/* The link ends, and with it its inbox: lines on its host in that time are counted. */
static void test_a_host_is_away(void **state)
{
        (void)state;
        enum { LINES = 7 };
        struct client *neighbour = host_join(C);
        await_arrival(C, neighbour);
        for (int i = 0; i < C; i++)
                host_shell_until(i, "systemctl show -P StatusText chat-link | grep -qF 'c (2 people)'");
        host_shell(C, "systemctl mask --runtime chat-link.service chat-link.socket 2>&1");
        host_shell(C,
                   "systemctl kill -s KILL chat-link.service; systemctl stop chat-link.service chat-link.socket 2>&1");
        say(person[C], neighbour, "lost", LINES);
        for (int i = 0; i < C; i++)
                client_expect(person[i], "*** c is away, with 2 people\r\n");
        host_shell(C, "systemctl unmask --runtime chat-link.service chat-link.socket 2>&1");
        host_shell(C, "systemctl start chat-link.socket chat-link.service");
        for (int i = 0; i < C; i++)
                expect_back(person[i], "7 lines");
        assert_alive("after");
        leave(neighbour);
}

/* Asks until the answer has `wanted` and not `unwanted`. */
static void ask_until(struct client *nats, const char *subject, const char *wanted, const char *unwanted)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        const char *answer;
        do {
                answer = nats_client_request(nats, subject, "");
                if (clock_ms() > deadline)
                        fail_msg("%s still says: %s", subject, answer);
        } while (!strstr(answer, wanted) || strstr(answer, unwanted));
}

static void set_spool_size(int host, const char *size)
{
        host_shell(host, "sed -i /SpoolSize/d /etc/chat/link.conf; echo SpoolSize=%s >> /etc/chat/link.conf", size);
        host_shell(host, "systemctl restart chat-link");
        host_await_link(host);
}

/* Reads until each of the lines ": line 1" to ": line COUNT" of `name` has come, in order, or was reported missing.
 * Returns how many were missing. */
static unsigned expect_said_or_missing(struct client *to, const char *name, unsigned count)
{
        unsigned came = 0, missing = 0, last = 0, number;
        while (came + missing < count) {
                const char *line = client_expect(to, "\r\n");
                if (strstr(line, " missing") && sscanf(line, "*** %u ", &number) == 1)
                        missing += number;
                if (strncmp(line, name, strlen(name)) != 0)
                        continue;
                assert_int_equal(sscanf(line + strlen(name), ": line %u", &number), 1);
                assert_in_range(number, last + 1, count);
                last = number;
                came++;
        }
        assert_int_equal(came + missing, count);
        return missing;
}

/* Lets a say lines that b gets while c is away, and removes them from the stream before c is back. */
static void lose_in_stream(const char *what, unsigned lines)
{
        /* otherwise a server has sent everything before the purge */
        host_shell(C, "systemctl stop chat-link.service 2>&1");
        assert_int_equal(host_set_network(C, false), 0);
        for (unsigned n = 1; n <= lines; n++) {
                client_send(person[A], "line %u%s\n", n, what);
                client_expect(person[B], ": line %u", n);
        }
        struct client *nats = nats_client_connect(A);
        ask_until(nats, "$JS.API.STREAM.PURGE.chat-test", "\"success\":true", "\"error\"");
        assert_int_equal(host_set_network(C, true), 0);
        /* c's server replays what it missed, the lines and then the purge, and a reader in that time gets the lines */
        ask_until(nats, "$JS.API.STREAM.INFO.chat-test", "\"current\":true", "\"current\":false");
        client_free(nats);
        host_shell(C, "systemctl start chat-link.service");
        client_send(person[A], "again\n");
}

static void test_what_nats_lost_comes_from_who_said_it(void **state)
{
        (void)state;
        enum { LINES = 37 };
        lose_in_stream("", LINES);
        expect_said(C, "line", (int[HOSTS]){[A] = LINES});
        client_expect(person[C], "%s: again\r\n", host_remote_name(A, person[A]));
        assert_alive("after");
}

/* Neither the stream nor the spool keeps the lines as long as a host is away. */
static void test_retention_is_exceeded(void **state)
{
        (void)state;
        enum { LINES = 500, LINE_BYTES = 3000 };
        static char padding[LINE_BYTES + 2];
        memset(padding, '.', LINE_BYTES + 1);
        padding[0] = ' ';
        set_spool_size(A, "1");
        assert_alive("knows the new spool"); /* records from before a spool was first heard of are not asked for */
        lose_in_stream(padding, LINES);
        assert_in_range(expect_said_or_missing(person[C], host_remote_name(A, person[A]), LINES), 1, LINES - 1);
        client_expect(person[C], "%s: again\r\n", host_remote_name(A, person[A]));
        assert_alive("after");
        set_spool_size(A, "64");
}

/* NATS is away for longer than the spool can keep lines. */
static void test_a_spool_that_is_full(void **state)
{
        (void)state;
        enum { LINES = 1000, LINE_BYTES = 3000 };
        static char padding[LINE_BYTES + 1];
        memset(padding, '.', LINE_BYTES);
        set_spool_size(A, "1");
        struct client *neighbour = host_join(A);
        await_arrival(A, neighbour);
        nats_all("stop");
        for (unsigned n = 1; n <= LINES; n++) {
                client_send(person[A], "line %u %s\n", n, padding);
                client_expect(neighbour, "%s: line %u ", person[A]->name, n);
        }
        nats_all("start");
        for (int to = B; to < HOSTS; to++)
                assert_in_range(expect_said_or_missing(person[to], host_remote_name(A, person[A]), LINES), 1,
                                LINES - 1);
        assert_alive("after");
        leave(neighbour);
        set_spool_size(A, "64");
}

/* ---- a malicious publisher ---- */

static uint64_t evil_instance = 666, evil_position;

/* Publishes a message with one record on chat.test.said.LABEL. */
static void publish_record(struct client *nats, const char *label, uint8_t kind, const char *name, const char *text,
                           uint64_t number)
{
        static uint8_t buffer[MESSAGE_MAX_BYTES];
        char subject[128];
        struct message m = {.type = MESSAGE_SAID, .instance = evil_instance, .position = evil_position++};
        struct record rec = {.kind = kind, .id = 1, .number = number, .name = slice_of(name), .text = slice_of(text)};
        size_t size = message_encode(buffer, sizeof(buffer), &m);
        size += record_encode(buffer + size, sizeof(buffer) - size, &rec);
        snprintf(subject, sizeof(subject), "chat.test.said.%s", label);
        nats_client_publish(nats, subject, buffer, size);
}

static void publish_garbage(struct client *nats, const char *subject)
{
        static const size_t sizes[] = {0,          1, 2, 17, 18, 19, 40, 1000, MESSAGE_MAX_BYTES, MESSAGE_MAX_BYTES + 1,
                                       1000 * 1000};
        static uint8_t bytes[1000 * 1000];
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)random();
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                nats_client_publish(nats, subject, bytes, sizes[i]);
                if (sizes[i] < 2)
                        continue;
                bytes[0] = MESSAGE_VERSION; /* the next one gets a little further */
                bytes[1] = i % 2 ? MESSAGE_SAID : MESSAGE_ALIVE;
        }
}

static void publish_alive(struct client *nats, const char *subject, uint64_t members)
{
        uint8_t buffer[64];
        struct message m = {
                .type = MESSAGE_ALIVE, .instance = evil_instance, .position = UINT64_MAX, .members = members};
        nats_client_publish(nats, subject, buffer, message_encode(buffer, sizeof(buffer), &m));
}

static void publish_forgeries(struct client *nats)
{
        static char name[NAME_MAX_BYTES + 1], text[3 * TEXT_MAX_BYTES + 1];
        char local[64];
        memset(memset(name, 'x', NAME_MAX_BYTES), 'm', 1);
        memcpy(memset(text, 'x', 3 * TEXT_MAX_BYTES), "mal", 3);
        snprintf(local, sizeof(local), "%s", person[A]->name);
        const char *const names[] = {"",     "mal",         local,      "mal@a",           "mal@evil", "mal x", "mal\n",
                                     "mal:", "\033[31mmal", "m\xffmal", "mal\xe2\x80\xae", "*** mal",  name};
        const char *const texts[] = {"",
                                     "mal",
                                     "mal\r\n*** mal@a is connected",
                                     "mal\033]0;mal\a",
                                     "mal\xff\xc2",
                                     "mal\xc2\x9bmal",
                                     "mal\xe2\x80\xaemal",
                                     text};
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
                for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
                        for (uint8_t kind = 0; kind <= RECORD_PRIVATE + 1; kind++)
                                publish_record(nats, "evil", kind, names[n], texts[t], n % 2 ? UINT64_MAX : n);
        static const char *const labels[] = {"EVIL",        "e_vil", "-evil",       "evil-",
                                             "\033[31mmal", "e@vil", "mal\xc3\xa4", "abcdefghijklmnopqrstuvwxy",
                                             "*",           ">"};
        for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
                publish_record(nats, labels[i], RECORD_LINE, "mal", "mal", 1);
}

/* Returns true if the text begins with a name of host evil, followed by `end`, or by nothing if `end` is NULL. */
static bool is_name_of_evil(const char *text, const char *end)
{
        const char *behind = end ? strstr(text, end) : text + strlen(text);
        size_t len = behind ? (size_t)(behind - text) : 0;
        return len >= 6 && strncmp(text + len - 5, "@evil", 5) == 0 && !memchr(text, ' ', len);
}

/* Checks a line. Everything that comes of the publisher bears the mark "mal", and must bear its host, too. */
static void assert_line_unharmed(const char *line)
{
        static const char called[] = " is now called ";
        const char *new_name = strstr(line, called);
        bool good;
        if (!text_is_clean(line, strlen(line)))
                fail_msg("not clean: %s", line);
        if (!strstr(line, "mal"))
                return;
        if (strncmp(line, "*** ", 4) == 0)
                good = is_name_of_evil(line + 4, " ") &&
                       (!new_name || is_name_of_evil(new_name + strlen(called), NULL));
        else if (strncmp(line, "* ", 2) == 0)
                good = is_name_of_evil(line + 2, " ");
        else
                good = is_name_of_evil(line, ": ");
        if (!good)
                fail_msg("forged: %s", line);
}

/* Reads up to the line "NAME: TEXT", and checks all lines. */
static void expect_unharmed(struct client *c, const char *name, const char *text)
{
        char wanted[128];
        const char *line;
        snprintf(wanted, sizeof(wanted), "%s: %s", name, text);
        do {
                line = client_expect(c, "\r\n");
                assert_line_unharmed(line);
        } while (strcmp(line, wanted) != 0);
}

static void test_a_hostile_publisher(void **state)
{
        (void)state;
        static const char *const subjects[] = {"chat.test.said.evil",   "chat.test.said.a",     "chat.test.said.EVIL",
                                               "chat.test.said.evil.x", "chat.test.alive.evil", "chat.test.alive.a"};
        static const char pids[] = "systemctl show -P MainPID chat-link chatd nats";
        char before[HOSTS][128];
        for (int i = 0; i < HOSTS; i++)
                snprintf(before[i], sizeof(before[i]), "%s", host_shell(i, pids));
        struct client *nats = nats_client_connect(B);
        for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
                publish_garbage(nats, subjects[i]);
        publish_alive(nats, "chat.test.alive.evil", UINT64_MAX);
        publish_alive(nats, "chat.test.alive.a", UINT64_MAX);
        publish_alive(nats, "chat.test.alive.mal\033[31m", 1);
        publish_forgeries(nats);
        evil_position = UINT64_MAX - 1; /* and beyond the end */
        for (int i = 0; i < 3; i++)
                publish_record(nats, "evil", RECORD_LINE, "mal", "mal", UINT64_MAX);
        evil_instance++; /* a new spool: earlier records do not matter to it */
        evil_position = 0;
        publish_record(nats, "evil", RECORD_LINE, "mal", "mal is over", 0);
        for (int i = 0; i < HOSTS; i++)
                expect_unharmed(person[i], "mal@evil", "mal is over");
        assert_alive("all the same");

        /* a publisher with a's subject is a to the others, but not to a */
        publish_record(nats, "a", RECORD_LINE, "own", "own", 0);
        client_expect(person[B], "own@a: own\r\n");
        client_expect(person[C], "own@a: own\r\n");
        client_send(person[B], "own is over\n");
        assert_null(strstr(client_expect(person[A], "own is over\r\n"), "own@a"));
        client_free(nats);
        for (int i = 0; i < HOSTS; i++)
                assert_string_equal(host_shell(i, pids), before[i]);
}

/* Installs the chat on all hosts. Every client may send as fast as the broker takes it. */
static int install(void **state)
{
        hosts_install(state);
        for (int i = 0; i < HOSTS; i++)
                host_shell(i, "d=/run/systemd/system/chat@.service.d; mkdir -p $d && printf '[Service]\nExecStart=\n"
                              "ExecStart=/usr/local/sbin/chat-session --pace=off\n' >$d/pace.conf; "
                              "systemctl daemon-reload");
        return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, join_three, leave_three)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_lines_go_everywhere_once_and_in_order),
                TEST(test_comings_and_goings_are_announced_everywhere),
                TEST(test_rooms_have_people_on_several_hosts),
                TEST(test_hosts_of_two_versions),
                TEST(test_nats_is_away),
                TEST(test_a_host_is_away),
                TEST(test_what_nats_lost_comes_from_who_said_it),
                TEST(test_retention_is_exceeded),
                TEST(test_a_spool_that_is_full),
                cmocka_unit_test_teardown(test_a_storm, end_the_storm),
                TEST(test_a_hostile_publisher),
        };
        return hosts_tell(RUN_TESTS(tests, install, NULL));
}
