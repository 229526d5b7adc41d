/* Browsers under a real systemd, at chat-web.socket. */
#include <stdio.h>
#include <sys/socket.h>

#include <chat/clock.h>

#include "browsers.h"
#include "witness.h"

#define HOST "localhost:8880"
#define OWN_ORIGIN "Origin: http://" HOST "\r\n"

static int install(void **state)
{
        booted_install_naming(state);
        shell("! systemctl is-active chat-web.socket && ! nc -z 127.0.0.1 %d", WEB_PORT);
        shell("systemctl enable --now chat-web.socket 2>&1");
        return 0;
}

static int leave_witness(void **state)
{
        witness_leave(state);
        shell_until("! systemctl list-units --plain --no-legend --all 'chat-web@*' | grep -q .");
        return 0;
}

/* Opens a WebSocket, and joins the lobby, where the witness is. */
static struct client *join_from(const char *address)
{
        struct client *c = browser_connect(address, WEB_PORT);
        char name[sizeof(c->name)];
        snprintf(name, sizeof(name), "%s", c->name);
        browser_open_websocket(c, HOST, OWN_ORIGIN);
        assert_string_equal(c->name, name);
        browser_join(c, "lobby");
        client_expect(witness, "*** %s is connected\r\n", c->name);
        return c;
}

static void hang_up(struct client *c)
{
        shutdown(c->fd, SHUT_WR);
        client_expect_end(c);
        witness_sees_leave(c);
}

static void test_the_page(void **state)
{
        (void)state;
        for (const char *const *host = (const char *const[]){"127.0.0.1", "::1", NULL}; *host; host++) {
                struct client *c = client_connect(*host, WEB_PORT);
                browser_ask(c, "/", HOST, "");
                browser_expect_status(c, 200);
                client_expect(c, "</html>");
                browser_ask(c, "/healthz", HOST, "");
                browser_expect_status(c, 200);
                client_expect(c, "ok\n");
                browser_ask(c, "/", "chat.example", "");
                browser_expect_status(c, 421);
                client_free(c);
        }
        /* the chat was told of none of these clients */
        client_send(witness, "/who\n");
        assert_string_equal(client_expect(witness, "*** You are alone here: "), "");
}

static void test_chatd_is_killed(void **state)
{
        (void)state;
        struct client *c = join_from("127.0.0.5");
        browser_assert_chat(c, "at first", 0);
        for (int i = 0; i < 10; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                browser_assert_chat(c, "after a kill", i);
        }
        hang_up(c);
}

/* The session is the only process of its unit, and is in its sandbox. */
static void test_who_may_what(void **state)
{
        (void)state;
        struct client *c = join_from("127.0.0.5");
        pid_t session = booted_session(c);
        assert_string_equal(shell("stat -c '%%U %%G' /proc/%d", session), "chat-session chat");
        assert_int_equal(atoi(shell("systemctl show -P MainPID 'chat-web@*.service'")), session);
        shell("grep -qx 'Seccomp:\t2' /proc/%d/status && grep -qx 'NoNewPrivs:\t1' /proc/%d/status", session, session);
        shell("grep -qx 'CapBnd:\t0000000000000000' /proc/%d/status", session);
        hang_up(c);
}

/* A page of another site cannot chat in the name of a person who looks at it. */
static void test_pages_from_elsewhere(void **state)
{
        static const char elsewhere[] = "Origin: http://chat.lan:8880\r\n";
        (void)state;
        struct client *c = browser_connect("127.0.0.1", WEB_PORT);
        browser_ask_for_websocket(c, HOST, elsewhere);
        browser_expect_status(c, 403);
        browser_ask_for_websocket(c, "chat.lan:8880", elsewhere);
        browser_expect_status(c, 421);
        client_free(c);
        shell("echo WebOrigins=http://chat.lan:8880 >>/etc/chat/chat.conf");
        c = browser_connect("127.0.0.1", WEB_PORT);
        browser_open_websocket(c, "chat.lan:8880", elsewhere);
        client_free(c);
        shell("sed -i /^WebOrigins=/d /etc/chat/chat.conf");
}

static void test_an_administrator_ends_sessions(void **state)
{
        (void)state;
        struct client *c = join_from("127.0.0.5");
        shell("chatctl kick %s too loud", c->name);
        client_expect(c, "\"code\":\"removed\",\"text\":\"too loud\"");
        client_expect_end(c);
        client_expect(witness, "*** %s was removed\r\n", c->name);
        client_free(c);
        c = join_from("127.0.0.5");
        shell("systemctl stop 'chat-web@*.service'");
        client_expect(c, "\"code\":\"shut-down\"");
        client_expect_end(c);
        witness_sees_leave(c);
        shell("chatctl ban 127.0.0.5");
        c = browser_connect("127.0.0.5", WEB_PORT);
        browser_ask_for_websocket(c, HOST, OWN_ORIGIN);
        client_expect(c, "{\"event\":\"refused\",\"code\":\"banned\"");
        client_expect_end(c);
        client_free(c);
        shell("chatctl unban 127.0.0.5");
}

static void test_stopping_the_listener_disconnects_nobody(void **state)
{
        (void)state;
        struct client *c = join_from("127.0.0.5");
        shell("systemctl stop chat-web.socket");
        shell("! nc -z 127.0.0.1 %d", WEB_PORT);
        browser_assert_chat(c, "no listener", 0);
        shell("systemctl start chat-web.socket");
        browser_assert_chat(c, "again", 0);
        hang_up(c);
}

