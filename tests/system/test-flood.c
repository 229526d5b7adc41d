/* Ten thousand quick connections, as many half requests (REQUESTS= in the environment: more of them), more connections
 * than allowed, and clients whose network is gone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "booted.h"

enum {
        CONNECTIONS = 10000,
        CONNECTIONS_SANITIZED = 500, /* each is a process, and a slow one */
        REQUESTS = 10000,
        REQUESTS_SANITIZED = 1000,
        REQUESTS_OPEN = 4000, /* at once: more than chat-web.socket allows */
        WAVES = 10,           /* of connections; a line is said during each */
        FLOOD_END_MS = 10 * DEADLINE_MS,
        SOURCES = 100,
        JOURNAL_MAX_LINES = 500,
        NOTICED_MAX = CONNECTIONS / 100, /* connections that were not closed before the session looked */
        PER_SOURCE = 10,
        FAR_PORT = 8889,
};

/* Connects from 127.0.1.N to this port. Returns -1 if that fails. */
static int connect_to(int n, uint16_t port)
{
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000100u + (unsigned)n)};
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
            connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
                return fd;
        close(fd);
        return -1;
}

static int connect_from(int n)
{
        return connect_to(n, CHAT_PORT);
}

/* Makes quick connections: some are reset, some closed. */
static void connect_and_close(int times)
{
        for (int i = 0; i < times;) {
                struct linger none = {.l_onoff = i % 2};
                int fd = connect_from(1 + i % SOURCES);
                if (fd < 0)
                        continue; /* the backlog is full: try again */
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
                close(fd);
                i++;
        }
}

/* Counts the journal's lines, without those that settings of chat.socket cannot prevent: one for each connection that
 * is reset before systemd accepts it. systemd logs them as errors, as it does with a port that is taken, which must
 * stay visible. */
static int journal_lines(void)
{
        return atoi(shell("journalctl -q -o cat | grep -Evc 'getpeername(\\(\\))? failed'"));
}

/* Waits until systemd has accepted all connections that wait at a port, and at most `most` services of these units run.
 * Thousands of connections may wait (SOMAXCONN), and each costs a process, so a busy machine needs minutes for them. It
 * accepts some hundreds, then starts and ends all their services, and accepts no other meanwhile. */
static void wait_for_flood_end(uint16_t port, const char *units, int most)
{
        shell_until_within(FLOOD_END_MS, "test $(ss -Hltn sport = :%d | awk '{ n += $2 } END { print n + 0 }') = 0",
                           port);
        shell_until_within(
                FLOOD_END_MS,
                "units=$(systemctl list-units --plain --no-legend '%s') && test $(echo \"$units\" | grep -c .) -le %d",
                units, most);
}

static void test_ten_thousand_quick_connections(void **state)
{
        (void)state;
        int times = reports_dir() ? CONNECTIONS_SANITIZED : CONNECTIONS, lines = 0, noticed = 0;
        struct client *a = booted_join(), *b = booted_join();
        client_expect(a, "*** %s is connected\r\n", b->name);
        int before = journal_lines();
        for (int i = 0; i < WAVES; i++) {
                pid_t flood = process_fork();
                if (flood == 0) {
                        connect_and_close(times / WAVES);
                        _exit(0);
                }
                do { /* the members notice nothing */
                        client_send(a, "line %d\n", lines);
                        for (const char *at = client_expect(b, "%s: line %d\r\n", a->name, lines);
                             (at = strstr(at, " is connected")); at++)
                                noticed++;
                        lines++;
                } while (!process_has_ended(flood));
        }
        wait_for_flood_end(CHAT_PORT, "chat@*.service", 2);
        /* New clients get in as soon as there are fewer than MaxConnections=. */
        shell_until("echo | nc -N 127.0.0.1 %d | grep -q '[*] Welcome, '", CHAT_PORT);
        assert_in_range(noticed, 0, NOTICED_MAX);
        struct client *c = booted_join();
        client_expect(a, "*** %s is connected\r\n", c->name);
        assert_string_equal(shell("systemctl is-active chat.socket chatd.socket"), "active\nactive");
        assert_in_range(journal_lines() - before, 0, JOURNAL_MAX_LINES);
        shell_until("test $(systemctl list-units --plain --no-legend 'chat@*.service' | wc -l) = 3");
        assert_string_equal(shell("systemctl list-units --failed --plain --no-legend 'chat@*.service'"), "");
        client_free(a);
        client_free(b);
        client_free(c);
}

