/* Heads of HTTP requests (chat-web/http.c).
 *
 * Input: a byte that says how long the reads are, and the bytes of a client.
 *
 * Promises: the requests are the same however the bytes are cut into reads. The size of a head is limited. A head ends
 * with an empty line, and the bytes after it stay. The fields are parts of the head, without line ends, and without
 * blanks around them. A request with a body is the last one. At most 64 requests are read.
 */
#include "../../chat-web/http.h"

#include "fuzz.h"

enum { REQUESTS_MAX = 64 };

static uint64_t add(uint64_t sum, struct slice text)
{
        for (size_t i = 0; i < text.len; i++)
                sum = sum * 31 + (uint8_t)text.at[i] + 1;
        return sum * 31 + text.len;
}

static void try_field(const struct http *h, struct slice field)
{
        if (!field.at)
                return;
        PROMISE(field.at >= h->head && field.at + field.len <= h->head + h->len, "a field outside of the head");
        PROMISE(!memchr(field.at, '\0', field.len), "a NUL in a field");
        PROMISE(!memchr(field.at, '\r', field.len) && !memchr(field.at, '\n', field.len), "a line end in a field");
        PROMISE(field.len == 0 || (field.at[field.len - 1] != ' ' && field.at[field.len - 1] != '\t'), "a blank");
}

static void try_request(const struct http *h)
{
        struct slice path = http_path(h);
        char room[24];
        ssize_t len = http_query(h, "room", room, sizeof(room));
        bool has_body =
                h->parser.flags & F_CHUNKED || (h->parser.flags & F_CONTENTLENGTH && h->parser.content_length > 0);
        PROMISE(h->len >= 2 && h->head[h->len - 1] == '\n' && strchr("\r\n", h->head[h->len - 2]), "no empty line");
        PROMISE(h->is_last || !has_body, "a request behind a body");
        PROMISE(h->target.at && path.len <= h->target.len && !memchr(path.at, '?', path.len), "a query in a path");
        PROMISE(len <= (ssize_t)sizeof(room) && len <= (ssize_t)h->target.len, "%zd bytes of a query", len);
        try_field(h, h->target);
        for (size_t i = 0; i < HTTP_FIELDS; i++) {
                try_field(h, h->fields[i]);
                http_has_token(h, (enum http_field)i, "upgrade");
        }
}

/* Reads the requests, `step` bytes at a time. Returns a checksum of them. */
static uint64_t read_all(const uint8_t *data, size_t size, size_t step)
{
        static struct http h;
        static char head[HTTP_HEAD_MAX_BYTES];
        uint64_t sum = 0;
        size_t requests = 0;
        http_begin(&h, head);
        for (size_t at = 0; at < size && requests < REQUESTS_MAX;) {
                size_t n = size - at < step ? size - at : step, taken = http_take(&h, data + at, n);
                PROMISE(taken <= n && (taken == n || h.state != HTTP_READING), "%zu of %zu bytes", taken, n);
                PROMISE(h.len <= sizeof(head), "a head of %zu bytes", h.len);
                at += taken;
                if (h.state == HTTP_READING)
                        continue;
                if (h.state == HTTP_WRONG) {
                        PROMISE(h.status >= 400 && h.status < 600 && h.is_last, "status %u", h.status);
                        return sum * 31 + h.status;
                }
                try_request(&h);
                sum = add(sum * 31 + h.parser.method, h.target);
                for (size_t i = 0; i < HTTP_FIELDS; i++)
                        sum = add(sum, h.fields[i]);
                if (h.is_last)
                        return sum * 31 + 7;
                requests++;
                http_begin(&h, head);
        }
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        size_t step = 1 + data[0];
        PROMISE(read_all(data + 1, size - 1, step) == read_all(data + 1, size - 1, size), "reads of %zu bytes differ",
                step);
        return 0;
}
