#include "roster.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include <chat/assert.h>
#include <chat/names.h>

#include "lagging.h"
#include "reach.h"

enum { NAME_NUMBER_BYTES = 11 }; /* for "~4294967295" */

static int roster_compare(uint64_t x, uint64_t y)
{
        return (x > y) - (x < y);
}

static int roster_compare_ids(const void *a, const void *b)
{
        return roster_compare(((const struct member *)a)->id, ((const struct member *)b)->id);
}

/* Compares pids. An id begins with the pid, so a tree in the order of ids is in the order of pids, too. */
static int roster_compare_pids(const void *a, const void *b)
{
        return roster_compare(((const struct member *)a)->id >> 32, ((const struct member *)b)->id >> 32);
}

int roster_init(struct roster *r, const char *dir, uid_t owner)
{
        *r = (struct roster){.owner = owner};
        snprintf(r->dir, sizeof(r->dir), "%s", dir);
        return rooms_init(&r->rooms);
}

void roster_free(struct roster *r)
{
        while (r->count > 0)
                roster_remove(r, r->members[r->count - 1]);
        free(r->members);
        r->members = NULL;
        r->room = 0;
        rooms_free(&r->rooms);
}

struct member *roster_find(const struct roster *r, uint64_t id)
{
        struct member key = {.id = id};
        void *const *found = tfind(&key, &r->by_id, roster_compare_ids);
        return found ? *found : NULL;
}

struct member *roster_find_process(const struct roster *r, pid_t pid)
{
        struct member key = {.id = (uint64_t)pid << 32};
        void *const *found = tfind(&key, &r->by_id, roster_compare_pids);
        return found ? *found : NULL;
}

struct member *roster_find_name(const struct roster *r, struct slice name)
{
        return naming_find(&r->naming, name);
}

struct member *roster_find_alike(const struct roster *r, struct slice name, const struct member *but)
{
        return naming_find_alike(&r->naming, name, but);
}

struct member *roster_find_blurred(const struct roster *r, struct slice name)
{
        return naming_find_blurred(&r->naming, name);
}

const char *roster_suggest(const struct roster *r, struct slice name)
{
        const struct member *m = naming_suggest(&r->naming, r->members, r->count, name);
        return m ? m->name : NULL;
}

size_t roster_people(const struct roster *r)
{
        return r->count - (roster_find(r, LINK_ID) != NULL);
}

static bool roster_make_room(struct roster *r)
{
        if (r->count < r->room)
                return true;
        size_t room = r->room ? r->room * 2 : 64;
        struct member **members = reallocarray(r->members, room, sizeof(struct member *));
        if (!members)
                return false;
        r->members = members;
        r->room = room;
        return true;
}

/* Returns true if the name of `m` is reserved, looks like that of one of these tokens (NULL: none), or is too similar
 * to that of another member. */
static bool roster_is_taken(const struct roster *r, const struct tokens *tokens, const struct member *m)
{
        const struct slice name = slice_of(m->name);
        return name_is_reserved(name.at, name.len) || (tokens && tokens_find_blurred(tokens, name)) ||
               roster_find_alike(r, name, m);
}

/* Gives `m` a valid name that neither another member nor one of these tokens has. */
static void roster_set_name(const struct roster *r, const struct tokens *tokens, struct member *m, struct slice name)
{
        size_t len = name.len < LOCAL_NAME_MAX_BYTES ? name.len : LOCAL_NAME_MAX_BYTES;
        memcpy(m->name, name.at, len);
        for (unsigned n = 2; roster_is_taken(r, tokens, m); n++) {
                if (len > LOCAL_NAME_MAX_BYTES - NAME_NUMBER_BYTES)
                        len = LOCAL_NAME_MAX_BYTES - NAME_NUMBER_BYTES;
                snprintf(m->name + len, sizeof(m->name) - len, "~%u", n);
        }
}

