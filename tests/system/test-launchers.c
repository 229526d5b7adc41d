/* chat-session under every launcher that it supports, without systemd as PID 1; the booted tests use Accept=yes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cable.h"
#include "harness.h"
#include "launchers.h"

static int setup(void **state)
{
        *state = chat_start();
        return 0;
}

static int teardown(void **state)
{
        chat_stop(*state);
        return 0;
}

/* Lets two clients chat through the launcher, then ends it. */
static void assert_chat_through(enum launcher through, const struct chat *chat)
{
        char address[32];
        int port = port_free();
        snprintf(address, sizeof(address), "127.0.0.1:%d", port);
        pid_t launcher = launcher_start(through, chat, address);
        if (launcher == 0)
                skip();
        struct client *a = client_connect("127.0.0.1", port);
        client_greeted(a);
        struct client *b = client_connect("127.0.0.1", port);
        client_greeted(b);
        client_expect(a, "*** %s is connected\r\n", b->name);
        client_send(a, "hello\n");
        client_expect(b, "%s: hello\r\n", a->name);
        client_send(b, "exit\n");
        client_expect_end(b);
        client_expect(a, "*** %s is disconnected\r\n", b->name);
        client_send(a, "exit\n");
        client_expect_end(a);
        client_free(a);
        client_free(b);
        kill(launcher, SIGTERM);
        process_wait(launcher);
}

static void test_systemd_socket_activate(void **state)
{
        assert_chat_through(LAUNCHER_ACTIVATE, *state);
}

static void test_systemd_socket_activate_inetd(void **state)
{
        assert_chat_through(LAUNCHER_AS_INETD, *state);
}

static void test_a_listening_socket_is_refused(void **state)
{
        (void)state;
        char address[32];
        int port = port_free(), err[2];
        snprintf(address, sizeof(address), "127.0.0.1:%d", port);
        assert_int_equal(pipe2(err, O_CLOEXEC), 0);
        char *const argv[] = {"systemd-socket-activate", "-l", address, program("chat-session"), NULL};
        pid_t launcher = process_start(argv, -1, -1, err[1]);
        close(err[1]);
        struct client *c = client_connect("127.0.0.1", port);
        assert_int_equal(process_wait(launcher), 2);
        char text[4096];
        ssize_t n = read(err[0], text, sizeof(text) - 1);
        assert_true(n > 0);
        text[n] = '\0';
        assert_non_null(strstr(text, "this is a listening socket; use Accept=yes or --accept\n"));
        close(err[0]);
        client_free(c);
}

static void test_inetd_nowait(void **state)
{
        assert_chat_through(LAUNCHER_INETD, *state);
}

static void test_tcpserver(void **state)
{
        assert_chat_through(LAUNCHER_TCPSERVER, *state);
}

static void test_pipes_and_ncat(void **state)
{
        struct chat *chat = *state;
        int port = port_free();
        char address[32];
        snprintf(address, sizeof(address), "127.0.0.1:%d", port);
        pid_t launcher = launcher_start(LAUNCHER_ACTIVATE, chat, address);
        struct client *a = client_connect("127.0.0.1", port);
        client_greeted(a);
        /* one-shot clients: their lines arrive complete, they get their greeting and the end, and never an IAC */
        const char *got =
                shell("echo from ncat | ncat 127.0.0.1 %d | tee %s/got; LC_ALL=C grep -q \"$(printf '\\377')\" "
                      "%s/got && exit 1; exit 0",
                      port, chat->dir, chat->dir);
        assert_non_null(strstr(got, "*** Welcome, 127.0.0.1:"));
        client_expect(a, ": from ncat\r\n");
        got = shell("printf 'from nc\\n' | nc -N 127.0.0.1 %d", port);
        assert_non_null(strstr(got, "*** Welcome, 127.0.0.1:"));
        client_expect(a, ": from nc\r\n");
        got = shell("printf 'from a pipe\\n' | %s %s", program("chat-session"), chat->option); /* as behind ssh */
        assert_non_null(strstr(got, "*** Welcome, "));
        client_expect(a, ": from a pipe\r\n");
        client_free(a);
        kill(launcher, SIGTERM);
        process_wait(launcher);
}

