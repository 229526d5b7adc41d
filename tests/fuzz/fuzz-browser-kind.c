/* A whole session with a browser, or with a program that speaks HTTP (chat-web/, and chat-session/ from visit down), in a
 * world without a system: world.h has the input, and most promises, browser-client.h and json-client.h others.
 *
 * Promises, besides: each complete request gets one answer, in order, with a status that fits its faults. The session
 * joins the chat only for a WebSocket, or for a POST whose body has come. It asks chatd at most once to say a line, with
 * the token, the room, the key and the clean text of the request. A client that waits for a 100 Continue gets it. Each
 * message of a WebSocket is taken, once and in order. If nothing broke, the last answer or frame is whole.
 */
#include <ctype.h>
#include <strings.h>

#include <chat/safe-text.h>

#include "../../chat-session/client-output.h"
#include "../../chat-web/browser-kind.h"
#include "../../chat-web/post.h"
#include "../../chat-web/site.h"

#include "browser-client.h"
#include "browser-typed.h"
#include "world.h"

enum {
        FLAG_PROXIED = 1,
        FIELD_MAX_BYTES = 400,
        TEXT_ROOM_BYTES = 8 * WEB_LINE_MAX_BYTES, /* for a text that becomes as long as it can */
};

static struct web web;
static struct kind kind;
static struct site site;
static struct browser_client client;
static struct browser_typed typed;

/* The next part of the input, and its beginning. */
static struct typed rest;
static size_t rest_at, rest_asked; /* how much is typed, and the number of requests before it */
static bool types_rest;

/* The request with a line that the session took, as it came. */
static struct {
        bool is_begun, is_checked, has_key, is_json;
        size_t size, body_len;
        char authorization[FIELD_MAX_BYTES], target[FIELD_MAX_BYTES];
        /* what follows is used up to the length above */
        char body[WEB_LINE_MAX_BYTES];
} taken;

/* ---- requests that the session takes ---- */

static void taken_copy(char copy[static FIELD_MAX_BYTES], struct slice field)
{
        snprintf(copy, FIELD_MAX_BYTES, "%.*s", (int)field.len, field.len > 0 ? field.at : "");
}

static bool slice_has(struct slice text, const char *word)
{
        char copy[FIELD_MAX_BYTES];
        taken_copy(copy, text);
        return strcasestr(copy, word);
}

/* Notes that a request is answered, now or later. */
static struct browser_client_due *taken_note(const struct http *h)
{
        struct browser_client_due *due = &client.due[client.due_count];
        size_t at = 0;
        while (at < h->len && (h->head[at] == '\r' || h->head[at] == '\n'))
                at++;
        size_t len = h->len - at < 5 ? h->len - at : 5;
        PROMISE(client.due_count < BROWSER_CLIENT_DUE_MAX, "so many requests");
        client.due_count++;
        *due = (struct browser_client_due){.is_timeout = h->state == HTTP_WRONG && h->status == 408};
        due->is_head = len > 0 && strncmp("HEAD ", h->head + at, len) == 0;
        due->may_be_head = due->is_head && len < 5;
        due->may_go_on = h->parser.http_minor > 0 && slice_has(h->fields[HTTP_EXPECT], "100-continue");
        due->has_known_key = slice_has(h->fields[HTTP_WEBSOCKET_KEY], "dGhlIHNhbXBsZSBub25jZQ==");
        return due;
}

void __real_site_answer(struct web *w, uint64_t ms);
void __wrap_site_answer(struct web *w, uint64_t ms);
void __wrap_site_answer(struct web *w, uint64_t ms)
{
        struct browser_client_due *due = taken_note(&w->http);
        PROMISE(w->stage == WEB_HTTP && !taken.is_begun, "a request behind the last one");
        taken_copy(taken.authorization, w->http.fields[HTTP_AUTHORIZATION]);
        taken_copy(taken.target, w->http.target);
        taken.has_key = w->http.fields[HTTP_IDEMPOTENCY_KEY].at;
        taken.is_json = slice_has(w->http.fields[HTTP_CONTENT_TYPE], "application/json");
        taken.size = (size_t)w->http.parser.content_length;
        __real_site_answer(w, ms);
        due->is_last = w->http.is_last;
        due->is_post = taken.is_begun = w->stage == WEB_POST;
        due->is_upgrade = w->stage == WEB_SOCKET;
        due->may_go_on = due->may_go_on && due->is_post;
        if (due->may_be_head) /* the session may take it for one */
                due->is_head = w->http.parser.method == HTTP_HEAD;
}

