#include "post.h"

#include <stdio.h>

#include <nettle/sha2.h>

#include <chat/clock.h>
#include <chat/safe-text.h>
#include <chat/sentence.h>

#include "parser.h"

enum { POST_KEY_MAX_BYTES = 255 };

/* Returns the further fields of an answer with this status. */
static const char *post_fields(unsigned status)
{
        if (status == 401)
                return "WWW-Authenticate: Bearer realm=\"chat\"\r\n";
        return status == 503 ? "Retry-After: 5\r\n" : "";
}

static void post_tell(struct web *w, unsigned status, const char *text)
{
        http_tell(&w->http, w->client, (uint64_t)clock_realtime_ms(), status, text, post_fields(status));
}

/* Answers the request, and ends the connection. */
static void post_end(struct web *w, unsigned status, const char *text)
{
        post_tell(w, status, text);
        w->stage = WEB_CLOSED;
        talk_leave(w->session, LEAVE_EOF);
}

/* ---- the head ---- */

/* Takes the token of the request. Returns false if there is none. */
static bool post_take_secret(struct web *w)
{
        static const char scheme[] = "Bearer ";
        struct slice field = w->http.fields[HTTP_AUTHORIZATION];
        size_t len = sizeof(scheme) - 1;
        if (field.len <= len || strncasecmp(field.at, scheme, len) != 0)
                return false;
        while (len < field.len && field.at[len] == ' ')
                len++;
        if (field.len - len > SECRET_MAX_BYTES)
                return false;
        snprintf(w->post.secret, sizeof(w->post.secret), "%.*s", (int)(field.len - len), field.at + len);
        return true;
}

/* Takes the name of a room; "#ops" means "ops". Returns false if no room can have it. */
static bool post_take_room(struct web *w, struct slice name)
{
        if (name.len > 0 && name.at[0] == '#')
                name = (struct slice){name.at + 1, name.len - 1};
        if (!name_is_nick(name.at, name.len))
                return false;
        snprintf(w->post.room, sizeof(w->post.room), "%.*s", (int)name.len, name.at);
        return true;
}

/* Takes the room that the query names, if there is a query. Returns false if it is wrong. */
static bool post_take_query(struct web *w)
{
        char name[1 + NICK_MAX_BYTES];
        ssize_t len = http_query(&w->http, "room", name, sizeof(name));
        return len == 0 || (len > 0 && post_take_room(w, (struct slice){name, (size_t)len}));
}

/* Takes the key of the request, if it has one. Returns false if the key is too long or empty. */
static bool post_take_key(struct web *w)
{
        struct slice key = w->http.fields[HTTP_IDEMPOTENCY_KEY];
        struct sha256_ctx sha;
        uint8_t digest[SHA256_DIGEST_SIZE];
        if (!key.at)
                return true;
        if (key.len == 0 || key.len > POST_KEY_MAX_BYTES)
                return false;
        sha256_init(&sha);
        sha256_update(&sha, key.len, (const uint8_t *)key.at);
        sha256_digest(&sha, sizeof(digest), digest);
        memcpy(&w->post.key, digest, sizeof(w->post.key));
        w->post.key |= 1; /* 0 would mean that there is none */
        return true;
}

/* Returns true if a field of this type says that the text is in UTF-8, or does not say what it is in. */
static bool post_is_utf8(struct slice field)
{
        static const char key[] = "charset=";
        char text[128];
        snprintf(text, sizeof(text), "%.*s", (int)field.len, field.at ? field.at : "");
        const char *charset = strcasestr(text, key);
        if (!charset)
                return field.len < sizeof(text);
        charset += sizeof(key) - 1;
        charset += *charset == '"';
        return strncasecmp(charset, "utf-8", 5) == 0 || strncasecmp(charset, "us-ascii", 8) == 0;
}

/* Takes the type of the body. Returns false if it is none that has a text. What curl -d sends is a text, though curl
 * calls it a form. */
