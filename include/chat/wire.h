/* Checked reads and writes of the fields of a datagram.
 *
 * A cursor never passes the end of its buffer: a field that does not fit sets `bad`, reads as zero and is not written.
 * So a caller may read a whole frame and check `bad` once at the end. Integers are little-endian, because some of them
 * go to other hosts. Nothing is allocated; a slice points into the buffer that was read and lives as long as that
 * buffer.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct slice {
        const char *at;
        size_t len; /* bytes; not terminated */
};

struct wire_reader {
        const uint8_t *at, *end;
        bool bad;
};

struct wire_writer {
        uint8_t *start, *at, *end;
        bool bad;
};

static inline struct slice slice_of(const char *text)
{
        return (struct slice){text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Returns true if both are equal apart from the case of ASCII letters, as in the C locale. */
static inline bool slice_equal_case(struct slice a, struct slice b)
{
        return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

/* Takes the first word, which ends with a space, off `text`. Returns false if there is none. */
static inline bool word_next(struct slice *text, struct slice *word)
{
        const char *end = memchr(text->at, ' ', text->len);
        if (!end)
                return false;
        *word = (struct slice){text->at, (size_t)(end - text->at)};
        text->at = end + 1;
        text->len -= word->len + 1;
        return true;
}

/* Takes the next line, without its LF, off `text`. Returns true if another line follows. */
static inline bool line_next(struct slice *text, struct slice *line)
{
        const char *end = memchr(text->at, '\n', text->len);
        *line = (struct slice){text->at, end ? (size_t)(end - text->at) : text->len};
        size_t taken = end ? line->len + 1 : line->len;
        text->at += taken;
        text->len -= taken;
        return end != NULL;
}

static inline struct wire_reader wire_read(const void *data, size_t size)
{
        return (struct wire_reader){.at = data, .end = (const uint8_t *)data + size};
}

static inline size_t wire_left(const struct wire_reader *r)
{
        return (size_t)(r->end - r->at);
}

static inline void wire_get(struct wire_reader *r, void *field, size_t size)
{
        if (r->bad || wire_left(r) < size) {
                r->bad = true;
                memset(field, 0, size);
                return;
        }
        memcpy(field, r->at, size);
        r->at += size;
}

static inline uint8_t wire_get_u8(struct wire_reader *r)
{
        uint8_t v;
        wire_get(r, &v, sizeof(v));
        return v;
}

/* Reads a flag, 0 or 1. Sets `bad` for any other value. */
static inline bool wire_get_flag(struct wire_reader *r)
{
        uint8_t v = wire_get_u8(r);
        r->bad |= v > 1;
        return v == 1;
}

static inline uint16_t wire_get_u16(struct wire_reader *r)
{
        uint16_t v;
        wire_get(r, &v, sizeof(v));
        return le16toh(v);
}

static inline uint64_t wire_get_u64(struct wire_reader *r)
{
        uint64_t v;
        wire_get(r, &v, sizeof(v));
        return le64toh(v);
}

/* Returns `size` bytes. Returns an empty slice and sets `bad` if fewer are left. */
static inline struct slice wire_get_bytes(struct wire_reader *r, size_t size)
{
        if (r->bad || wire_left(r) < size) {
                r->bad = true;
                return (struct slice){"", 0};
        }
        struct slice s = {(const char *)r->at, size};
        r->at += size;
        return s;
}

/* Reads a string behind its length (16 bits). Sets `bad` if the length is above `max`. */
static inline struct slice wire_get_string(struct wire_reader *r, size_t max)
{
        size_t len = wire_get_u16(r);
        if (len > max)
                r->bad = true;
        return wire_get_bytes(r, len);
}

static inline struct wire_writer wire_write(void *buffer, size_t size)
{
        return (struct wire_writer){.start = buffer, .at = buffer, .end = (uint8_t *)buffer + size};
}

/* Returns the bytes written so far, or 0 if something did not fit. */
static inline size_t wire_written(const struct wire_writer *w)
{
        return w->bad ? 0 : (size_t)(w->at - w->start);
}

static inline void wire_put(struct wire_writer *w, const void *field, size_t size)
{
        if (w->bad || (size_t)(w->end - w->at) < size) {
                w->bad = true;
                return;
        }
        if (size > 0)
                memcpy(w->at, field, size);
        w->at += size;
}

static inline void wire_put_u8(struct wire_writer *w, uint8_t v)
{
        wire_put(w, &v, sizeof(v));
}

static inline void wire_put_u16(struct wire_writer *w, uint16_t v)
{
        v = htole16(v);
        wire_put(w, &v, sizeof(v));
}

static inline void wire_put_u64(struct wire_writer *w, uint64_t v)
{
        v = htole64(v);
        wire_put(w, &v, sizeof(v));
}

static inline void wire_put_string(struct wire_writer *w, struct slice s)
{
        if (s.len > UINT16_MAX) {
                w->bad = true;
                return;
        }
        wire_put_u16(w, (uint16_t)s.len);
        wire_put(w, s.at, s.len);
}