void __real_post_take(struct web *w, const uint8_t *bytes, size_t n);
void __wrap_post_take(struct web *w, const uint8_t *bytes, size_t n);
void __wrap_post_take(struct web *w, const uint8_t *bytes, size_t n)
{
        PROMISE(taken.is_begun && n > 0 && n <= taken.size - taken.body_len && taken.size <= sizeof(taken.body),
                "%zu bytes behind %zu of %zu", n, taken.body_len, taken.size);
        memcpy(taken.body + taken.body_len, bytes, n);
        taken.body_len += n;
        __real_post_take(w, bytes, n);
}

/* ---- the line that the session asks for ---- */

/* Cleans the lines of a text. Returns the length. */
static size_t expect_clean(struct slice text, char clean[static TEXT_ROOM_BYTES])
{
        struct slice line;
        size_t len = 0;
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                if (line.len > 0 && line.at[line.len - 1] == '\r')
                        line.len--;
                size_t blanks = 0;
                while (blanks < line.len && strchr(" \t\r", line.at[blanks]) && line.at[blanks] != '\0')
                        blanks++;
                if (blanks == line.len)
                        continue;
                if (len > 0)
                        clean[len++] = '\n';
                len += text_clean_all(line.at, line.len, clean + len, TEXT_ROOM_BYTES - len);
        }
        return len;
}

/* Returns the clean text of a body. */
static struct slice expect_text(struct slice body, bool is_json)
{
        static char clean[TEXT_ROOM_BYTES];
        json_t *object = NULL;
        json_client_heap_begin();
        if (is_json) {
                object = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
                const json_t *text = json_object_get(object, "text");
                PROMISE(json_is_string(text), "there is no text");
                body = (struct slice){json_string_value(text), json_string_length(text)};
        }
        size_t len = expect_clean(body, clean);
        json_decref(object);
        json_client_heap_end();
        return (struct slice){clean, len};
}

/* Writes the room that a target names. */
static void expect_room(const char *target, char room[static FIELD_MAX_BYTES])
{
        const char *at = strstr(target, "?room=");
        size_t len = 0;
        for (at = at ? at + 6 : ""; *at != '\0'; at++) {
                unsigned byte = (unsigned char)*at;
                if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1)
                        at += 2;
                room[len++] = (char)(*at == '+' ? ' ' : byte);
        }
        room[len] = '\0';
        if (room[0] == '#')
                memmove(room, room + 1, len);
}

static void expect_line(const struct frame *f, const char *secret, const char *room, struct slice text)
{
        PROMISE(slice_equal(f->secret, slice_of(secret)), "the token %.*s in place of %s", (int)f->secret.len,
                f->secret.at, secret);
        PROMISE(slice_equal(f->name, slice_of(room)), "the room %.*s in place of %s", (int)f->name.len, f->name.at,
                room);
        PROMISE(slice_equal(f->text, text), "the text '%.*s' in place of '%.*s'", (int)f->text.len, f->text.at,
                (int)text.len, text.at);
}

