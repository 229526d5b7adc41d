/* Text that is safe on other people's terminals.
 *
 * Clean text is valid UTF-8 (RFC 3629) without C0 controls, DEL, C1 controls, the line and paragraph separators, and
 * the bidi controls, which can make a line read as another one (CVE-2021-42574). A session cleans its client's input;
 * chatd relays only clean text. Cleaning never drops anything: bytes that are not UTF-8 become U+FFFD, a C0 control and
 * DEL become their caret form (^[), a TAB becomes four spaces, and the other controls become their number (<U+202E>).
 * Clean text can still hide something: reveal.h deals with that, and needs the whole line.
 *
 * The cleaner takes a byte at a time and keeps the state of an incomplete character, so it does not matter where reads
 * cut the input. It neither allocates nor blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
        /* bytes that one input byte can become: U+FFFD for a character cut short, and "<U+202E>" */
        TEXT_CLEAN_MAX = 16,
};

struct text_cleaner {
        uint32_t point;          /* the code point so far */
        uint8_t bytes[4];        /* the bytes of the character so far */
        uint8_t count, total;    /* how many bytes it has so far, and in total; total 0: between characters */
        uint8_t lowest, highest; /* the range of the next byte: it excludes overlong forms and surrogates */
        bool is_broken;          /* some bytes were not UTF-8 and became U+FFFD */
};

/* Returns true for C0, DEL and C1, and for characters that change the direction or the lines of a text: ALM, LRM and
 * RLM; separators, embeddings and overrides from U+2028 on; isolates from U+2066 on. */
