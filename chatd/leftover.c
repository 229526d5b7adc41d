#include "leftover.h"

#include <errno.h>
#include <stdlib.h>

#include "intake.h"

int leftover_add(struct leftover *q, const struct datagram *d)
{
        struct frame f;
        if (d->is_truncated || frame_decode(&f, d->data, d->size) != 0 || (pid_t)(f.id >> 32) != d->pid ||
            (f.type != FRAME_HELLO && f.type != FRAME_NICK && f.type != FRAME_ROOM && f.type != FRAME_ENTER &&
             f.type != FRAME_EXIT))
                return 0;
        struct leftover_frame *frames = reallocarray(q->frames, q->count + 1, sizeof(*frames));
        if (!frames)
                return -ENOMEM;
        q->frames = frames;
        q->frames[q->count++] = (struct leftover_frame){.type = f.type, .id = f.id, .number = f.number};
        return 0;
}

bool leftover_has_type(const struct leftover *q, uint64_t id, enum frame_type type)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].type == type)
                        return true;
        return false;
}

bool leftover_repeats_change(const struct leftover *q, uint64_t id)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].is_repeat)
                        return true;
        return false;
}

/* Returns the frame `number` of `id` in the queue, other than a HELLO; or NULL. */
static struct leftover_frame *leftover_find(const struct leftover *q, uint64_t id, uint64_t number)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].number == number && q->frames[i].type != FRAME_HELLO)
                        return &q->frames[i];
        return NULL;
}

bool leftover_has_change(struct leftover *q, uint64_t id, uint64_t number)
{
        struct leftover_frame *frame = leftover_find(q, id, number);
        if (frame)
                frame->is_repeat = true;
        return frame != NULL;
}

const char *leftover_find_before(struct leftover *q, uint64_t id, char *text)
{
        for (char *line = text, *end; line; line = end) {
                char *before;
                end = strchr(line, '\n');
                if (end)
                        *end++ = '\0';
                uint64_t number = strtoull(line, &before, 10);
                if (*before == ' ' && leftover_has_change(q, id, number))
                        return before + 1;
        }
        return NULL;
}

void leftover_free(struct leftover *q)
{
        free(q->frames);
        *q = (struct leftover){0};
}
