#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../chat-session/peer.h"

#include "test.h"

static const char *login_name; /* of every user, in place of the real one */

/* Replaces getpwuid() of libc. */
struct passwd *getpwuid(uid_t uid)
{
        static struct passwd pw;
        static char name[256];
        if (!login_name) {
                setpwent();
                struct passwd *real;
                while ((real = getpwent()) && real->pw_uid != uid)
                        ;
                return real;
        }
        snprintf(name, sizeof(name), "%s", login_name);
        pw = (struct passwd){.pw_name = name, .pw_uid = uid};
        return &pw;
}

/* Connects to a listening socket at `address` and identifies the accepted end. Returns the client's port. */
static unsigned identify(struct peer *p, const struct sockaddr *address, socklen_t size, const struct sockaddr *target)
{
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        } bound = {0};
        socklen_t bound_size = sizeof(bound);
        int off = 0, listener = socket(address->sa_family, SOCK_STREAM, 0);
        if (address->sa_family == AF_INET6)
                setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        assert_int_equal(bind(listener, address, size), 0);
        assert_int_equal(listen(listener, 1), 0);
        getsockname(listener, &bound.any, &bound_size);
        in_port_t port = bound.in.sin_port; /* at the same place in both structs */

        int client = socket(target->sa_family, SOCK_STREAM, 0);
        memcpy(&bound, target, target->sa_family == AF_INET ? sizeof(bound.in) : sizeof(bound.in6));
        bound.in.sin_port = port;
        assert_int_equal(connect(client, &bound.any, sizeof(bound)), 0);
        bound_size = sizeof(bound);
        getsockname(client, &bound.any, &bound_size);
        int accepted = accept(listener, NULL, NULL);
        *p = (struct peer){0};
        peer_identify(p, accepted);
        close(accepted);
        close(client);
        close(listener);
        return ntohs(bound.in.sin_port);
}

static const struct sockaddr_in loopback4 = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};
static const struct sockaddr_in6 loopback6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
static const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};

static void assert_name(const struct peer *p, const char *format, unsigned port)
{
        char expected[64];
        snprintf(expected, sizeof(expected), format, port);
        assert_string_equal(p->name, expected);
        assert_string_equal(p->address, expected);
}

static void test_ipv4(void **state)
{
        (void)state;
        struct peer p;
        const struct sockaddr *a = (const struct sockaddr *)&loopback4;
        unsigned port = identify(&p, a, sizeof(loopback4), a);
        assert_name(&p, "127.0.0.1:%u", port);
}

static void test_ipv6(void **state)
{
        (void)state;
        struct peer p;
        const struct sockaddr *a = (const struct sockaddr *)&loopback6;
        unsigned port = identify(&p, a, sizeof(loopback6), a);
        assert_name(&p, "[::1]:%u", port);
}

static void test_ipv4_on_an_ipv6_socket(void **state)
{
        (void)state;
        struct peer p;
        unsigned port = identify(&p, (const struct sockaddr *)&any6, sizeof(any6), (const struct sockaddr *)&loopback4);
        assert_name(&p, "127.0.0.1:%u", port);
}

static void test_a_unix_socket_gives_the_login_name(void **state)
{
        (void)state;
        struct peer p = {0};
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        peer_identify(&p, fds[0]);
        assert_string_equal(p.name, getpwuid(getuid())->pw_name);
        assert_non_null(strstr(p.address, "uid="));
        close(fds[0]);
        close(fds[1]);
}

static void test_a_connection_that_is_gone(void **state)
{
        (void)state;
        struct peer p = {0};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        unsetenv("REMOTE_ADDR");
        peer_identify(&p, fd);
        assert_string_equal(p.name, "unknown");
        setenv("REMOTE_ADDR", "fe80::1", 1);
        setenv("REMOTE_PORT", "77", 1);
        peer_identify(&p, fd);
        assert_string_equal(p.name, "[fe80::1]:77");
        setenv("REMOTE_ADDR", "1.2.3.4", 1);
        peer_identify(&p, fd);
        assert_string_equal(p.name, "1.2.3.4:77");
        setenv("REMOTE_ADDR", "not\nan address", 1);
        peer_identify(&p, fd);
        assert_string_equal(p.name, "unknown");
        assert_string_equal(p.address, "unknown");
        close(fd);
}

static void test_no_socket_at_all(void **state)
{
        (void)state;
        struct peer p = {0};
        int fd = open("/dev/null", O_RDONLY);
        peer_identify(&p, fd);
        assert_string_equal(p.name, getpwuid(getuid())->pw_name);
        assert_null(strchr(p.address, ' '));
        close(fd);
}

static void assert_login(const char *login, const char *expected)
{
        struct peer p = {0};
        int fd = open("/dev/null", O_RDONLY);
        login_name = login;
        peer_identify(&p, fd);
        login_name = NULL;
        assert_string_equal(p.name, expected);
        close(fd);
}

static void test_login_names_that_cannot_be_shown_as_they_are(void **state)
{
        (void)state;
        char longest[LOCAL_NAME_MAX_BYTES + 1] = "", longer[LOCAL_NAME_MAX_BYTES + 2] = "", uid[32];
        memset(longest, 'x', LOCAL_NAME_MAX_BYTES);
        memset(longer, 'x', LOCAL_NAME_MAX_BYTES + 1);
        snprintf(uid, sizeof(uid), "uid%u", getuid());
        assert_login("ann", "ann");
        assert_login("ann@corp@x", "ann%corp%x"); /* "@" is for members on other hosts */
        assert_login(longest, longest);
        assert_login(longer, uid);
        assert_login("a nn", uid);
}

