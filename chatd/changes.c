#include "changes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "intake.h"
#include "roster.h"

static size_t count_of(const struct changes *c, const struct member *m)
{
        size_t n = 0;
        for (size_t i = 0; i < c->count; i++)
                n += c->all[i].member == m;
        return n;
}

bool changes_have_room(const struct changes *c, const struct member *m)
{
        return c->count < CHANGES_MAX && count_of(c, m) < CHANGES_OF_ONE_MAX;
}

/* Writes all that are of this kind and member. */
static void write_list(const struct changes *c, enum change_kind kind, const struct member *m,
                       char text[static CHANGES_TEXT_MAX_BYTES])
{
        size_t len = 0;
        for (size_t i = 0; i < c->count; i++)
                if (c->all[i].kind == kind && c->all[i].member == m)
                        len += (size_t)snprintf(text + len, CHANGES_TEXT_MAX_BYTES - len, "%s%" PRIu64 " %s",
                                                len > 0 ? "\n" : "", c->all[i].number, c->all[i].before);
}

static void add(struct changes *c, const struct change *change, const char *before)
{
        struct change *last = &c->all[c->count++];
        *last = *change;
        snprintf(last->before, sizeof(last->before), "%s", before);
}

int changes_add_name(struct changes *c, const struct roster *r, struct member *m, uint64_t number, const char *before)
{
        char text[CHANGES_TEXT_MAX_BYTES];
        add(c, &(struct change){.kind = CHANGE_NAME, .member = m, .number = number}, before);
        write_list(c, CHANGE_NAME, m, text);
        int error = roster_note_name(r, m, text);
        c->count -= error < 0;
        return error;
}

int changes_add_room(struct changes *c, const struct roster *r, struct member *m, uint64_t number, const char *room)
{
        char text[CHANGES_TEXT_MAX_BYTES];
        add(c, &(struct change){.kind = CHANGE_ROOM, .member = m, .number = number}, m->room->name);
        write_list(c, CHANGE_ROOM, m, text);
        int error = roster_note_room(r, m, room, text);
        c->count -= error < 0;
        return error;
}

void changes_begin(struct changes *c)
{
        c->count = 0;
}

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

/* Whether one of those that change something is in there. */
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
