#include "grapheme.h"

#include <stdbool.h>

#include <utf8proc.h>

enum {
        ZERO_WIDTH_JOINER = 0x200d,
        EMOJI_STYLE = 0xfe0f, /* variation selector 16: the character before is a picture */
        WIDTH_MAX = 2,
};

static bool grapheme_is_ascii(char c)
{
        return (unsigned char)c < 0x80;
}

static bool grapheme_is_continued(char c)
{
        return ((unsigned char)c & 0xc0) == 0x80;
}

uint32_t grapheme_point(const char *text, size_t len, size_t *at)
{
        utf8proc_int32_t point;
        utf8proc_ssize_t n =
                utf8proc_iterate((const utf8proc_uint8_t *)text + *at, (utf8proc_ssize_t)(len - *at), &point);
        *at += n > 0 ? (size_t)n : 1;
        return n > 0 ? (uint32_t)point : 0xfffd;
}

static utf8proc_int32_t grapheme_next_point(const char *text, size_t len, size_t *at)
{
        return (utf8proc_int32_t)grapheme_point(text, len, at);
}

size_t grapheme_end(const char *text, size_t len, size_t at)
{
        size_t most = at + GRAPHEME_MAX_BYTES;
        utf8proc_int32_t state = 0, point = grapheme_next_point(text, len, &at);
        while (at < len && at < most) {
                size_t end = at;
                utf8proc_int32_t next = grapheme_next_point(text, len, &at);
                if (utf8proc_grapheme_break_stateful(point, next, &state))
                        return end;
                point = next;
        }
        return at;
}

size_t grapheme_begin(const char *text, size_t len, size_t at)
{
        /* Only a search from the beginning finds the clusters' ends. An ASCII character begins a cluster, except behind
         * a few marks that belong to the next character (Prepend), which then stay a cluster of their own. */
        size_t begin = at - 1, end;
        while (begin > 0 && !grapheme_is_ascii(text[begin]) &&
               (at - begin < GRAPHEME_MAX_BYTES || grapheme_is_continued(text[begin])))
                begin--;
        while ((end = grapheme_end(text, len, begin)) < at)
                begin = end;
        return begin;
}

size_t grapheme_width(const char *text, size_t begin, size_t end)
{
        size_t width = 0;
        while (begin < end) {
                utf8proc_int32_t point = grapheme_next_point(text, end, &begin);
                if (point == EMOJI_STYLE && width > 0)
                        return WIDTH_MAX;
                if (point == ZERO_WIDTH_JOINER)
                        break;
                width += (size_t)utf8proc_charwidth(point);
        }
        return width < WIDTH_MAX ? width : WIDTH_MAX;
}

size_t grapheme_width_most(const char *text, size_t begin, size_t end)
{
        size_t width = 0;
        while (begin < end) {
                utf8proc_int32_t point = grapheme_next_point(text, end, &begin);
                width += point == EMOJI_STYLE ? 1 : (size_t)utf8proc_charwidth(point);
        }
        return width;
}
