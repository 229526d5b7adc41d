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

static void uplink_queue_add(struct uplink_queue *q, const struct uplink_entry *e, const void *data)
{
        uint8_t *at = uplink_queue_extend(q, sizeof(*e) + e->size);
        q->last = (size_t)(at - q->data);
        uplink_queue_write(q, q->last, e);
        memcpy(at + sizeof(*e), data, e->size);
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

void uplink_queue_line(struct uplink_queue *q, uint64_t number, struct slice text)
{
        struct uplink_entry last = {0};
        if (!uplink_queue_is_empty(q))
                last = uplink_queue_read(q, q->last);
        if (last.lines == 0 || last.lines == FRAME_LINES_MAX || last.size + 1 + text.len > TEXT_MAX_BYTES) {
                last = (struct uplink_entry){.size = (uint16_t)text.len, .lines = 1, .number = number};
                uplink_queue_add(q, &last, text.at);
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
        size_t bytes = size + 1; /* with the LF behind the last of them */
        if (q->last == q->start)
                q->last += bytes;
        q->start += bytes;
        first = (struct uplink_entry){.size = (uint16_t)(first.size - bytes),
                                      .lines = (uint8_t)(first.lines - n),
                                      .number = first.number + n};
        uplink_queue_write(q, q->start, &first);
}

void uplink_queue_discard(struct uplink_queue *q)
{
        q->start = q->end = 0;
}
