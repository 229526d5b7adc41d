/* A session with a browser (browser-kind.h), or with a program that speaks HTTP. */
#pragma once

#include "../../chat-web/browser-kind.h"
#include "../../chat-web/parser.h"
#include "../../chat-web/site.h"
#include "../../chat-web/web.h"

#include "session-fixture.h"

enum { GOT_MAX_BYTES = 512 * 1024 };

#define HOST "Host: localhost:8880\r\n"

static struct web web;
static struct site site;
static struct kind kind;

static inline struct fixture *start_browser(void)
{
        int fds[2];
        parser_begin();
        wslay_frame_context_free(web.socket.frames); /* of the test before */
        web = (struct web){.site = &site};
        site.origins = "https://chat.example http://other.example:8080";
        kind = browser_kind();
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        return start_kind(&kind, &web, fds, &(struct session_options){0});
}

static inline void send_bytes(struct fixture *f, const void *bytes, size_t n)
{
        assert_int_equal(send(f->client, bytes, n, MSG_NOSIGNAL), n);
}

/* Reads up to the end of the connection. */
static inline const char *read_all(struct fixture *f, size_t *len)
{
        static char got[GOT_MAX_BYTES];
        *len = 0;
        for (;;) {
                await(f->client);
                ssize_t n = read(f->client, got + *len, sizeof(got) - 1 - *len);
                if (n <= 0)
                        break;
                *len += (size_t)n;
        }
        got[*len] = '\0';
        return got;
}

/* Sends all input of one connection. Returns all that comes back. */
static inline const char *exchange_bytes(const char *request, size_t n)
{
        struct fixture *f = start_browser();
        size_t len;
        send_bytes(f, request, n);
        shutdown(f->client, SHUT_WR);
        const char *got = read_all(f, &len);
        stop(f);
        return got;
}

static inline const char *exchange(const char *request)
{
        return exchange_bytes(request, strlen(request));
}

static inline void assert_has(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("'%s' is not in:\n%.600s", part, text);
}

static inline unsigned count(const char *text, const char *part)
{
        unsigned n = 0;
        for (const char *at = text; (at = strstr(at, part)); at++)
                n++;
        return n;
}

/* Asserts that the answer to a request begins with this status, and has this part. Returns the answer. */
static inline const char *assert_answer(const char *request, const char *status, const char *part)
{
        const char *got = exchange(request);
        if (strncmp(got, "HTTP/1.1 ", 9) != 0 || strncmp(got + 9, status, strlen(status)) != 0)
                fail_msg("%s\nis answered by\n%.200s", request, got);
        assert_has(got, part);
        return got;
}
