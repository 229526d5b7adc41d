#include "../../chat-session/protocol.h"

#include "test.h"

static void assert_line(const char *line, enum protocol protocol)
{
        assert_int_equal(protocol_of_line(slice_of(line), true), protocol);
}

static void test_people(void **state)
{
        static const char *const lines[] = {
                "hello",
                "GET well soon",
                "GET well soon HTTP/1.1 is old", /* four words and more */
                "try curl HTTP/2",               /* no target of a request */
                "get / done",
                "POST it /here",
                "SSH is fun",
                "SSH-keys are long",
                "PROXY war",
                "CAP or hat",
                "USER friendly",
                "USER of this chat, me too",
                "*waves*",
                "*1 is what I say",
                "*",
                "/who /what HTTP",
                "PRI *",
                "get /",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
                assert_line(lines[i], PROTOCOL_CHAT);
}

static void test_requests(void **state)
{
        static const char *const lines[] = {
                "GET / HTTP/1.1",
                "POST /chat?x=1 HTTP/1.0",
                "OPTIONS * HTTP/1.1",
                "PRI * HTTP/2.0",
                "CONNECT example.org:443 HTTP/1.1",
                "nick /x HTTP/1.1",
                "M-SEARCH * HTTP/1.1",
                "GET http://a/ HTTP/1.1",
                "OPTIONS sip:nm SIP/2.0",
                "OPTIONS / RTSP/1.0",
                "PROPFIND / HTTP/1.1 ",
                "GET /index.html",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
                assert_line(lines[i], PROTOCOL_HTTP);
        assert_int_equal(protocol_of_line(slice_of("GET /aaaaaaaaaaaaaaa"), false), PROTOCOL_HTTP);
        assert_int_equal(protocol_of_line(slice_of("GET /aaaa and a long text"), false), PROTOCOL_CHAT);
}

static void test_other_lines(void **state)
{
        (void)state;
        assert_line("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", PROTOCOL_SSH);
        assert_line("SSH-1.99-x", PROTOCOL_SSH);
        assert_line("PROXY TCP4 10.0.0.1 10.0.0.2 1 2", PROTOCOL_PROXY);
        assert_line("PROXY UNKNOWN", PROTOCOL_PROXY);
        assert_line("CAP LS 302", PROTOCOL_IRC);
        assert_line("USER ann 0 * :Ann", PROTOCOL_IRC);
        assert_line("NICK ann", PROTOCOL_IRC);
        assert_line("PASS secret", PROTOCOL_IRC);
        assert_line("PASS :two words", PROTOCOL_IRC);
        assert_line("PASS", PROTOCOL_CHAT);
        assert_line("NICK is here", PROTOCOL_CHAT);
        assert_line("PASS me the salt", PROTOCOL_CHAT);
        assert_line("nick ann", PROTOCOL_CHAT);
        assert_line("*1", PROTOCOL_BINARY);
}

#define ASSERT_BYTES(literal, at_once, protocol)                                                                       \
        assert_int_equal(protocol_of_bytes((const uint8_t *)(literal), sizeof(literal) - 1, at_once), protocol)

static void test_bytes(void **state)
{
        (void)state;
        ASSERT_BYTES("\x16\x03\x01\x02\x00\x01", true, PROTOCOL_TLS);
        ASSERT_BYTES("\x16\x03\x03", false, PROTOCOL_TLS);
        ASSERT_BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11", true, PROTOCOL_PROXY);
        ASSERT_BYTES("\x03\0\0\x13\x0e\xe0\0\0", true, PROTOCOL_BINARY);                   /* RDP */
        ASSERT_BYTES("\0\0\0\x85\xff\x53\x4d\x42\x72\0\0\0\0\x18", true, PROTOCOL_BINARY); /* SMB */
        ASSERT_BYTES("\0\0\0\x08\x04\xd2\x16\x2f", true, PROTOCOL_BINARY);                 /* PostgreSQL */
        ASSERT_BYTES("\x17\x03\x03\x00\x20", false, PROTOCOL_TLS);
        ASSERT_BYTES("\x05\x01\0", true, PROTOCOL_BINARY);                       /* SOCKS 5 */
        ASSERT_BYTES("\x05\x02\0\x02", true, PROTOCOL_BINARY);                   /* SOCKS 5 */
        ASSERT_BYTES("\x04\x01\0\x50\x7f\0\0\x01\0", true, PROTOCOL_BINARY);     /* SOCKS 4 */
        ASSERT_BYTES("\0\x1e\0\x06\x01\0\0\x01", true, PROTOCOL_BINARY);         /* DNS */
        ASSERT_BYTES("\x30\x0c\x02\x01\x01\x60\x07\x02", true, PROTOCOL_BINARY); /* LDAP */
        ASSERT_BYTES("\x10\x12\0\x04MQTT\x04\x02", true, PROTOCOL_BINARY);
        ASSERT_BYTES("AMQP\0\0\x09\x01", true, PROTOCOL_BINARY);
        ASSERT_BYTES("l\0\x0b\0\0\0", true, PROTOCOL_BINARY);          /* X11 */
        ASSERT_BYTES("\x80\x2e\x01\x03\x01\0", true, PROTOCOL_BINARY); /* SSL 2 */
}

/* Bytes that people send: text in any character set, keys, telnet's commands, keepalives. */
static void test_bytes_of_people(void **state)
{
        (void)state;
        ASSERT_BYTES("hello\r\n", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\xe9t\xe9 \xe0 \xfe\r\n", true, PROTOCOL_CHAT);                         /* Latin-1 */
        ASSERT_BYTES("\x81\x82\x83 gr\x81\xe1\r\n", true, PROTOCOL_CHAT);                     /* CP437 */
        ASSERT_BYTES("\xff\xff \xef\xf0\xe8\xf8\xb8\xeb, \xff\xff\r\n", true, PROTOCOL_CHAT); /* CP1251, from telnet */
        ASSERT_BYTES("\xff \xef\xf0\xe8\xf8\xb8\xeb\r\n", true, PROTOCOL_CHAT);               /* CP1251, from nc */
        ASSERT_BYTES("\0\0\0\0", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\0/who\r\0", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\x1b[A\x1b[B\b\x7f\x15\r\n", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0hello\r\n", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\xff\xfa\x1f\0\x50\0", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\xff\xfa\x18\0\xff\xf0\x05\x01\x02", true, PROTOCOL_BINARY);
        ASSERT_BYTES("\x01\x05\x0b\x02", false, PROTOCOL_CHAT); /* single keys */
        ASSERT_BYTES("\x01", true, PROTOCOL_CHAT);
        ASSERT_BYTES("\xd1\xff\xf4\xff\xfd\x06\r\n", true, PROTOCOL_CHAT);
}

static void test_answers(void **state)
{
        (void)state;
        struct slice http = protocol_answer(PROTOCOL_HTTP, false), head = protocol_answer(PROTOCOL_HTTP, true);
        assert_memory_equal(http.at, "HTTP/1.1 ", 9);
        const char *body = strstr(http.at, "\r\n\r\n");
        assert_non_null(body);
        assert_int_equal(strtol(strstr(http.at, "Content-Length: ") + 16, NULL, 10), strlen(body + 4));
        assert_int_equal(head.len, (size_t)(body + 4 - http.at));
        for (enum protocol p = PROTOCOL_HTTP; p < PROTOCOLS; p++) {
                assert_true(protocol_answer(p, false).len > 0);
                assert_true(strlen(protocol_name(p)) > 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_people),          cmocka_unit_test(test_requests),
                cmocka_unit_test(test_other_lines),     cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_bytes_of_people), cmocka_unit_test(test_answers),
        };
        return RUN_TESTS(tests);
}
