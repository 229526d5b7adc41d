/* Programs that speak JSON under a real systemd. Programs of this host's users connect to chat-json.socket, and others
 * connect by TCP to chat-json-tcp.socket. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../schema.h"

#include "witness.h"

#define JSON_SOCKET "/run/chat-json.sock"

enum { JSON_PORT = 8881 };

static int install(void **state)
{
        booted_install_naming(state);
        shell("useradd robot && useradd other");
        assert_string_equal(shell("systemctl is-active chat-json.socket chat-json-tcp.socket || true"),
                            "inactive\ninactive");
        shell("systemctl enable --now chat-json.socket 2>&1");
        return 0;
}

/* ---- clients ---- */

/* Waits for the welcome, which has the program's name, and joins the lobby, where the witness is. */
static struct client *welcome(struct client *c)
{
        c->copy = schema_open("event");
        client_expect(c, "{\"event\":\"welcome\",");
        client_expect(c, "\"name\":\"");
        const char *name = client_expect(c, "\"");
        snprintf(c->name, sizeof(c->name), "%s", name);
        client_send(c, "{\"do\":\"join\",\"room\":\"lobby\"}\n");
        client_expect(c, "{\"event\":\"answer\",\"code\":\"entered\",");
        client_expect(c, "\n");
        client_expect(witness, "*** %s is connected\r\n", c->name);
        return c;
}

/* Starts a program of this user: an nc that connects to the UNIX socket. */
static struct client *start_local(const char *user, pid_t *pid)
{
        char *const argv[] = {"runuser", "-u", (char *)user, "--", "nc", "-NU", JSON_SOCKET, NULL};
        return booted_start_client(argv, pid);
}

static struct client *join_local(const char *user, pid_t *pid)
{
        return welcome(start_local(user, pid));
}

/* Closes the client's side of the connection, and waits for the other side. */
static void hang_up(struct client *c)
{
        shutdown(c->fd, SHUT_WR);
        client_expect_end(c);
        witness_sees_leave(c);
}

static void leave(struct client *c, pid_t pid)
{
        hang_up(c);
        assert_int_equal(process_wait(pid), 0);
}

/* Asserts that the client and the witness get each other's lines, each once. `what` tells this client from others. */
static void assert_chat(struct client *c, const char *what, int n)
{
        char own[64];
        snprintf(own, sizeof(own), "back, %s ", what);
        client_send(c, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"%s %d\"}\n", what, n);
        assert_null(strstr(client_expect(witness, "%s: %s %d\r\n", c->name, what, n), c->name));
        client_send(witness, "%s%d\n", own, n);
        assert_null(strstr(client_expect(c, "\"name\":\"%s\",\"text\":\"%s%d\"}\n", witness->name, own, n), own));
}

/* ---- the UNIX socket ---- */

static void test_chatd_is_killed(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_local("robot", &pid);
        assert_chat(c, "at first", 0);
        for (int i = 0; i < 10; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                assert_chat(c, "after a kill", i);
        }
        leave(c, pid);
}

/* The kernel states who connects. */
static void test_a_program_is_called_as_its_user(void **state)
{
        (void)state;
        pid_t pids[3];
        struct client *robot = join_local("robot", &pids[0]), *other = join_local("other", &pids[1]);
        assert_string_equal(robot->name, "robot");
        assert_string_equal(other->name, "other");
        struct client *again = join_local("robot", &pids[2]);
        assert_string_equal(again->name, "robot~2");
        assert_chat(again, "twice", 0);
        shell("chatctl who | grep -q \"^robot .* pid=[0-9]*,uid=$(id -u robot) \"");
        shell("echo '{\"do\":\"join\",\"room\":\"lobby\"}' | "
              "runuser -u other -- env REMOTE_ADDR=1.2.3.4 REMOTE_PORT=1 USER=robot nc -NU " JSON_SOCKET
              " | grep -q '\"name\":\"other~2\",\"asked\":\"other\"'");
        leave(again, pids[2]);
        leave(other, pids[1]);
        leave(robot, pids[0]);
}

/* The session is the only process of its unit, and is in its sandbox. */
static void test_who_may_what(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_local("robot", &pid);
        pid_t session = booted_session(c);
        assert_string_equal(shell("stat -c '%%U %%G' /proc/%d", session), "chat-session chat");
        assert_int_equal(atoi(shell("systemctl show -P MainPID 'chat-json@*.service'")), session);
        shell("grep -qx 'Seccomp:\t2' /proc/%d/status && grep -qx 'NoNewPrivs:\t1' /proc/%d/status", session, session);
        shell("grep -qx 'CapBnd:\t0000000000000000' /proc/%d/status", session);
        assert_string_equal(shell("stat -c '%%A %%U' " JSON_SOCKET), "srw-rw-rw- root");
        leave(c, pid);
        shell_until("! systemctl list-units --plain --no-legend --all 'chat-json@*' | grep -q .");
}

/* One user cannot take all connections of the socket. Connections beyond MembersPerUser= are refused with a reason, and
 * other users get in. Connections to chat-local.socket count, too. */
