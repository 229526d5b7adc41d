#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "../../chat-session/proxy.h"

#include "test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\xc0\x00\x02\x07\xc0\x00\x02\x01\x12\x67\x22\xb8"
#define IPV6_7 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
#define IPV6 IPV6_7 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x12\x67\x22\xb8"

/* Reads a header as a caller must, with the client's bytes behind it. Returns what proxy_parse() makes of the whole
 * header, or the error of proxy_wants(). */
static int read_header(struct sockaddr_in6 *source, const char *header, size_t size)
{
        uint8_t bytes[2 * PROXY_HEADER_MAX_BYTES];
        size_t got = 0;
        ssize_t wants;
        memcpy(bytes, header, size);
        memset(bytes + size, 'x', sizeof(bytes) - size);
        while ((wants = proxy_wants(bytes, got)) > 0) {
                got += (size_t)wants;
                assert_true(got <= PROXY_HEADER_MAX_BYTES);
        }
        if (wants < 0)
                return (int)wants;
        assert_int_equal(got, size);
        return proxy_parse(source, bytes, size);
}

#define READ(source, header) read_header(source, header, sizeof(header) - 1)

static void assert_source(const struct sockaddr_in6 *source, const char *address, uint16_t port)
{
        char text[INET6_ADDRSTRLEN];
        assert_string_equal(inet_ntop(AF_INET6, &source->sin6_addr, text, sizeof(text)), address);
        assert_int_equal(ntohs(source->sin6_port), port);
        assert_int_equal(source->sin6_scope_id, 0);
}

#define ASSERT_CLIENT(header, address, port)                                                                           \
        do {                                                                                                           \
                struct sockaddr_in6 found_;                                                                            \
                assert_int_equal(READ(&found_, header), PROXY_CLIENT);                                                 \
                assert_source(&found_, address, port);                                                                 \
        } while (0)

#define ASSERT_IS(header, kind)                                                                                        \
        do {                                                                                                           \
                struct sockaddr_in6 found_;                                                                            \
                assert_int_equal(READ(&found_, header), kind);                                                         \
        } while (0)

