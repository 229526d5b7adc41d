/* The chat behind proxies. HAProxy and nginx are set up by the commands that chat-proxy(7) prints. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxies.h"

#define PROXIED_SOCKET "/run/chat-proxied.sock"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct client *witness; /* is shown everything that is relayed */

static int install(void **state)
{
        proxies_install();
        booted_install_without_history(state);
        shell("systemctl enable --now chat-local.socket chat-proxied.socket 2>&1");
        return 0;
}

static int join_witness(void **state)
{
        (void)state;
        witness = client_connect_unix("/run/chat-local.sock");
        snprintf(witness->name, sizeof(witness->name), "root");
        client_greeted(witness);
        return 0;
}

/* Asserts that nothing unexpected came to the witness. */
static void assert_unheard(void)
{
        client_send(witness, "/who\n");
        assert_string_equal(client_expect(witness, "*** You are alone here: root (you)\r\n"), "");
}

static int leave_witness(void **state)
{
        (void)state;
        assert_unheard();
        client_free(witness);
        shell_until("! systemctl list-units --plain --no-legend 'chat-local@*' 'chat-proxied@*' | grep -q .");
        return 0;
}

/* ---- a proxy that the test plays ---- */

static struct client *begin(const void *header, size_t size)
{
        struct client *c = client_connect_unix(PROXIED_SOCKET);
        client_send_bytes(c, header, size);
        return c;
}

/* Waits until `c` has joined, and the witness gets its line. */
static void assert_in(struct client *c, const char *name)
{
        client_expect(c, "*** Welcome, %s. ", name);
        client_expect(c, "exit leaves.\r\n");
        client_send(c, "hello\n");
        client_expect(witness, "*** %s is connected\r\n", name);
        assert_string_equal(client_expect(witness, "%s: hello\r\n", name), "");
}

static void assert_leaves(struct client *c, const char *name)
{
        client_free(c);
        assert_string_equal(client_expect(witness, "*** %s is disconnected\r\n", name), "");
}

static void assert_refused(struct client *c, const char *why)
{
        client_expect(c, "*** You cannot join: %s\r\n", why);
        client_expect_end(c);
        client_free(c);
}

#define V2_CLIENT SIGNATURE "\x21\x11\0\x16\xc0\0\2\7\xc0\0\2\1\x12\x67\x22\xb8\4\0\0\5\0\4abcd"
#define V2_IPV6                                                                                                        \
        SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"         \
                  "\x12\x67\x22\xb8"
#define V1_CLIENT "PROXY TCP4 192.0.2.8 192.0.2.1 4711 8888\r\n"

static void test_both_versions(void **state)
{
        static const struct {
                const char *header, *name;
                size_t size;
        } rows[] = {
                {V1_CLIENT, "192.0.2.8:4711", sizeof(V1_CLIENT) - 1},
                {V2_CLIENT, "192.0.2.7:4711", sizeof(V2_CLIENT) - 1},
                {V2_IPV6, "[2001:db8::7]:4711", sizeof(V2_IPV6) - 1},
                {"PROXY UNKNOWN\r\n", "root~2", 15}, /* the witness is root, too */
        };
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct client *c = begin(rows[i].header, rows[i].size);
                assert_in(c, rows[i].name);
                assert_leaves(c, rows[i].name);
        }
}

/* The proxy's own connections: neither the members nor the journal are told. */
static void test_health_checks(void **state)
{
        static const struct {
                const char *header;
                size_t size;
        } rows[] = {
                {"", 0},
                {V1_CLIENT, sizeof(V1_CLIENT) - 1},
                {SIGNATURE "\x20\0\0\0", 16},
        };
        (void)state;
        shell("journalctl --sync && journalctl -u chatd -o cat | wc -l >/run/before");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct client *c = begin(rows[i].header, rows[i].size);
                if (i == 2)
                        client_expect(c, "*** The chat is here\r\n");
                client_free(c);
        }
        shell_until("! systemctl list-units --plain --no-legend 'chat-proxied@*' | grep -q .");
        assert_unheard();
        assert_string_equal(shell("journalctl --sync && journalctl -u chatd -o cat | wc -l | diff - /run/before"), "");
}

