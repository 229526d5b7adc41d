#include "browser-typed.h"

#include <chat/safe-text.h>

#define TOKEN "abcdefghijklmnopqrstuv"
#define LONG_32 "0123456789abcdef0123456789abcdef"
#define LONG_128 LONG_32 LONG_32 LONG_32 LONG_32

/* A part of a request, and the status of an answer that finds fault with it; 0: it is right. */
struct part {
        const char *text;
        uint16_t status;
};

#define PART(t, a, choices, parts) browser_typed_part(t, a, choices, parts, sizeof(parts) / sizeof(parts[0]))

void browser_typed_begin(struct browser_typed *b, bool is_proxied)
{
        *b = (struct browser_typed){.is_proxied = is_proxied};
}

/* ---- heads of requests ---- */

static void browser_typed_fault(struct browser_client_asked *a, unsigned status)
{
        if (status != 0 && a->statuses_count < BROWSER_CLIENT_STATUSES_MAX)
                a->statuses[a->statuses_count++] = (uint16_t)status;
}

/* Adds one of the parts. Every second choice takes the first one, so that most requests have few faults. */
static const struct part *browser_typed_part(struct typed *t, struct browser_client_asked *a, struct choices *c,
                                             const struct part *parts, size_t count)
{
        uint8_t choice = choose_u8(c);
        const struct part *part = &parts[choice & 1 ? (choice >> 1) % count : 0];
        typed_add(t, part->text);
        browser_typed_fault(a, part->status);
        return part;
}

/* Adds the end of the first line, and the fields that every request has. With `is_open`, any host will do. Returns true if
 * it is a request of HTTP/1.1 without a field Connection. */
static bool browser_typed_fields(const struct browser_typed *b, struct typed *t, struct browser_client_asked *a,
                                 struct choices *c, bool is_open)
{
        static const struct part versions[] = {{" HTTP/1.1\r\n", 0},
                                               {" HTTP/1.0\r\n", 0},
                                               {" HTTP/2.0\r\n", 505},
                                               {"\r\n", 505},
                                               {" HTTX/1.1\r\n", 400}};
        static const struct part hosts[] = {{"Host: localhost:8880\r\n", 0},
                                            {"host:127.0.0.1\r\n", 0},
                                            {"HOST: [::1]:8880 \r\n", 0},
                                            {"Host: chat.example\r\n", 0},
                                            {"Host: evil.example\r\n", 421},
                                            {"Host: localhost\r\nHost: localhost\r\n", 400},
                                            {"", 400}};
        static const struct part proxies[] = {{"X-Real-IP: 192.0.2.7\r\nX-Real-Port: 4711\r\n", 0},
                                              {"X-Real-IP: 2001:db8::7\r\nX-Real-Port: 65535\r\n", 0},
                                              {"X-Real-IP: 192.0.2.7\r\nX-Real-Port: 65536\r\n", 400},
                                              {"X-Real-IP: ann\r\nX-Real-Port: 1\r\n", 400},
                                              {"", 400}};
        static const struct part connections[] = {{"", 0},
                                                  {"Connection: close\r\n", 0},
                                                  {"Connection: keep-alive\r\n", 0},
                                                  {"If-None-Match: \"a\", W/\"b\"\r\n", 0},
                                                  {"A: " LONG_128 "\r\nB: \r\n", 0},
                                                  {"A : b\r\n", 400},
                                                  {"A: b\r\n c\r\n", 400}};
        bool is_old = PART(t, a, c, versions) == &versions[1], is_any_host = is_open || b->is_proxied;
        struct browser_client_asked any = {0};
        const struct part *host = PART(t, &any, c, hosts);
        bool lacks_host = host == &hosts[6];
        if (host->status == 421 || (lacks_host && is_old))
                browser_typed_fault(a, is_any_host ? 0 : 421);
        else
                browser_typed_fault(a, host->status);
        if (b->is_proxied)
                PART(t, is_open ? &any : a, c, proxies);
        const struct part *connection = PART(t, a, c, connections);
        a->must_close = connection == &connections[1] || (is_old && connection != &connections[2]);
        a->must_keep = !is_old && connection != &connections[1];
        return !is_old && connection != &connections[1] && connection != &connections[2];
}

