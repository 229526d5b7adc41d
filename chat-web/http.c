#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include <chat/assert.h>
#include <chat/utc.h>

#include "../chat-session/client-output.h"

static const struct {
        char name[24];
        bool is_single; /* the field may not come twice: RFC 9112, section 3.2, and RFC 6455, section 11.3 */
} http_fields[HTTP_FIELDS] = {
        [HTTP_HOST] = {"Host", true},
        [HTTP_ORIGIN] = {"Origin", true},
        [HTTP_CONNECTION] = {"Connection", false},
        [HTTP_TRANSFER_ENCODING] = {"Transfer-Encoding", false},
        [HTTP_UPGRADE] = {"Upgrade", false},
        [HTTP_WEBSOCKET_KEY] = {"Sec-WebSocket-Key", true},
        [HTTP_WEBSOCKET_VERSION] = {"Sec-WebSocket-Version", true},
        [HTTP_WEBSOCKET_PROTOCOL] = {"Sec-WebSocket-Protocol", false},
        [HTTP_IF_NONE_MATCH] = {"If-None-Match", false},
        [HTTP_REAL_IP] = {"X-Real-IP", true},
        [HTTP_REAL_PORT] = {"X-Real-Port", true},
        [HTTP_AUTHORIZATION] = {"Authorization", true},
        [HTTP_CONTENT_TYPE] = {"Content-Type", true},
        [HTTP_EXPECT] = {"Expect", false},
        [HTTP_IDEMPOTENCY_KEY] = {"Idempotency-Key", true},
};

#define HTTP_TOLD_FIELDS                                                                                               \
        "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; frame-ancestors "                     \
        "'none'\r\n" HTTP_SAFE_FIELDS
#define HTTP_TEXT "text/plain; charset=utf-8"
enum { HTTP_TOLD_FIELDS_MAX_BYTES = 1024 };

/* ---- requests ---- */

void http_give_up(struct http *h, unsigned status)
{
        h->state = HTTP_WRONG;
        h->status = status;
        h->is_last = true;
}

/* Adds a part to a text. http-parser hands over a text in parts if it came in parts. The parts are side by side in the
 * head. */
static void http_extend(struct slice *text, const char *at, size_t len)
{
        if (!text->at)
                *text = (struct slice){at, len};
        else
                text->len = (size_t)(at + len - text->at);
}

static int http_on_target(http_parser *p, const char *at, size_t len)
{
        struct http *h = p->data;
        http_extend(&h->target, at, len);
        return 0;
}

static int http_on_name(http_parser *p, const char *at, size_t len)
{
        struct http *h = p->data;
        bool continues = h->name.at && h->name.at + h->name.len == at;
        h->value = NULL;
        if (!continues)
                h->name = (struct slice){0};
        http_extend(&h->name, at, len);
        return 0;
}

/* Finds the field whose name is now complete. Returns a negative value, which stops the parser, if a single field comes
 * twice, or if the name has a blank: http-parser as Debian builds it allows that. */
static int http_find_field(struct http *h)
{
        if (memchr(h->name.at, ' ', h->name.len))
                return -1;
        for (size_t i = 0; i < HTTP_FIELDS; i++) {
                if (!slice_equal_case(h->name, slice_of(http_fields[i].name)))
                        continue;
                if (!h->fields[i].at)
                        h->value = &h->fields[i];
                else if (http_fields[i].is_single)
                        return -1;
        }
        return 0;
}

static int http_on_value(http_parser *p, const char *at, size_t len)
{
        struct http *h = p->data;
        if (h->name.at && http_find_field(h) < 0)
                return -1;
        h->name = (struct slice){0};
        if (h->value)
                http_extend(h->value, at, len);
        return 0;
}

/* The head is complete. The parser stops: the body, and what comes after it, is not for the parser. */
static int http_on_head(http_parser *p)
{
        http_parser_pause(p, 1);
        return 0;
}

void http_begin(struct http *h, char head[static HTTP_HEAD_MAX_BYTES])
{
        *h = (struct http){0};
        h->head = head;
        http_parser_init(&h->parser, HTTP_REQUEST);
        h->parser.data = h;
}

static void http_trim(struct slice *text)
{
        while (text->len > 0 && (text->at[text->len - 1] == ' ' || text->at[text->len - 1] == '\t'))
                text->len--;
}

/* Returns true if the head has proper lines. http-parser as Debian builds it takes blanks in a target, any letters in
 * place of "TTP" behind it, NUL in a field, CR before any byte as a line end, and a field that continues in the next
 * line, which a server may refuse (RFC 9112, section 5.2). */
