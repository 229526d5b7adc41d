/* Text that is safe on somebody else's terminal.
 *
 * Clean text is valid UTF-8 (RFC 3629) without C0 controls, DEL, C1 controls, the line and paragraph separators, and
 * the bidi controls, which can make a line read as another one (CVE-2021-42574). A session cleans what its client
 * types; chatd relays only what is clean. Cleaning never drops anything: bytes that are not UTF-8 become U+FFFD, a C0
 * control and DEL its caret form (^[), a TAB four spaces, and the other controls their number (<U+202E>). What clean
 * text can still hide is for reveal.h, which needs the whole line.
 *
 * The cleaner takes a byte at a time and keeps the state of a half-read character, so it does not matter how reads cut
 * the input. It neither allocates nor blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
        TEXT_CLEAN_MAX = 16, /* bytes that one input byte can become: U+FFFD for what was cut short, and "<U+202E>" */
};

struct text_cleaner {
        uint32_t point;          /* code point so far */
        uint8_t bytes[4];        /* its bytes so far */
        uint8_t have, need;      /* how many of them, of how many; need 0: between characters */
        uint8_t lowest, highest; /* what the next byte may be: refuses overlong forms and surrogates */
        bool broken;             /* something was not UTF-8, and became U+FFFD */
};

static inline bool text_is_control(uint32_t point)
{
        return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||      /* C0, DEL, C1 */
               point == 0x061c || point == 0x200e || point == 0x200f || /* ALM, LRM, RLM */
               (point >= 0x2028 && point <= 0x202e) ||                  /* separators, embeddings, overrides */
               (point >= 0x2066 && point <= 0x2069);                    /* isolates */
}

/* Starts a character with its first byte. Returns false for a byte that cannot start one. The table is that of
 * RFC 3629, section 4 (the Unicode Standard, table 3-7). */
static inline bool text_start(struct text_cleaner *c, uint8_t byte)
{
        c->lowest = 0x80;
        c->highest = 0xbf;
        if (byte >= 0xc2 && byte <= 0xdf) {
                c->need = 2;
                c->point = byte & 0x1f;
        } else if (byte >= 0xe0 && byte <= 0xef) {
                c->need = 3;
                c->point = byte & 0x0f;
                if (byte == 0xe0)
                        c->lowest = 0xa0;
                if (byte == 0xed)
                        c->highest = 0x9f;
        } else if (byte >= 0xf0 && byte <= 0xf4) {
                c->need = 4;
                c->point = byte & 0x07;
                if (byte == 0xf0)
                        c->lowest = 0x90;
                if (byte == 0xf4)
                        c->highest = 0x8f;
        } else {
                return false;
        }
        c->bytes[0] = byte;
        c->have = 1;
        return true;
}

/* Writes U+FFFD if a character was begun and not ended; forgets it. Returns the bytes written, 0 or 3. */
static inline size_t text_clean_end(struct text_cleaner *c, char out[static TEXT_CLEAN_MAX])
{
        if (c->need == 0)
                return 0;
        c->need = 0;
        c->broken = true;
        memcpy(out, "\xef\xbf\xbd", 3);
        return 3;
}

/* Takes one byte and writes what is clean of it to `out`, not terminated: nothing while a character is incomplete,
 * else one or two whole characters. Returns the bytes written. */
static inline size_t text_clean(struct text_cleaner *c, uint8_t byte, char out[static TEXT_CLEAN_MAX])
{
        if (c->need > 0 && byte >= c->lowest && byte <= c->highest) {
                c->bytes[c->have++] = byte;
                c->point = c->point << 6 | (byte & 0x3f);
                c->lowest = 0x80;
                c->highest = 0xbf;
                if (c->have < c->need)
                        return 0;
                size_t len = c->need;
                c->need = 0;
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
                c->broken = true;
                memcpy(out + n, "\xef\xbf\xbd", 3);
                n += 3;
        }
        return n;
}

