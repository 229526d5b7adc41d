#include "recall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <chat/names.h>
#include <chat/paths.h>
#include <chat/safe-text.h>

#include "lagging.h"
#include "notes.h"

/* Reads the mark with this suffix beside the note of `id`. Returns false if there is none. */
static bool recall_read_mark(int dir, uint64_t id, const char *suffix, char text[static MARK_MAX_BYTES])
{
        char file[ID_DIGITS + 16];
        snprintf(file, sizeof(file), "%016" PRIx64 "%s", id, suffix);
        ssize_t n = readlinkat(dir, file, text, MARK_MAX_BYTES - 1);
        text[n < 0 ? 0 : n] = '\0';
        return n >= 0;
}

/* Reads a note: microseconds, key, address (without spaces) and name (the rest). With `undone` it takes only notes of
 * members whose change of name is in the queue; without `undone` only all other notes. */
static void recall_read_note(struct roster *r, int dir, const char *file, struct leftover *queued, bool undone)
{
        char text[NOTE_MAX_BYTES], mark[MARK_MAX_BYTES], *rest = text;
        const char *before = NULL;
        uint64_t id, key;

        if (path_parse_id(file, &id) < 0)
                return;
        if (queued->count > 0 && recall_read_mark(dir, id, RENAMED_SUFFIX, mark))
                before = leftover_find_before(queued, id, mark);
        if ((before != NULL) != undone)
                return;
        ssize_t n = readlinkat(dir, file, text, sizeof(text) - 1);
        if (n < 0)
                return;
        text[n] = '\0';
        char *since = text_next_word(&rest), *digits = text_next_word(&rest), *address = text_next_word(&rest), *end;
        if (!address || path_parse_id(digits, &key) < 0)
                return;
        errno = 0;
        uint64_t since_us = strtoull(since, &end, 10);
        if (errno == 0 && end > since && *end == '\0' && strlen(address) <= ADDRESS_MAX_BYTES &&
            strlen(rest) <= NAME_MAX_BYTES)
                roster_add(r, id, key, slice_of(before ? before : rest), slice_of(address), since_us);
}

/* Returns true if the name `file` is an id and this suffix. */
static bool recall_has_suffix(const char *file, const char *suffix, uint64_t *id)
{
        char digits[ID_DIGITS + 1] = "";
        if (strlen(file) != ID_DIGITS + strlen(suffix) || strcmp(file + ID_DIGITS, suffix) != 0)
                return false;
        memcpy(digits, file, ID_DIGITS);
        return path_parse_id(digits, id) == 0;
}

/* Returns true if `file` is the note of a member that left, and adds the id. */
static bool recall_departure(struct departures *d, const char *file)
{
        uint64_t id;
        if (!recall_has_suffix(file, DEPARTED_SUFFIX, &id))
                return false;
        departures_add(d, id);
        return true;
}

/* Returns the member to which the mark `file` belongs, or NULL. Returns NULL for other suffixes, too. Removes a mark
 * without a member. */
static struct member *recall_find_marked(const struct roster *r, const char *file, const char *suffix,
                                         void (*remove)(const char *, uint64_t))
{
        uint64_t id;
        if (!recall_has_suffix(file, suffix, &id))
                return NULL;
        struct member *m = roster_find(r, id);
        if (!m)
                remove(r->dir, id);
        return m;
}

/* Restores that a member lagged when the last chatd died. Nobody knows how many records it missed. */
static void recall_lagging(const struct roster *r, const char *file)
{
        struct member *m = recall_find_marked(r, file, LAGGING_SUFFIX, note_remove_lag);
        if (m)
                lagging_recall(m);
}

/* Restores that a member waits to be announced. */
static void recall_arriving(const struct roster *r, const char *file)
{
        struct member *m = recall_find_marked(r, file, ARRIVING_SUFFIX, note_remove_arrival);
        if (!m)
                return;
        if (m->arrival != ARRIVAL_NAMED)
                m->arrival = ARRIVAL_WAITING; /* it may have been held before it waited */
}

static void recall_held(const struct roster *r, const char *file)
{
        struct member *m = recall_find_marked(r, file, HELD_SUFFIX, note_remove_held);
        if (m && m->arrival == ARRIVAL_ANNOUNCED)
                m->arrival = ARRIVAL_HELD;
}

static void recall_named(const struct roster *r, const char *file)
{
        struct member *m = recall_find_marked(r, file, NAMED_SUFFIX, note_remove_arrival);
        if (m)
                m->arrival = ARRIVAL_NAMED;
}

static void recall_removal(struct member *m, const char *why)
{
        m->removal = REMOVAL_DONE;
        m->removal_reason = strdup(why);
}

/* Restores that a member was muted, or removed. */
static void recall_muted(const struct roster *r, int dir, const char *file)
{
        char text[PATH_MAX], *why = text;
        struct member *m = recall_find_marked(r, file, MUTED_SUFFIX, note_remove_mute);
        if (!m)
                return;
        m->is_muted = true;
        ssize_t n = readlinkat(dir, file, text, sizeof(text) - 1);
        text[n < 0 ? 0 : n] = '\0';
        const char *word = text_next_word(&why);
        if (word && strcmp(word, REMOVED_WORD) == 0)
                recall_removal(m, why);
}

