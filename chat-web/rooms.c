#include "rooms.h"

#include <stdio.h>

#include "events.h"

static size_t rooms_index(const struct web *w, struct slice name)
{
        if (name.len == 0)
                name = slice_of(FIRST_ROOM);
        size_t n = 0;
        while (n < w->rooms_count && name_compare(w->rooms[n].name, strlen(w->rooms[n].name), name.at, name.len) != 0)
                n++;
        return n;
}

struct web_room *rooms_find(struct web *w, struct slice name)
{
        size_t n = rooms_index(w, name);
        return n < w->rooms_count ? &w->rooms[n] : NULL;
}

struct web_room *rooms_add(struct web *w, struct slice name)
{
        struct web_room *room = rooms_find(w, name);
        if (room || w->rooms_count == MEMBER_ROOMS_MAX || name.len > NICK_MAX_BYTES)
                return room;
        bool is_last = w->reentered == w->rooms_count;
        room = &w->rooms[w->rooms_count++];
        *room = (struct web_room){0};
        snprintf(room->name, sizeof(room->name), "%.*s", (int)name.len, name.at);
        w->reentered += is_last;
        return room;
}

void rooms_remove(struct web *w, struct slice name)
{
        size_t n = rooms_index(w, name);
        if (n == w->rooms_count)
                return;
        w->rooms_count--;
        memmove(&w->rooms[n], &w->rooms[n + 1], (w->rooms_count - n) * sizeof(w->rooms[0]));
        w->reentered -= n < w->reentered;
}

struct web_room *rooms_entered_by(struct web *w, uint64_t number)
{
        for (size_t n = 0; n < w->rooms_count; n++)
                if (w->rooms[n].entry == number && number > 0)
                        return &w->rooms[n];
        return NULL;
}

void rooms_saw(struct web *w, struct slice name, uint64_t id, uint64_t number)
{
        struct web_room *room = rooms_find(w, name);
        if (!room)
                return;
        room->last = (struct web_place){.id = id, .number = number};
        room->lent = talk_lines_lent(w->session);
}

uint64_t rooms_enter(struct web *w, struct web_room *room)
{
        room->missing_at = 0;
        room->entry = talk_request(w->session,
                                   (struct frame){.type = FRAME_ENTER,
                                                  .name = slice_of(room->name),
                                                  .key = room->since.number > 0 ? HISTORY_MAX_LINES : 0},
                                   1);
        return room->entry;
}

struct web_room *rooms_is_in(struct web *w, struct slice name, uint64_t number)
{
        struct web_room *room = rooms_add(w, name);
        if (!room)
                return NULL;
        room->is_in = true;
        if (room->entry <= number)
                room->entry = 0;
        return room;
}

void rooms_is_out(struct web *w, struct slice name, uint64_t number)
{
        struct web_room *room = rooms_find(w, name);
        if (!room)
                return;
        room->is_in = false;
        if (room->entry <= number)
                rooms_remove(w, name);
}

void rooms_reenter(struct web *w)
{
        for (size_t n = 0; n < w->rooms_count; n++)
                w->rooms[n].is_in = false;
        w->reentered = 0;
}

bool rooms_may_reenter(const struct web *w)
{
        return w->reentered < w->rooms_count && talk_is_open(w->session) &&
               talk_room(w->session) >= WEB_QUEUE_MIN_BYTES;
}

void rooms_reenter_next(struct web *w)
{
        struct web_room *room = &w->rooms[w->reentered++];
        bool may_have_later_lines = room->lent != talk_lines_lent(w->session);
        room->since = room->last;
        room->is_again = true;
        if (room->last.number > 0 && may_have_later_lines) {
                events_missing(w, room);
                room->since = (struct web_place){0};
        }
        rooms_enter(w, room);
}