static void test_wrong_headers(void **state)
{
        (void)state;
        assert_refused(begin("hello\r\n", 7), "the proxy did not say where you come from");
        shell_until(
                "journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=bad-header | grep -q 'was not let in: wrong "
                "PROXY header (malformed); others since: 0'");
        assert_string_equal(
                shell("journalctl -u chatd -o json CHAT_EVENT=bad-header --output-fields=CHAT_HEADER | grep -c "
                      "'\"CHAT_HEADER\":\"malformed\"'"),
                "1");
        shell("journalctl -x -u chatd CHAT_EVENT=bad-header | grep -q 'A proxy did not name its client'");
}

/* ---- real proxies ---- */

/* Connects to port 8888 from this address. Writes the expected name to `name`. */
static struct client *come(const char *from, char name[static 64])
{
        bool ipv6 = strchr(from, ':') != NULL;
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(ipv6 ? "0.0.0.0" : from)};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
        int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(in);
        if (ipv6) {
                in6.sin6_port = htons(CHAT_PORT);
                assert_int_equal(connect(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
                size = sizeof(in6);
                assert_int_equal(getsockname(fd, (struct sockaddr *)&in6, &size), 0);
                snprintf(name, 64, "[::1]:%u", ntohs(in6.sin6_port));
                return client_of(fd, name);
        }
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.0.0.1"), .sin_port = htons(CHAT_PORT)};
        assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
        snprintf(name, 64, "%s:%u", from, ntohs(in.sin_port));
        return client_of(fd, name);
}

/* Asserts that the chat knows the own addresses of clients that come through the proxy. */
static void assert_passes_on(const char *proxy)
{
        char a_name[64], b_name[64], c_name[64];
        shell_until("nc -z 127.0.0.1 8888 && nc -z ::1 8888");
        shell("! systemctl is-active chat.socket");

        struct client *a = come("127.0.0.2", a_name), *b, *c;
        assert_in(a, a_name);
        c = come("::1", c_name);
        assert_in(c, c_name);
        client_expect(a, "*** %s is connected\r\n", c_name);
        client_expect(a, "%s: hello\r\n", c_name);

        /* bans */
        shell("chatctl ban 127.0.0.3");
        assert_refused(come("127.0.0.3", b_name), "you are banned");
        shell("chatctl unban 127.0.0.3");
        b = come("127.0.0.3", b_name);
        assert_in(b, b_name);
        assert_leaves(b, b_name);

        /* limits */
        shell("echo MembersPerNetwork=1 >>/etc/chat/chat.conf && systemctl reload chatd");
        b = come("127.0.0.2", b_name);
        client_expect(b, "*** You cannot join: ");
        client_expect_end(b);
        client_free(b);
        b = come("127.0.0.4", b_name);
        assert_in(b, b_name);
        assert_leaves(b, b_name);
        shell("sed -i /^MembersPerNetwork=/d /etc/chat/chat.conf && systemctl reload chatd");

        /* a reload of the proxy, as after a change of settings, disconnects nobody */
        shell("systemctl reload %s", proxy);
        shell_until("nc -z 127.0.0.1 8888");
        b = come("127.0.0.5", b_name);
        assert_in(b, b_name);
        client_send(a, "still here\n");
        assert_string_equal(client_expect(witness, "%s: still here\r\n", a_name), "");
        client_expect(b, "%s: still here\r\n", a_name);
        assert_leaves(b, b_name);
        assert_leaves(c, c_name);

        /* the input ends, and the chat has still something to send */
        client_send(a, "/who\nbye\n");
        shutdown(a->fd, SHUT_WR);
        assert_string_equal(client_expect(witness, "%s: bye\r\n", a_name), "");
        assert_string_equal(client_expect(witness, "*** %s is disconnected\r\n", a_name), "");
        assert_non_null(strstr(client_expect_end(a), "2 people are here"));
        client_free(a);
}

static void test_haproxy(void **state)
{
        (void)state;
        shell("systemctl start haproxy");
        proxies_follow("haproxy");
        assert_passes_on("haproxy");
        /* its health check gets the chat's answer, and no member is told */
        shell_until("echo show stat | nc -NU /run/haproxy/admin.sock | grep '^chat,chat,' | grep -q ',UP,.*,L7OK,'");
        shell("systemctl stop haproxy");
}

static void test_nginx(void **state)
{
        (void)state;
        shell("systemctl start nginx");
        proxies_follow("nginx");
        assert_passes_on("nginx");
        shell("systemctl stop nginx");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, join_witness, leave_witness)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_both_versions), TEST(test_health_checks), TEST(test_wrong_headers),
                TEST(test_haproxy),       TEST(test_nginx),
        };
        return RUN_TESTS(tests, install, NULL);
}