/* Cleans `size` bytes of text into `out`, which has room for `room` bytes: as much of it as fits. Returns the bytes. */
static inline size_t text_clean_all(const char *text, size_t size, char *out, size_t room)
{
        struct text_cleaner c = {0};
        char clean[TEXT_CLEAN_MAX];
        size_t len = 0;
        for (size_t i = 0; i <= size; i++) {
                size_t n = i < size ? text_clean(&c, (uint8_t)text[i], clean) : text_clean_end(&c, clean);
                if (len + n > room)
                        break;
                memcpy(out + len, clean, n);
                len += n;
        }
        return len;
}

/* How many of the `size` bytes at `text` are printable ASCII, up to the first that is not: these are clean as they
 * stand, wherever no character is half-read. Eight at a time, as most text is nothing else: a byte below 0x20 makes the
 * first term borrow, one above 0x7e sets the upper bit of one of the others. */
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

/* Returns how many bytes at the end of `text` are the beginning of a character that is not complete, 0 to 3. */
static inline size_t text_open(const char *text, size_t size)
{
        for (size_t n = 1; n < 4 && n <= size; n++) {
                const uint8_t *at = (const uint8_t *)text + size - n;
                struct text_cleaner c = {0};
                if ((*at & 0xc0) == 0x80)
                        continue;
                if (*at < 0x80 || !text_start(&c, *at) || c.need <= n)
                        return 0;
                return n == 1 || (at[1] >= c.lowest && at[1] <= c.highest) ? n : 0;
        }
        return 0;
}

/* Returns true where `byte` continues the character that `text` ends with the beginning of. */
static inline bool text_continues(const char *text, size_t size, uint8_t byte)
{
        struct text_cleaner c = {0};
        size_t open = text_open(text, size);
        if (open == 0 || byte < 0x80 || byte > 0xbf)
                return false;
        text_start(&c, (uint8_t)text[size - open]);
        return open > 1 || (byte >= c.lowest && byte <= c.highest);
}

/* Whether `size` bytes at `text` are clean as they stand. */
static inline bool text_is_clean(const char *text, size_t size)
{
        struct text_cleaner c = {0};
        const uint8_t *at = (const uint8_t *)text, *end = at + size;
        for (at += text_plain(at, size); at < end; at++) {
                if (c.need > 0) {
                        if (*at < c.lowest || *at > c.highest)
                                return false;
                        c.point = c.point << 6 | (*at & 0x3f);
                        c.lowest = 0x80;
                        c.highest = 0xbf;
                        if (++c.have < c.need)
                                continue;
                        c.need = 0;
                        if (text_is_control(c.point))
                                return false;
                } else if (*at < 0x80 ? text_is_control(*at) : !text_start(&c, *at)) {
                        return false;
                }
        }
        return c.need == 0;
}

/* Whether `size` bytes at `text` can be a name or an address: printable ASCII without blanks, so that no two look alike
 * and a note can be taken apart, and not with a colon at its end, as "name: " is what comes before a line. */
static inline bool text_is_name(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (text[i] <= 0x20 || text[i] >= 0x7f)
                        return false;
        return size > 0 && text[size - 1] != ':';
}

/* Whether `size` bytes at `text` can be a host's label: lower-case letters, digits and hyphens, not at either end. So
 * it is one token of a NATS subject, and no two look alike. */
static inline bool text_is_host(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                bool alphanumeric = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9');
                if (!alphanumeric && (text[i] != '-' || i == 0 || i == size - 1))
                        return false;
        }
        return size > 0;
}

/* Whether it can be the name of somebody on this host: "@" is for those on others. */
static inline bool text_is_local_name(const char *text, size_t size)
{
        return text_is_name(text, size) && !memchr(text, '@', size);
}

/* Whether it is "NAME@HOST". */
static inline bool text_is_remote_name(const char *text, size_t size)
{
        const char *at = memchr(text, '@', size);
        return at && text_is_local_name(text, (size_t)(at - text)) &&
               text_is_host(at + 1, size - 1 - (size_t)(at - text));
}

/* Cuts the first word off `*text`, which then begins behind the space that ended it. Returns the word, or NULL where no
 * space ends one; `*text` is then as it was. */
static inline char *text_next_word(char **text)
{
        char *word = *text, *space = strchr(word, ' ');
        if (!space)
                return NULL;
        *space = '\0';
        *text = space + 1;
        return word;
}