/* ---- lines from scripts ---- */

/* The example of the manual, and another line after chatd was killed. */
static void test_a_line_from_a_script(void **state)
{
        (void)state;
        shell("sed -n '/^A script says/,/^.Ed/{s/^# //p; s/^    //p}' "
              "/usr/local/share/man/man8/chat-web.8 | sed 's/\\\\e$/\\\\/' >/run/example && grep -c . /run/example | "
              "grep -qx 6");
        client_send(witness, "/join ops\n");
        client_expect(witness, "You are now in ops");
        shell("sh -e /run/example");
        client_expect(witness, "disk: disk full\r\n");
        shell("systemctl kill -s KILL --kill-who=main chatd || true");
        shell("chatctl token remove disk && chatctl token list --json | grep -qx '\\[\\]'");
        shell("chatctl token add disk >/run/token && systemctl kill -s KILL --kill-who=main chatd || true");
        shell("curl -sS --fail --retry 5 -d 'still full' -H \"Authorization: Bearer $(cat /run/token)\" "
              "'http://localhost:8880/say?room=%%23ops'");
        client_expect(witness, "disk: still full\r\n");
        shell("journalctl -o cat CHAT_EVENT=token-removed | grep -q disk");
}

/* ---- connections without a request ---- */

static void test_silent_clients_are_disconnected(void **state)
{
        (void)state;
        int64_t before = clock_ms();
        struct client *silent = browser_connect("127.0.0.1", WEB_PORT), *slow = browser_connect("127.0.0.1", WEB_PORT);
        client_send(slow, "GET / HTTP/1.1\r\nHost: ");
        browser_expect_status(slow, 408);
        client_expect_end(slow);
        assert_string_equal(client_expect_end(silent), "");
        assert_in_range(clock_ms() - before, 10000, DEADLINE_MS);
        client_free(silent);
        client_free(slow);
}

/* Other people get in while one address holds many silent connections. */
static void test_many_silent_clients(void **state)
{
        enum { SILENT = 300 };
        (void)state;
        struct client *silent[SILENT], *c, *other;
        for (int i = 0; i < SILENT; i++)
                silent[i] = browser_connect("127.0.0.1", WEB_PORT);
        other = booted_join();
        client_expect(witness, "*** %s is connected\r\n", other->name);
        client_send(other, "hello\n");
        client_expect(witness, "%s: hello\r\n", other->name);
        c = join_from("127.0.0.1");
        browser_assert_chat(c, "beside them", 0);
        hang_up(c);
        for (int i = 0; i < SILENT; i++) {
                assert_string_equal(client_expect_end(silent[i]), "");
                client_free(silent[i]);
        }
        client_free(other);
}

/* One address cannot take all connections of the socket. */
static void test_an_address_that_connects_too_often(void **state)
{
        enum { PLACES = 3 };
        (void)state;
        struct client *taken[PLACES], *c;
        assert_string_equal(shell("systemctl show -P MaxConnections -P MaxConnectionsPerSource chat-web.socket"),
                            "2048\n512");
        shell("d=/run/systemd/system/chat-web.socket.d; mkdir -p $d && "
              "printf '[Socket]\\nMaxConnectionsPerSource=%d\\n' >$d/few.conf && systemctl daemon-reload && "
              "systemctl restart chat-web.socket",
              PLACES);
        for (int i = 0; i < PLACES; i++)
                taken[i] = join_from("127.0.0.6");
        c = browser_connect("127.0.0.6", WEB_PORT);
        assert_string_equal(client_expect_end(c), "");
        client_free(c);
        c = join_from("127.0.0.7");
        browser_assert_chat(c, "beside them", 0);
        shell("chatctl status | grep -Eqx ' *at chat-web.socket: 1'");
        assert_string_equal(shell("chatctl metrics | grep '^chat_socket_[a-z_]*{socket=\"chat-web' | grep -v accepted"),
                            "chat_socket_listening{socket=\"chat-web.socket\"} 1\n"
                            "chat_socket_listening{socket=\"chat-web-proxied.socket\"} 0\n"
                            "chat_socket_connections{socket=\"chat-web.socket\"} 4\n"
                            "chat_socket_connections{socket=\"chat-web-proxied.socket\"} 0\n"
                            "chat_socket_refused_total{socket=\"chat-web.socket\"} 1\n"
                            "chat_socket_refused_total{socket=\"chat-web-proxied.socket\"} 0");
        hang_up(c);
        for (int i = 0; i < PLACES; i++)
                hang_up(taken[i]);
        shell("rm /run/systemd/system/chat-web.socket.d/few.conf && systemctl daemon-reload && "
              "systemctl restart chat-web.socket");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, witness_join, leave_witness)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_page),
                TEST(test_chatd_is_killed),
                TEST(test_who_may_what),
                TEST(test_pages_from_elsewhere),
                TEST(test_an_administrator_ends_sessions),
                TEST(test_stopping_the_listener_disconnects_nobody),
                TEST(test_a_line_from_a_script),
                TEST(test_silent_clients_are_disconnected),
                TEST(test_many_silent_clients),
                TEST(test_an_address_that_connects_too_often),
        };
        return RUN_TESTS(tests, install, NULL);
}