static inline bool text_is_control(uint32_t point)
{
        return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x061c || point == 0x200e ||
               point == 0x200f || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

/* Starts a character with its first byte. Returns false for a byte that cannot start one. The table is that of
 * RFC 3629, section 4 (the Unicode Standard, table 3-7). */
static inline bool text_start(struct text_cleaner *c, uint8_t byte)
{
        c->lowest = 0x80;
        c->highest = 0xbf;
        if (byte >= 0xc2 && byte <= 0xdf) {
                c->total = 2;
                c->point = byte & 0x1f;
        } else if (byte >= 0xe0 && byte <= 0xef) {
                c->total = 3;
                c->point = byte & 0x0f;
                if (byte == 0xe0)
                        c->lowest = 0xa0;
                if (byte == 0xed)
                        c->highest = 0x9f;
        } else if (byte >= 0xf0 && byte <= 0xf4) {
                c->total = 4;
                c->point = byte & 0x07;
                if (byte == 0xf0)
                        c->lowest = 0x90;
                if (byte == 0xf4)
                        c->highest = 0x8f;
        } else {
                return false;
        }
        c->bytes[0] = byte;
        c->count = 1;
        return true;
}

/* Ends the text. Returns the bytes written: 3, a U+FFFD, if the last character was incomplete, otherwise 0. */
static inline size_t text_clean_end(struct text_cleaner *c, char out[static TEXT_CLEAN_MAX])
{
        if (c->total == 0)
                return 0;
        c->total = 0;
        c->is_broken = true;
        memcpy(out, "\xef\xbf\xbd", 3);
        return 3;
}

/* Takes one byte and writes clean text to `out`, not terminated: nothing while a character is incomplete, otherwise one
 * or two whole characters. Returns the bytes written. */
static inline size_t text_clean(struct text_cleaner *c, uint8_t byte, char out[static TEXT_CLEAN_MAX])
{
        if (c->total > 0 && byte >= c->lowest && byte <= c->highest) {
                c->bytes[c->count++] = byte;
                c->point = c->point << 6 | (byte & 0x3f);
                c->lowest = 0x80;
                c->highest = 0xbf;
                if (c->count < c->total)
                        return 0;
                size_t len = c->total;
                c->total = 0;
                if (text_is_control(c->point))
                        return (size_t)snprintf(out, TEXT_CLEAN_MAX, "<U+%04X>", (unsigned)c->point);
                memcpy(out, c->bytes, len);
                return len;
        }
        size_t n = text_clean_end(c, out);
        if (byte >= 0x20 && byte < 0x7f) {
                out[n++] = (char)byte;
        } else if (byte == '\t') {
                memcpy(out + n, "    ", 4);
                n += 4;
        } else if (byte < 0x80) {
                out[n++] = '^';
                out[n++] = (char)(byte ^ 0x40);
        } else if (!text_start(c, byte)) {
                c->is_broken = true;
                memcpy(out + n, "\xef\xbf\xbd", 3);
                n += 3;
        }
        return n;
}

/* Returns the length of the printable ASCII at the beginning of the `size` bytes at `text`. It is clean as it stands,
 * unless it follows an incomplete character. The loop tests eight bytes at a time, because most text is plain: a byte
 * below 0x20 makes the first term borrow, and a byte above 0x7e sets the upper bit of one of the other terms. */
static inline size_t text_plain(const void *text, size_t size)
{
        const uint8_t *at = text, *end = at + size;
        const uint64_t ones = UINT64_C(0x0101010101010101);
        for (uint64_t eight; (size_t)(end - at) >= sizeof(eight); at += sizeof(eight)) {
                memcpy(&eight, at, sizeof(eight));
                if (((eight - 0x20 * ones) | eight | (eight + ones)) & (0x80 * ones))
                        break;
        }
        while (at < end && *at >= 0x20 && *at < 0x7f)
                at++;
        return (size_t)(at - (const uint8_t *)text);
}

/* Cleans `size` bytes of text into `out`, as many as fit into `room` bytes. Returns the bytes written. */
static inline size_t text_clean_all(const char *text, size_t size, char *out, size_t room)
{
        struct text_cleaner c = {0};
        char clean[TEXT_CLEAN_MAX];
        size_t len = 0;
        for (size_t i = 0; i <= size; i++) {
                size_t plain = c.total == 0 ? text_plain(text + i, size - i) : 0;
                plain = plain < room - len ? plain : room - len;
                memcpy(out + len, text + i, plain);
                len += plain;
                i += plain;
                size_t n = i < size ? text_clean(&c, (uint8_t)text[i], clean) : text_clean_end(&c, clean);
                if (len + n > room)
                        break;
                memcpy(out + len, clean, n);
                len += n;
        }
        return len;
}

/* Returns how many bytes at the end of `text` are the beginning of an incomplete character, 0 to 3. */
static inline size_t text_open(const char *text, size_t size)
{
        for (size_t n = 1; n < 4 && n <= size; n++) {
                const uint8_t *at = (const uint8_t *)text + size - n;
                struct text_cleaner c = {0};
                if ((*at & 0xc0) == 0x80)
                        continue;
                if (*at < 0x80 || !text_start(&c, *at) || c.total <= n)
                        return 0;
                return n == 1 || (at[1] >= c.lowest && at[1] <= c.highest) ? n : 0;
        }
        return 0;
}

/* Returns true if `text` ends with an incomplete character and `byte` continues it. */
static inline bool text_continues(const char *text, size_t size, uint8_t byte)
{
        struct text_cleaner c = {0};
        size_t open = text_open(text, size);
        if (open == 0 || byte < 0x80 || byte > 0xbf)
                return false;
        text_start(&c, (uint8_t)text[size - open]);
        return open > 1 || (byte >= c.lowest && byte <= c.highest);
}

/* Returns true if the `size` bytes at `text` are clean. */
static inline bool text_is_clean(const char *text, size_t size)
{
        struct text_cleaner c = {0};
        const uint8_t *at = (const uint8_t *)text, *end = at + size;
        for (at += text_plain(at, size); at < end; at++) {
                if (c.total > 0) {
                        if (*at < c.lowest || *at > c.highest)
                                return false;
                        c.point = c.point << 6 | (*at & 0x3f);
                        c.lowest = 0x80;
                        c.highest = 0xbf;
                        if (++c.count < c.total)
                                continue;
                        c.total = 0;
                        if (text_is_control(c.point))
                                return false;
                } else if (*at < 0x80 ? text_is_control(*at) : !text_start(&c, *at)) {
                        return false;
                }
        }
        return c.total == 0;
}

/* Returns true if the `size` bytes at `text` are UTF-8. They need not be clean. */
static inline bool text_is_utf8(const char *text, size_t size)
{
        struct text_cleaner c = {0};
        char clean[TEXT_CLEAN_MAX];
        for (size_t at = text_plain(text, size); at < size; at++)
                text_clean(&c, (uint8_t)text[at], clean);
        text_clean_end(&c, clean);
        return !c.is_broken;
}

/* Returns true if the `size` bytes at `text` can be a name or an address: printable ASCII without blanks. So different
 * names never look the same, and a blank can separate the words of a note. A colon cannot be the last character,
 * because "name: " stands in front of a line. */
static inline bool text_is_name(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (text[i] <= 0x20 || text[i] >= 0x7f)
                        return false;
        return size > 0 && text[size - 1] != ':';
}

/* Returns true if the `size` bytes at `text` can be a host's label: lower-case letters, digits, and hyphens except at
 * either end. So a label is one token of a NATS subject, and no two labels look the same. */
static inline bool text_is_host(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                bool alphanumeric = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9');
                if (!alphanumeric && (text[i] != '-' || i == 0 || i == size - 1))
                        return false;
        }
        return size > 0;
}

/* Returns true if the text can be the name of a member on this host. "@" is reserved for members on other hosts. */
static inline bool text_is_local_name(const char *text, size_t size)
{
        return text_is_name(text, size) && !memchr(text, '@', size);
}

/* Returns true if the text is "NAME@HOST". */
static inline bool text_is_remote_name(const char *text, size_t size)
{
        const char *at = memchr(text, '@', size);
        return at && text_is_local_name(text, (size_t)(at - text)) &&
               text_is_host(at + 1, size - 1 - (size_t)(at - text));
}

/* Returns the first word of `*text`, and moves `*text` behind the space that ends the word. Returns NULL if there is no
 * space; then `*text` is unchanged. */
static inline char *text_next_word(char **text)
{
        char *word = *text, *space = strchr(word, ' ');
        if (!space)
                return NULL;
        *space = '\0';
        *text = space + 1;
        return word;
}
