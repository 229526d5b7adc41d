#include "queued.h"

#include <errno.h>
#include <stdlib.h>

#include "intake.h"

int queued_add(struct queued *q, const struct datagram *d)
{
        struct frame f;
        if (d->is_truncated || frame_decode(&f, d->data, d->size) != 0 || (pid_t)(f.id >> 32) != d->pid ||
            (f.type != FRAME_HELLO && f.type != FRAME_NICK && f.type != FRAME_ROOM))
                return 0;
        struct queued_frame *frames = reallocarray(q->frames, q->count + 1, sizeof(*frames));
        if (!frames)
                return -ENOMEM;
        q->frames = frames;
        q->frames[q->count++] = (struct queued_frame){.type = f.type, .id = f.id, .number = f.number};
        return 0;
}

bool queued_has_type(const struct queued *q, uint64_t id, enum frame_type type)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].type == type)
                        return true;
        return false;
}

bool queued_repeats_change(const struct queued *q, uint64_t id)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].is_repeat)
                        return true;
        return false;
}

/* Returns the frame `number` of `id` in the queue, other than a HELLO; or NULL. */
static struct queued_frame *queued_find(const struct queued *q, uint64_t id, uint64_t number)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].number == number && q->frames[i].type != FRAME_HELLO)
                        return &q->frames[i];
        return NULL;
}

const char *queued_find_before(const struct queued *q, uint64_t id, char *text)
{
        for (char *line = text, *end; line; line = end) {
                char *before;
                end = strchr(line, '\n');
                if (end)
                        *end++ = '\0';
                uint64_t number = strtoull(line, &before, 10);
                struct queued_frame *frame = *before == ' ' ? queued_find(q, id, number) : NULL;
                if (frame) {
                        frame->is_repeat = true;
                        return before + 1;
                }
        }
        return NULL;
}

void queued_free(struct queued *q)
{
        free(q->frames);
        *q = (struct queued){0};
}
