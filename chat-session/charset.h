/* Character sets of one byte for a character, for old terminals: Latin-1, CP437, KOI8-R and the like.
 *
 * iconv(3) is asked once what each byte is, before the sandbox, as it loads a module for most sets. What is left is a table
 * of 128 characters, so that no more of it runs on what strangers send. Sets of several bytes for a character, with states,
 * or without ASCII in their lower half cannot be had that way, and are refused.
 *
 * 0xff is IAC to a telnet. So it is sent doubled, as a telnet sends it (RFC 854).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        CHARSET_NAME_BYTES = 32,
        CHARSET_READ_MAX_BYTES = 4, /* that a byte of input becomes */
};

struct charset {
        char name[CHARSET_NAME_BYTES];
        uint32_t points[128]; /* the characters from byte 0x80 on; 0: there is none */
};

/* Loads what iconv(3) knows by this name. Returns 0, -EINVAL for a name that it does not know, or -ENOTSUP for a set that is
 * refused. */
int charset_open(struct charset *c, const char *name);

/* Writes the byte's character to `utf8`. Returns the bytes. A byte that has none becomes one that is not UTF-8. */
size_t charset_read(const struct charset *c, uint8_t byte, char utf8[static CHARSET_READ_MAX_BYTES]);

/* Makes of UTF-8 that is clean, but for control characters, the same in this set, in its place: "?" for a character that
 * is not in there, one for all that is combined to one. Returns the bytes, which are no more than before. */
size_t charset_write(const struct charset *c, char *text, size_t size);
