#include "formatting.h"

#include <stdbool.h>
#include <string.h>

#include <chat/safe-text.h>

#include "message.h"

enum {
        COLOR = 0x03,     /* up to two digits for the letters, and behind a comma up to two for the background */
        HEX_COLOR = 0x04, /* the same, with six hexadecimal digits each */
        COLOR_DIGITS = 2,
        HEX_DIGITS = 6,
};

static bool formatting_is_digit(char c, bool is_hex)
{
        return (c >= '0' && c <= '9') || (is_hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

/* Returns the index behind the digits of a color at `at`. A hexadecimal color has all of its digits, or none. */
static size_t formatting_skip_digits(struct slice text, size_t at, bool is_hex)
{
        size_t n = 0, most = is_hex ? HEX_DIGITS : COLOR_DIGITS;
        while (n < most && at + n < text.len && formatting_is_digit(text.at[at + n], is_hex))
                n++;
        return is_hex && n < most ? at : at + n;
}

/* Returns the index behind the colors at `at`, which follow a code. */
static size_t formatting_skip_color(struct slice text, size_t at, bool is_hex)
{
        size_t letters = formatting_skip_digits(text, at, is_hex);
        if (letters == at || letters == text.len || text.at[letters] != ',')
                return letters;
        size_t background = formatting_skip_digits(text, letters + 1, is_hex);
        return background > letters + 1 ? background : letters;
}

/* Returns true for a code without parameters: bold, italics, underline, strikethrough, monospace, reverse, reset. */
static bool formatting_is_code(char c)
{
        return c == 0x02 || c == 0x1d || c == 0x1f || c == 0x1e || c == 0x11 || c == 0x16 || c == 0x0f;
}

struct slice formatting_remove(struct slice text, char *out)
{
        size_t len = 0;
        for (size_t at = 0; at < text.len;) {
                size_t plain = text_plain(text.at + at, text.len - at);
                memmove(out + len, text.at + at, plain); /* it may be the same place */
                len += plain;
                at += plain;
                if (at == text.len)
                        break;
                char c = text.at[at++];
                if (c == COLOR || c == HEX_COLOR)
                        at = formatting_skip_color(text, at, c == HEX_COLOR);
                else if (!formatting_is_code(c))
                        out[len++] = c;
        }
        return (struct slice){out, len};
}

bool formatting_is_of(struct slice styled, struct slice text)
{
        char plain[STYLED_MAX_BYTES];
        return styled.len > text.len && styled.len <= sizeof(plain) && text_is_utf8(styled.at, styled.len) &&
               slice_equal(formatting_remove(styled, plain), text);
}