static void test_lines(void **state)
{
        (void)state;
        ASSERT_CLIENT("PROXY TCP4 192.0.2.7 192.0.2.1 4711 8888\r\n", "::ffff:192.0.2.7", 4711);
        ASSERT_CLIENT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "::ffff:255.255.255.255", 65535);
        ASSERT_CLIENT("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "::ffff:0.0.0.0", 0);
        ASSERT_CLIENT("PROXY TCP6 2001:DB8::7 :: 4711 8888\r\n", "2001:db8::7", 4711);
        ASSERT_CLIENT(
                "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
                "65535\r\n",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
        ASSERT_IS("PROXY UNKNOWN\r\n", PROXY_UNKNOWN);
        ASSERT_IS("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
                  "65535\r\n",
                  PROXY_UNKNOWN);
        ASSERT_IS("PROXY UNKNOWN \0 anything\r\n", PROXY_UNKNOWN);
}

static void test_lines_that_are_wrong(void **state)
{
        static const char *const wrong[] = {
                "\n",
                "\r\n",
                "hello, proxy of mine\r\n",
                "GET / HTTP/1.1\r\n",
                "PROXY\r\n",
                "PROXY TCP4\r\n",
                "PROXY UNKNOWN\n\n",
                "PROXY UNKNOWNS\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
                "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
                "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
                "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
                "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
                "PROXY TCP4 ::1 ::1 1 2\r\n",
                "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
                "PROXY TCP6 ::1 5.6.7.8 1 2\r\n",
                "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
                "PROXY TCP4 1.2.3.4\x1b 5.6.7.8 1 2\r\n",
                "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
                "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7 1 2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 4294967297 2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8  2\r\n",
                "PROXY TCP4 1.2.3.4 5.6.7.8 1x 2\r\n",
        };
        struct sockaddr_in6 source;
        char line[PROXY_LINE_MAX_BYTES + 2] = "PROXY UNKNOWN ";
        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                if (read_header(&source, wrong[i], strlen(wrong[i])) != -EPROTO)
                        fail_msg("taken for a header: %s", wrong[i]);
        ASSERT_IS("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n", -EPROTO);
        ASSERT_IS("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\0\r\n", -EPROTO);
        memset(line + 14, 'x', sizeof(line) - 14);
        memcpy(line + PROXY_LINE_MAX_BYTES - 2, "\r\n", 2);
        assert_int_equal(read_header(&source, line, PROXY_LINE_MAX_BYTES), PROXY_UNKNOWN);
        memcpy(line + PROXY_LINE_MAX_BYTES - 2, "x\r\n", 3);
        assert_int_equal(read_header(&source, line, PROXY_LINE_MAX_BYTES + 1), -EMSGSIZE);
        assert_int_equal(proxy_parse(&source, (uint8_t *)line, PROXY_LINE_MAX_BYTES + 1), -EPROTO);
}

static void test_binary(void **state)
{
        (void)state;
        ASSERT_CLIENT(SIGNATURE "\x21\x11\0\x0c" IPV4, "::ffff:192.0.2.7", 4711);
        ASSERT_CLIENT(SIGNATURE "\x21\x21\0\x24" IPV6, "2001:db8::7", 4711);
        ASSERT_IS(SIGNATURE "\x20\0\0\0", PROXY_LOCAL);
        ASSERT_IS(SIGNATURE "\x20\x11\0\x0c" IPV4, PROXY_LOCAL);
        ASSERT_IS(SIGNATURE "\x20\xff\0\1?", PROXY_LOCAL);
        ASSERT_IS(SIGNATURE "\x21\0\0\0", PROXY_UNKNOWN);
        ASSERT_IS(SIGNATURE "\x21\0\0\3any", PROXY_UNKNOWN);
        ASSERT_IS(SIGNATURE "\x21\x10\0\x0c" IPV4, PROXY_UNKNOWN);
        ASSERT_IS(SIGNATURE "\x21\x01\0\0", PROXY_UNKNOWN);
        ASSERT_IS(SIGNATURE "\x21\x12\0\x0c" IPV4, PROXY_UNKNOWN); /* UDP */
        ASSERT_IS(SIGNATURE "\x21\x22\0\x24" IPV6, PROXY_UNKNOWN);
        char unix_paths[16 + 216] = SIGNATURE "\x21\x31\0\xd8/run/one.sock";
        struct sockaddr_in6 source;
        assert_int_equal(read_header(&source, unix_paths, sizeof(unix_paths)), PROXY_UNKNOWN);
}

static void test_binary_that_is_wrong(void **state)
{
        (void)state;
        ASSERT_IS(SIGNATURE "\x11\x11\0\x0c" IPV4, -EPROTO); /* another version */
        ASSERT_IS(SIGNATURE "\x31\x11\0\x0c" IPV4, -EPROTO);
        ASSERT_IS(SIGNATURE "\x22\x11\0\x0c" IPV4, -EPROTO); /* another command */
        ASSERT_IS(SIGNATURE "\x2f\x11\0\x0c" IPV4, -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x41\0\x0c" IPV4, -EPROTO); /* another family, or transport */
        ASSERT_IS(SIGNATURE "\x21\x13\0\x0c" IPV4, -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x0b"
                            "\xc0\0\2\7\xc0\0\2\1\x12\x67\x22",
                  -EPROTO); /* too short for the addresses */
        ASSERT_IS(SIGNATURE "\x21\x21\0\x0c" IPV4, -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x31\0\x24" IPV6, -EPROTO);
        ASSERT_IS("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c" IPV4, -EPROTO);
}

static void test_fields(void **state)
{
        (void)state;
        ASSERT_CLIENT(SIGNATURE "\x21\x11\0\x16" IPV4 "\x04\0\0\x05\0\4abcd", "::ffff:192.0.2.7", 4711);
        ASSERT_CLIENT(SIGNATURE "\x21\x21\0\x27" IPV6 "\xff\0\0", "2001:db8::7", 4711);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x0d" IPV4 "\4", -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x0e" IPV4 "\4\0", -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x0f" IPV4 "\4\0\1", -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x13" IPV4 "\4\xff\xff"
                            "abcd",
                  -EPROTO);
        /* the fields are checked even if the header names no client */
        ASSERT_IS(SIGNATURE "\x21\x12\0\x0f" IPV4 "\4\0\1", -EPROTO);
}

static void test_the_checksum(void **state)
{
        (void)state;
        ASSERT_CLIENT(SIGNATURE "\x21\x11\0\x13" IPV4 "\3\0\4\xb4\x15\x08\xf4", "::ffff:192.0.2.7", 4711);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x13" IPV4 "\3\0\4\xb4\x15\x08\xf5", -EBADMSG);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x13" IPV4 "\3\0\4\0\0\0\0", -EBADMSG);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x12" IPV4 "\3\0\3\xb4\x15\x08", -EPROTO);
        ASSERT_IS(SIGNATURE "\x21\x11\0\x1a" IPV4 "\3\0\4\xb4\x15\x08\xf4\3\0\4\xb4\x15\x08\xf4", -EPROTO);
}

/* The longest header is taken. A header that is one byte longer is refused after its head. */
static void test_how_long_it_may_be(void **state)
{
        static char header[PROXY_HEADER_MAX_BYTES + 1] = SIGNATURE "\x21\x11\x0f\xf0" IPV4 "\4\x0f\xe1";
        struct sockaddr_in6 source;
        (void)state;
        assert_int_equal(read_header(&source, header, PROXY_HEADER_MAX_BYTES), PROXY_CLIENT);
        header[15]++;
        assert_int_equal(read_header(&source, header, PROXY_HEADER_MAX_BYTES + 1), -EMSGSIZE);
        assert_int_equal(proxy_wants((uint8_t *)header, 16), -EMSGSIZE);
        ASSERT_IS(SIGNATURE "\x20\0\xff\xff", -EMSGSIZE);
}

static void test_what_is_missing(void **state)
{
        static const char line[] = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 8888\r\n",
                          binary[] = SIGNATURE "\x21\x11\0\x0c" IPV4;
        struct sockaddr_in6 source;
        (void)state;
        for (size_t size = 0; size < sizeof(line) - 1; size++) {
                assert_in_range(proxy_wants((const uint8_t *)line, size), 1, sizeof(line) - 1 - size);
                assert_int_equal(proxy_parse(&source, (const uint8_t *)line, size), -EPROTO);
        }
        for (size_t size = 0; size < sizeof(binary) - 1; size++) {
                assert_in_range(proxy_wants((const uint8_t *)binary, size), 1, sizeof(binary) - 1 - size);
                assert_int_equal(proxy_parse(&source, (const uint8_t *)binary, size), -EPROTO);
        }
        assert_int_equal(proxy_parse(&source, (const uint8_t *)line, sizeof(line) - 1), PROXY_CLIENT);
        assert_int_equal(proxy_parse(&source, (const uint8_t *)binary, sizeof(binary) - 1), PROXY_CLIENT);
        /* with bytes behind it */
        assert_int_equal(proxy_parse(&source, (const uint8_t *)binary, sizeof(binary)), -EPROTO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_lines_that_are_wrong),
                cmocka_unit_test(test_binary),
                cmocka_unit_test(test_binary_that_is_wrong),
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_the_checksum),
                cmocka_unit_test(test_how_long_it_may_be),
                cmocka_unit_test(test_what_is_missing),
        };
        return RUN_TESTS(tests);
}