/* Notes the request. What it must be is open if its line is wrong. */
static void browser_typed_note(struct browser_client *client, const struct browser_client_asked *a)
{
        struct browser_client_asked *to = &client->asked[client->asked_count];
        if (client->asked_count == BROWSER_CLIENT_ASKED_MAX) {
                client->is_plain = false;
                return;
        }
        client->asked_count++;
        *to = *a;
        for (unsigned i = 0; i < a->statuses_count; i++)
                if (a->statuses[i] == 400 || a->statuses[i] == 501 || a->statuses[i] == 505)
                        to->must_keep = false;
        if (a->statuses_count == 0)
                browser_typed_fault(to, 200);
}

void browser_typed_note_good(struct browser_client *client)
{
        browser_typed_note(client, &(struct browser_client_asked){.must_keep = true});
}

/* ---- requests ---- */

static void browser_typed_get(struct browser_typed *b, struct typed *t, struct browser_client_asked *a,
                              struct choices *c)
{
        static const struct part methods[] = {{"GET ", 0},       {"HEAD ", 0},  {"POST ", 405}, {"DELETE ", 405},
                                              {"OPTIONS ", 405}, {"FLY ", 501}, {"HEX ", 501},  {"get ", 501}};
        static const struct part paths[] = {{"/healthz", 0}, {"/", 0},          {"/healthz?a=b", 0},
                                            {"/?", 0},       {"/nothing", 404}, {"/%2e", 404},
                                            {"//", 404},     {"/say", 405},     {"/ws", 426}};
        PART(t, a, c, methods);
        const struct part *path = PART(t, a, c, paths);
        if (path == &paths[8]) /* it takes GET alone */
                browser_typed_fault(a, 405);
        if (path == &paths[7]) /* it takes POST, which needs a token */
                browser_typed_fault(a, 401);
        browser_typed_fields(b, t, a, c, path->text[1] == 'h');
        typed_add(t, "\r\n");
}

