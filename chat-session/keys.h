/* Whether a client sends each key as it is pressed, or whole lines, which it shows and edits itself. One that sends keys is
 * told once how to see what it types; one that sends whole lines is not edited.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys {
        uint8_t reads; /* of a single key, up to as many as tell that the client sends keys */
        bool told;     /* its user was told how to see them, or knows */
};

struct session;

/* What was read, and the line that it went to. */
struct keys_read {
        const uint8_t *bytes;
        size_t size;
        size_t had;  /* the bytes of the line before */
        size_t has;  /* the bytes behind */
        bool edited; /* the line was edited here */
};

/* Counts the read, which was taken, and does what follows from it. */
void keys_watch(struct session *s, const struct keys_read *read);
