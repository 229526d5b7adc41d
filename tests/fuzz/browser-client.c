#include "browser-client.h"

#include <strings.h>

#include <chat/answer.h>
#include <chat/safe-text.h>

#include "world.h"

void browser_client_begin(struct browser_client *c)
{
        memset(c, 0, offsetof(struct browser_client, asked));
        c->is_plain = c->has_plain_frames = true;
}

bool browser_client_is_between(const struct browser_client *c)
{
        return c->part != BROWSER_CLIENT_BODY && c->head_len == 0 && c->payload_left == 0;
}

/* ---- the heads of answers ---- */

/* Finds a field. Returns the number of times that it comes, and the value that came last. */
static unsigned browser_client_field(const struct browser_client *c, const char *name, struct slice *value)
{
        unsigned n = 0;
        size_t len = strlen(name);
        for (const char *at = strstr(c->head, "\r\n"); at && at[2] != '\r'; at = strstr(at + 2, "\r\n")) {
                if (strncasecmp(at + 2, name, len) != 0 || strncmp(at + 2 + len, ": ", 2) != 0)
                        continue;
                *value = (struct slice){at + 4 + len, strcspn(at + 4 + len, "\r")};
                n++;
        }
        return n;
}

static bool browser_client_has(const struct browser_client *c, const char *field)
{
        const char *at = strstr(c->head, field);
        return at && at[-1] == '\n' && strncmp(at + strlen(field), "\r\n", 2) == 0;
}

/* Returns the status of an answer whose lines are right. */
static unsigned browser_client_status(const struct browser_client *c)
{
        unsigned status = 0;
        int len = 0;
        PROMISE(strlen(c->head) == c->head_len && text_is_utf8(c->head, c->head_len), "a wrong head: %s", c->head);
        PROMISE(sscanf(c->head, "HTTP/1.1 %3u %n", &status, &len) == 1 && len == 13 && c->head[len] >= 'A',
                "a wrong line of status: %s", c->head);
        for (const char *at = strstr(c->head, "\r\n"); at[2] != '\r'; at = strstr(at + 2, "\r\n")) {
                size_t name = strcspn(at + 2, ":\r "), value = strcspn(at + 2 + name, "\r\n");
                PROMISE(name > 0 && strncmp(at + 2 + name, ": ", 2) == 0 && value > 2 && at[2 + name + value] == '\r',
                        "a wrong field: %s", at);
        }
        return status;
}

static void browser_client_go_on(struct browser_client *c, struct browser_client_due *due)
{
        PROMISE(strcmp(c->head, "HTTP/1.1 100 Continue\r\n\r\n") == 0, "%s", c->head);
        PROMISE(due->may_go_on && !due->has_gone_on, "a 100 that no request waits for");
        due->has_gone_on = true;
}

/* Checks that chatd's answer became this status. The session may always say that it does not know. */
static void browser_client_check_post(const struct browser_client *c, unsigned status)
{
        static const struct {
                uint8_t code;
                uint16_t status;
        } all[] = {{ANSWER_POSTED, 200},          {ANSWER_POSTED_BEFORE, 200}, {ANSWER_TOKEN_UNKNOWN, 401},
                   {ANSWER_TOKEN_ELSEWHERE, 403}, {ANSWER_ROOM_EMPTY, 404},    {ANSWER_ROOM_INVALID, 400},
                   {ANSWER_POST_UNNOTED, 503}};
        if (world.chatd.is_at_random || world.chatd.has_refused || status == 503)
                return;
        PROMISE(status != 200 || world.chatd.webhook_code != 0, "chatd said nothing: %s", c->head);
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                PROMISE(all[i].code != world.chatd.webhook_code || all[i].status == status, "chatd said %s: %s",
                        answer_rules[all[i].code].name, c->head);
}