static void browser_typed_upgrade(struct browser_typed *b, struct typed *t, struct browser_client_asked *a,
                                  struct choices *c)
{
        static const struct part upgrades[] = {{"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n", 0},
                                               {"Upgrade: h2c, WebSocket\r\nConnection: upgrade\r\n", 0},
                                               {"Upgrade: h2c\r\nConnection: Upgrade\r\n", 426},
                                               {"Upgrade: websocket\r\n", 426},
                                               {"Connection: Upgrade\r\n", 426}};
        static const struct part keys[] = {{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 0},
                                           {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", 400},
                                           {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n", 400},
                                           {"", 400}};
        static const struct part versions[] = {
                {"Sec-WebSocket-Version: 13\r\n", 0}, {"Sec-WebSocket-Version: 8\r\n", 426}, {"", 426}};
        static const struct part others[] = {{"", 0},
                                             {"Origin: https://chat.example\r\n", 0},
                                             {"Origin: null\r\n", 403},
                                             {"Origin: https://evil.example\r\n", 403},
                                             {"Sec-WebSocket-Protocol: a, chat-json\r\n", 0},
                                             {"Content-Length: 0\r\n", 0},
                                             {"Content-Length: 3\r\n", 400}};
        typed_add(t, "GET /ws");
        if (!browser_typed_fields(b, t, a, c, false)) {
                browser_typed_fault(a, 426); /* only the first field Connection counts */
                a->must_close = a->must_keep = false;
        }
        PART(t, a, c, upgrades);
        PART(t, a, c, keys);
        PART(t, a, c, versions);
        PART(t, a, c, others);
        typed_add(t, "\r\n");
        if (a->statuses_count > 0)
                return;
        b->has_frames = true;
        browser_typed_fault(a, 101);
        a->must_close = false;
}

/* ---- lines that programs say ---- */

/* Writes a body that the script chooses. Returns the status for it, 0: it is right. */
static unsigned browser_typed_body(struct typed *t, struct choices *c, bool is_json)
{
        static const char *const units[] = {"x", "a\n", "\xe2\x82\xac", "\x1b", "\xff", "\xe2\x80\xae", "\r\n", "\\n"};
        static const struct part texts[] = {
                {"hi", 0},   {"a\r\nb\r\n\r\n", 0}, {"\n\n\xe2\x82\xac\x01", 0}, {"a\x1b[31mb\t\xff", 0}, {" ", 400},
                {"\n", 400}, {"\r\r\n", 400}};
        static const struct part objects[] = {{"{\"text\":\"hi\"}", 0},
                                              {" {\"a\":[1],\"text\":\"a\\r\\nb\\n\"} ", 0},
                                              {"{\"text\":\"\\ud83d\\ude00\\u0007\\u202e\"}", 0},
                                              {"{\"text\":\"\"}", 400},
                                              {"{\"text\":7}", 400},
                                              {"{\"text\":\"a\",\"room\":7}", 400},
                                              {"{\"text\":\"a\",\"text\":\"b\"}", 400},
                                              {"{\"text\":\"a\"", 400},
                                              {"[1]", 400},
                                              {"hi", 400}};
        struct browser_client_asked wrong = {0};
        uint8_t choice = choose_u8(c);
        if (choice < 0xc0) {
                if (is_json)
                        PART(t, &wrong, c, objects);
                else
                        PART(t, &wrong, c, texts);
                return wrong.statuses_count > 0 ? wrong.statuses[0] : 0;
        }
        typed_add(t, is_json ? "{\"text\":\"" : "");
        for (size_t n = choose_u8(c) * 20u + (choice & 7); n > 0 && t->len < WEB_LINE_MAX_BYTES + 20; n--)
                typed_add(t, units[choice >> 3 & 7]);
        typed_add(t, is_json ? "\"}" : "");
        return UINT16_MAX; /* who knows */
}

/* Adds a field with the length of the body. */
static void browser_typed_length(struct typed *t, struct browser_client_asked *a, struct browser_client *client,
                                 struct typed *body, uint8_t choice)
{
        char field[64];
        size_t len = body->len;
        if (choice >= 0xf0 && choice < 0xf4 && len > 1)
                body->len = --len;
        if (choice >= 0xf4 && choice < 0xf8) {
                len += choice & 3;
                client->is_plain = false; /* what comes behind it becomes a part of the body */
        }
        snprintf(field, sizeof(field), "Content-Length: %zu\r\n", len);
        if (choice < 0xf8) {
                typed_add(t, field);
                browser_typed_fault(a, len > WEB_LINE_MAX_BYTES ? 413 : len == 0 ? 400 : 0);
                a->must_close = len > 0;
                return;
        }
        static const struct part lengths[] = {{"", 400},
                                              {"Content-Length: 0\r\n", 400},
                                              {"Content-Length: 8193\r\n", 413},
                                              {"Content-Length: 1000000000000000000\r\n", 413},
                                              {"Content-Length: 99999999999999999999\r\n", 400},
                                              {"Content-Length: -1\r\n", 400},
                                              {"Transfer-Encoding: chunked\r\n", 411},
                                              {"Content-Length: 2\r\nContent-Length: 2\r\n", 400}};
        typed_add(t, lengths[choice & 7].text);
        browser_typed_fault(a, lengths[choice & 7].status);
        if ((choice & 7) < 2) { /* there is no body: what follows is the next request */
                a->must_close = false;
                body->len = 0;
        }
}

/* Keeps what a right request asks for. Its answer depends on chatd. */
static void browser_typed_ask(struct browser_typed *b, struct browser_client_asked *a, unsigned fault)
{
        static const uint16_t all[] = {200, 401, 403, 404, 400, 503};
        b->post.is_asked = a->must_post = true;
        b->post.has_text = fault == 0;
        if (fault != 0 && fault != UINT16_MAX) {
                browser_typed_fault(a, fault);
                browser_typed_fault(a, 503);
                return;
        }
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                browser_typed_fault(a, all[i]);
        if (fault != 0)
                browser_typed_fault(a, 413);
}

static const struct part tokens[] = {{"Authorization: Bearer " TOKEN "\r\n", 0},
                                     {"authorization:bearer   x\r\n", 0},
                                     {"Authorization: Bearer \xc3\xbc \" \\ \r\n", 0},
                                     {"Authorization: Bearer " LONG_128 "\r\n", 0},
                                     {"Authorization: Bearer " LONG_128 "1\r\n", 401},
                                     {"Authorization: Bearer\r\n", 401},
                                     {"Authorization: Basic " TOKEN "\r\n", 401},
                                     {"Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", 400},
                                     {"", 401}};
static const struct {
        struct part part;
        const char *room;
} rooms[] = {{{"", 0}, ""},
             {{"?room=ops", 0}, "ops"},
             {{"?room=%23o%70s", 0}, "ops"},
             {{"?", 0}, ""},
             {{"?room=", 400}, ""},
             {{"?a=b&room=ops", 400}, ""},
             {{"?room=ops&", 400}, ""},
             {{"?room=abcdefghijklmnopqrstuvwx", 0}, "abcdefghijklmnopqrstuvwx"},
             {{"?room=%23abcdefghijklmnopqrstuvwx", 0}, "abcdefghijklmnopqrstuvwx"},
             {{"?room=abcdefghijklmnopqrstuvwxy", 400}, ""},
             {{"?room=%0aops", 400}, ""},
             {{"?room=o%zzs", 400}, ""},
             {{"?room=ops%4", 400}, ""},
             {{"?room=a+b", 400}, ""},
             {{"?room=%00", 400}, ""},
             {{"?room=%23", 400}, ""}};

static void browser_typed_post(struct browser_typed *b, struct typed *t, struct browser_client *client,
                               struct browser_client_asked *a, struct choices *c)
{
        static const struct part keys[] = {{"", 0},
                                           {"Idempotency-Key: a\r\n", 0},
                                           {"Idempotency-Key: " LONG_128 LONG_32 LONG_32 "\r\n", 0},
                                           {"Idempotency-Key: " LONG_128 LONG_128 "\r\n", 400},
                                           {"Idempotency-Key:\r\n", 400},
                                           {"Idempotency-Key: a\r\nidempotency-key: a\r\n", 400}};
        static const struct part types[] = {{"", 0},
                                            {"Content-Type: application/json\r\n", 0},
                                            {"Content-Type: Application/JSON; charset=utf-8\r\n", 0},
                                            {"Content-Type: text/plain\r\n", 0},
                                            {"Content-Type: application/x-www-form-urlencoded\r\n", 0},
                                            {"Content-Type: text/plain;charset=\"utf-8\"\r\n", 0},
                                            {"Content-Type: text/html\r\n", 415},
                                            {"Content-Type: text/plain; Charset=latin1\r\n", 415},
                                            {"Content-Type: multipart/form-data; boundary=x\r\n", 415}};
        static const struct part others[] = {{"", 0},
                                             {"Expect: 100-continue\r\n", 0},
                                             {"expect: a, 100-Continue\r\n", 0},
                                             {"Expect: 200-ok\r\n", 0},
                                             {"Origin: https://chat.example\r\n", 0},
                                             {"Origin: https://evil.example\r\n", 403}};
        static struct typed body;
        uint8_t room = choose_u8(c), length;
        body.len = 0;
        room = room & 1 ? (room >> 1) % (sizeof(rooms) / sizeof(rooms[0])) : 0;
        typed_add(t, "POST /say");
        typed_add(t, rooms[room].part.text);
        browser_typed_fault(a, rooms[room].part.status);
        browser_typed_fields(b, t, a, c, false);
        const struct part *token = PART(t, a, c, tokens), *key = PART(t, a, c, keys), *type = PART(t, a, c, types);
        PART(t, a, c, others);
        bool is_json = type == &types[1] || type == &types[2];
        unsigned fault = browser_typed_body(&body, c, is_json);
        length = choose_u8(c);
        a->must_close = true;
        a->must_keep = false;
        browser_typed_length(t, a, client, &body, length);
        typed_add(t, "\r\n");
        typed_add_bytes(t, body.text, body.len);
        if (a->statuses_count > 0)
                return;
        if (!b->post.is_asked) {
                const char *secret = strstr(token->text, "earer") + 5;
                secret += strspn(secret, " ");
                snprintf(b->post.secret, sizeof(b->post.secret), "%.*s", (int)strcspn(secret, "\r"), secret);
                while (b->post.secret[strlen(b->post.secret) - 1] == ' ')
                        b->post.secret[strlen(b->post.secret) - 1] = '\0';
                b->post.room = rooms[room].room;
                b->post.has_key = key != &keys[0];
                b->post.is_json = is_json;
                b->post.body = body;
        }
        browser_typed_ask(b, a, length >= 0xf0 ? UINT16_MAX : fault);
}

void browser_typed_request(struct browser_typed *b, struct typed *t, struct browser_client *client, struct choices *c)
{
        struct browser_client_asked a = {0};
        uint8_t choice = choose_u8(c);
        if (choice % 8 < 2)
                browser_typed_get(b, t, &a, c);
        else if (choice % 8 < 4)
                browser_typed_upgrade(b, t, &a, c);
        else
                browser_typed_post(b, t, client, &a, c);
        browser_typed_note(client, &a);
        if (choice >= 0xf0) {
                typed_mutate(t, c);
                client->is_plain = client->has_plain_frames = false;
        }
}

/* ---- frames ---- */

/* A frame whose head is right, apart from what its fields say. */
struct typed_frame {
        uint8_t first;  /* FIN, reserved bits, and the sort of frame */
        bool is_bare;   /* it has no mask */
        uint8_t digits; /* of the length: 0, 2 or 8, or any other: as many as it needs */
        struct slice payload;
};

static void browser_typed_put_frame(struct typed *t, const struct typed_frame *f, uint8_t mask)
{
        const uint8_t masks[] = {mask, (uint8_t)(mask * 3), 0, (uint8_t)(mask ^ 0x5a)};
        size_t len = f->payload.len, needed = len < 126 ? 0 : len < 65536 ? 2 : 8;
        size_t digits = f->digits == 2 || f->digits == 8 ? f->digits : needed;
        uint8_t head[16] = {f->first, (uint8_t)((f->is_bare ? 0 : 0x80) | (digits == 0   ? len
                                                                           : digits == 2 ? 126
                                                                                         : 127))};
        for (size_t i = 0; i < digits; i++)
                head[2 + i] = (uint8_t)((uint64_t)len >> 8 * (digits - 1 - i));
        typed_add_bytes(t, head, 2 + digits);
        if (!f->is_bare)
                typed_add_bytes(t, masks, sizeof(masks));
        for (size_t i = 0; i < len; i++)
                typed_add_bytes(t, (char[]){(char)(f->payload.at[i] ^ (f->is_bare ? 0 : masks[i % 4]))}, 1);
}

/* Notes that the session must end the WebSocket with this code. */
static void browser_typed_wrong(struct browser_client *client, unsigned code)
{
        if (client->asked_close == 0)
                client->asked_close = code;
}

/* Types a part of a message, the last one if `is_last`. */
static void browser_typed_text(struct browser_typed *b, struct typed *t, struct browser_client *client,
                               struct slice text, bool is_last, uint8_t mask)
{
        const struct typed_frame f = {.first = (uint8_t)((is_last ? 0x80 : 0) | (b->has_begun ? 0 : 1)),
                                      .digits = UINT8_MAX,
                                      .payload = text};
        browser_typed_put_frame(t, &f, mask);
        if (text.len > sizeof(b->message) - b->message_len) {
                browser_typed_wrong(client, 1009);
                return;
        }
        memcpy(b->message + b->message_len, text.at, text.len);
        b->message_len += text.len;
        b->has_begun = !is_last;
        if (!is_last)
                return;
        if (!text_is_utf8(b->message, b->message_len))
                browser_typed_wrong(client, 1007);
        if (client->asked_close == 0) {
                b->messages++;
                b->sum = json_client_sum(b->sum, (struct slice){b->message, b->message_len});
        }
        b->message_len = 0;
}

static void browser_typed_ping(struct typed *t, struct browser_client *client, struct slice payload, uint8_t mask)
{
        browser_typed_put_frame(t, &(struct typed_frame){.first = 0x89, .payload = payload}, mask);
        if (client->pings_count == BROWSER_CLIENT_PINGS_MAX)
                client->has_plain_frames = false;
        else
                client->pings[client->pings_count++] = json_client_sum(0, payload);
}

static void browser_typed_close(struct typed *t, struct browser_client *client, struct choices *c, uint8_t mask)
{
        static const struct {
                struct slice payload;
                unsigned code; /* in the answer */
        } all[] = {
                {{"\x03\xe8", 2}, 1000},
                {{"", 0}, 1005},
                {{"\x03\xe9gone", 6}, 1001},
                {{"\x0f\xa0", 2}, 4000},
                {{"\x03", 1}, 1002},
                {{"\x03\xec", 2}, 1002},
                {{"\x03\xed", 2}, 1002},
                {{"\x03\xf7", 2}, 1002},
                {{"\x13\x88", 2}, 1002},
                {{"\x03\xe8\xff", 3}, 1007},
                {{"\x03\xe8\xe2\x82", 4}, 1007},
        };
        uint8_t choice = choose_u8(c) % (sizeof(all) / sizeof(all[0]));
        browser_typed_put_frame(t, &(struct typed_frame){.first = 0x88, .payload = all[choice].payload}, mask);
        browser_typed_wrong(client, all[choice].code);
}

static void browser_typed_wrong_frame(const struct browser_typed *b, struct typed *t, struct browser_client *client,
                                      struct choices *c, uint8_t mask)
{
        static const char long_payload[2 * WEB_LINE_MAX_BYTES] = {0};
        static const struct {
                struct typed_frame frame;
                unsigned code;
        } all[] = {
                {{.first = 0x81, .is_bare = true, .payload = {"{}", 2}}, 1002},
                {{.first = 0xc1, .payload = {"{}", 2}}, 1002},
                {{.first = 0x83}, 1002},
                {{.first = 0x8b}, 1002},
                {{.first = 0x09}, 1002},
                {{.first = 0x08, .payload = {"\x03\xe8", 2}}, 1002},
                {{.first = 0x89, .digits = 2, .payload = {long_payload, 126}}, 1002},
                {{.first = 0x81, .digits = 2, .payload = {"{}", 2}}, 1002},
                {{.first = 0x81, .digits = 8, .payload = {long_payload, 200}}, 1002},
                {{.first = 0x82}, 1003},
                {{.first = 0x81, .digits = UINT8_MAX, .payload = {long_payload, WEB_LINE_MAX_BYTES + 1}}, 1009},
                {{.first = 0x80}, 1002},
        };
        uint8_t choice = choose_u8(c) % (sizeof(all) / sizeof(all[0]));
        const struct typed_frame *f = &all[choice].frame;
        if (b->has_begun && choice == 11) /* it is right there */
                return;
        browser_typed_put_frame(t, f, mask);
        browser_typed_wrong(client, b->has_begun && (f->first == 0x82 || f->first == 0x81) ? 1002 : all[choice].code);
}

void browser_typed_frame(struct browser_typed *b, struct typed *t, struct browser_client *client, struct choices *c)
{
        static const char pings[] = LONG_128;
        static struct typed request;
        uint8_t choice = choose_u8(c), mask = choose_u8(c);
        size_t cut = 0;
        switch (choice % 16) {
        case 8:
        case 9:
                json_client_ask(&request, c);
                cut = choose_u16(c) % (request.len + 1);
                browser_typed_text(b, t, client, (struct slice){request.text, cut}, false, mask);
                if (choice & 16)
                        browser_typed_ping(t, client, slice_of(""), mask);
                browser_typed_text(b, t, client, (struct slice){request.text + cut, request.len - cut},
                                   choice & 32 || choice & 1, mask);
                break;
        case 10:
                browser_typed_ping(t, client, (struct slice){pings, choose_u8(c) % 126}, mask);
                break;
        case 11:
                browser_typed_put_frame(t, &(struct typed_frame){.first = 0x8a, .payload = {pings, choose_u8(c) % 126}},
                                        mask);
                break;
        case 12:
                browser_typed_close(t, client, c, mask);
                break;
        case 13:
                browser_typed_wrong_frame(b, t, client, c, mask);
                break;
        case 14:
                browser_typed_text(b, t, client, slice_of(""), choice & 16, mask);
                break;
        case 15:
                browser_typed_text(b, t, client, slice_of("{\"do\":\"ping\",\"ref\":1}\xc3"), choice & 16, mask);
                break;
        default:
                json_client_ask(&request, c);
                browser_typed_text(b, t, client, (struct slice){request.text, request.len}, true, mask);
                break;
        }
        if (choice >= 0xf0) {
                if (t->len > 0)
                        typed_mutate(t, c);
                client->is_plain = client->has_plain_frames = false;
        }
}
