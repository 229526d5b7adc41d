#include "rooms.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <chat/paths.h>
#include <chat/reveal.h>
#include <chat/safe-text.h>

#include "member.h"
#include "rundir.h"

#define TOPIC_PREFIX "room:" /* no id begins with this */
#define NEW_SUFFIX ":new"    /* no name ends with this */
#define SET_SUFFIX ":set"

enum { CHANGES_MAX_BYTES = TOPIC_CHANGES * (ID_DIGITS + 1 + 20 + 1 + 20 + 1) + 1 };

static int rooms_compare(const void *a, const void *b)
{
        const char *x = ((const struct room *)a)->name, *y = ((const struct room *)b)->name;
        return name_compare(x, strlen(x), y, strlen(y));
}

struct room *rooms_find(const struct rooms *r, struct slice name)
{
        struct room key = {0};
        if (name.len == 0)
                return rooms_first(r);
        if (name.len > NICK_MAX_BYTES)
                return NULL;
        memcpy(key.name, name.at, name.len);
        void *const *place = tfind(&key, &r->by_name, rooms_compare);
        return place ? *place : NULL;
}

struct room *rooms_find_alike(const struct rooms *r, struct slice name)
{
        if (name.len == 0 || rooms_find(r, name))
                return NULL;
        for (size_t i = 0; i < r->count; i++)
                if (name_looks_like(r->all[i]->name, strlen(r->all[i]->name), name.at, name.len))
                        return r->all[i];
        return NULL;
}

bool room_is_ending(const struct rooms *r, const struct room *room)
{
        return room->people == 0 && room != rooms_first(r);
}

static bool rooms_make_place(struct rooms *r)
{
        if (r->count < r->size)
                return true;
        size_t size = r->size > 0 ? r->size * 2 : 8;
        struct room **all = reallocarray(r->all, size, sizeof(struct room *));
        if (!all)
                return false;
        r->all = all;
        r->size = size;
        return true;
}

struct room *rooms_get(struct rooms *r, struct slice name)
{
        struct room *room = r->count > 0 ? rooms_find(r, name) : NULL;
        if (room)
                return room;
        room = rooms_make_place(r) ? calloc(1, sizeof(*room)) : NULL;
        if (!room)
                return NULL;
        memcpy(room->name, name.at, name.len < NICK_MAX_BYTES ? name.len : NICK_MAX_BYTES);
        if (!tsearch(room, &r->by_name, rooms_compare)) {
                free(room);
                return NULL;
        }
        room->number = ++r->last;
        r->all[r->count++] = room;
        r->empty_count++;
        return room;
}

int rooms_init(struct rooms *r)
{
        *r = (struct rooms){0};
        return rooms_get(r, slice_of(FIRST_ROOM)) ? 0 : -ENOMEM;
}

static void room_free(struct rooms *r, struct room *room)
{
        tdelete(room, &r->by_name, rooms_compare);
        free(room);
}

void rooms_free(struct rooms *r)
{
        while (r->count > 0)
                room_free(r, r->all[--r->count]);
        free(r->all);
        r->all = NULL;
        r->size = 0;
}

void rooms_enter(struct rooms *r, struct room *room, struct seat *seat)
{
        seat->room = room;
        seat->before = room->last;
        seat->next = NULL;
        *(room->last ? &room->last->next : &room->first) = seat;
        room->last = seat;
        r->empty_count -= room->people++ == 0;
}

void rooms_leave(struct rooms *r, struct seat *seat)
{
        struct room *room = seat->room;
        *(seat->before ? &seat->before->next : &room->first) = seat->next;
        *(seat->next ? &seat->next->before : &room->last) = seat->before;
        seat->room = NULL;
        r->empty_count += --room->people == 0;
}

static void topic_path(const char *dir, const char *name, const char *suffix, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/" TOPIC_PREFIX "%s%s", dir, name, suffix);
}

bool rooms_forget_empty(struct rooms *r, const char *dir)
{
        char path[PATH_MAX];
        size_t count = 1;
        if (r->empty_count == 0 || (r->empty_count == 1 && rooms_first(r)->people == 0))
                return false;
        for (size_t i = 1; i < r->count; i++) {
                struct room *room = r->all[i];
                if (room->people > 0) {
                        r->all[count++] = room;
                        continue;
                }
                topic_path(dir, room->name, "", path);
                if (room->topic[0] != '\0')
                        unlink(path);
                topic_path(dir, room->name, SET_SUFFIX, path);
                if (room->changes[0].id != 0)
                        unlink(path);
                room_free(r, room);
        }
        r->empty_count -= r->count - count;
        r->count = count;
        return true;
}