/* Checks the answer to a request that the client typed. */
static void browser_client_check_asked(const struct browser_client *c, const struct browser_client_due *due,
                                       unsigned status)
{
        const struct browser_client_asked *a = &c->asked[c->answers];
        if (!c->is_plain || due->is_timeout || status == 408)
                return;
        PROMISE(c->answers < c->asked_count, "an answer without a request: %s", c->head);
        unsigned n = 0;
        while (n < a->statuses_count && a->statuses[n] != status)
                n++;
        PROMISE(a->statuses_count == 0 || n < a->statuses_count, "the status is not %d: %s", a->statuses[0], c->head);
        PROMISE(!a->must_post || due->is_post, "a right request is refused: %s", c->head);
        PROMISE(!a->must_close || due->is_last, "the connection goes on: %s", c->head);
        PROMISE(!a->must_keep || !due->is_last || c->answers == 99, "the connection ends: %s", c->head);
}

/* Notes how long the body is. */
static void browser_client_await_body(struct browser_client *c, const struct browser_client_due *due, unsigned status)
{
        struct slice length = {0};
        unsigned lengths = browser_client_field(c, "Content-Length", &length);
        bool has_none = status == 304 || due->is_upgrade;
        PROMISE(lengths == (has_none ? 0 : 1), "%u lengths: %s", lengths, c->head);
        if (has_none || due->is_head)
                return;
        c->body_left = strtoul(length.at, NULL, 10);
        if (c->body_left > 0)
                c->part = BROWSER_CLIENT_BODY;
}

