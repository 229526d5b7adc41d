/* Browsers behind web servers with TLS: nginx and Caddy, set up by the commands that chat-proxy(7) prints. */
#include <stdio.h>
#include <sys/socket.h>

#include "browsers.h"
#include "proxies.h"
#include "witness.h"

#define PROXIED_SOCKET "/run/chat-web-proxied.sock"
#define HOST "chat.example"
#define OWN_ORIGIN "Origin: https://" HOST "\r\n"
#define CERTIFICATES "/etc/letsencrypt/live/" HOST
#define NGINX_AUTHORITY CERTIFICATES "/fullchain.pem"
#define CADDY_AUTHORITY "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"

static int install(void **state)
{
        proxies_install();
        booted_install_naming(state);
        shell("mkdir -p " CERTIFICATES " && cd " CERTIFICATES " && openssl req -x509 -newkey ec -pkeyopt "
              "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" HOST " -addext subjectAltName=DNS:" HOST
              " -keyout privkey.pem -out fullchain.pem 2>&1");
        /* Caddy is its own certificate authority, because no other one can be reached */
        shell("sed -i '1i {\\n\\tlocal_certs\\n\\tskip_install_trust\\n}' /etc/caddy/Caddyfile");
        return 0;
}

static int leave_witness(void **state)
{
        witness_leave(state);
        shell_until("! systemctl list-units --plain --no-legend 'chat@*' 'chat-web-proxied@*' | grep -q .");
        return 0;
}

/* Connects to port 443 from this address with TLS, and checks the certificate. */
static struct client *come(const char *from, const char *authority, pid_t *pid)
{
        char *const argv[] = {"openssl",
                              "s_client",
                              "-quiet",
                              "-nocommands",
                              "-CAfile",
                              (char *)authority,
                              "-verify_return_error",
                              "-verify_hostname",
                              HOST,
                              "-servername",
                              HOST,
                              "-bind",
                              (char *)from,
                              "-connect",
                              "127.0.0.1:443",
                              NULL};
        return booted_start_client(argv, pid);
}

/* Opens a WebSocket, and joins the lobby. Asserts that the client's name is its real address, and not the one that
 * `fields` claim. */
static struct client *join(const char *from, const char *authority, const char *fields, pid_t *pid)
{
        struct client *c = come(from, authority, pid);
        browser_open_websocket(c, HOST, fields);
        assert_string_equal(shell("ss -tnpH dport = :443 | grep -F ',pid=%d,' | awk '{print $4}'", *pid), c->name);
        assert_int_equal(strncmp(c->name, from, strlen(from)), 0);
        browser_join(c, "lobby");
        client_expect(witness, "*** %s is connected\r\n", c->name);
        return c;
}

static void leave(struct client *c, pid_t pid)
{
        process_end(pid);
        witness_sees_leave(c);
}

static void assert_refused(const char *authority, const char *host, const char *fields, int status)
{
        pid_t pid;
        struct client *c = come("127.0.0.5", authority, &pid);
        browser_ask_for_websocket(c, host, fields);
        browser_expect_status(c, status);
        process_end(pid);
        client_free(c);
}

/* Asserts that browsers reach the chat, and that the chat knows their addresses. */
static void assert_serves(const char *authority)
{
        pid_t pid, other_pid;
        shell_until("test -s %s && openssl s_client -CAfile %s -verify_return_error -verify_hostname " HOST
                    " -servername " HOST " -connect 127.0.0.1:443 </dev/null 2>&1",
                    authority, authority);
        shell("! systemctl is-active chat-web.socket");

        struct client *c = come("127.0.0.5", authority, &pid);
        browser_ask(c, "/", HOST, "");
        browser_expect_status(c, 200);
        client_expect(c, "</html>");
        browser_ask(c, "/healthz", HOST, "");
        browser_expect_status(c, 200);
        client_expect(c, "ok\n");
        process_end(pid);
        client_free(c);

        c = join("127.0.0.5", authority, OWN_ORIGIN, &pid);
        browser_assert_chat(c, "from the page", 0);
        struct client *other = join("127.0.0.6", authority,
                                    "X-Real-IP: 192.0.2.66\r\nX-Real-Port: 7\r\nX-Forwarded-For: 192.0.2.66\r\n"
                                    "Forwarded: for=192.0.2.66\r\n",
                                    &other_pid);
        browser_assert_chat(other, "from a liar", 0);
        for (int i = 0; i < 3; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                browser_assert_chat(c, "after a kill", i);
                browser_assert_chat(other, "after the same", i);
        }
        leave(other, other_pid);

        assert_refused(authority, HOST, "Origin: https://evil.example\r\n", 403);
        shell("chatctl ban 127.0.0.7");
        other = come("127.0.0.7", authority, &other_pid);
        browser_ask_for_websocket(other, HOST, OWN_ORIGIN);
        client_expect(other, "{\"event\":\"refused\",\"code\":\"banned\"");
        process_end(other_pid);
        client_free(other);
        shell("chatctl unban 127.0.0.7");
        leave(c, pid);
}

/* Only root can connect until a drop-in names the group of the web server. */
static void test_who_may_connect(void **state)
{
        (void)state;
        shell("systemctl start chat-web-proxied.socket");
        assert_string_equal(shell("stat -c '%%A %%U:%%G' " PROXIED_SOCKET), "srw------- root:root");
        struct client *c = client_connect_unix(PROXIED_SOCKET);
        browser_ask_for_websocket(c, HOST, OWN_ORIGIN);
        browser_expect_status(c, 400);
        browser_open_websocket(c, HOST, OWN_ORIGIN "X-Real-IP: 2001:db8::7\r\nX-Real-Port: 4711\r\n");
        assert_string_equal(c->name, "[2001:db8::7]:4711");
        client_free(c);
        shell("systemctl stop chat-web-proxied.socket");
        shell("! test -e " PROXIED_SOCKET);
}

static void test_nginx(void **state)
{
        (void)state;
        shell("systemctl start nginx");
        proxies_follow("nginx web");
        assert_serves(NGINX_AUTHORITY);
        /* a reload of nginx disconnects nobody */
        pid_t pid;
        struct client *c = join("127.0.0.5", NGINX_AUTHORITY, OWN_ORIGIN, &pid);
        shell("systemctl reload nginx");
        browser_assert_chat(c, "after a reload", 0);
        leave(c, pid);
        shell("systemctl stop nginx");
}

static void test_caddy(void **state)
{
        (void)state;
        shell("systemctl start caddy");
        proxies_follow("caddy web");
        assert_serves(CADDY_AUTHORITY);
        /* a reload of Caddy ends WebSockets; a page opens another one */
        pid_t pid;
        struct client *c = join("127.0.0.5", CADDY_AUTHORITY, OWN_ORIGIN, &pid);
        shell("systemctl reload caddy");
        client_expect_end(c);
        leave(c, pid);
        c = join("127.0.0.5", CADDY_AUTHORITY, OWN_ORIGIN, &pid);
        browser_assert_chat(c, "after a reload", 0);
        leave(c, pid);
        shell("systemctl stop caddy");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, witness_join, leave_witness)

int main(void)
{
        const struct CMUnitTest tests[] = {TEST(test_who_may_connect), TEST(test_nginx), TEST(test_caddy)};
        return RUN_TESTS(tests, install, NULL);
}