/* Begins requests, and never ends them. Closes the oldest ones. */
static void begin_requests(int times)
{
        static int open[REQUESTS_OPEN];
        static const char half[] = "GET / HTTP/1.1\r\nHost: ";
        const struct rlimit files = {REQUESTS_OPEN + 100, REQUESTS_OPEN + 100};
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                _exit(1);
        for (int i = 0; i < times;) {
                int fd = connect_to(1 + i % SOURCES, WEB_PORT);
                if (fd < 0)
                        continue; /* the backlog is full: try again */
                send(fd, half, sizeof(half) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (i >= REQUESTS_OPEN)
                        close(open[i % REQUESTS_OPEN]);
                open[i++ % REQUESTS_OPEN] = fd;
        }
}

/* People at a telnet notice nothing of half requests to chat-web.socket, and the page is there again as soon as there are
 * fewer of them. */
static void test_ten_thousand_half_requests(void **state)
{
        (void)state;
        const char *given = getenv("REQUESTS");
        int times = reports_dir() ? REQUESTS_SANITIZED : REQUESTS, lines = 0;
        if (given)
                times = atoi(given);
        shell("systemctl start chat-web.socket");
        struct client *a = booted_join(), *b = booted_join();
        client_expect(a, "*** %s is connected\r\n", b->name);
        pid_t flood = process_fork();
        if (flood == 0) {
                begin_requests(times);
                _exit(0);
        }
        do {
                client_send(a, "line %d\n", lines);
                const char *before = client_expect(b, "%s: line %d\r\n", a->name, lines++);
                assert_null(strstr(before, "***"));
        } while (!process_has_ended(flood));
        wait_for_flood_end(WEB_PORT, "chat-web@*.service", 0);
        shell_until("curl -s --max-time 5 http://127.0.0.1:%d/healthz | grep -qx ok", WEB_PORT);
        assert_string_equal(shell("systemctl is-active chat-web.socket chat.socket chatd.socket"),
                            "active\nactive\nactive");
        shell("systemctl stop chat-web.socket");
        client_free(a);
        client_free(b);
}

static struct client *join_from(int n)
{
        int fd = connect_from(n);
        assert_true(fd >= 0);
        struct client *c = client_of(fd, "");
        client_expect(c, "*** Welcome, ");
        return c;
}

static void test_one_address_cannot_take_all_the_connections(void **state)
{
        (void)state;
        struct client *taken[PER_SOURCE];
        assert_in_range(atoi(shell("systemctl show -P MaxConnectionsPerSource chat.socket")), 1,
                        atoi(shell("systemctl show -P MaxConnections chat.socket")) / 2);
        shell("mkdir -p /run/systemd/system/chat.socket.d");
        shell("printf '[Socket]\\nMaxConnectionsPerSource=%d\\n' > /run/systemd/system/chat.socket.d/few.conf",
              PER_SOURCE);
        shell("systemctl daemon-reload; systemctl restart chat.socket");
        for (int i = 0; i < PER_SOURCE; i++)
                taken[i] = join_from(1);
        struct client *refused = client_of(connect_from(1), "");
        assert_string_equal(client_expect_end(refused), ""); /* systemd closes it without a message */
        client_free(refused);
        struct client *other = join_from(2);
        client_send(other, "hello\n");
        client_expect(taken[0], ": hello\r\n");
        client_send(taken[0], "exit\n");
        client_expect_end(taken[0]);
        client_free(taken[0]);
        shell_until("test $(systemctl list-units --plain --no-legend 'chat@*-127.0.1.1:*.service' | wc -l) = %d",
                    PER_SOURCE - 1);
        taken[0] = join_from(1);
        for (int i = 0; i < PER_SOURCE; i++)
                client_free(taken[i]);
        client_free(other);
        shell("rm /run/systemd/system/chat.socket.d/few.conf; systemctl daemon-reload; systemctl restart chat.socket");
}

/* ---- clients on a separate network, which can be taken away ---- */

static void far(const char *command)
{
        shell("ip -n far %s 2>&1", command);
}

/* Makes a far network, and opens the chat to it. Dead connections are noticed within seconds, for the test's sake. */
static int make_far(void **state)
{
        (void)state;
        shell("ip netns add far && ip link add near0 type veth peer name far0 netns far");
        shell("ip addr add 10.99.0.1/24 dev near0 && ip link set near0 up");
        far("addr add 10.99.0.2/24 dev far0");
        far("link set far0 up");
        shell("mkdir -p /run/systemd/system/chat.socket.d /run/systemd/system/chat@.service.d");
        shell("printf '[Socket]\\nListenStream=10.99.0.1:%d\\nKeepAliveTimeSec=1\\nKeepAliveIntervalSec=1\\n"
              "KeepAliveProbes=2\\n' > /run/systemd/system/chat.socket.d/far.conf",
              FAR_PORT);
        shell("printf '[Service]\\nExecStart=\\nExecStart=/usr/local/sbin/chat-session --client-timeout=2\\n'"
              " > /run/systemd/system/chat@.service.d/far.conf");
        shell("systemctl daemon-reload; systemctl restart chat.socket");
        return 0;
}

static struct client *join_from_far(void)
{
        int near_net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int far_net = open("/run/netns/far", O_RDONLY | O_CLOEXEC);
        assert_int_equal(setns(far_net, CLONE_NEWNET), 0);
        struct client *c = client_connect("10.99.0.1", FAR_PORT);
        assert_int_equal(setns(near_net, CLONE_NEWNET), 0);
        close(near_net);
        close(far_net);
        client_greeted(c);
        return c;
}

static void test_clients_that_vanish(void **state)
{
        (void)state;
        struct client *b = booted_join();
        struct client *idle = join_from_far(), *listener = join_from_far();
        client_expect(b, "*** %s is connected\r\n", listener->name);
        far("addr del 10.99.0.2/24 dev far0"); /* nothing that is sent there is answered any more */
        int64_t begin = clock_ms();
        /* a client that is sent something is noticed because it acknowledges nothing; an idle one by keepalive */
        client_send(b, "are you there?\n");
        const char *first = client_expect(b, " is disconnected\r\n");
        assert_non_null(strstr(first, "10.99.0.2:"));
        client_expect(b, " is disconnected\r\n");
        assert_in_range(clock_ms() - begin, 0, DEADLINE_MS / 2); /* the kernel alone would take a quarter of an hour */
        shell_until("test $(journalctl -q -u chatd -o cat CHAT_EVENT=leave CHAT_REASON=timeout | wc -l) = 2");
        client_free(idle);
        client_free(listener);
        client_free(b);
}

static void test_an_idle_client_that_vanishes(void **state)
{
        (void)state;
        far("addr add 10.99.0.2/24 dev far0");
        struct client *b = booted_join();
        struct client *idle = join_from_far();
        client_expect(b, "*** %s is connected\r\n", idle->name);
        client_sync(idle); /* everything is acknowledged */
        far("addr del 10.99.0.2/24 dev far0");
        client_expect(b, "*** %s is disconnected\r\n", idle->name);
        shell_until("journalctl -q -u chatd CHAT_EVENT=leave CHAT_REASON=timeout CHAT_NAME=%s | grep -q .", idle->name);
        client_free(idle);
        client_free(b);
}

/* With the installed settings: a user who lost a connection gets the name back in half a minute, and a client that was
 * cut off for a few seconds keeps it. */
static void test_a_name_that_a_lost_connection_holds(void **state)
{
        (void)state;
        shell("rm /run/systemd/system/chat@.service.d/far.conf");
        shell("printf '[Socket]\\nListenStream=10.99.0.1:%d\\n' > /run/systemd/system/chat.socket.d/far.conf",
              FAR_PORT);
        shell("systemctl daemon-reload; systemctl restart chat.socket");
        far("addr add 10.99.0.2/24 dev far0");
        struct client *b = booted_join(), *lost = join_from_far(), *kept = join_from_far();
        client_send(lost, "/nick ann\n");
        client_expect(lost, "You are now called ann");
        client_send(kept, "/nick eve\n");
        client_expect(kept, "You are now called eve");
        client_expect(b, "is now called eve\r\n");
        client_sync(lost);
        far("addr del 10.99.0.2/24 dev far0");
        client_send(b, "/nick eve\n");
        client_expect(b, "*** The name eve is taken; please choose another\r\n");
        shell("sleep 5");
        far("addr add 10.99.0.2/24 dev far0");
        client_expect(kept, "*** %s asked for your name, eve\r\n", b->name);
        far("addr del 10.99.0.2/24 dev far0");
        int64_t begin = clock_ms();
        client_send(b, "/nick ann\n");
        client_expect(b, "*** The name ann is taken; please choose another\r\n");
        client_expect(b, "*** ann is disconnected\r\n");
        assert_in_range(clock_ms() - begin, 25000, 45000);
        client_send(b, "/nick ann\n");
        client_expect(b, "*** You are now called ann\r\n");
        client_free(b);
        client_free(lost);
        client_free(kept);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ten_thousand_quick_connections),
                cmocka_unit_test(test_ten_thousand_half_requests),
                cmocka_unit_test(test_one_address_cannot_take_all_the_connections),
                cmocka_unit_test_setup(test_clients_that_vanish, make_far),
                cmocka_unit_test(test_an_idle_client_that_vanishes),
                cmocka_unit_test(test_a_name_that_a_lost_connection_holds),
        };
        return RUN_TESTS(tests, booted_install_naming, NULL);
}