static void browser_client_be_upgraded(struct browser_client *c, const struct browser_client_due *due)
{
        PROMISE(browser_client_has(c, "Upgrade: websocket") && browser_client_has(c, "Connection: Upgrade"),
                "an upgrade to what? %s", c->head);
        PROMISE(!due->has_known_key || browser_client_has(c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                "it does not accept the key: %s", c->head);
        c->part = BROWSER_CLIENT_FRAMES;
}

/* The answer is complete. */
static void browser_client_end_answer(struct browser_client *c)
{
        if (c->due[c->answers++].is_last)
                c->part = BROWSER_CLIENT_OVER;
        else if (c->part == BROWSER_CLIENT_BODY)
                c->part = BROWSER_CLIENT_HEAD;
}

static void browser_client_take_head(struct browser_client *c)
{
        struct slice value;
        struct browser_client_due *due = &c->due[c->answers];
        unsigned status = browser_client_status(c);
        PROMISE(c->answers < c->due_count, "an answer to nothing: %s", c->head);
        if (status == 100) {
                browser_client_go_on(c, due);
                return;
        }
        PROMISE(browser_client_field(c, "Date", &value) == 1, "no date: %s", c->head);
        PROMISE(due->is_last == browser_client_has(c, "Connection: close"), "it does not say if it is the last: %s",
                c->head);
        PROMISE(due->is_upgrade == (status == 101), "an answer to an upgrade: %s", c->head);
        browser_client_check_asked(c, due, status);
        if (due->is_post)
                browser_client_check_post(c, status);
        browser_client_await_body(c, due, status);
        if (due->is_upgrade)
                browser_client_be_upgraded(c, due);
        if (c->part != BROWSER_CLIENT_BODY)
                browser_client_end_answer(c);
}

/* ---- frames ---- */

/* Returns the size of the frame's head, as far as it is known, and the length of its payload. */
static size_t browser_client_frame_bytes(const struct browser_client *c, size_t *payload)
{
        const uint8_t *head = (const uint8_t *)c->head;
        size_t digits = c->head_len < 2 || head[1] < 126 ? 0 : head[1] == 126 ? 2 : 8;
        *payload = digits == 0 && c->head_len == 2 ? head[1] : 0;
        for (size_t i = 0; i < digits && c->head_len == 2 + digits; i++)
                *payload = *payload << 8 | head[2 + i];
        return 2 + digits;
}

static void browser_client_check_frame(const struct browser_client *c, size_t payload)
{
        const uint8_t *head = (const uint8_t *)c->head;
        PROMISE(head[0] == 0x81 || head[0] == 0x88 || head[0] == 0x89 || head[0] == 0x8a, "a frame of the sort %02x",
                head[0]);
        PROMISE(head[1] < 128, "a mask");
        PROMISE(head[1] < 126 || head[0] == 0x81, "a control frame that is too long");
        PROMISE(payload >= (head[1] == 126   ? 126
                            : head[1] == 127 ? 65536
                                             : 0),
                "a length with too many bytes: %zu", payload);
        PROMISE(payload < sizeof(c->payload), "a message of %zu bytes", payload);
}

static void browser_client_take_pong(struct browser_client *c)
{
        uint64_t sum = json_client_sum(0, (struct slice){c->payload, c->payload_len});
        if (!c->has_plain_frames)
                return;
        while (c->pings_answered < c->pings_count && c->pings[c->pings_answered] != sum)
                c->pings_answered++; /* the latest is to be answered, others need not be */
        PROMISE(c->pings_answered < c->pings_count, "a PONG for nothing");
        c->pings_answered++;
}

/* The client sent the code, or the session found it, or the session ends for its own reasons: 1001. */
static void browser_client_take_close(struct browser_client *c)
{
        const uint8_t *payload = (const uint8_t *)c->payload;
        unsigned code = c->payload_len >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 1005;
        PROMISE(c->payload_len != 1 && c->payload_len <= 2, "a close frame of %zu bytes", c->payload_len);
        PROMISE(!c->has_plain_frames || code == 1001 || code == c->asked_close, "the code %u in place of %u", code,
                c->asked_close);
        c->part = BROWSER_CLIENT_OVER;
}

static void browser_client_take_frame(struct browser_client *c)
{
        c->payload[c->payload_len] = '\0';
        if ((uint8_t)c->head[0] == 0x81)
                json_client_take(c->payload, c->payload_len);
        else if ((uint8_t)c->head[0] == 0x88)
                browser_client_take_close(c);
        else if ((uint8_t)c->head[0] == 0x8a)
                browser_client_take_pong(c);
        c->head_len = 0;
}

/* ---- bytes ---- */

/* Takes a byte of the head of a frame. */
static void browser_client_take_frame_byte(struct browser_client *c, char byte)
{
        size_t payload;
        c->head[c->head_len++] = byte;
        if (c->head_len < 2 || c->head_len < browser_client_frame_bytes(c, &payload))
                return;
        browser_client_check_frame(c, payload);
        c->payload_len = c->payload_left = payload;
        if (payload == 0)
                browser_client_take_frame(c);
}

/* Takes a byte of the head of an answer. */
static void browser_client_take_byte(struct browser_client *c, char byte)
{
        PROMISE(c->head_len < BROWSER_CLIENT_HEAD_MAX_BYTES, "a head that is too long: %s", c->head);
        c->head[c->head_len++] = byte;
        c->head[c->head_len] = '\0';
        if (c->head_len < 4 || memcmp(c->head + c->head_len - 4, "\r\n\r\n", 4) != 0)
                return;
        browser_client_take_head(c);
        c->head_len = 0;
}

/* Takes bytes of the payload of a frame. Returns how many. */
static size_t browser_client_take_payload(struct browser_client *c, const char *bytes, size_t n)
{
        n = n < c->payload_left ? n : c->payload_left;
        memcpy(c->payload + c->payload_len - c->payload_left, bytes, n);
        c->payload_left -= n;
        if (c->payload_left == 0)
                browser_client_take_frame(c);
        return n;
}

/* Takes bytes of the body of an answer. Returns how many. */
static size_t browser_client_take_body(struct browser_client *c, size_t n)
{
        n = n < c->body_left ? n : c->body_left;
        c->body_left -= n;
        if (c->body_left == 0)
                browser_client_end_answer(c);
        return n;
}

void browser_client_sees(struct browser_client *c, const char *bytes, size_t n)
{
        for (size_t at = 0; at < n;) {
                PROMISE(c->part != BROWSER_CLIENT_OVER, "%zu bytes behind the end: %.*s", n - at, (int)(n - at),
                        bytes + at);
                if (c->part == BROWSER_CLIENT_BODY)
                        at += browser_client_take_body(c, n - at);
                else if (c->payload_left > 0)
                        at += browser_client_take_payload(c, bytes + at, n - at);
                else if (c->part == BROWSER_CLIENT_FRAMES)
                        browser_client_take_frame_byte(c, bytes[at++]);
                else
                        browser_client_take_byte(c, bytes[at++]);
        }
}
