/* Notes of members below the run directory `dir`, for the next chatd.
 *
 * The note of a member is a symlink members/ID. Its target contains the time at which the member joined, its inbox, its
 * address and its name. Marks beside the note, members/ID.SUFFIX, contain further state. One system call writes or
 * reads a symlink, so it is never half written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>

#include "member.h"

#define DEPARTED_SUFFIX ".left"
#define LAGGING_SUFFIX ".lagging"
#define ARRIVING_SUFFIX ".arriving"
#define HELD_SUFFIX ".held"
#define NAMED_SUFFIX ".named"
#define RENAMED_SUFFIX ".renamed"
#define ROOM_SUFFIX ".room"
#define ROOMS_SUFFIX ".rooms"
#define MUTED_SUFFIX ".muted"
#define MUTING_SUFFIX ".muting" /* a mark that reserves space, and is later renamed to MUTED_SUFFIX */
#define REMOVED_WORD "removed"  /* in the MUTED mark of a member that was removed */
#define NEW_SUFFIX ".new"

enum {
        NOTE_MAX_BYTES = 64 + ADDRESS_MAX_BYTES + NAME_MAX_BYTES,
        NOTE_CHANGES_MAX = 8, /* changes of a member's name and room in a batch */
        NOTE_CHANGES_MAX_BYTES = NOTE_CHANGES_MAX * (20 + 1 + LOCAL_NAME_MAX_BYTES + 1) + 1,
        NOTE_ROOMS_MAX_BYTES = MEMBER_ROOMS_MAX * (1 + NICK_MAX_BYTES) + 1,
        MARK_MAX_BYTES = NOTE_CHANGES_MAX_BYTES + 1 + NOTE_ROOMS_MAX_BYTES,
};

/* Writes the note of `m`. Returns 0 or a negative errno. */
int note_write(const char *dir, const struct member *m);

/* Writes the present name of `m` into the note, and a list of changes (changes.h) into a mark beside it. Returns 0, or
 * a negative errno: then the note is unchanged. The list is written first, so that the next chatd has the list whenever
 * it has the new name. */
int note_name(const char *dir, const struct member *m, const char *changes);
void note_remove_name(const char *dir, uint64_t id);

/* Writes a mark that `m` is in `room` now, with a list of changes. Returns 0, or a negative errno: then the mark is
 * unchanged. */
int note_room(const char *dir, const struct member *m, const char *room, const char *changes);
void note_remove_room(const char *dir, uint64_t id);

/* Writes a mark that a member roams: a list of changes in its lines, and in the last line the member's rooms, each with a
 * space in front. Returns 0, or a negative errno: then the mark is unchanged. */
int note_rooms(const char *dir, uint64_t id, const char *changes, const char *rooms);
void note_remove_rooms(const char *dir, uint64_t id);

/* Mark the note of a member that left, after all members were told; and remove the marked note, after the member's last
 * frame was consumed. In between, the next chatd ignores frames of this member that are still in the queue. */
void note_departed(const char *dir, uint64_t id);
void note_remove_departed(const char *dir, uint64_t id);

/* Makes a mark that a member lags. It is told that it missed records even if chatd dies before its inbox has room. */
void note_lag(const char *dir, uint64_t id);
void note_remove_lag(const char *dir, uint64_t id);

/* Reserves the space that note_mute() needs. Returns 0 or a negative errno. */
int note_reserve_mute(const char *dir, uint64_t id);

/* Make a mark that a member is muted; or that it was removed, and the reason. Return 0 or a negative errno.
 * note_remove_mute() also frees the reserved space. */
int note_mute(const char *dir, uint64_t id);
int note_removal(const char *dir, const struct member *m);
void note_remove_mute(const char *dir, uint64_t id);

/* Make a mark that a member waits to be announced, is held, or is being named (arrivals.h). Return 0 or a negative
 * errno. note_remove_arrival() removes all of these marks. */
int note_arrival(const char *dir, uint64_t id);
int note_held(const char *dir, uint64_t id);
int note_named(const char *dir, const struct member *m); /* a held or waiting member is being named */
void note_remove_arrival(const char *dir, uint64_t id);
void note_remove_held(const char *dir, uint64_t id);

/* Writes the seal: the number of the notice of newcomers that is being sent, and how many newcomers it announces.
 * Returns 0 or a negative errno. There must be no seal yet. */
int note_seal(const char *dir, uint64_t number, size_t count);

/* Reads the seal. Returns true if there is one. */
bool note_read_seal(const char *dir, uint64_t *number, size_t *count);
void note_remove_seal(const char *dir);

/* Opens the file beside the link's note, which has the number of the link's last record that was relayed. Makes the
 * file if there is none. Returns its descriptor or a negative errno. */
int note_open_relayed(const char *dir, uint64_t id);
