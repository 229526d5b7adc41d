#include "notes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <chat/paths.h>

#include "rundir.h"

#define SEAL_NAME "arrivals"
#define RELAYED_SUFFIX ".relayed"

enum {
        SEAL_MAX_BYTES = 64,
        RELAYED_MODE = 0600,
};

/* Writes the path of a note or a mark. `suffix` is "" for a note. */
static void note_path(const char *dir, uint64_t id, const char *suffix, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/%016" PRIx64 "%s", dir, id, suffix);
}

static void note_describe(const struct member *m, char text[static NOTE_MAX_BYTES])
{
        snprintf(text, NOTE_MAX_BYTES, "%" PRIu64 " %016" PRIx64 " %s %s", m->since_us, m->key, m->address, m->name);
}

int note_write(const char *dir, const struct member *m)
{
        char path[PATH_MAX], text[NOTE_MAX_BYTES];
        note_path(dir, m->id, "", path);
        note_describe(m, text);
        return symlink(text, path) < 0 && errno != EEXIST ? -errno : 0;
}

/* Writes the note of `id`, or the mark with this suffix. Returns 0 or a negative errno. */
static int note_replace(const char *dir, uint64_t id, const char *suffix, const char *text)
{
        char path[PATH_MAX], new[PATH_MAX];
        note_path(dir, id, suffix, path);
        note_path(dir, id, NEW_SUFFIX, new);
        return rundir_replace_note(path, new, text);
}

int note_name(const char *dir, const struct member *m, const char *changes)
{
        char text[NOTE_MAX_BYTES];
        int error = note_replace(dir, m->id, RENAMED_SUFFIX, changes);
        note_describe(m, text);
        return error < 0 ? error : note_replace(dir, m->id, "", text);
}

int note_room(const char *dir, const struct member *m, const char *room, const char *changes)
{
        char text[MARK_MAX_BYTES];
        snprintf(text, sizeof(text), "%s %s", changes, room);
        return note_replace(dir, m->id, ROOM_SUFFIX, text);
}

int note_rooms(const char *dir, uint64_t id, const char *changes, const char *rooms)
{
        char text[MARK_MAX_BYTES];
        snprintf(text, sizeof(text), "%s\n%s", changes, rooms);
        return note_replace(dir, id, ROOMS_SUFFIX, text);
}

void note_departed(const char *dir, uint64_t id)
{
        char path[PATH_MAX], marked[PATH_MAX];
        note_path(dir, id, "", path);
        note_path(dir, id, DEPARTED_SUFFIX, marked);
        rename(path, marked);
}

/* Makes an empty mark beside the note. Returns 0, also if it exists already, or a negative errno. */
static int mark_put(const char *dir, uint64_t id, const char *suffix)
{
        char path[PATH_MAX];
        note_path(dir, id, suffix, path);
        return symlink("-", path) < 0 && errno != EEXIST ? -errno : 0;
}

static void mark_remove(const char *dir, uint64_t id, const char *suffix)
{
        char path[PATH_MAX];
        note_path(dir, id, suffix, path);
        unlink(path);
}

void note_remove_name(const char *dir, uint64_t id)
{
        mark_remove(dir, id, RENAMED_SUFFIX);
}

void note_remove_room(const char *dir, uint64_t id)
{
        mark_remove(dir, id, ROOM_SUFFIX);
}

void note_remove_rooms(const char *dir, uint64_t id)
{
        mark_remove(dir, id, ROOMS_SUFFIX);
}

void note_remove_departed(const char *dir, uint64_t id)
{
        mark_remove(dir, id, DEPARTED_SUFFIX);
}

void note_lag(const char *dir, uint64_t id)
{
        /* if this fails, only the notice of missed records may be lost, and only if chatd dies */
        mark_put(dir, id, LAGGING_SUFFIX);
}

void note_remove_lag(const char *dir, uint64_t id)
{
        mark_remove(dir, id, LAGGING_SUFFIX);
}

/* Gives a mark another suffix, in one step. Returns 0 or a negative errno. */
static int mark_rename(const char *dir, uint64_t id, const char *was, const char *suffix)
{
        char from[PATH_MAX], to[PATH_MAX];
        note_path(dir, id, was, from);
        note_path(dir, id, suffix, to);
        return rename(from, to) < 0 ? -errno : 0;
}

int note_reserve_mute(const char *dir, uint64_t id)
{
        return mark_put(dir, id, MUTING_SUFFIX);
}

int note_mute(const char *dir, uint64_t id)
{
        int error = mark_rename(dir, id, MUTING_SUFFIX, MUTED_SUFFIX);
        return error == -ENOENT ? mark_put(dir, id, MUTED_SUFFIX) : error;
}

int note_removal(const char *dir, const struct member *m)
{
        char text[PATH_MAX];
        snprintf(text, sizeof(text), REMOVED_WORD " %s", m->removal_reason ? m->removal_reason : "");
        return note_replace(dir, m->id, MUTED_SUFFIX, text);
}

void note_remove_mute(const char *dir, uint64_t id)
{
        mark_remove(dir, id, MUTED_SUFFIX);
        mark_remove(dir, id, MUTING_SUFFIX);
}

int note_arrival(const char *dir, uint64_t id)
{
        return mark_put(dir, id, ARRIVING_SUFFIX);
}

void note_remove_arrival(const char *dir, uint64_t id)
{
        mark_remove(dir, id, ARRIVING_SUFFIX);
        mark_remove(dir, id, NAMED_SUFFIX);
        mark_remove(dir, id, HELD_SUFFIX);
}

int note_held(const char *dir, uint64_t id)
{
        return mark_put(dir, id, HELD_SUFFIX);
}

int note_named(const char *dir, const struct member *m)
{
        return mark_rename(dir, m->id, member_is_held(m) ? HELD_SUFFIX : ARRIVING_SUFFIX, NAMED_SUFFIX);
}

void note_remove_held(const char *dir, uint64_t id)
{
        mark_remove(dir, id, HELD_SUFFIX);
}

static void seal_path(const char *dir, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/" SEAL_NAME, dir);
}

int note_seal(const char *dir, uint64_t number, size_t count)
{
        char path[PATH_MAX], text[SEAL_MAX_BYTES];
        seal_path(dir, path);
        snprintf(text, sizeof(text), "%" PRIu64 " %zu", number, count);
        return symlink(text, path) < 0 ? -errno : 0;
}

bool note_read_seal(const char *dir, uint64_t *number, size_t *count)
{
        char path[PATH_MAX], text[SEAL_MAX_BYTES], *end;
        seal_path(dir, path);
        ssize_t n = readlink(path, text, sizeof(text) - 1);
        if (n < 0)
                return false;
        text[n] = '\0';
        *number = strtoull(text, &end, 10);
        *count = strtoul(end, NULL, 10);
        return true;
}

void note_remove_seal(const char *dir)
{
        char path[PATH_MAX];
        seal_path(dir, path);
        unlink(path);
}

int note_open_relayed(const char *dir, uint64_t id)
{
        char path[PATH_MAX];
        note_path(dir, id, RELAYED_SUFFIX, path);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, RELAYED_MODE);
        return fd < 0 ? -errno : fd;
}
