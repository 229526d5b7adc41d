/* Notes of members below the run directory `dir`, for the chatd that comes next.
 *
 * The note of a member is a symlink members/ID, whose target says since when it is here, its inbox, address and name.
 * Marks beside it, members/ID.SUFFIX, say what else holds. A symlink is written and read by one system call, never half.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "changes.h"
#include "member.h"

#define DEPARTED_SUFFIX ".left"
#define LAGGING_SUFFIX ".lagging"
#define ARRIVING_SUFFIX ".arriving"
#define HELD_SUFFIX ".held"
#define NAMED_SUFFIX ".named"
#define RENAMED_SUFFIX ".renamed"
#define ROOM_SUFFIX ".room"
#define MUTED_SUFFIX ".muted"
#define MUTING_SUFFIX ".muting" /* a mark that is to become the one before */
#define REMOVED_WORD "removed"  /* in the mark of who is muted for that */
#define NEW_SUFFIX ".new"

enum {
        NOTE_MAX_BYTES = 64 + ADDRESS_MAX_BYTES + NAME_MAX_BYTES,
        MARK_MAX_BYTES = CHANGES_TEXT_MAX_BYTES + 1 + LOCAL_NAME_MAX_BYTES,
};

/* Writes the note of `m`. Returns 0 or a negative errno. */
int note_write(const char *dir, const struct member *m);

/* Writes into the note what `m` is called now, and beside it a list of changes (changes.h): that first, so that the next
 * chatd knows it wherever it knows the new name. Returns 0, or a negative errno: then the note says what it said. */
int note_name(const char *dir, const struct member *m, const char *changes);
void note_remove_name(const char *dir, uint64_t id);

/* Writes beside the note that `m` is in `room` now, and such a list. Returns 0, or a negative errno: then what was written
 * before is there. */
int note_room(const char *dir, const struct member *m, const char *room, const char *changes);
void note_remove_room(const char *dir, uint64_t id);

/* Marks the note of a member that left, when everybody has been told; and removes it, when its last frame is consumed.
 * In between, what a crash leaves in the queue of this member is to be ignored. */
void note_departed(const char *dir, uint64_t id);
void note_remove_departed(const char *dir, uint64_t id);

/* Notes that a member lags, so that it is told that it missed something also if chatd dies before it has room. */
void note_lag(const char *dir, uint64_t id);
void note_remove_lag(const char *dir, uint64_t id);

/* Sees to it that note_mute() needs no more space. Returns 0 or a negative errno. */
int note_reserve_mute(const char *dir, uint64_t id);

/* Notes that what a member says is not relayed; or that, and that it was removed, and why. Returns 0 or a negative errno.
 * note_remove_mute() removes what was reserved, too. */
int note_mute(const char *dir, uint64_t id);
int note_removal(const char *dir, const struct member *m);
void note_remove_mute(const char *dir, uint64_t id);

/* Notes that a member waits to be announced, or is held until its session says that it may be (arrivals.h). Returns 0 or a
 * negative errno. note_remove_arrival() removes both notes. */
int note_arrival(const char *dir, uint64_t id);
int note_held(const char *dir, uint64_t id);
int note_named(const char *dir, const struct member *m); /* who is held, or waits, is being named */
void note_remove_arrival(const char *dir, uint64_t id);
void note_remove_held(const char *dir, uint64_t id);

/* Notes which notice is being sent about those who wait: its number, and how many people they are. Returns 0 or a
 * negative errno. There is no such note yet. */
int note_seal(const char *dir, uint64_t number, size_t count);

/* Reads that note. Returns whether there is one. */
bool note_read_seal(const char *dir, uint64_t *number, size_t *count);
void note_remove_seal(const char *dir);

/* Opens the file beside the note that keeps, for the link, the number of the last record that was relayed; makes it
 * where there is none. Returns its descriptor or a negative errno. */
int note_open_relayed(const char *dir, uint64_t id);