static bool http_has_lines(const struct http *h)
{
        static const char protocol[] = " HTTP/";
        const char *end = h->head + h->len;
        if (strncmp(h->target.at + h->target.len, protocol, sizeof(protocol) - 1) != 0)
                return false;
        for (const char *at = h->head; (at = memchr(at, '\r', (size_t)(end - at))); at++)
                if (at + 1 == end || at[1] != '\n')
                        return false;
        for (const char *at = h->head; (at = memchr(at, '\n', (size_t)(end - at))); at++)
                if (at + 1 < end && (at[1] == ' ' || at[1] == '\t'))
                        return false;
        for (size_t i = 0; i < h->target.len; i++)
                if (h->target.at[i] <= ' ' && h->target.at[i] >= 0)
                        return false;
        return !memchr(h->head, '\0', h->len);
}

/* Takes the host and the path out of a target such as "http://localhost/", which every server must know (RFC 9112,
 * section 3.2.2). The host counts in place of that in the field Host. */
static void http_split_target(struct http *h)
{
        struct slice rest = h->target;
        size_t scheme = strncasecmp(rest.at, "http://", 7) == 0 ? 7 : strncasecmp(rest.at, "https://", 8) == 0 ? 8 : 0;
        size_t host = scheme;
        if (scheme == 0)
                return;
        while (host < rest.len && rest.at[host] != '/' && rest.at[host] != '?')
                host++;
        h->fields[HTTP_HOST] = (struct slice){rest.at + scheme, host - scheme};
        if (host < rest.len && rest.at[host] == '/')
                h->target = (struct slice){rest.at + host, rest.len - host};
        else
                h->target = (struct slice){rest.at + scheme - 1, 1}; /* a slash */
}

static void http_complete(struct http *h)
{
        bool is_coded = h->fields[HTTP_TRANSFER_ENCODING].at, has_length = h->parser.content_length != UINT64_MAX;
        h->state = HTTP_COMPLETE;
        h->has_body = is_coded || (has_length && h->parser.content_length > 0);
        h->is_last = h->has_body || !http_should_keep_alive(&h->parser);
        for (size_t i = 0; i < HTTP_FIELDS; i++)
                http_trim(&h->fields[i]);
        if (h->parser.http_major != 1)
                http_give_up(h, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED);
        else if (!http_has_lines(h) || (h->parser.http_minor > 0 && !h->fields[HTTP_HOST].at) ||
                 (is_coded && !(h->parser.flags & F_CHUNKED)))
                http_give_up(h, HTTP_STATUS_BAD_REQUEST);
        else
                http_split_target(h);
}

static void http_fail(struct http *h)
{
        switch (HTTP_PARSER_ERRNO(&h->parser)) {
        case HPE_INVALID_METHOD:
                h->parser.method = HTTP_GET; /* it may be HEAD, for any method that begins with H */
                http_give_up(h, HTTP_STATUS_NOT_IMPLEMENTED);
                break;
        case HPE_INVALID_VERSION:
                http_give_up(h, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED);
                break;
        default:
                http_give_up(h, HTTP_STATUS_BAD_REQUEST);
                break;
        }
}

size_t http_take(struct http *h, const uint8_t *bytes, size_t n)
{
        static const http_parser_settings settings = {.on_url = http_on_target,
                                                      .on_header_field = http_on_name,
                                                      .on_header_value = http_on_value,
                                                      .on_headers_complete = http_on_head};
        char *at = h->head + h->len;
        size_t room = HTTP_HEAD_MAX_BYTES - h->len, size = n < room ? n : room;
        memcpy(at, bytes, size);
        size_t taken = size > 0 ? http_parser_execute(&h->parser, &settings, at, size) : 0;
        if (HTTP_PARSER_ERRNO(&h->parser) == HPE_PAUSED) {
                h->len += taken + 1; /* the parser stops before the last LF */
                http_complete(h);
                return taken + 1;
        }
        h->len += size;
        if (HTTP_PARSER_ERRNO(&h->parser) != HPE_OK)
                http_fail(h);
        else if (size < n)
                http_give_up(h, memchr(h->head, '\n', h->len) ? HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE
                                                              : HTTP_STATUS_URI_TOO_LONG);
        return size;
}

/* Takes the part up to the next `separator` off `rest`. */
static struct slice http_split(struct slice *rest, char separator)
{
        const char *end = memchr(rest->at, separator, rest->len);
        struct slice part = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
        rest->at += part.len + (end != NULL);
        rest->len -= part.len + (end != NULL);
        return part;
}

