#include "charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include <utf8proc.h>

#include "grapheme.h"

enum {
        IAC = 0xff,
        NOT_UTF8 = 0xff,
        NOT_THERE = '?',
};

_Static_assert(sizeof(wchar_t) == sizeof(uint32_t), "a wide character is a code point");

/* Returns the byte's character, or 0 if it has none. Returns -ENOTSUP if the set must be refused. */
static int64_t charset_ask(iconv_t set, uint8_t byte)
{
        wchar_t point = L'\0';
        char in = (char)byte, *from = &in, *to = (char *)&point;
        size_t left = 1, room = sizeof(point);
        iconv(set, NULL, NULL, NULL, NULL);
        if (iconv(set, &from, &left, &to, &room) == (size_t)-1)
                return errno == EILSEQ && byte >= 0x80 ? 0 : -ENOTSUP;
        return room == 0 ? (int64_t)point : -ENOTSUP; /* iconv(3) waits for more bytes of the character */
}

static int charset_ask_all(struct charset *c, iconv_t set)
{
        for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
                int64_t point = charset_ask(set, (uint8_t)byte);
                if (point < 0 || (byte < 0x80 && point != byte))
                        return -ENOTSUP;
                if (byte >= 0x80)
                        c->points[byte - 0x80] = point <= 0x10ffff ? (uint32_t)point : 0;
        }
        return 0;
}

int charset_open(struct charset *c, const char *name)
{
        if (name[0] == '\0' || strlen(name) >= sizeof(c->name) || strchr(name, '/'))
                return -EINVAL;
        iconv_t set = iconv_open("WCHAR_T", name);
        if (set == (iconv_t)-1) /* NOLINT(performance-no-int-to-ptr): iconv_open(3) specifies this value */
                return -EINVAL;
        snprintf(c->name, sizeof(c->name), "%s", name);
        int r = charset_ask_all(c, set);
        iconv_close(set);
        return r;
}

size_t charset_read(const struct charset *c, uint8_t byte, char utf8[static CHARSET_READ_MAX_BYTES])
{
        uint32_t point = byte < 0x80 ? byte : c->points[byte - 0x80];
        if (byte >= 0x80 && point == 0) {
                utf8[0] = (char)NOT_UTF8;
                return 1;
        }
        return (size_t)utf8proc_encode_char((utf8proc_int32_t)point, (utf8proc_uint8_t *)utf8);
}

/* Returns the character's byte, or -1 if it has none. */
static int charset_find(const struct charset *c, utf8proc_int32_t point)
{
        if (point >= 0 && point < 0x80)
                return point;
        for (int i = 0; i < 128; i++)
                if (c->points[i] == (uint32_t)point)
                        return 0x80 + i;
        return -1;
}

/* Writes one grapheme cluster, which ends at `end`. Returns the end of the output. */
static char *charset_write_one(const struct charset *c, const char *at, const char *end, char *out)
{
        for (bool first = true; at < end; first = false) {
                utf8proc_int32_t point;
                utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)at, end - at, &point);
                int byte = n > 0 ? charset_find(c, point) : -1;
                at += n > 0 ? n : 1;
                if (byte >= 0)
                        *out++ = (char)byte;
                else if (first)
                        *out++ = NOT_THERE;
                if (byte == IAC)
                        *out++ = (char)IAC;
        }
        return out;
}

size_t charset_write(const struct charset *c, char *text, size_t size)
{
        char *out = text;
        for (size_t at = 0, end; at < size; at = end) {
                end = (uint8_t)text[at] < 0x80 && (at + 1 == size || (uint8_t)text[at + 1] < 0x80)
                              ? at + 1
                              : grapheme_end(text, size, at);
                out = charset_write_one(c, text + at, text + end, out);
        }
        return (size_t)(out - text);
}