/* Restores that a member took another name. */
static void recall_renamed(const struct roster *r, int dir, const char *file)
{
        uint64_t id;
        if (recall_has_suffix(file, NEW_SUFFIX, &id))
                unlinkat(dir, file, 0);
        struct member *m = recall_find_marked(r, file, RENAMED_SUFFIX, note_remove_name);
        if (m)
                m->is_renamed = true;
}

/* Notes that a change in the queue announced `m`: the next chatd announces it again. */
static void recall_unannounced(struct member *m)
{
        if (m->arrival == ARRIVAL_ANNOUNCED)
                m->arrival = ARRIVAL_NAMED;
}

/* Restores the room of a member: the room in its mark, or the room before the changes in the queue. */
static void recall_room(struct roster *r, int dir, const char *file, struct leftover *queued)
{
        char mark[MARK_MAX_BYTES];
        struct member *m = recall_find_marked(r, file, ROOM_SUFFIX, note_remove_room);
        if (!m)
                return;
        char *space = recall_read_mark(dir, m->id, ROOM_SUFFIX, mark) ? strrchr(mark, ' ') : NULL;
        const char *name = "";
        if (space && space > strchr(mark, ' ')) { /* a list of changes stands before the room */
                *space = '\0';
                const char *before = leftover_find_before(queued, m->id, mark);
                name = before ? before : space + 1;
                if (before && *before == '*') {
                        name = before + 1;
                        recall_unannounced(m);
                }
        }
        struct room *room =
                m->seat.room && name_is_nick(name, strlen(name)) ? rooms_get(&r->rooms, slice_of(name)) : NULL;
        if (!room) {
                note_remove_room(r->dir, m->id);
                return;
        }
        roster_move(r, m, room);
}

/* Puts `m` into the room of this name, or takes it out. */
static void recall_seat(struct roster *r, struct member *m, bool enters, struct slice name)
{
        struct room *room = name_is_nick(name.at, name.len) ? rooms_get(&r->rooms, name) : NULL;
        struct seat *seat = room ? member_seat_in(m, room) : NULL;
        if (seat && !enters)
                roster_exit(r, seat);
        else if (room && !seat && enters && member_rooms(m) < MEMBER_ROOMS_MAX)
                roster_enter(r, m, room);
}

/* Undoes the changes of rooms by frames in the queue. `list` has the changes of `m`, each in a line of its own. */
static void recall_undo_seats(struct roster *r, struct member *m, struct slice list, struct leftover *queued)
{
        struct slice changes[NOTE_CHANGES_MAX] = {{0}};
        size_t count = 0;
        for (bool more = list.len > 0; more && count < NOTE_CHANGES_MAX; count++)
                more = line_next(&list, &changes[count]);
        while (count-- > 0) {
                struct slice number, change = changes[count];
                if (!word_next(&change, &number) || change.len < 2 ||
                    !leftover_has_change(queued, m->id, strtoull(number.at, NULL, 10)))
                        continue;
                recall_seat(r, m, change.at[0] == '-', (struct slice){change.at + 1, change.len - 1});
                if (change.at[0] == '*')
                        recall_unannounced(m);
        }
}

/* Restores the rooms of a member that roams: the rooms in its mark, without the changes in the queue. */
static void recall_rooms(struct roster *r, int dir, const char *file, struct leftover *queued)
{
        char mark[MARK_MAX_BYTES], *rooms;
        struct member *m = recall_find_marked(r, file, ROOMS_SUFFIX, note_remove_rooms);
        if (!m || m->id == LINK_ID)
                return;
        roster_roam(r, m);
        if (!recall_read_mark(dir, m->id, ROOMS_SUFFIX, mark) || !(rooms = strrchr(mark, '\n')))
                return;
        *rooms++ = '\0';
        for (const char *name; (name = strtok_r(rooms, " ", &rooms));)
                recall_seat(r, m, true, slice_of(name));
        recall_undo_seats(r, m, slice_of(mark), queued);
}

/* Members that get the name before a change in the queue come last. By then these names are free, or another member
 * took them by its own change. */
int recall_members(struct roster *r, struct departures *departures, struct leftover *queued)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, r->dir);
        DIR *dir = opendir(path);
        if (!dir)
                return -errno;
        for (const struct dirent *entry; (entry = readdir(dir));)
                if (!recall_departure(departures, entry->d_name))
                        recall_read_note(r, dirfd(dir), entry->d_name, queued, false);
        rewinddir(dir);
        for (const struct dirent *entry; queued->count > 0 && (entry = readdir(dir));)
                recall_read_note(r, dirfd(dir), entry->d_name, queued, true);
        rewinddir(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                recall_lagging(r, entry->d_name);
                recall_arriving(r, entry->d_name);
                recall_held(r, entry->d_name);
                recall_named(r, entry->d_name);
                recall_muted(r, dirfd(dir), entry->d_name);
                /* a mark of a member stays, because it is still to be used */
                recall_find_marked(r, entry->d_name, MUTING_SUFFIX, note_remove_mute);
                recall_renamed(r, dirfd(dir), entry->d_name);
        }
        rewinddir(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) { /* behind the marks of arrivals */
                recall_room(r, dirfd(dir), entry->d_name, queued);
                recall_rooms(r, dirfd(dir), entry->d_name, queued);
        }
        closedir(dir);
        rooms_read_topics(&r->rooms, r->dir);
        return 0;
}
