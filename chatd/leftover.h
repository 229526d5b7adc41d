/* Frames in the queue at the start of a chatd that make a member, or change its name or room. */
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
                bool is_repeat; /* a previous chatd took it, and a mark lists it */
        } * frames;
        size_t count;
};

/* Adds the frame, if it is of these types, and really its sender's. Returns 0 or -ENOMEM. */
int leftover_add(struct leftover *q, const struct datagram *d);

/* Returns true if there is a frame of this type and sender. */
bool leftover_has_type(const struct leftover *q, uint64_t id, enum frame_type type);

/* Returns the name or room before the first change in the mark `text` of `id` whose frame is in the queue, or NULL if
 * there is none. Writes the end of the result into `text`, and notes that the frame is a repeat. */
const char *leftover_find_before(const struct leftover *q, uint64_t id, char *text);

/* Returns true if leftover_find_before() found a change of `id` that a previous chatd made once. */
bool leftover_repeats_change(const struct leftover *q, uint64_t id);

void leftover_free(struct leftover *q);
