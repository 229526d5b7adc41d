/* The escape sequences that keys send (ECMA-48, and what terminals made of it): bytes in, keys out.
 *
 * Cursor and function keys send ESC [ or ESC O, parameters, and a final byte; the Linux console's F1 to F5 send ESC [ [
 * and a letter. Alt sends ESC and the character; the ESC key sends ESC alone, so that the character behind it is text
 * unless the caller knows that Alt key.
 *
 * A sequence may be cut by reads anywhere. One that does not end is given up after ESCAPE_MAX_BYTES, or at the first
 * byte that cannot be part of it: no more than that is ever swallowed.
 *
 * No descriptor, no clock, no allocation. Begins as all zeros.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ESCAPE_MAX_BYTES = 16 };

enum escape_event {
        ESCAPE_NONE, /* the byte is no part of a sequence: it is text, or a control character */
        ESCAPE_PART, /* the byte is part of a sequence that has not ended, or that is no known key */
        ESCAPE_CSI,  /* the byte ends ESC [: it is `final`, behind the first `len` of `parameters` */
        ESCAPE_SS3,  /* the same for ESC O */
        ESCAPE_ALT,  /* the byte stands behind ESC: a key with Alt, or text */
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

/* Takes the next byte. */
enum escape_event escape_push(struct escape *e, uint8_t byte);
