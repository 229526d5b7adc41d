/* Bytes as letters: base64url without padding (RFC 4648, section 5). */
#pragma once

#include <stddef.h>
#include <stdint.h>

static const char base64url_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The number of letters for `size` bytes. */
#define BASE64URL_LETTERS(size) (((size)*8 + 5) / 6)

/* Writes BASE64URL_LETTERS(size) letters, without a 0 behind them. Returns their number. */
static inline size_t base64url_write(char *text, const uint8_t *bytes, size_t size)
{
        size_t len = 0;
        unsigned bits = 0, count = 0; /* that are not written yet */
        for (size_t i = 0; i < size; i++) {
                bits = (bits << 8 | bytes[i]) & 0xffff;
                for (count += 8; count >= 6; count -= 6)
                        text[len++] = base64url_letters[bits >> (count - 6) & 63];
        }
        if (count > 0)
                text[len++] = base64url_letters[bits << (6 - count) & 63];
        return len;
}