/* An nc in a terminal that leaves the keys to the chat, until ^C. */
static void test_nc_that_edits(void **state)
{
        struct chat *chat = *state;
        char address[32];
        int port = port_free();
        snprintf(address, sizeof(address), "127.0.0.1:%d", port);
        pid_t launcher = launcher_start(LAUNCHER_ACTIVATE, chat, address);
        client_free(client_connect("127.0.0.1", port)); /* wait until it listens */
        shell("tests/system/stty.exp %d", port);
        kill(launcher, SIGTERM);
        process_wait(launcher);
}

/* ---- a network that is taken away ---- */

/* Connects from the network of `pid`. */
static struct client *connect_from_network(pid_t pid, const char *host, int port)
{
        int before = cable_enter(pid);
        struct client *c = client_connect(host, port);
        cable_leave(before);
        return c;
}

/* An idle client that vanishes is noticed even if nothing is said in the chat, and even under tcpserver, which does not
 * turn on keepalive. */
static void test_an_idle_client_that_vanishes(void **state)
{
        enum { PORT = 8888 };
        struct chat *chat = *state;
        if (getuid() != 0)
                skip(); /* only root can make networks */
        struct cable l = cable_start();
        char near[16];
        snprintf(near, sizeof(near), "%d", l.near);
        char *const argv[] = {"nsenter",
                              "-t",
                              near,
                              "-n",
                              "tcpserver",
                              "-HRl0",
                              "10.99.0.1",
                              "8888",
                              program("chat-session"),
                              chat->option,
                              "--client-timeout=2",
                              NULL};
        pid_t launcher = process_start(argv, -1, -1, -1);
        struct client *witness = chat_join(chat, NULL);
        struct client *idle = connect_from_network(l.far, "10.99.0.1", PORT);
        client_greeted(idle);
        client_expect(witness, "*** %s is connected\r\n", idle->name);
        client_sync(idle); /* everything is acknowledged */
        shell("nsenter -t %d -n ip addr del 10.99.0.2/24 dev far0", l.far);
        client_expect(witness, "*** %s is disconnected\r\n", idle->name);
        client_free(idle);
        client_free(witness);
        process_end(launcher);
        cable_end(l);
}

/* Lets a client on the far host join from this address. */
static struct client *join_from_far(struct cable l, const char *source, const char *target, pid_t *pid)
{
        int ends[2];
        char far[16];
        snprintf(far, sizeof(far), "%d", l.far);
        char *const nc[] = {"nsenter", "-t", far, "-n", "nc", "-s", (char *)source, (char *)target, "8888", NULL};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        *pid = process_start(nc, ends[1], ends[1], -1);
        close(ends[1]);
        return client_of(ends[0], "nc");
}

