#include "wrap.h"

#include <stdbool.h>

#include "grapheme.h"

enum { ESC = 27 };

/* Returns the end of the character at `at`, or of a sequence for a color, and adds its width to `*width`. ASCII needs
 * no tables. */
static size_t wrap_skip(struct slice text, size_t at, size_t *width)
{
        bool plain = (text.at[at] & 0x80) == 0 && (at + 1 == text.len || (text.at[at + 1] & 0x80) == 0);
        const char *color_end = text.at[at] == ESC ? memchr(text.at + at, 'm', text.len - at) : NULL;
        if (color_end)
                return (size_t)(color_end - text.at) + 1;
        size_t end = plain ? at + 1 : grapheme_end(text.at, text.len, at);
        *width += plain ? 1 : grapheme_width_most(text.at, at, end);
        return end;
}

/* Returns true for a blank without a mark on it. */
static bool wrap_is_blank(struct slice text, size_t at)
{
        size_t width = 0;
        return text.at[at] == ' ' && wrap_skip(text, at, &width) == at + 1;
}

struct slice wrap_next(struct slice *text, size_t columns)
{
        struct slice row = *text;
        size_t at = 0, width = 0, blank = 0;
        while (at < text->len && columns >= WRAP_COLUMNS_MIN) {
                size_t end = wrap_skip(*text, at, &width);
                if (wrap_is_blank(*text, at)) {
                        if (at > 0 && !wrap_is_blank(*text, at - 1))
                                blank = at;
                } else if (width > columns && at > 0) {
                        row.len = blank > 0 ? blank : at;
                        break;
                }
                at = end;
        }
        *text = (struct slice){text->at + row.len, text->len - row.len};
        while (text->len > 0 && row.len > 0 && wrap_is_blank(*text, 0)) {
                text->at++;
                text->len--;
        }
        return row;
}