/* Sends a proxy's header in pieces, and a byte of the client's, which must stay unread. Returns what
 * peer_identify_proxied() returns. */
static int identify_proxied(struct peer *p, const char *header, size_t size, size_t piece)
{
        int fds[2], r;
        char next = 0;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        for (size_t at = 0; at < size; at += piece) {
                size_t n = size - at < piece ? size - at : piece;
                assert_int_equal(write(fds[1], header + at, n), (ssize_t)n);
        }
        assert_int_equal(write(fds[1], "x", 1), 1);
        shutdown(fds[1], SHUT_WR);
        snprintf(p->name, sizeof(p->name), "proxy");
        snprintf(p->address, sizeof(p->address), "uid=1");
        r = peer_identify_proxied(p, fds[0]);
        if (r >= 0) {
                assert_int_equal(read(fds[0], &next, 1), 1);
                assert_int_equal(next, 'x');
        }
        close(fds[0]);
        close(fds[1]);
        return r;
}

static void assert_proxied(const char *header, size_t size, const char *expected)
{
        struct peer p;
        for (size_t piece = 1; piece <= size; piece += 1 + piece / 2) {
                assert_int_equal(identify_proxied(&p, header, size, piece), PROXY_CLIENT);
                assert_string_equal(p.name, expected);
                assert_string_equal(p.address, expected);
        }
}

#define PROXIED(header, expected) assert_proxied(header, sizeof(header) - 1, expected)
#define V2 "\r\n\r\n\0\r\nQUIT\n"

static void test_a_proxy_says_who_it_is(void **state)
{
        (void)state;
        PROXIED("PROXY TCP4 192.168.1.7 192.168.1.10 54321 8889\r\n", "192.168.1.7:54321");
        PROXIED("PROXY TCP6 fe80::1 fe80::2 1 2\r\n", "[fe80::1]:1");
        PROXIED("PROXY TCP6 2001:DB8:0:0::7 ::1 0 8889\r\n", "[2001:db8::7]:0");
        PROXIED("PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 77 8889\r\n", "1.2.3.4:77");
        PROXIED("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
                "65535\r\n",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
        PROXIED(V2 "\x21\x11\0\x0c\xc0\xa8\1\7\xc0\xa8\1\x0a\xd4\x31\x22\xb9", "192.168.1.7:54321");
        PROXIED(V2 "\x21\x21\0\x24\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2",
                "[fe80::1]:1");
}

/* If the proxy states no address, the peer is the proxy itself. */
static void test_a_proxy_that_knows_no_address(void **state)
{
        static const struct {
                const char *header;
                size_t size;
                enum proxy_kind kind;
        } rows[] = {
                {"PROXY UNKNOWN\r\n", 15, PROXY_UNKNOWN},
                {"PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n", 35, PROXY_UNKNOWN},
                {V2 "\x21\0\0\0", 16, PROXY_UNKNOWN},
                {V2 "\x20\0\0\0", 16, PROXY_LOCAL},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct peer p;
                assert_int_equal(identify_proxied(&p, rows[i].header, rows[i].size, rows[i].size), rows[i].kind);
                assert_string_equal(p.name, "proxy");
                assert_string_equal(p.address, "uid=1");
        }
}

static void test_a_proxy_that_does_not_say_it(void **state)
{
        static const struct {
                const char *header;
                int error;
        } wrong[] = {
                {"hello\r\n", -EPROTO},
                {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", -EPROTO},
                {"PROXY TCP4 1.2.3.4 5.6.7.8 1", -EPIPE},
                {"\r\n\r\n", -EPROTO}, /* the client's byte is not part of a header */
        };
        struct peer p = {0};
        char endless[4096] = "PROXY UNKNOWN ";
        int fds[2];
        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_int_equal(identify_proxied(&p, wrong[i].header, strlen(wrong[i].header), 1), wrong[i].error);
        memset(endless + 14, 'x', sizeof(endless) - 14);
        assert_int_equal(identify_proxied(&p, endless, sizeof(endless), sizeof(endless)), -EMSGSIZE);
        assert_string_equal(p.name, "proxy");

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(write(fds[1], "PROXY", 5), 5);
        assert_int_equal(peer_identify_proxied(&p, fds[0]), -ETIMEDOUT);
        close(fds[1]);
        assert_int_equal(peer_identify_proxied(&p, fds[0]), -ENODATA); /* a client that only connects */
        close(fds[0]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ipv4),
                cmocka_unit_test(test_ipv6),
                cmocka_unit_test(test_ipv4_on_an_ipv6_socket),
                cmocka_unit_test(test_a_unix_socket_gives_the_login_name),
                cmocka_unit_test(test_a_connection_that_is_gone),
                cmocka_unit_test(test_no_socket_at_all),
                cmocka_unit_test(test_login_names_that_cannot_be_shown_as_they_are),
                cmocka_unit_test(test_a_proxy_says_who_it_is),
                cmocka_unit_test(test_a_proxy_that_knows_no_address),
                cmocka_unit_test(test_a_proxy_that_does_not_say_it),
        };
        return RUN_TESTS(tests);
}
