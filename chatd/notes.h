/* Notes of members below the run directory `dir`, for the next chatd.
 *
 * The note of a member is a symlink members/ID, whose target contains the time since when it is here, its inbox,
 * address and name. Marks beside it, members/ID.SUFFIX, contain further state. A symlink is written and read by one
 * system call, never half.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "member.h"

#define DEPARTED_SUFFIX ".left"
#define LAGGING_SUFFIX ".lagging"
#define ARRIVING_SUFFIX ".arriving"
#define HELD_SUFFIX ".held"
#define NAMED_SUFFIX ".named"
#define RENAMED_SUFFIX ".renamed"
#define ROOM_SUFFIX ".room"
#define MUTED_SUFFIX ".muted"
#define MUTING_SUFFIX ".muting" /* a mark that will be renamed to the one above */
#define REMOVED_WORD "removed"  /* in the mark of a member that is muted because it was removed */
#define NEW_SUFFIX ".new"

enum {
        NOTE_MAX_BYTES = 64 + ADDRESS_MAX_BYTES + NAME_MAX_BYTES,
        NOTE_CHANGES_MAX = 8, /* changes of a member's name and room in a batch */
        NOTE_CHANGES_MAX_BYTES = NOTE_CHANGES_MAX * (20 + 1 + LOCAL_NAME_MAX_BYTES + 1) + 1,
        MARK_MAX_BYTES = NOTE_CHANGES_MAX_BYTES + 1 + LOCAL_NAME_MAX_BYTES,
};

/* Writes the note of `m`. Returns 0 or a negative errno. */
int note_write(const char *dir, const struct member *m);

/* Writes the present name of `m` into the note, and beside it a list of changes (changes.h). The list is first, so that
 * the next chatd has it whenever it has the new name. Returns 0, or a negative errno: then the note is unchanged. */
int note_name(const char *dir, const struct member *m, const char *changes);
void note_remove_name(const char *dir, uint64_t id);

/* Writes beside the note that `m` is in `room` now, with a list of changes. Returns 0, or a negative errno: then the
 * mark is unchanged. */
int note_room(const char *dir, const struct member *m, const char *room, const char *changes);
void note_remove_room(const char *dir, uint64_t id);

/* Mark the note of a member that left, when all members were told; and remove it, when the member's last frame is
 * consumed. In between, frames of this member that a crash leaves in the queue are ignored. */
void note_departed(const char *dir, uint64_t id);
void note_remove_departed(const char *dir, uint64_t id);

/* Notes that a member lags, so that it is told that it missed records even if chatd dies before its inbox has room. */
void note_lag(const char *dir, uint64_t id);
void note_remove_lag(const char *dir, uint64_t id);

/* Reserves the space that note_mute() needs. Returns 0 or a negative errno. */
int note_reserve_mute(const char *dir, uint64_t id);

/* Note that the lines of a member are not relayed; or that it was also removed, and why. Return 0 or a negative errno.
 * note_remove_mute() also removes the reserved space. */
int note_mute(const char *dir, uint64_t id);
int note_removal(const char *dir, const struct member *m);
void note_remove_mute(const char *dir, uint64_t id);

/* Note that a member waits to be announced, or is held until its session says that it may be announced (arrivals.h).
 * Return 0 or a negative errno. note_remove_arrival() removes both notes. */
int note_arrival(const char *dir, uint64_t id);
int note_held(const char *dir, uint64_t id);
int note_named(const char *dir, const struct member *m); /* a held or waiting member is being named */
void note_remove_arrival(const char *dir, uint64_t id);
void note_remove_held(const char *dir, uint64_t id);

/* Notes the notice that is being sent about members that wait: its number, and how many newcomers it announces. Returns
 * 0 or a negative errno. There must be no such note yet. */
int note_seal(const char *dir, uint64_t number, size_t count);

/* Reads the note of note_seal(). Returns true if there is one. */
bool note_read_seal(const char *dir, uint64_t *number, size_t *count);
void note_remove_seal(const char *dir);

/* Opens the file beside the note that keeps, for the link, the number of the last record that was relayed; makes the
 * file if there is none. Returns its descriptor or a negative errno. */
int note_open_relayed(const char *dir, uint64_t id);