/* All addresses of an IPv6 /64 are one network: they are counted together, and have one guest name. */
static void test_an_ipv6_network(void **state)
{
        enum { PEOPLE = 3 };
        static const char *const sources[PEOPLE] = {"fd00:1::2", "fd00:1::ffff:ffff:ffff:ffff", "fd00:2::2"};
        struct chat *chat = *state;
        char near[16], names[PEOPLE][64];
        pid_t pids[PEOPLE], pid;
        struct client *people[PEOPLE];
        if (getuid() != 0)
                skip();
        chat_kill_broker(chat, SIGTERM);
        chat->more = "--members-per-network=2 --addresses=hidden";
        chat_start_broker(chat);
        struct cable l = cable_start();
        for (int i = 1; i <= 2; i++)
                shell("nsenter -t %d -n ip addr add fd00:%d::1/64 dev near0 nodad", l.near, i);
        shell("nsenter -t %d -n ip addr add fd00:1::3/64 dev far0 nodad", l.far);
        for (int i = 0; i < PEOPLE; i++)
                shell("nsenter -t %d -n ip addr add %s/64 dev far0 nodad", l.far, sources[i]);
        snprintf(near, sizeof(near), "%d", l.near);
        char *const argv[] = {"nsenter",
                              "-t",
                              near,
                              "-n",
                              "systemd-socket-activate",
                              "--accept",
                              "-l",
                              "[::]:8888",
                              program("chat-session"),
                              chat->option,
                              NULL};
        pid_t launcher = process_start(argv, -1, -1, -1);
        shell_until("nsenter -t %d -n nc -z fd00:1::1 8888", l.far);
        struct client *witness = chat_join_with(chat, "127.0.0.1", NULL, chat->option, NULL);
        client_expect(witness, "guest-");
        client_sync(witness);
        for (int i = 0; i < PEOPLE; i++) {
                people[i] = join_from_far(l, sources[i], i == 2 ? "fd00:2::1" : "fd00:1::1", &pids[i]);
                client_expect(witness, "*** guest-");
                snprintf(names[i], sizeof(names[i]), "%s", client_expect(witness, " is connected\r\n"));
        }
        char numbered[80];
        snprintf(numbered, sizeof(numbered), "%s~2", names[0]);
        assert_string_equal(names[1], numbered);
        assert_string_not_equal(names[2], names[0]);
        struct client *refused = join_from_far(l, "fd00:1::3", "fd00:1::1", &pid);
        client_expect(refused, "*** You cannot join: 2 connections from your network are here already\r\n");
        process_end(pid);
        client_free(refused);
        for (int i = 0; i < PEOPLE; i++) {
                process_end(pids[i]);
                client_free(people[i]);
        }
        client_free(witness);
        process_end(launcher);
        cable_end(l);
}

/* A link-local address is shown with the name of its interface, and banned with it. */
static void test_a_link_local_address(void **state)
{
        struct chat *chat = *state;
        int ends[2];
        if (getuid() != 0)
                skip();
        struct cable l = cable_start();
        char near[16], far[16];
        snprintf(near, sizeof(near), "%d", l.near);
        snprintf(far, sizeof(far), "%d", l.far);
        char *const argv[] = {"nsenter",
                              "-t",
                              near,
                              "-n",
                              "systemd-socket-activate",
                              "--accept",
                              "-l",
                              "[::]:8888",
                              program("chat-session"),
                              chat->option,
                              NULL};
        pid_t launcher = process_start(argv, -1, -1, -1);
        struct client *witness = chat_join(chat, NULL);
        shell_until("nsenter -t %d -n nc -z fe80::1%%far0 8888", l.far);
        char *const nc[] = {"nsenter", "-t", far, "-n", "nc", "fe80::1%far0", "8888", NULL};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        pid_t pid = process_start(nc, ends[1], ends[1], -1);
        close(ends[1]);
        struct client *c = client_of(ends[0], "nc");
        client_expect(c, "*** Welcome, [fe80::2%%near0]:");
        client_expect(witness, "*** [fe80::2%%near0]:");
        client_send(c, "hello\n");
        client_expect(witness, "[fe80::2%%near0]:");
        shell("%s %s ban fe80::2%%other0", program("chatctl"), chat->option);
        client_send(c, "hello again\n");
        client_expect(witness, ": hello again\r\n");
        shell("%s %s ban fe80::2%%near0 noise", program("chatctl"), chat->option);
        assert_string_equal(shell("%s %s bans --no-legend | cut -d' ' -f1", program("chatctl"), chat->option),
                            "fe80::2%other0\nfe80::2%near0");
        client_expect(c, "*** You were removed");
        process_end(pid);
        client_free(c);
        client_free(witness);
        process_end(launcher);
        cable_end(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_systemd_socket_activate),
                TEST(test_systemd_socket_activate_inetd),
                TEST(test_a_listening_socket_is_refused),
                TEST(test_inetd_nowait),
                TEST(test_tcpserver),
                TEST(test_pipes_and_ncat),
                TEST(test_nc_that_edits),
                TEST(test_an_idle_client_that_vanishes),
                TEST(test_a_link_local_address),
                TEST(test_an_ipv6_network),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
