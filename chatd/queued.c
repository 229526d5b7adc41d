#include "queued.h"

#include <errno.h>
#include <stdlib.h>

#include "intake.h"

int queued_add(struct queued *q, const struct datagram *d)
{
        struct frame f;
        if (d->truncated || frame_decode(&f, d->data, d->size) != 0 || (pid_t)(f.id >> 32) != d->pid ||
            (f.type != FRAME_HELLO && f.type != FRAME_NICK && f.type != FRAME_ROOM))
                return 0;
        struct queued_frame *frames = reallocarray(q->frames, q->count + 1, sizeof(*frames));
        if (!frames)
                return -ENOMEM;
        q->frames = frames;
        q->frames[q->count++] = (struct queued_frame){f.type, f.id, f.number};
        return 0;
}

bool queued_has_type(const struct queued *q, uint64_t id, enum frame_type type)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].type == type)
                        return true;
        return false;
}

/* Returns true if the queue has the frame `number` of `id`, other than a HELLO. */
static bool has_number(const struct queued *q, uint64_t id, uint64_t number)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->frames[i].id == id && q->frames[i].number == number && q->frames[i].type != FRAME_HELLO)
                        return true;
        return false;
}

const char *queued_find_before(const struct queued *q, uint64_t id, char *text)
{
        for (char *line = text, *end; line; line = end) {
                char *before;
                end = strchr(line, '\n');
                if (end)
                        *end++ = '\0';
                uint64_t number = strtoull(line, &before, 10);
                if (*before == ' ' && has_number(q, id, number))
                        return before + 1;
        }
        return NULL;
}

void queued_free(struct queued *q)
{
        free(q->frames);
        *q = (struct queued){0};
}