static bool post_take_type(struct web *w)
{
        struct slice field = w->http.fields[HTTP_CONTENT_TYPE];
        size_t len = 0;
        while (len < field.len && field.at[len] != ';' && field.at[len] != ' ')
                len++;
        const struct slice type = {field.at, len};
        w->post.is_json = len > 0 && slice_equal_case(type, slice_of("application/json"));
        bool is_text = len == 0 || w->post.is_json || slice_equal_case(type, slice_of("text/plain")) ||
                       slice_equal_case(type, slice_of("application/x-www-form-urlencoded"));
        return is_text && post_is_utf8(field);
}

void post_begin(struct web *w)
{
        const struct http *h = &w->http;
        w->post = (struct post){.step = POST_BODY};
        if (!post_take_secret(w)) {
                post_tell(w, 401, "A token is missing: Authorization: Bearer TOKEN. chatctl token makes one\n");
        } else if (h->fields[HTTP_TRANSFER_ENCODING].at) {
                post_tell(w, 411, "The text needs a Content-Length\n");
        } else if (!h->has_body) {
                post_tell(w, 400, "There is no text to say\n");
        } else if (h->parser.content_length > WEB_LINE_MAX_BYTES) {
                post_tell(w, 413, "The body has more than 8192 bytes\n");
        } else if (!post_take_type(w)) {
                post_tell(w, 415, "The text is text/plain, or the \"text\" of application/json, in UTF-8\n");
        } else if (!post_take_query(w)) {
                post_tell(w, 400, "A query is ?room=NAME, with the name of a room, and nothing else\n");
        } else if (!post_take_key(w)) {
                post_tell(w, 400, "An Idempotency-Key has 1 to 255 bytes\n");
        } else {
                w->post.size = (size_t)h->parser.content_length;
                w->line_len = 0;
                w->stage = WEB_POST;
        }
}

/* ---- the body ---- */

size_t post_missing(const struct web *w)
{
        return w->post.step == POST_BODY ? w->post.size - w->line_len : 0;
}

/* Takes the text of an object, and its room. Returns false and says why if they are wrong. */
static bool post_read_object(struct web *w, const json_t *object, struct slice *text, char why[static PARSER_WHY_BYTES])
{
        struct slice room;
        if (!parser_text(object, "text", text)) {
                snprintf(why, PARSER_WHY_BYTES, "The object needs a text, in \"text\"");
                return false;
        }
        if (!json_object_get(object, "room"))
                return true;
        if (w->post.room[0] == '\0' && parser_text(object, "room", &room) && post_take_room(w, room))
                return true;
        snprintf(why, PARSER_WHY_BYTES, "\"room\" is the name of a room, and the query names none beside it");
        return false;
}

/* Finds the text in the body. Returns false and says why if there is none. */
static bool post_find_text(struct web *w, struct slice *text, char why[static PARSER_WHY_BYTES])
{
        struct slice body = {w->line, w->line_len};
        *text = body;
        if (!w->post.is_json)
                return true;
        if (!parser_is_small(body)) {
                snprintf(why, PARSER_WHY_BYTES, "The object has more than 256 values");
                return false;
        }
        const json_t *object = parser_parse(body, why);
        return object && post_read_object(w, object, text, why);
}

static bool post_is_blank(struct slice line)
{
        for (size_t i = 0; i < line.len; i++)
                if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r')
                        return false;
        return true;
}

/* Cleans each line of the text that is not blank. They go to `line` of the state. Returns false if the text is too
 * long. */
static bool post_clean(struct web *w, struct slice text)
{
        char clean[TEXT_MAX_BYTES + 1 + TEXT_CLEAN_MAX];
        size_t len = 0, lines = 0;
        struct slice line;
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                if (line.len > 0 && line.at[line.len - 1] == '\r')
                        line.len--;
                if (post_is_blank(line))
                        continue;
                if (lines++ > 0)
                        clean[len++] = '\n';
                len += text_clean_all(line.at, line.len, clean + len, sizeof(clean) - len);
                if (len > TEXT_MAX_BYTES || lines > FRAME_LINES_MAX)
                        return false;
        }
        memcpy(w->line, clean, len);
        w->line_len = len;
        return true;
}

