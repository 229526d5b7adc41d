/* The escape sequences that keys send (ECMA-48, and what terminals made of it): bytes in, keys out.
 *
 * Cursor and function keys send ESC [ or ESC O, parameters, and a final byte; the Linux console's F1 to F5 send ESC [ [
 * and a letter. Alt sends ESC and the character. The ESC key sends ESC alone, so the character behind it is text,
 * unless the caller knows it as a key with Alt.
 *
 * Reads may cut a sequence anywhere. A sequence that does not end is given up after ESCAPE_MAX_BYTES, or at the first
 * byte that cannot be part of it: no more than that is ever swallowed.
 *
 * No descriptor, no clock, no allocation. A struct of zeros is a valid beginning.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ESCAPE_MAX_BYTES = 16 };

enum escape_event {
        ESCAPE_NONE, /* the byte is not part of a sequence: it is text, or a control character */
        ESCAPE_PART, /* the byte is part of a sequence that has not ended, or of an unknown key */
        ESCAPE_CSI,  /* the byte ends ESC [: it is `final`; the first `len` of `parameters` stood in front of it */
        ESCAPE_SS3,  /* the byte ends ESC O, with `final` and `parameters` as for ESCAPE_CSI */
        ESCAPE_ALT,  /* the byte follows ESC: a key with Alt, or text */
};

struct escape {
        uint8_t state;
        uint8_t final;
        uint8_t len;
        char parameters[ESCAPE_MAX_BYTES];
};

/* Returns true within a sequence. */
static inline bool escape_is_open(const struct escape *e)
{
        return e->state != 0;
}

/* Takes the next byte. Returns what it is. */
enum escape_event escape_push(struct escape *e, uint8_t byte);