static void test_a_user_who_connects_too_often(void **state)
{
        enum { PLACES = 3, CONNECTIONS = 300 }; /* more than chat-json.socket takes */
        (void)state;
        pid_t pids[PLACES], pid;
        struct client *taken[PLACES];
        shell("echo MembersPerUser=%d >>/etc/chat/chat.conf && systemctl reload chatd", PLACES);
        for (int i = 0; i < PLACES; i++)
                taken[i] = join_local("robot", &pids[i]);
        assert_non_null(strstr(shell("runuser -u robot -- nc -dU " JSON_SOCKET),
                               "{\"event\":\"refused\",\"code\":\"user-full\",\"most\":3,"));
        shell("systemctl start chat-local.socket && runuser -u robot -- nc -dU /run/chat-local.sock | grep -q "
              "'You cannot join: 3 connections' && systemctl stop chat-local.socket");
        shell("for i in $(seq %d); do runuser -u robot -- nc -dU " JSON_SOCKET " >/dev/null & done; wait", CONNECTIONS);
        struct client *other = join_local("other", &pid);
        assert_chat(other, "beside them", 0);
        leave(other, pid);
        shell("journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=crowded | "
              "grep -q '^robot (pid=[0-9]*,uid=[0-9]*) may not join: 3 connections from user'");
        for (int i = 0; i < PLACES; i++)
                leave(taken[i], pids[i]);
        shell("sed -i /^MembersPerUser=/d /etc/chat/chat.conf && systemctl reload chatd");
}

static void test_an_administrator_ends_programs(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_local("robot", &pid);
        shell("systemctl stop \"chat-json@*-$(id -u robot).service\"");
        client_expect(c, "\"code\":\"shut-down\"");
        client_expect_end(c);
        process_wait(pid);
        witness_sees_leave(c);
        c = join_local("robot", &pid);
        shell("chatctl kick robot too loud");
        client_expect(c, "\"code\":\"removed\",\"text\":\"too loud\"");
        client_expect_end(c);
        process_wait(pid);
        client_expect(witness, "*** robot was removed\r\n");
        client_free(c);
}

static void test_stopping_the_listener_disconnects_nobody(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_local("robot", &pid);
        shell("systemctl stop chat-json.socket");
        shell("! test -e " JSON_SOCKET);
        assert_chat(c, "no listener", 0);
        shell("systemctl start chat-json.socket");
        assert_chat(c, "again", 0);
        leave(c, pid);
        c = join_local("robot", &pid);
        leave(c, pid);
}

static void test_what_chatctl_counts(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_local("robot", &pid);
        assert_string_equal(
                shell("chatctl metrics | grep '^chat_socket_\\(listening\\|connections\\){socket=\"chat-json'"),
                "chat_socket_listening{socket=\"chat-json.socket\"} 1\n"
                "chat_socket_listening{socket=\"chat-json-tcp.socket\"} 0\n"
                "chat_socket_connections{socket=\"chat-json.socket\"} 1\n"
                "chat_socket_connections{socket=\"chat-json-tcp.socket\"} 0");
        shell("chatctl status | grep -Eqx ' *at chat-json.socket: [0-9]+'");
        shell("! chatctl status | grep chat-json-tcp");
        leave(c, pid);
}

/* ---- TCP ---- */

static void test_tcp(void **state)
{
        (void)state;
        shell("! nc -z 127.0.0.1 %d", JSON_PORT);
        shell("systemctl enable --now chat-json-tcp.socket 2>&1");
        struct client *four = welcome(client_connect("127.0.0.1", JSON_PORT)),
                      *six = welcome(client_connect("::1", JSON_PORT));
        shell("ss -tnH dport = :%d | awk '{print $4}' | grep -qxF '%s'", JSON_PORT, four->name);
        shell("ss -tnH dport = :%d | awk '{print $4}' | grep -qxF '%s'", JSON_PORT, six->name);
        assert_chat(four, "by IPv4", 4);
        assert_chat(six, "by IPv6", 6);
        client_expect(four, "\"name\":\"%s\",\"text\":\"by IPv6 6\"}\n", six->name);
        /* a timer notices a client that vanishes; the other timer is for bytes that are not acknowledged yet */
        shell_until("ss -tnoH sport = :%d | grep -c 'timer:(keepalive,' | grep -qx 2", JSON_PORT);
        shell("systemctl kill -s KILL --kill-who=main chatd || true");
        assert_chat(four, "by IPv4 after a kill", 4);
        assert_chat(six, "by IPv6 after a kill", 6);
        hang_up(four);
        hang_up(six);
        shell("systemctl disable --now chat-json-tcp.socket 2>&1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, witness_join, witness_leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_chatd_is_killed),
                TEST(test_a_program_is_called_as_its_user),
                TEST(test_who_may_what),
                TEST(test_a_user_who_connects_too_often),
                TEST(test_an_administrator_ends_programs),
                TEST(test_stopping_the_listener_disconnects_nobody),
                TEST(test_what_chatctl_counts),
                TEST(test_tcp),
        };
        return RUN_TESTS(tests, install, NULL);
}