void post_take(struct web *w, const uint8_t *bytes, size_t n)
{
        char why[PARSER_WHY_BYTES], sentence[PARSER_WHY_BYTES + 1];
        struct slice text;
        memcpy(w->line + w->line_len, bytes, n);
        w->line_len += n;
        if (post_missing(w) > 0)
                return;
        if (!post_find_text(w, &text, why)) {
                snprintf(sentence, sizeof(sentence), "%s\n", why);
                post_end(w, 400, sentence);
        } else if (!post_clean(w, text)) {
                post_end(w, 413, "The text, as people see it, has more than 4096 bytes or 64 lines\n");
        } else if (w->line_len == 0) {
                post_end(w, 400, "There is no text to say\n");
        } else {
                w->post.step = POST_JOINING;
                talk_introduce(w->session, slice_of(""));
        }
}

/* ---- chatd ---- */

void post_welcome(struct web *w)
{
        struct frame f = {
                .type = FRAME_WEBHOOK,
                .key = w->post.key,
                .name = slice_of(w->post.room),
                .secret = slice_of(w->post.secret),
                .text = {w->line, w->line_len},
        };
        if (w->post.step != POST_JOINING || !talk_is_open(w->session)) /* nothing may come behind a BYE */
                return;
        if (talk_version(w->session) < frame_since(FRAME_WEBHOOK)) {
                post_end(w, 503, "chatd is of an earlier version. Restart it\n");
                return;
        }
        w->post.step = POST_ASKED;
        talk_request(w->session, f, (unsigned)frame_lines(&f));
}

static const struct {
        uint8_t code;
        uint16_t status;
} rows[] = {
        {ANSWER_POSTED, 200}, {ANSWER_POSTED_BEFORE, 200},   {ANSWER_ROOM_INVALID, 400}, {ANSWER_TOKEN_UNKNOWN, 401},
        {ANSWER_BANNED, 403}, {ANSWER_TOKEN_ELSEWHERE, 403}, {ANSWER_ROOM_EMPTY, 404},
};

/* Returns the status for an answer of chatd. An answer that is not in the table says that chatd can do it later. */
static unsigned post_status(uint8_t code)
{
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (rows[i].code == code)
                        return rows[i].status;
        return 503;
}

/* Answers the request by what chatd said. */
static void post_end_with(struct web *w, const struct frame *f)
{
        char text[TEXT_MAX_BYTES + 2]; /* with LF and NUL */
        struct answer a;
        if (answer_decode(&a, f->answer) < 0) {
                post_give_up(w);
                return;
        }
        struct slice sentence = sentence_write(&a, slice_of(""), SENTENCE_COLUMNS, text, TEXT_MAX_BYTES);
        text[sentence.len] = '\n';
        text[sentence.len + 1] = '\0';
        post_end(w, post_status(a.code), text);
}

void post_answer(struct web *w, const struct frame *f)
{
        if (f->type == FRAME_ANSWER)
                post_end_with(w, f);
}

void post_refusal(struct web *w, const struct frame *f)
{
        post_end_with(w, f);
}

void post_time_out(struct web *w)
{
        if (w->post.step == POST_BODY)
                post_end(w, 408, "The text did not come in time\n");
        else
                post_give_up(w);
}

void post_give_up(struct web *w)
{
        if (w->post.step != POST_ASKED)
                post_end(w, 503, "The chat is not available, and the line is not said. Try again\n");
        else if (w->post.key != 0)
                post_end(w, 503, "The chat did not answer. Repeat the request with the same Idempotency-Key\n");
        else
                post_end(w, 503,
                         "The chat did not answer. The line may be said, and a repeated request may say it twice\n");
}