int rooms_set_topic(struct room *room, const char *dir, struct slice topic)
{
        char path[PATH_MAX], new[PATH_MAX], text[sizeof(room->topic)];
        int r;
        snprintf(text, sizeof(text), "%.*s", (int)topic.len, topic.at);
        topic_path(dir, room->name, "", path);
        topic_path(dir, room->name, NEW_SUFFIX, new);
        if (topic.len == 0)
                r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        else
                r = rundir_replace_note(path, new, text);
        if (r == 0)
                memcpy(room->topic, text, sizeof(text));
        return r;
}

/* Notes the last changes of the topic, the oldest first. */
static void topic_note_changes(const struct room *room, const char *dir)
{
        char path[PATH_MAX], new[PATH_MAX], text[CHANGES_MAX_BYTES] = "";
        size_t len = 0;
        for (unsigned i = 0; i < TOPIC_CHANGES; i++) {
                const struct topic_change *c = &room->changes[(room->next_change + i) % TOPIC_CHANGES];
                if (c->id != 0)
                        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                                "%016" PRIx64 " %" PRIu64 " %" PRId64 " ", c->id, c->number, c->ms);
        }
        topic_path(dir, room->name, SET_SUFFIX, path);
        topic_path(dir, room->name, NEW_SUFFIX, new);
        rundir_replace_note(path, new, text); /* if this fails, the next chatd allows a few more changes */
}

int64_t rooms_change_topic(struct room *room, const char *dir, uint64_t id, uint64_t number, int64_t now_ms)
{
        struct topic_change *oldest = &room->changes[room->next_change];
        for (unsigned i = 0; i < TOPIC_CHANGES; i++)
                if (room->changes[i].id == id && room->changes[i].number == number)
                        return 0; /* a previous chatd allowed it */
        if (oldest->id != 0 && now_ms - oldest->ms < TOPIC_CHANGES_MS)
                return oldest->ms + TOPIC_CHANGES_MS - now_ms;
        *oldest = (struct topic_change){id, number, now_ms};
        room->next_change = (room->next_change + 1) % TOPIC_CHANGES;
        topic_note_changes(room, dir);
        return 0;
}

static void topic_read_changes(struct room *room, char *text)
{
        const char *id, *number, *ms;
        for (unsigned i = 0; i < TOPIC_CHANGES; i++) {
                id = text_next_word(&text);
                number = text_next_word(&text);
                ms = text_next_word(&text);
                if (!id || !number || !ms)
                        break;
                room->changes[i] = (struct topic_change){strtoull(id, NULL, 16), strtoull(number, NULL, 10),
                                                         strtoll(ms, NULL, 10)};
                room->next_change = (i + 1) % TOPIC_CHANGES;
        }
}

/* Returns true if `name` is that of a list of changes, and reads the list. */
static bool topic_read_set(const struct rooms *r, int dir, const char *file, struct slice name)
{
        char text[CHANGES_MAX_BYTES];
        size_t suffix = strlen(SET_SUFFIX);
        if (name.len <= suffix || strcmp(name.at + name.len - suffix, SET_SUFFIX) != 0)
                return false;
        name.len -= suffix;
        struct room *room = rooms_find(r, name);
        ssize_t n = room ? readlinkat(dir, file, text, sizeof(text) - 1) : -1;
        if (n < 0) {
                unlinkat(dir, file, 0);
                return true;
        }
        text[n] = '\0';
        topic_read_changes(room, text);
        return true;
}

/* Reads the topic, or the list of changes, in the symlink `file`. */
static void topic_read(const struct rooms *r, int dir, const char *file)
{
        char topic[TOPIC_MAX_BYTES + 1], clean[TOPIC_MAX_BYTES];
        size_t prefix = strlen(TOPIC_PREFIX);
        if (strncmp(file, TOPIC_PREFIX, prefix) != 0)
                return;
        struct slice name = slice_of(file + prefix);
        if (topic_read_set(r, dir, file, name))
                return;
        struct room *room = name.len > 0 ? rooms_find(r, name) : NULL;
        ssize_t n = room ? readlinkat(dir, file, topic, sizeof(topic)) : -1;
        if (n <= 0 || n > TOPIC_MAX_BYTES || !text_is_clean(topic, (size_t)n)) {
                unlinkat(dir, file, 0);
                return;
        }
        /* an earlier version may have written the topic */
        struct slice text = reveal((struct slice){topic, (size_t)n}, clean, sizeof(clean));
        snprintf(room->topic, sizeof(room->topic), "%.*s", (int)text.len, text.at);
}

void rooms_read_topics(const struct rooms *r, const char *dir)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, dir);
        DIR *members = opendir(path);
        if (!members)
                return; /* recall_members() reports the error */
        for (const struct dirent *entry; (entry = readdir(members));)
                topic_read(r, dirfd(members), entry->d_name);
        closedir(members);
}