/* Adds a member with a name that is not one of these tokens (NULL: none). Returns NULL if there is no memory. */
static struct member *roster_add_beside(struct roster *r, const struct tokens *tokens, uint64_t id, uint64_t key,
                                        struct slice name, struct slice address, uint64_t since_us)
{
        size_t address_len = address.len < ADDRESS_MAX_BYTES ? address.len : ADDRESS_MAX_BYTES;
        struct member *m = roster_make_room(r) ? calloc(1, sizeof(*m) + address_len + 1) : NULL;
        if (!m)
                return NULL;
        m->id = id;
        m->key = key;
        m->fd = m->pidfd = -1;
        m->presence = PRESENT;
        m->seat.member = m;
        lent_init(&m->lent);
        m->since_us = since_us;
        roster_set_name(r, tokens, m, name);
        memcpy(m->address, address.at, address_len);
        m->network = network_of(m->address);
        if (!tsearch(m, &r->by_id, roster_compare_ids) || naming_add(&r->naming, m) < 0) {
                tdelete(m, &r->by_id, roster_compare_ids);
                free(m);
                return NULL;
        }
        m->index = r->count;
        r->members[r->count++] = m;
        if (id != LINK_ID) {
                m->seats = &m->seat;
                rooms_enter(&r->rooms, rooms_first(&r->rooms), &m->seat);
        }
        return m;
}

struct member *roster_add(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                          uint64_t since_us)
{
        return roster_add_beside(r, NULL, id, key, name, address, since_us);
}

struct member *roster_add_newcomer(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                                   uint64_t since_us)
{
        return roster_add_beside(r, r->tokens, id, key, name, address, since_us);
}

int roster_rename(struct roster *r, struct member *m, struct slice name)
{
        char was[sizeof(m->name)];
        memcpy(was, m->name, sizeof(was));
        naming_remove(&r->naming, m);
        memset(m->name, 0, sizeof(m->name));
        memcpy(m->name, name.at, name.len < LOCAL_NAME_MAX_BYTES ? name.len : LOCAL_NAME_MAX_BYTES);
        if (naming_add(&r->naming, m) < 0) {
                memcpy(m->name, was, sizeof(was));
                naming_add(&r->naming, m); /* there is memory: that of its old place has just been freed */
                return -ENOMEM;
        }
        m->is_renamed = true;
        return 0;
}

void roster_lags(struct roster *r, struct member *m)
{
        lagging_begin(r->dir, m);
        todo_add(&r->todo, TODO_CONTACT, m);
}

void roster_dies(struct roster *r, struct member *m)
{
        if (m->life == LIFE_ALIVE)
                member_live(m, LIFE_DEAD);
        todo_add(&r->todo, TODO_CONTACT, m);
}

void roster_move(struct roster *r, struct member *m, struct room *room)
{
        m->is_moved = true;
        m->seat.alone_notice = false;
        rooms_leave(&r->rooms, &m->seat);
        rooms_enter(&r->rooms, room, &m->seat);
}

void roster_roam(struct roster *r, struct member *m)
{
        assert(m->seats == &m->seat);
        rooms_leave(&r->rooms, &m->seat);
        m->seats = NULL;
        m->roams = true;
}

int roster_enter(struct roster *r, struct member *m, struct room *room)
{
        struct seat **place = &m->seats, *seat = calloc(1, sizeof(*seat));
        assert(m->roams && !member_seat_in(m, room));
        if (!seat)
                return -ENOMEM;
        while (*place && strcmp((*place)->room->name, room->name) < 0)
                place = &(*place)->other;
        seat->other = *place;
        *place = seat;
        seat->member = m;
        rooms_enter(&r->rooms, room, seat);
        return 0;
}

void roster_exit(struct roster *r, struct seat *seat)
{
        struct seat **place = &seat->member->seats;
        assert(seat->member->roams);
        while (*place != seat)
                place = &(*place)->other;
        *place = seat->other;
        rooms_leave(&r->rooms, seat);
        free(seat);
}

void roster_remove(struct roster *r, struct member *m)
{
        struct member *last = r->members[--r->count];
        last->index = m->index;
        r->members[m->index] = last;
        tdelete(m, &r->by_id, roster_compare_ids);
        naming_remove(&r->naming, m);
        todo_forget(&r->todo, m);
        reach_close(m);
        for (struct seat *seat = m->seats, *other; seat; seat = other) {
                other = seat->other;
                rooms_leave(&r->rooms, seat);
                if (seat != &m->seat)
                        free(seat);
        }
        letters_clear(&m->letters);
        free(m->removal_reason);
        free(m);
}
