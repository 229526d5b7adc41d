/* Character sets of one byte for a character, for old terminals: Latin-1, CP437, KOI8-R and the like.
 *
 * iconv(3) is asked once for each byte, before the sandbox, because it loads a module for most sets. The result is a
 * table of 128 characters, so no code of iconv(3) handles input from strangers. A table does not work for sets of
 * several bytes for a character, sets with states, and sets without ASCII in their lower half. These are refused.
 *
 * 0xff is IAC to a telnet, so it is sent twice (RFC 854).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        CHARSET_NAME_BYTES = 32,
        CHARSET_READ_MAX_BYTES = 4, /* of the character for one byte of input */
};

struct charset {
        char name[CHARSET_NAME_BYTES];
        uint32_t points[128]; /* the characters from byte 0x80 on; 0: the byte has none */
};

/* Loads the set that iconv(3) knows by this name. Returns 0, -EINVAL for an unknown name, or -ENOTSUP for a set that is
 * refused. */
int charset_open(struct charset *c, const char *name);

/* Writes the byte's character to `utf8`. Returns its size. A byte without a character becomes one that is not UTF-8. */
size_t charset_read(const struct charset *c, uint8_t byte, char utf8[static CHARSET_READ_MAX_BYTES]);

/* Converts text to this set, in place. The text is UTF-8 that is clean except for control characters. A character that
 * the set lacks becomes "?", and a cluster of combined characters becomes a single one. Returns the new size, which is
 * no larger than before. */
size_t charset_write(const struct charset *c, char *text, size_t size);
