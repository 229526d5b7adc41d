#include "uplink-queue.h"

#include <stdlib.h>

_Static_assert((int)FRAME_LINES_MAX <= UINT8_MAX, "lines are counted in a byte");

_Static_assert((int)UPLINK_LINE_OVERHEAD_BYTES == sizeof(struct uplink_entry), "uplink_queue_room() counts with it");

static struct uplink_entry uplink_queue_read(const struct uplink_queue *q, size_t at)
{
        struct uplink_entry e;
        memcpy(&e, q->data + at, sizeof(e));
        return e;
}

static void uplink_queue_write(struct uplink_queue *q, size_t at, const struct uplink_entry *e)
{
        memcpy(q->data + at, e, sizeof(*e));
}

/* Moves everything to the front if there is no room for `size` more bytes at the end. Returns the room at the end, in
 * bytes. */
static size_t uplink_queue_compact(struct uplink_queue *q, size_t size)
{
        if (q->start > 0 && sizeof(q->data) - q->end < size) {
                memmove(q->data, q->data + q->start, q->end - q->start);
                q->last -= q->start;
                q->end -= q->start;
                q->start = 0;
        }
        return sizeof(q->data) - q->end;
}

/* Makes room for `size` more bytes at the end. Returns their place. */
static uint8_t *uplink_queue_extend(struct uplink_queue *q, size_t size)
{
        if (uplink_queue_compact(q, size) < size)
                abort(); /* the caller did not ask for the room */
        uint8_t *at = q->data + q->end;
        q->end += size;
        return at;
}

void uplink_queue_frame(struct uplink_queue *q, const struct frame *f, unsigned cost)
{
        size_t room = uplink_queue_compact(q, sizeof(struct uplink_entry) + FRAME_MAX_BYTES), size = 0;
        if (room > sizeof(struct uplink_entry))
                size = frame_encode(q->data + q->end + sizeof(struct uplink_entry), room - sizeof(struct uplink_entry),
                                    f);
        if (size == 0)
                abort(); /* the caller did not ask for the room */
        q->last = q->end;
        q->end += sizeof(struct uplink_entry) + size;
        uplink_queue_write(q, q->last,
                           &(struct uplink_entry){
                                   .size = (uint16_t)size, .cost = (uint8_t)cost, .number = cost > 0 ? f->number : 0});
}

/* Puts an entry with its first line in. */
static void uplink_queue_add(struct uplink_queue *q, uint64_t number, struct slice room, struct slice text)
{
        const struct uplink_entry e = {
                .size = (uint16_t)(room.len + text.len), .lines = 1, .room = (uint8_t)room.len, .number = number};
        uint8_t *at = uplink_queue_extend(q, sizeof(e) + e.size);
        q->last = (size_t)(at - q->data);
        uplink_queue_write(q, q->last, &e);
        memcpy(mempcpy(at + sizeof(e), room.at, room.len), text.at, text.len);
}

/* Returns true if the line can be a part of the last entry, which is `e`. */
static bool uplink_queue_joins(const struct uplink_queue *q, const struct uplink_entry *e, struct slice room,
                               struct slice text)
{
        const struct slice same = {(const char *)q->data + q->last + sizeof(*e), e->room};
        return e->lines > 0 && e->lines < FRAME_LINES_MAX && slice_equal(same, room) &&
               (size_t)e->size - e->room + 1 + text.len <= TEXT_MAX_BYTES;
}

void uplink_queue_line(struct uplink_queue *q, uint64_t number, struct slice room, struct slice text)
{
        struct uplink_entry last = {0};
        if (!uplink_queue_is_empty(q))
                last = uplink_queue_read(q, q->last);
        if (!uplink_queue_joins(q, &last, room, text)) {
                uplink_queue_add(q, number, room, text);
                return;
        }
        char *at = (char *)uplink_queue_extend(q, 1 + text.len);
        at[0] = '\n';
        memcpy(at + 1, text.at, text.len);
        last.size = (uint16_t)(last.size + 1 + text.len);
        last.lines++;
        uplink_queue_write(q, q->last, &last);
}

size_t uplink_queue_room(const struct uplink_queue *q)
{
        return sizeof(q->data) - (q->end - q->start);
}

bool uplink_queue_is_empty(const struct uplink_queue *q)
{
        return q->end == q->start;
}

size_t uplink_queue_lines(const struct uplink_queue *q)
{
        size_t lines = 0;
        struct uplink_entry e;
        for (size_t at = q->start; at < q->end; at += sizeof(e) + e.size) {
                e = uplink_queue_read(q, at);
                lines += e.cost > 0 ? 1 : e.lines;
        }
        return lines;
}

struct uplink_entry uplink_queue_first(const struct uplink_queue *q, const uint8_t **data)
{
        *data = q->data + q->start + sizeof(struct uplink_entry);
        return uplink_queue_read(q, q->start);
}

void uplink_queue_remove(struct uplink_queue *q)
{
        struct uplink_entry first = uplink_queue_read(q, q->start);
        q->start += sizeof(first) + first.size;
        if (q->start == q->end)
                q->start = q->end = 0;
}

void uplink_queue_remove_lines(struct uplink_queue *q, unsigned n, size_t size)
{
        struct uplink_entry first = uplink_queue_read(q, q->start);
        uint8_t *room = q->data + q->start + sizeof(first);
        size_t bytes = size + 1; /* with the LF behind the last of them */
        if (q->last == q->start)
                q->last += bytes;
        q->start += bytes;
        first.size = (uint16_t)(first.size - bytes);
        first.lines = (uint8_t)(first.lines - n);
        first.number += n;
        memmove(room + bytes, room, first.room);
        uplink_queue_write(q, q->start, &first);
}

void uplink_queue_discard(struct uplink_queue *q)
{
        q->start = q->end = 0;
}
