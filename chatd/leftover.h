/* Frames that a starting chatd finds in the queue, and that make a member, or change its name or rooms. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct datagram;

struct leftover {
        struct leftover_frame {
                uint8_t type;
                uint64_t id, number;
                bool is_repeat; /* a previous chatd took the frame, and a mark lists it */
        } * frames;
        size_t count;
};

/* Adds the frame if it has one of these types, and its id is that of its sender. Returns 0 or -ENOMEM. */
int leftover_add(struct leftover *q, const struct datagram *d);

/* Returns true if there is a frame of this type from this sender. */
bool leftover_has_type(const struct leftover *q, uint64_t id, enum frame_type type);

/* Returns true if the frame `number` of `id`, which is no HELLO, is in the queue: then notes that it is a repeat. */
bool leftover_has_change(struct leftover *q, uint64_t id, uint64_t number);

/* Returns the name or room before a change: the first change in `text`, a mark of `id`, whose frame is in the queue.
 * Returns NULL if there is none. Writes the end of the result into `text`, and notes that the frame is a repeat. */
const char *leftover_find_before(struct leftover *q, uint64_t id, char *text);

/* Returns true if one of these functions found a change of `id`, which a previous chatd has made. */
bool leftover_repeats_change(const struct leftover *q, uint64_t id);

void leftover_free(struct leftover *q);
