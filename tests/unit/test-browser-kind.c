/* A session with a browser (browser-kind.h): HTTP, and a WebSocket. */
#include "../../chat-web/page.h"

#include "../schema.h"

#include "browser-fixture.h"

static FILE *events; /* each event is checked */

/* ---- HTTP ---- */

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION13 "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"

static void test_requests(void **state)
{
        static const struct {
                const char *request, *status, *part;
        } cases[] = {
                {"GET / HTTP/1.1\r\n" HOST "\r\n", "200 OK", "Content-Type: text/html; charset=utf-8\r\n"},
                {"GET / HTTP/1.1\r\n" HOST "\r\n", "200 OK",
                 "Content-Security-Policy: default-src 'none'; script-src 'sha256-"},
                {"GET / HTTP/1.1\r\n" HOST "\r\n", "200 OK",
                 "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"},
                {"GET / HTTP/1.1\r\n" HOST "\r\n", "200 OK", "X-Content-Type-Options: nosniff\r\n"},
                {"GET /?from=mail HTTP/1.1\r\n" HOST "\r\n", "200 OK", "<style>"},
                {"GET / HTTP/1.1\nHost: [::1]:8880\n\n", "200 OK", "</html>"},
                {"GET / HTTP/1.1\r\nhOsT:127.0.0.1\r\n\r\n", "200 OK", "</html>"},
                {"GET / HTTP/1.1\r\nHost: CHAT.example\r\n\r\n", "200 OK", "</html>"},
                {"GET / HTTP/1.0\r\n" HOST "\r\n", "200 OK", "Connection: close\r\n"},
                {"HEAD / HTTP/1.1\r\n" HOST "\r\n", "200 OK", "Content-Length: "},
                {"GET /healthz HTTP/1.1\r\nHost: any.example\r\n\r\n", "200 OK", "\r\n\r\nok\n"},
                {"GET /no HTTP/1.1\r\n" HOST "\r\n", "404 Not Found", "\r\n\r\nNot found\n"},
                {"GET //evil.example/ HTTP/1.1\r\n" HOST "\r\n", "404 Not Found", ""},
                {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "405 Method Not Allowed",
                 "Allow: GET, HEAD\r\n"},
                {"GET http://LOCALHOST:8880/healthz HTTP/1.1\r\nHost: any.example\r\n\r\n", "200 OK", "ok\n"},
                {"GET HTTPS://chat.example HTTP/1.1\r\n" HOST "\r\n", "200 OK", "</html>"},
                {"GET http://localhost?a=/b HTTP/1.1\r\n" HOST "\r\n", "200 OK", "</html>"},
                {"GET http://evil.example/ HTTP/1.1\r\n" HOST "\r\n", "421 Misdirected Request", ""},
                {"GET http://localhost@evil.example/ HTTP/1.1\r\n" HOST "\r\n", "421 Misdirected Request", ""},
                {"GET http://user@localhost/ HTTP/1.1\r\n" HOST "\r\n", "421 Misdirected Request", ""},
                {"GET http:/// HTTP/1.1\r\n" HOST "\r\n", "421 Misdirected Request", ""},
                {"GET http://localhost/ HTTP/1.1\r\n\r\n", "400 Bad Request", ""},
                {"CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", "404 Not Found", ""},
                {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "404 Not Found", ""},
                {"BREW / HTTP/1.1\r\n" HOST "\r\n", "501 Not Implemented", "Connection: close\r\n"},
                {"HEX / HTTP/1.1\r\n" HOST "\r\n", "501 Not Implemented", "\r\n\r\nNot Implemented\n"},
                {"GET / HTTX/1.1\r\n" HOST "\r\n", "400 Bad Request", ""},
                {"GET / HTTP/2.0\r\n" HOST "\r\n", "505 HTTP Version Not Supported", "Connection: close\r\n"},
                {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "Connection: close\r\n"},
                {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request", "WebOrigins="},
                {"GET / HTTP/1.1\r\nHost: 1.2.3.4.evil.example\r\n\r\n", "421 Misdirected Request", ""},
                {"GET /ws HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n" UPGRADE VERSION13 KEY
                 "\r\n",
                 "421 Misdirected Request", ""},
                {"GET /ws HTTP/1.1\r\n" HOST "\r\n", "426 Upgrade Required", "Upgrade: websocket\r\n"},
                {"GET /ws HTTP/1.0\r\n" HOST UPGRADE VERSION13 KEY "\r\n", "426 Upgrade Required", ""},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY "\r\n", "426 Upgrade Required",
                 "Sec-WebSocket-Version: 13\r\n"},
                {"POST /ws HTTP/1.1\r\n" HOST "\r\n", "405 Method Not Allowed", "Allow: GET\r\n"},
                {"HEAD /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY "\r\n", "405 Method Not Allowed", "Allow: GET\r\n"},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 "\r\n", "400 Bad Request", "Sec-WebSocket-Key"},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n\r\n",
                 "400 Bad Request", "Sec-WebSocket-Key"},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY KEY "\r\n", "400 Bad Request", ""},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY "Content-Length: 1\r\n\r\nx", "400 Bad Request", ""},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY "Origin: http://evil.example\r\n\r\n",
                 "403 Forbidden", "WebOrigins="},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY "Origin: null\r\n\r\n", "403 Forbidden", ""},
                {"GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY "Origin:\r\n\r\n", "403 Forbidden", ""},
                {"GET / HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost: [::1]evil.example\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost: [127.0.0.1\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost: localhost:8880@evil.example\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost: localhost.\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n", "421 Misdirected Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0, 0\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
                 "400 Bad Request", ""},
                /* heads that a proxy may read in another way than this program */
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "A: b\rc: d\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "\rGET / HTTP/1.1\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\nHost: \ra\nGET /ws HTTP/1.1\r\n\r\n", "400 Bad Request", ""},
                {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", "400 Bad Request", ""},
                {"GET /\r\n\r\n", "505 HTTP Version Not Supported", ""},
                {"\x16\x03\x01\x02\x01\x01", "501 Not Implemented", ""},
                {"{\"do\":\"rooms\"}\n", "501 Not Implemented", ""},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_answer(cases[i].request, cases[i].status, cases[i].part);
}

static void test_requests_on_one_connection(void **state)
{
        (void)state;
        const char *got =
                exchange("GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /no HTTP/1.1\r\n" HOST "\r\n"
                         "HEAD / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
        assert_int_equal(count(got, "HTTP/1.1 "), 3);
        assert_true(strstr(got, "200 OK") < strstr(got, "404 Not Found"));
        assert_int_equal(count(got, "<"), 0); /* a HEAD gets no body, and a request after the last one gets no answer */
        assert_int_equal(count(got, "Connection: close"), 1);

        /* the body of a request is not read as a request */
        got = exchange("GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\nGET /no HTTP/1.1\r\n" HOST "\r\n");
        assert_int_equal(count(got, "HTTP/1.1 "), 1);

        char many[(BROWSER_REQUESTS_MAX + 5) * 64] = "";
        for (size_t i = 0, len = 0; i < BROWSER_REQUESTS_MAX + 5; i++)
                len += (size_t)sprintf(many + len, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
        got = exchange(many);
        assert_int_equal(count(got, "HTTP/1.1 "), BROWSER_REQUESTS_MAX);
        assert_int_equal(count(got, "Connection: close"), 1);
}

/* Many requests for the page do not fit into the client's buffer at once. */
static void test_pages_wait_for_room(void **state)
{
        (void)state;
        char many[50 * 64] = "";
        struct fixture *f = start_browser();
        size_t len = 0;
        for (size_t i = 0; i < 50; i++)
                len += (size_t)sprintf(many + len, "GET / HTTP/1.1\r\n" HOST "\r\n");
        send_bytes(f, many, len);
        shutdown(f->client, SHUT_WR);
        unsigned pages = 0;
        for (char window[GOT_MAX_BYTES]; len > 0;) {
                await(f->client);
                ssize_t n = recv(f->client, window, sizeof(window) - 1, 0);
                assert_true(n >= 0);
                len = (size_t)n;
                window[len] = '\0';
                pages += count(window, "HTTP/1.1 200 OK\r\n");
        }
        assert_int_equal(pages, 50);
        stop(f);
}

static void test_unchanged_page(void **state)
{
        (void)state;
        char request[256];
        struct page page;
        page_make(&page);
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST "If-None-Match: W/\"x\", %s\r\n\r\n", page.tag);
        const char *got = exchange(request);
        assert_has(got, "HTTP/1.1 304 Not Modified\r\n");
        assert_int_equal(count(got, "Content-Length"), 0);
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST "If-None-Match: W/%s\r\n\r\n", page.tag);
        assert_has(exchange(request), "HTTP/1.1 304 Not Modified\r\n"); /* a proxy that compresses makes it weak */
        assert_has(exchange("GET / HTTP/1.1\r\n" HOST "If-None-Match: \"x\"\r\n\r\n"), "200 OK");
}

static void test_long_heads(void **state)
{
        (void)state;
        static char request[HTTP_HEAD_MAX_BYTES + 4096];
        int len = snprintf(request, sizeof(request), "GET /healthz HTTP/1.1\r\n" HOST "A: %0*d\r\n\r\n",
                           HTTP_HEAD_MAX_BYTES - 60, 1);
        assert_has(exchange_bytes(request, (size_t)len), " 200 OK\r\n");
        len = snprintf(request, sizeof(request), "GET /healthz HTTP/1.1\r\n" HOST "A: %0*d\r\n\r\n",
                       HTTP_HEAD_MAX_BYTES, 1);
        assert_has(exchange_bytes(request, (size_t)len), " 431 Request Header Fields Too Large\r\n");
        len = snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\n\r\n", HTTP_HEAD_MAX_BYTES, 1);
        assert_has(exchange_bytes(request, (size_t)len), " 414 URI Too Long\r\n");
}

static void test_a_head_in_parts(void **state)
{
        (void)state;
        static const char request[] = "GET /healthz?a=b HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: a\r\n\r\n";
        struct fixture *f = start_browser();
        char got[1024] = "";
        for (size_t i = 0; i < sizeof(request) - 1; i++)
                send_bytes(f, request + i, 1);
        await(f->client);
        assert_true(read(f->client, got, sizeof(got) - 1) > 0);
        assert_has(got, "HTTP/1.1 200 OK\r\n");
        stop(f);
}

/* ---- the WebSocket ---- */

/* Sends a frame. Its mask is not zero, so that a server that does not unmask is noticed. */
static void send_frame(struct fixture *f, uint8_t first, const void *payload, size_t size)
{
        static uint8_t frame[70000];
        static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
        size_t at = 0;
        frame[at++] = first;
        if (size < 126) {
                frame[at++] = (uint8_t)(0x80 | size);
        } else {
                frame[at++] = 0x80 | 126;
                frame[at++] = (uint8_t)(size >> 8);
                frame[at++] = (uint8_t)size;
        }
        memcpy(frame + at, mask, sizeof(mask));
        at += sizeof(mask);
        for (size_t i = 0; i < size; i++)
                frame[at++] = ((const uint8_t *)payload)[i] ^ mask[i % 4];
        send_bytes(f, frame, at);
}

static void read_exactly(struct fixture *f, void *buffer, size_t n)
{
        for (size_t got = 0; got < n;) {
                await(f->client);
                ssize_t r = read(f->client, (char *)buffer + got, n - got);
                assert_true(r > 0);
                got += (size_t)r;
        }
}

/* Reads a frame. Returns its payload, and sets its first byte and its size. */
static const char *read_frame(struct fixture *f, uint8_t *first, size_t *size)
{
        static char payload[GOT_MAX_BYTES];
        uint8_t head[8];
        read_exactly(f, head, 2);
        *first = head[0];
        *size = head[1];
        assert_true(*size <= 126);
        if (*size == 126) {
                read_exactly(f, head, 2);
                *size = (size_t)head[0] << 8 | head[1];
                assert_true(*size >= 126);
        }
        read_exactly(f, payload, *size);
        payload[*size] = '\0';
        return payload;
}

static const char *next_message(struct fixture *f)
{
        uint8_t first;
        size_t size;
        const char *text = read_frame(f, &first, &size);
        assert_int_equal(first, 0x81);
        fprintf(events, "%s\n", text);
        return text;
}

/* Asks for a WebSocket, and reads the answer. */
static const char *open_websocket(struct fixture *f, const char *fields)
{
        static char got[2048];
        char request[1024];
        size_t len = 0;
        int n = snprintf(request, sizeof(request), "GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION13 KEY "%s\r\n", fields);
        send_bytes(f, request, (size_t)n);
        do
                read_exactly(f, got + len, 1);
        while (++len < 4 || memcmp(got + len - 4, "\r\n\r\n", 4) != 0);
        got[len] = '\0';
        return got;
}

static struct frame next_request(struct fixture *f)
{
        struct frame frame = next_frame(f);
        while (frame.type == FRAME_HERE)
                frame = next_frame(f);
        return frame;
}

static void be_welcomed(struct fixture *f)
{
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        tell(f, FRAME_WELCOME, 1, 0, "ann");
        assert_has(next_message(f), "{\"event\":\"welcome\",\"id\":\"");
}

/* Starts a session with a WebSocket, which chatd has welcomed. */
static struct fixture *start_websocket(void)
{
        struct fixture *f = start_browser();
        const char *answer =
                open_websocket(f, "Origin: http://localhost:8880\r\nSec-WebSocket-Protocol: x, chat-json\r\n");
        assert_has(answer, "HTTP/1.1 101 Switching Protocols\r\n");
        assert_has(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); /* as in RFC 6455, section 1.3 */
        assert_has(answer, "Sec-WebSocket-Protocol: chat-json\r\n");
        assert_int_equal(count(answer, "Content-"), 0);
        be_welcomed(f);
        return f;
}

static void test_origins(void **state)
{
        static const char *const right[] = {"", "Origin: https://chat.example\r\n",
                                            "Origin: HTTP://other.example:8080\r\n"};
        (void)state;
        for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
                struct fixture *f = start_browser();
                const char *answer = open_websocket(f, right[i]);
                assert_has(answer, " 101 ");
                assert_int_equal(count(answer, "Sec-WebSocket-Protocol"), 0);
                be_welcomed(f);
                stop(f);
        }
        struct fixture *f = start_browser();
        assert_has(open_websocket(f, "Origin: http://other.example\r\n"), " 403 ");
        stop(f);
}

/* The last request of a connection may ask for a WebSocket, too, and also if it asks for the end behind it. */
static void test_the_last_request(void **state)
{
        (void)state;
        char got[4096] = "";
        struct fixture *f = start_browser();
        for (size_t i = 1; i < BROWSER_REQUESTS_MAX; i++) {
                type(f, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
                for (size_t len = 0; !strstr(got, "ok\n"); len++)
                        read_exactly(f, got + len, 1);
                memset(got, 0, sizeof(got));
        }
        const char *answer = open_websocket(f, "Connection: close\r\n");
        assert_has(answer, " 101 ");
        assert_int_equal(count(answer, "Connection: "), 1);
        be_welcomed(f);
        stop(f);
}

/* A web server states the client's address, and checks by itself which host is asked for. */
static void test_forwarded(void **state)
{
        static const struct {
                const char *fields, *name; /* NULL: it is refused */
        } cases[] = {
                {"X-Real-IP: 192.0.2.1\r\nX-Real-Port: 1\r\n", "192.0.2.1:1"},
                {"X-Real-IP: 2001:db8::1\r\nX-Real-Port: 65535\r\n", "[2001:db8::1]:65535"},
                {"X-Real-IP: ::ffff:192.0.2.1\r\nX-Real-Port: 80\r\n", "192.0.2.1:80"},
                {"", NULL},
                {"X-Real-IP: 192.0.2.1\r\n", NULL},
                {"X-Real-Port: 80\r\n", NULL},
                {"X-Real-IP:\r\nX-Real-Port: 80\r\n", NULL},
                {"X-Real-IP: 192.0.2.1\r\nX-Real-Port:\r\n", NULL},
                {"X-Real-IP: 192.0.2.1\r\nX-Real-Port: 65536\r\n", NULL},
                {"X-Real-IP: 192.0.2.1\r\nX-Real-Port: -1\r\n", NULL},
                {"X-Real-IP: 192.0.2.1\r\nX-Real-Port: 1 2\r\n", NULL},
                {"X-Real-IP: 192.0.2.1, 192.0.2.2\r\nX-Real-Port: 80\r\n", NULL},
                {"X-Real-IP: 192.0.2.1\r\nX-Real-IP: 192.0.2.2\r\nX-Real-Port: 80\r\n", NULL},
                {"X-Real-IP: [2001:db8::1]\r\nX-Real-Port: 80\r\n", NULL},
                {"X-Real-IP: fe80::1%lo\r\nX-Real-Port: 80\r\n", NULL},
                {"X-Real-IP: unix:\r\nX-Real-Port: 80\r\n", NULL},
                {"X-Real-IP: ann\r\nX-Real-Port: 80\r\n", NULL},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                site.is_forwarded = true;
                struct fixture *f = start_browser();
                const char *answer = open_websocket(f, cases[i].fields);
                if (!strstr(answer, cases[i].name ? " 101 " : " 400 "))
                        fail_msg("%s\nis answered by\n%.200s", cases[i].fields, answer);
                if (cases[i].name) {
                        struct frame hello = next_frame(f);
                        assert_int_equal(hello.type, FRAME_HELLO);
                        assert_true(slice_equal(hello.name, slice_of(cases[i].name)));
                        tell(f, FRAME_WELCOME, 1, 0, "ann");
                }
                stop(f);
                site.is_forwarded = false;
        }
}

static void test_messages(void **state)
{
        (void)state;
        struct fixture *f = start_websocket();
        static const char join[] = "{\"do\":\"join\",\"room\":\"den\",\"x\":\"\xc3\xa9\"}";
        uint8_t first;
        size_t size, half = sizeof(join) - 1 - 3; /* in the middle of a character */
        send_frame(f, 0x01, join, half);
        send_frame(f, 0x89, "ping", 4); /* a control frame between the parts of a message */
        send_frame(f, 0x00, join + half, 0);
        send_frame(f, 0x80, join + half, 3);
        assert_string_equal(read_frame(f, &first, &size), "ping");
        assert_int_equal(first, 0x8a);
        struct frame frame = next_request(f);
        assert_int_equal(frame.type, FRAME_ENTER);
        assert_true(slice_equal(frame.name, slice_of("den")));
        send_frame(f, 0x8a, "a PONG that nobody asked for", 28);
        send_frame(f, 0x81, "[]", 2);
        assert_has(next_message(f), "{\"event\":\"error\",\"code\":\"not-json\",");
        static char longest[PARSER_LINE_MAX_BYTES + 1];
        memset(longest, ' ', sizeof(longest));
        memcpy(longest, "{\"do\":\"who\",\"room\":\"den\"}", 25);
        send_frame(f, 0x81, longest, sizeof(longest) - 1);
        assert_int_equal(next_request(f).type, FRAME_PEOPLE);
        stop(f);
}

/* Input comes in pieces of any size, and several messages at once. */
static void test_bytes_one_by_one(void **state)
{
        (void)state;
        struct fixture *f = start_websocket();
        static const uint8_t frame[] = {0x81, 0x80 | 14, 0,   0,   0,   0,   '{', '"', 'd', 'o',
                                        '"',  ':',       '"', 'r', 'o', 'o', 'm', 's', '"', '}'};
        for (size_t i = 0; i < sizeof(frame); i++)
                send_bytes(f, frame + i, 1);
        assert_int_equal(next_request(f).type, FRAME_ROOMS);
        uint8_t many[sizeof(frame) * 100];
        for (size_t i = 0; i < 100; i++)
                memcpy(many + i * sizeof(frame), frame, sizeof(frame));
        send_bytes(f, many, sizeof(many));
        for (uint64_t i = 0; i < 100; i++) {
                struct frame asked = next_request(f);
                struct answer a = {.code = ANSWER_ROOM_SAME, .room = slice_of("den")};
                assert_int_equal(asked.type, FRAME_ROOMS);
                tell_code(f,
                          (struct frame){
                                  .type = FRAME_ANSWER, .id = 2 + i, .number = asked.number, .name = slice_of("ann")},
                          &a);
                assert_has(next_message(f), "{\"event\":\"answer\",\"code\":\"room-same\",");
        }
        stop(f);
}

/* Each sequence of frames ends the connection with this code. */
static void test_violations(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
                unsigned code; /* of the close frame; 1005: the close frame has none */
        } cases[] = {
#define BYTES(text) text, sizeof(text) - 1
#define MASK "\0\0\0\0"
                {BYTES("\x81\x02{}"), 1002},         /* not masked */
                {BYTES("\xc1\x82" MASK "{}"), 1002}, /* a reserved bit */
                {BYTES("\x83\x80" MASK), 1002},      /* opcodes that do not exist */
                {BYTES("\x8b\x80" MASK), 1002},
                {BYTES("\x80\x80" MASK), 1002},                      /* the rest of a message that has not begun */
                {BYTES("\x01\x81" MASK "{\x81\x81" MASK "}"), 1002}, /* a message inside another one */
                {BYTES("\x01\x81" MASK "{\x82\x81" MASK "}"), 1002},
                {BYTES("\x09\x80" MASK), 1002},                 /* a PING in parts */
                {BYTES("\x89\xfe\x00\x7e" MASK), 1002},         /* a long PING */
                {BYTES("\x81\xfe\x00\x05" MASK "hello"), 1002}, /* lengths in more bytes than they need */
                {BYTES("\x81\xff\0\0\0\0\0\0\0\x05" MASK "hello"), 1002},
                {BYTES("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" MASK "h"), 1002},
                {BYTES("\x82\x81" MASK "x"), 1003},        /* binary */
                {BYTES("\x81\x82" MASK "\xc3\x28"), 1007}, /* text that is not UTF-8 */
                {BYTES("\x81\x83" MASK "\xed\xa0\x80"), 1007},
                {BYTES("\x81\x81" MASK "\xc3"), 1007},
                {BYTES("\x01\x81" MASK "\xc3\x80\x81" MASK "\x28"), 1007},
                {BYTES("\x81\xfe\x20\x01" MASK "x"), 1009}, /* 8193 bytes */
                {BYTES("\x81\xff\0\0\0\x01\0\0\0\0" MASK "x"), 1009},
                {BYTES("\x88\x80" MASK), 1005}, /* the client's own codes come back */
                {BYTES("\x88\x82" MASK "\x03\xe8"), 1000},
                {BYTES("\x88\x85" MASK "\x03\xe9"
                       "bye"),
                 1001},
                {BYTES("\x88\x82" MASK "\x0b\xb8"), 3000},
                {BYTES("\x88\x82" MASK "\x13\x87"), 4999},
                {BYTES("\x88\x81" MASK "\x03"), 1002}, /* codes that nobody may send */
                {BYTES("\x88\x82" MASK "\x03\xe7"), 1002},
                {BYTES("\x88\x82" MASK "\x03\xec"), 1002},
                {BYTES("\x88\x82" MASK "\x03\xed"), 1002},
                {BYTES("\x88\x82" MASK "\x03\xf7"), 1002},
                {BYTES("\x88\x82" MASK "\x13\x88"), 1002},
                {BYTES("\x88\x84" MASK "\x03\xe8\xff\xff"), 1007},
                {BYTES("\x89\x80" MASK "\x88\x80" MASK "\x81\x80" MASK), 1005}, /* frames after the end are ignored */
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct fixture *f = start_websocket();
                uint8_t first;
                size_t size, len;
                send_bytes(f, cases[i].bytes, cases[i].size);
                const char *payload = read_frame(f, &first, &size);
                if (first == 0x8a)
                        payload = read_frame(f, &first, &size);
                unsigned code = size >= 2 ? (unsigned)(uint8_t)payload[0] << 8 | (uint8_t)payload[1] : 1005;
                if (first != 0x88 || code != cases[i].code)
                        fail_msg("case %zu ends with frame %02x, code %u in place of %u", i, first, code,
                                 cases[i].code);
                assert_int_equal(next_request(f).type, FRAME_BYE);
                tell(f, FRAME_GOODBYE, UINT64_MAX, 0, "");
                read_all(f, &len);
                assert_int_equal(len, 0);
                stop(f);
        }
}

/* A session that is told to stop says so, and then sends a close frame. */
static void test_the_session_ends(void **state)
{
        (void)state;
        struct fixture *f = start_websocket();
        uint8_t first;
        size_t size;
        f->stop = 1;
        tell(f, FRAME_WELCOME, 1, 0, "ann"); /* wakes it */
        assert_has(next_message(f), "{\"event\":\"welcome\",");
        assert_has(next_message(f), "\"code\":\"shut-down\"");
        while (next_frame(f).type != FRAME_BYE)
                ;
        tell(f, FRAME_GOODBYE, UINT64_MAX, 0, "");
        const char *payload = read_frame(f, &first, &size);
        assert_int_equal(first, 0x88);
        assert_memory_equal(payload, "\x03\xe9", 2);
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_requests_on_one_connection),
                cmocka_unit_test(test_pages_wait_for_room),
                cmocka_unit_test(test_unchanged_page),
                cmocka_unit_test(test_long_heads),
                cmocka_unit_test(test_a_head_in_parts),
                cmocka_unit_test(test_origins),
                cmocka_unit_test(test_the_last_request),
                cmocka_unit_test(test_forwarded),
                cmocka_unit_test(test_messages),
                cmocka_unit_test(test_bytes_one_by_one),
                cmocka_unit_test(test_violations),
                cmocka_unit_test(test_the_session_ends),
        };
        events = schema_open("event");
        int failed = RUN_TESTS(tests);
        return failed + schema_close(events);
}
