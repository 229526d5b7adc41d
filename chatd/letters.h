/* Letters: frames for one member alone, such as answers. Each has a place among the records of a batch (batch.h): in
 * front of the record with the index `at`. Letters that a full inbox does not take wait here until it has room.
 *
 * Owns the letters.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct letter {
        struct letter *next;
        uint32_t at;
        size_t size;
        uint8_t bytes[]; /* the frame */
};

struct letters {
        struct letter *first, *last; /* NULL: there are none */
        size_t bytes;
};

/* Appends a frame that is followed by `size` bytes of records. Returns 0 or -ENOMEM. */
int letters_add(struct letters *l, uint32_t at, const struct frame *f, const uint8_t *records, size_t size);

/* Frees the first letter. There must be one. */
void letters_drop_first(struct letters *l);

/* Keeps the first letters, up to `most` bytes in total, and each KICKED. Frees all other letters, and returns their
 * number. */
size_t letters_trim(struct letters *l, size_t most);

void letters_clear(struct letters *l);
