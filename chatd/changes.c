#include "changes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <chat/assert.h>

#include "notes.h"
#include "rooms.h"

static size_t changes_count_of(const struct changes *c, const struct member *m)
{
        size_t n = 0;
        for (size_t i = 0; i < c->count; i++)
                n += c->all[i].member == m;
        return n;
}

bool changes_have_room(const struct changes *c, const struct member *m)
{
        return c->count < CHANGES_MAX && changes_count_of(c, m) < NOTE_CHANGES_MAX;
}

/* Writes all changes of this kind and member. */
static void changes_write_list(const struct changes *c, enum change_kind kind, const struct member *m,
                               char text[static NOTE_CHANGES_MAX_BYTES])
{
        size_t len = 0;
        for (size_t i = 0; i < c->count; i++)
                if (c->all[i].kind == kind && c->all[i].member == m)
                        len += (size_t)snprintf(text + len, NOTE_CHANGES_MAX_BYTES - len, "%s%" PRIu64 " %s",
                                                len > 0 ? "\n" : "", c->all[i].number, c->all[i].old_value);
}

static void changes_add(struct changes *c, const struct change *change, const char *before)
{
        assert(changes_have_room(c, change->member));
        struct change *last = &c->all[c->count++];
        *last = *change;
        snprintf(last->old_value, sizeof(last->old_value), "%s", before);
}

int changes_add_name(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *before)
{
        char text[NOTE_CHANGES_MAX_BYTES];
        changes_add(c, &(struct change){.kind = CHANGE_NAME, .member = m, .number = number}, before);
        changes_write_list(c, CHANGE_NAME, m, text);
        int error = note_name(dir, m, text);
        c->count -= error < 0;
        return error;
}

int changes_add_room(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *room)
{
        char text[NOTE_CHANGES_MAX_BYTES], value[1 + NICK_MAX_BYTES + 1];
        snprintf(value, sizeof(value), "%s%s", m->arrival == ARRIVAL_ANNOUNCED ? "" : "*", m->seat.room->name);
        changes_add(c, &(struct change){.kind = CHANGE_ROOM, .member = m, .number = number}, value);
        changes_write_list(c, CHANGE_ROOM, m, text);
        int error = note_room(dir, m, room, text);
        c->count -= error < 0;
        return error;
}

/* Writes the rooms of `m`, except `but`, each with a space in front. */
static void changes_write_rooms(const struct member *m, const struct room *but, char text[static NOTE_ROOMS_MAX_BYTES])
{
        size_t len = 0;
        text[0] = '\0';
        for (const struct seat *seat = m->seats; seat; seat = seat->other)
                if (seat->room != but)
                        len += (size_t)snprintf(text + len, NOTE_ROOMS_MAX_BYTES - len, " %s", seat->room->name);
}

int changes_add_seat(struct changes *c, const char *dir, struct member *m, uint64_t number, const struct room *room,
                     bool enters)
{
        char text[NOTE_CHANGES_MAX_BYTES], rooms[NOTE_ROOMS_MAX_BYTES], value[1 + NICK_MAX_BYTES + 1];
        const char *step = !enters ? "-" : m->arrival == ARRIVAL_ANNOUNCED ? "+" : "*";
        snprintf(value, sizeof(value), "%s%s", step, room->name);
        changes_add(c, &(struct change){.kind = CHANGE_SEAT, .member = m, .number = number}, value);
        changes_write_list(c, CHANGE_SEAT, m, text);
        changes_write_rooms(m, enters ? NULL : room, rooms);
        int error = note_rooms(dir, m->id, text, rooms);
        c->count -= error < 0;
        return error;
}

void changes_begin(struct changes *c)
{
        c->count = 0;
}
