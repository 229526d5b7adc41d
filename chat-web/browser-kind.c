#include "browser-kind.h"

#include <chat/clock.h>

#include "../chat-session/client-output.h"

#include "json-kind.h"
#include "post.h"
#include "site.h"
#include "websocket.h"

static void browser_begin(void *me, struct session *s)
{
        struct web *w = me;
        json_begin(w, s);
        w->stage = WEB_HTTP;
        w->request_by = talk_now(s) + BROWSER_REQUEST_MS;
        http_begin(&w->http, w->line);
        websocket_begin(w);
}

/* Returns how many bytes can be taken now. */
static size_t browser_may_take(const struct web *w)
{
        switch (w->stage) {
        case WEB_HTTP:
                return client_room(w->client) < site_answer_max_bytes() ? 0 : WEB_HELD_MAX_BYTES;
        case WEB_SOCKET:
                return json_may_read(w);
        case WEB_POST:
                return post_missing(w);
        case WEB_LINES:
        case WEB_CLOSED:
                break;
        }
        return 0;
}

/* ---- HTTP ---- */

/* The client gets a WebSocket, and becomes a member of the chat. */
static void browser_join(struct web *w)
{
        w->ping_at = talk_now(w->session) + WEBSOCKET_PING_MS;
        json_introduce(w);
}

/* Reads the next request, unless the answer to the last one was given. */
static void browser_await_request(struct web *w)
{
        if (w->http.is_last)
                talk_leave(w->session, LEAVE_EOF);
        w->request_by = talk_now(w->session) + BROWSER_IDLE_MS;
        http_begin(&w->http, w->line);
}

static void browser_answer(struct web *w)
{
        if (++w->answers == BROWSER_REQUESTS_MAX)
                w->http.is_last = true;
        site_answer(w, (uint64_t)clock_realtime_ms());
        if (w->stage == WEB_SOCKET)
                browser_join(w);
        else if (w->stage == WEB_POST)
                w->request_by = talk_now(w->session) + BROWSER_REQUEST_MS; /* the body */
        else
                browser_await_request(w);
}

/* Takes bytes of one request. Returns how many bytes it took. */
static size_t browser_take_http(struct web *w, const uint8_t *bytes, size_t n)
{
        size_t taken = http_take(&w->http, bytes, n);
        if (w->http.state != HTTP_READING)
                browser_answer(w);
        return taken;
}

static void browser_take_body(struct web *w, const uint8_t *bytes, size_t n)
{
        post_take(w, bytes, n);
        if (w->post.step != POST_BODY)
                w->request_by = talk_now(w->session) + POST_ANSWER_MS;
}

/* Nothing of the body came with the head. The client may wait until it is asked for the body (RFC 9110, section
 * 10.1.1). */
static void browser_ask_for_body(struct web *w)
{
        if (w->http.parser.http_minor > 0 && http_has_token(&w->http, HTTP_EXPECT, "100-continue"))
                http_go_on(w->client);
}

/* Takes as much of the input as can be taken now. Returns how many bytes it took. */
static size_t browser_take(struct web *w, const uint8_t *bytes, size_t size)
{
        size_t taken = 0, n;
        bool had_head = w->stage != WEB_HTTP;
        while (talk_is_open(w->session) && taken < size && (n = browser_may_take(w)) > 0) {
                n = n < size - taken ? n : size - taken;
                if (w->stage == WEB_HTTP)
                        n = browser_take_http(w, bytes + taken, n);
                else if (w->stage == WEB_POST)
                        browser_take_body(w, bytes + taken, n);
                else
                        websocket_take(w, bytes + taken, n);
                taken += n;
        }
        if (!had_head && w->stage == WEB_POST && w->line_len == 0)
                browser_ask_for_body(w);
        return taken;
}

static void browser_go_on(struct web *w)
{
        size_t taken = browser_take(w, w->held, w->held_len);
        w->held_len -= taken;
        memmove(w->held, w->held + taken, w->held_len);
}

