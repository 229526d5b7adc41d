/* What is in the queue when a chatd starts, as far as it makes a member, or changes its name or room. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct datagram;

struct queued {
        struct queued_frame {
                uint8_t type;
                uint64_t id, number;
        } * frames;
        size_t count;
};

/* Adds the frame, if it is of those, and its sender's. Returns 0 or -ENOMEM. */
int queued_add(struct queued *q, const struct datagram *d);

/* Returns true if there is a frame of this type and sender. */
bool queued_has_type(const struct queued *q, uint64_t id, enum frame_type type);

/* `text` is a mark's list of changes of `id`. Returns what was before the first of them that is in the queue (writes its
 * end into `text`), or NULL where none is. */
const char *queued_find_before(const struct queued *q, uint64_t id, char *text);

void queued_free(struct queued *q);
