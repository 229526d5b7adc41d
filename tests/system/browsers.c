#include "browsers.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "witness.h"

/* A frame with a length of seven bits, and the four bytes of the mask. */
enum { FRAME_HEAD_BYTES = 6, MESSAGE_MAX_BYTES = 125 };

struct client *browser_connect(const char *from, int port)
{
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.0.0.1"), .sin_port = htons((uint16_t)port)};
        socklen_t size = sizeof(own);
        char name[64];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
        snprintf(name, sizeof(name), "%s:%u", from, ntohs(own.sin_port));
        return client_of(fd, name);
}

void browser_ask(struct client *c, const char *path, const char *host, const char *fields)
{
        client_send(c, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, fields);
}

void browser_expect_status(struct client *c, int status)
{
        client_expect(c, "HTTP/1.1 %d ", status);
        client_expect(c, "\r\n\r\n");
}

void browser_ask_for_websocket(struct client *c, const char *host, const char *fields)
{
        char all[1024];
        snprintf(all, sizeof(all),
                 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s",
                 fields);
        browser_ask(c, "/ws", host, all);
}

void browser_open_websocket(struct client *c, const char *host, const char *fields)
{
        browser_ask_for_websocket(c, host, fields);
        client_expect(c, "HTTP/1.1 101 ");
        client_expect(c, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); /* for that key: RFC 6455, section 1.3 */
        client_expect(c, "{\"event\":\"welcome\",");
        client_expect(c, "\"name\":\"");
        const char *name = client_expect(c, "\"");
        snprintf(c->name, sizeof(c->name), "%s", name);
        client_expect(c, "}");
}

void browser_send(struct client *c, const char *format, ...)
{
        char text[MESSAGE_MAX_BYTES + 1], frame[FRAME_HEAD_BYTES + MESSAGE_MAX_BYTES] = {(char)0x81};
        va_list args;
        va_start(args, format);
        int n = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        assert_in_range(n, 0, MESSAGE_MAX_BYTES);
        frame[1] = (char)(0x80 | n);
        memcpy(frame + FRAME_HEAD_BYTES, text, (size_t)n);
        client_send_bytes(c, frame, FRAME_HEAD_BYTES + (size_t)n);
}

void browser_join(struct client *c, const char *room)
{
        browser_send(c, "{\"do\":\"join\",\"room\":\"%s\"}", room);
        client_expect(c, "{\"event\":\"answer\",\"code\":\"entered\",");
        client_expect(c, "}");
}

void browser_assert_chat(struct client *c, const char *what, int n)
{
        char own[64];
        snprintf(own, sizeof(own), "back, %s ", what);
        browser_send(c, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"%s %d\"}", what, n);
        assert_null(strstr(client_expect(witness, "%s: %s %d\r\n", c->name, what, n), c->name));
        client_send(witness, "%s%d\n", own, n);
        assert_null(strstr(client_expect(c, "\"name\":\"%s\",\"text\":\"%s%d\"}", witness->name, own, n), own));
}