/* ---- bytes from the client ---- */

static size_t browser_may_read(const void *me)
{
        const struct web *w = me;
        bool may_take = w->held_len == 0 && browser_may_take(w) > 0;
        return may_take ? WEB_HELD_MAX_BYTES : 0; /* what cannot be taken yet is held: one call reads many messages */
}

static void browser_input(void *me, const uint8_t *bytes, size_t n)
{
        struct web *w = me;
        size_t taken = browser_take(w, bytes, n); /* most input need not wait, so it is not copied */
        w->held_len = n - taken;
        memcpy(w->held, bytes + taken, w->held_len);
}

static bool browser_holds_input(const void *me)
{
        const struct web *w = me;
        return w->held_len > 0 || (w->stage == WEB_POST && w->post.step != POST_BODY);
}

static void browser_input_end(void *me)
{
        (void)me; /* an incomplete request or message does not count */
}

/* ---- events from the chat ---- */

static void browser_welcome(void *me, struct slice asked, uint64_t members)
{
        struct web *w = me;
        if (w->stage == WEB_POST)
                post_welcome(w);
        else
                json_kind.welcome(w, asked, members);
}

static void browser_take_answer(void *me, const struct frame *f)
{
        struct web *w = me;
        if (w->stage == WEB_POST)
                post_answer(w, f);
        else
                json_kind.answer(w, f);
}

static void browser_refusal(void *me, const struct frame *f)
{
        struct web *w = me;
        if (w->stage == WEB_POST)
                post_refusal(w, f);
        else
                json_kind.refusal(w, f);
}

static void browser_notice(void *me, const struct answer *a)
{
        struct web *w = me;
        if (w->stage == WEB_POST && a->code == ANSWER_LOST)
                post_give_up(w);
        else
                json_kind.notice(w, a);
}

/* ---- time ---- */

static int64_t browser_due(const void *me)
{
        const struct web *w = me;
        if (!talk_is_open(w->session))
                return INT64_MAX;
        if (w->held_len > 0 && browser_may_take(w) > 0)
                return talk_now(w->session);
        return w->stage == WEB_SOCKET ? clock_earlier(json_due(w), w->ping_at) : w->request_by;
}

static void browser_time_out(struct web *w)
{
        if (w->http.len > 0 && browser_may_take(w) > 0) {
                http_give_up(&w->http, HTTP_STATUS_REQUEST_TIMEOUT);
                site_answer(w, (uint64_t)clock_realtime_ms());
        }
        talk_leave(w->session, LEAVE_TIMEOUT);
}

static void browser_tick(void *me)
{
        struct web *w = me;
        browser_go_on(w);
        if (!talk_is_open(w->session))
                return;
        if (w->stage == WEB_HTTP && talk_now(w->session) >= w->request_by)
                browser_time_out(w);
        if (w->stage == WEB_POST && talk_now(w->session) >= w->request_by)
                post_time_out(w);
        if (w->stage != WEB_SOCKET)
                return;
        json_tick(w);
        if (talk_now(w->session) < w->ping_at)
                return;
        websocket_ping(w);
        w->ping_at = talk_now(w->session) + WEBSOCKET_PING_MS;
}

static void browser_end(void *me)
{
        struct web *w = me;
        if (w->stage == WEB_POST && w->post.step != POST_BODY)
                post_give_up(w);
        else
                websocket_close(w, WSLAY_CODE_GOING_AWAY);
}

struct kind browser_kind(void)
{
        struct kind k = json_kind;
        k.begin = browser_begin;
        k.may_read = browser_may_read;
        k.input = browser_input;
        k.holds_input = browser_holds_input;
        k.input_end = browser_input_end;
        k.welcome = browser_welcome;
        k.answer = browser_take_answer;
        k.refusal = browser_refusal;
        k.notice = browser_notice;
        k.due = browser_due;
        k.tick = browser_tick;
        k.end = browser_end;
        return k;
}