/* Checks what the session asked chatd to say. */
static void web_check_webhook(void)
{
        struct frame f;
        char room[FIELD_MAX_BYTES];
        const char *secret = taken.authorization + strlen("Bearer ");
        if (world.chatd.webhook_size == 0 || taken.is_checked)
                return;
        taken.is_checked = true;
        PROMISE(taken.is_begun && taken.body_len == taken.size, "nobody asked for it");
        PROMISE(frame_decode(&f, world.chatd.webhook, world.chatd.webhook_size) == 0, "a wrong frame");
        PROMISE(strncasecmp(taken.authorization, "Bearer ", strlen("Bearer ")) == 0, "%s", taken.authorization);
        expect_room(taken.target, room);
        expect_line(&f, secret + strspn(secret, " "), room,
                    expect_text((struct slice){taken.body, taken.body_len}, taken.is_json));
        PROMISE((f.key != 0) == taken.has_key, "the key %llu", (unsigned long long)f.key);
        if (!client.is_plain)
                return;
        PROMISE(typed.post.is_asked, "the client did not type it");
        if (typed.post.has_text)
                expect_line(&f, typed.post.secret, typed.post.room,
                            expect_text((struct slice){typed.post.body.text, typed.post.body.len}, typed.post.is_json));
        PROMISE((f.key != 0) == typed.post.has_key, "the key %llu", (unsigned long long)f.key);
}

/* ---- the state ---- */

/* Returns what is known of the last request; all zeros: there was none. */
static struct browser_client_due web_last(void)
{
        return client.due_count > 0 ? client.due[client.due_count - 1] : (struct browser_client_due){0};
}

/* Returns true if the client waits for a 100 Continue, and the session for a body. */
static bool web_waits_for_nothing(void)
{
        const struct browser_client_due due = web_last();
        return client.is_plain && web.stage == WEB_POST && web.post.step == POST_BODY && taken.body_len == 0 &&
               world.sent_len == 0 && web.held_len == 0 && !client_waits(&world.session.client) &&
               !world.session.client.is_out_broken && due.may_go_on && !due.has_gone_on;
}

static void web_check(void)
{
        PROMISE(web.line_len <= sizeof(web.line) && web.http.len <= HTTP_HEAD_MAX_BYTES, "the line overflowed");
        PROMISE(web.held_len <= sizeof(web.held) && web.socket.control_len <= sizeof(web.socket.control),
                "%zu bytes held, %zu of a control frame", web.held_len, web.socket.control_len);
        PROMISE(web.rooms_count <= MEMBER_ROOMS_MAX && web.reentered <= web.rooms_count,
                "%zu rooms, %zu of them entered", web.rooms_count, web.reentered);
        PROMISE(web.answers <= BROWSER_REQUESTS_MAX, "%u answers", web.answers);
        PROMISE(!world.chatd.has_hello || web_last().is_upgrade || (taken.is_begun && taken.body_len == taken.size),
                "it joins the chat");
        PROMISE(!taken.is_begun || world.session.client.lines_out == 0, "a program that posts is shown the chat");
        PROMISE(!web_waits_for_nothing(), "the client waits for a 100");
        web_check_webhook();
}

static bool web_is_settled(void)
{
        return true;
}

static void web_check_answers(void)
{
        uint64_t sum;
        bool is_typed = rest_at == rest.len;
        PROMISE(client.part != BROWSER_CLIENT_OVER, "the session goes on behind its last answer");
        PROMISE(browser_client_is_between(&client), "the session goes on in the midst of an answer");
        PROMISE(client.answers == client.due_count || taken.is_begun, "%zu answers for %zu requests", client.answers,
                client.due_count);
        if (client.part == BROWSER_CLIENT_FRAMES)
                json_client_check_answers(&web);
        if (client.is_plain && client.part == BROWSER_CLIENT_HEAD)
                PROMISE(client.answers >= (is_typed ? client.asked_count : rest_asked), "%zu answers for %zu requests",
                        client.answers, client.asked_count);
        if (!client.is_plain || !client.has_plain_frames || client.part != BROWSER_CLIENT_FRAMES || !is_typed)
                return;
        PROMISE(client.asked_close == 0, "the session goes on behind a wrong frame: %u", client.asked_close);
        PROMISE(json_client_taken(&sum) == typed.messages && sum == typed.sum, "%u messages of %u",
                json_client_taken(&sum), typed.messages);
}