struct slice http_path(const struct http *h)
{
        struct slice query = h->target;
        return http_split(&query, '?');
}

/* Returns the value of a hexadecimal digit, or -1. */
static int http_digit(char c)
{
        if (isdigit((unsigned char)c))
                return c - '0';
        return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static ssize_t http_decode(struct slice text, char *value, size_t size)
{
        size_t n = 0;
        for (size_t i = 0; i < text.len; i++) {
                int byte = text.at[i] == '+' ? ' ' : (unsigned char)text.at[i];
                if (text.at[i] == '%') {
                        int high = i + 2 < text.len ? http_digit(text.at[i + 1]) : -1;
                        int low = i + 2 < text.len ? http_digit(text.at[i + 2]) : -1;
                        byte = high < 0 || low < 0 ? -1 : high << 4 | low;
                        i += 2;
                }
                if (byte < 0 || n == size)
                        return -1;
                value[n++] = (char)byte;
        }
        return (ssize_t)n;
}

ssize_t http_query(const struct http *h, const char *key, char *value, size_t size)
{
        struct slice query = h->target;
        http_split(&query, '?');
        if (query.len == 0)
                return 0;
        if (memchr(query.at, '&', query.len) || !slice_equal(http_split(&query, '='), slice_of(key)))
                return -1;
        return query.len > 0 ? http_decode(query, value, size) : -1;
}

bool http_has_token(const struct http *h, enum http_field field, const char *token)
{
        struct slice list = h->fields[field];
        while (list.len > 0) {
                struct slice item = http_split(&list, ',');
                while (item.len > 0 && (*item.at == ' ' || *item.at == '\t')) {
                        item.at++;
                        item.len--;
                }
                http_trim(&item);
                if (slice_equal_case(item, slice_of(token)))
                        return true;
        }
        return false;
}

/* ---- answers ---- */

/* Writes a date as in RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". */
static void http_date(uint64_t ms, char date[static 32])
{
        static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
        static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        char utc[UTC_BYTES];
        utc_write(ms, utc);
        unsigned month = (unsigned)(utc[5] - '0') * 10 + (unsigned)(utc[6] - '0');
        snprintf(date, 32, "%s, %.2s %s %.4s %.8s GMT", days[ms / UTC_MS_PER_DAY % 7], utc + 8, months[month - 1], utc,
                 utc + 11);
}

static size_t http_body_bytes(const struct http_answer *a)
{
        size_t bytes = 0;
        for (size_t i = 0; i < HTTP_BODY_PARTS_MAX; i++)
                bytes += a->body[i].len;
        return bytes;
}

void http_answer(const struct http *h, struct client *c, uint64_t ms, const struct http_answer *a)
{
        char date[32], body[96] = "", *at = client_reserve(c, HTTP_ANSWER_HEAD_MAX_BYTES + http_body_bytes(a));
        assert(at);
        http_date(ms, date);
        if (a->type)
                snprintf(body, sizeof(body), "Content-Type: %s\r\nContent-Length: %zu\r\n", a->type,
                         http_body_bytes(a));
        int len = snprintf(at, HTTP_ANSWER_HEAD_MAX_BYTES, "HTTP/1.1 %u %s\r\nDate: %s\r\n%s%s%s\r\n", a->status,
                           http_status_str((enum http_status)a->status), date, body,
                           h->is_last ? "Connection: close\r\n" : "", a->fields ? a->fields : "");
        assert(len < HTTP_ANSWER_HEAD_MAX_BYTES);
        at += len;
        for (size_t i = 0; i < HTTP_BODY_PARTS_MAX && a->body[i].len > 0 && h->parser.method != HTTP_HEAD; i++)
                at = mempcpy(at, a->body[i].at, a->body[i].len);
        client_commit(c, at);
}

void http_tell(const struct http *h, struct client *c, uint64_t ms, unsigned status, const char *text, const char *more)
{
        char fields[HTTP_TOLD_FIELDS_MAX_BYTES];
        int len = snprintf(fields, sizeof(fields), HTTP_TOLD_FIELDS "%s", more);
        assert(len < HTTP_TOLD_FIELDS_MAX_BYTES);
        http_answer(
                h, c, ms,
                &(struct http_answer){.status = status, .type = HTTP_TEXT, .body = {slice_of(text)}, .fields = fields});
}

void http_go_on(struct client *c)
{
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        char *at = client_reserve(c, sizeof(text) - 1);
        assert(at);
        client_commit(c, mempcpy(at, text, sizeof(text) - 1));
}
