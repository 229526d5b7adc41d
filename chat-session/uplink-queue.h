/* The frames of a session that chatd's intake has not taken yet, in their order. Successive lines share an entry, and
 * become one frame if they are for the same room.
 *
 * The size is fixed. The caller asks uplink_queue_room() before it puts something in: what does not fit aborts the
 * session. Pages that were never used cost no memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/names.h>

enum {
        UPLINK_QUEUE_MAX_BYTES = 128 * 1024,
        UPLINK_LINE_OVERHEAD_BYTES = 16, /* the most that a line takes in the queue besides its text and room */
};

struct uplink_queue {
        size_t start, end; /* the waiting part of `data` */
        size_t last;       /* where the last entry begins, if there is any */
        uint8_t data[UPLINK_QUEUE_MAX_BYTES];
};

/* The head of an entry. The bytes of the entry follow it. */
struct uplink_entry {
        uint64_t number; /* of the first line, or of the frame if it has a cost */
        uint16_t size;   /* of the bytes */
        uint8_t lines;   /* of text, with LF between them; 0: the entry is an encoded frame */
        uint8_t cost;    /* lines that the pace counts for an encoded frame; 0: the frame goes out at once */
        uint8_t room;    /* bytes of a room's name in front of the lines; 0: the lines name no room */
        uint8_t padding[3];
};

/* Puts a frame in. `cost` is 0 or what the pace counts; then the frame has a number, as lines have. */
void uplink_queue_frame(struct uplink_queue *q, const struct frame *f, unsigned cost);

/* Puts the line of this number in. `room` has NICK_MAX_BYTES at most; empty: the line names no room. */
void uplink_queue_line(struct uplink_queue *q, uint64_t number, struct slice room, struct slice text);

/* Returns the bytes that still fit. */
size_t uplink_queue_room(const struct uplink_queue *q);

/* Returns true if nothing waits. */
bool uplink_queue_is_empty(const struct uplink_queue *q);

/* Returns how many lines wait. A frame with a cost counts as one. */
size_t uplink_queue_lines(const struct uplink_queue *q);

/* Returns the first entry, and sets `*data` to its bytes. The queue must not be empty. */
struct uplink_entry uplink_queue_first(const struct uplink_queue *q, const uint8_t **data);

/* Removes the first entry. */
void uplink_queue_remove(struct uplink_queue *q);

/* Removes the first `n` lines, of `size` bytes, of the first entry, which must have more lines. */
void uplink_queue_remove_lines(struct uplink_queue *q, unsigned n, size_t size);

/* Removes everything. */
void uplink_queue_discard(struct uplink_queue *q);