/* Checks what the client got in all. The session has ended. */
static void web_check_end(void)
{
        const struct client *c = &world.session.client;
        bool is_posting = client.answers + 1 == client.due_count && taken.is_begun && taken.body_len < taken.size;
        web_check();
        if (world.is_broken || c->is_out_broken || client_waits(c))
                return;
        PROMISE(browser_client_is_between(&client), "the session ends in the midst of an answer");
        PROMISE(client.answers == client.due_count || is_posting, "%zu answers for %zu requests", client.answers,
                client.due_count);
        PROMISE(client.part != BROWSER_CLIENT_FRAMES, "the WebSocket ends without a close frame");
}

/* ---- what the client types ---- */

/* Returns how many bytes are left up to the end of the last head of a request, or 0. */
static size_t web_left_heads(void)
{
        static const char end[] = "\r\n\r\n";
        const char *begin = rest.text + rest_at, *at = begin;
        for (const char *next; (next = memmem(at, rest.len - (size_t)(at - rest.text), end, 4));)
                at = next + 4;
        return (size_t)(at - begin);
}

/* Types the next part of what is to be typed: all, a part that the script chooses, or all but the last body. */
static void web_type_part(void)
{
        uint8_t choice = choose_u8(&world.script);
        size_t left = rest.len - rest_at, n = left, typed_before = world.sent_at + world.sent_len;
        if (choice >= 0xc0)
                n = left * (choice & 0x3f) / 64;
        else if (choice >= 0xa0)
                n = web_left_heads();
        types_rest = true;
        world_type(rest.text + rest_at, n);
        types_rest = false;
        if (n > 0 && world.sent_at + world.sent_len == typed_before)
                client.is_plain = client.has_plain_frames = false; /* there was no room */
        rest_at += n;
}

/* Types the rest of what was begun, or else one or more requests or frames. */
static void web_type(void)
{
        uint8_t more = choose_u8(&world.script);
        if (rest_at == rest.len) {
                rest.len = rest_at = 0;
                rest_asked = client.asked_count;
                for (unsigned n = more < 0xe0 ? 1 : more & 15; n > 0 && rest.len < WEB_HELD_MAX_BYTES; n--)
                        if (typed.has_frames)
                                browser_typed_frame(&typed, &rest, &client, &world.script);
                        else
                                browser_typed_request(&typed, &rest, &client, &world.script);
        }
        web_type_part();
}

static void web_says(const uint8_t *bytes, size_t n)
{
        static const char good[] = "GET /healthz?";
        bool is_good = n > sizeof(good) && memcmp(bytes, good, sizeof(good) - 1) == 0 && bytes[n - 1] == '\n';
        if (types_rest)
                return;
        if (is_good && rest_at == rest.len && !typed.has_frames)
                browser_typed_note_good(&client);
        else
                client.is_plain = client.has_plain_frames = false;
}

static void web_sees(const char *bytes, size_t n)
{
        browser_client_sees(&client, bytes, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct world_client browser_of_world = {
                .kind = &kind,
                .me = &web,
                .sent_most_bytes = JSON_CLIENT_SENT_MAX_BYTES,
                .many = "GET /healthz?%u HTTP/1.1\r\nHost: localhost\r\n\r\n",
                .type = web_type,
                .says = web_says,
                .sees = web_sees,
                .check = web_check,
                .is_settled = web_is_settled,
                .check_answers = web_check_answers,
        };
        kind = browser_kind();
        memset(&web, 0, sizeof(web));
        memset(&taken, 0, offsetof(typeof(taken), body));
        web.site = &site;
        rest.len = rest_at = rest_asked = 0;
        json_client_begin();
        browser_client_begin(&client);
        world_begin(&browser_of_world, data, size);
        world.chatd.is_asked_for_any_name = true;
        site = (struct site){.origins = "https://chat.example http://other.example:8080",
                             .is_forwarded = world.flags & FLAG_PROXIED};
        browser_typed_begin(&typed, site.is_forwarded);
        world_run();
        web_check_end();
        wslay_frame_context_free(web.socket.frames);
        return 0;
}
