/* Changes of members' names and rooms. They are kept for the next chatd: if it takes the frames again, each member must
 * have the name and room that it had the first time.
 *
 * A batch may have many changes, and several of one member. Each change is noted before any member is told. The note of
 * the member and the marks beside it contain its present name and room or rooms. The marks also list the member's
 * changes in the batch: the number of each frame, and the name or room before it; or the room that was entered or left,
 * if the member roams. A change that cannot be noted is not made, because the next chatd would not know it.
 *
 * A starting chatd walks through the queue first (leftover.h). If the mark of a member lists frames that are still in
 * the queue, the member gets the name or room before the first of these frames, not its present one; and if it roams, the
 * changes of its rooms by these frames are undone, the last one first. So every member
 * has the name and room that it had when the remaining frames were first taken, however many frames were consumed, and
 * these frames become the same records.
 *
 * This also needs the same members as the first time. So no member comes or leaves in a batch with a change
 * (membership.c).
 *
 * Borrows the members.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct member;
struct room;

enum { CHANGES_MAX = 256 }; /* in a batch; NOTE_CHANGES_MAX are of one member at most */

enum change_kind {
        CHANGE_NAME,
        CHANGE_ROOM,
        CHANGE_SEAT, /* of a member that roams */
};

struct change {
        enum change_kind kind;
        struct member *member;
        uint64_t number; /* the number of the frame */
        /* a name; the room before, with "*" in front if the member was not announced yet; of a seat: "+", "*" or "-", and
         * the room: see changes_add_seat() */
        char old_value[LOCAL_NAME_MAX_BYTES + 1];
};

/* The changes of the batch, in their order; all zeros if there is none. */
struct changes {
        struct change all[CHANGES_MAX];
        size_t count;
};

/* Returns true if there is room for one more change of `m`. An empty batch always has room. */
bool changes_have_room(const struct changes *c, const struct member *m);

/* Notes that the frame `number` renamed `m`, whose name was `before`. `m` has its new name already. Returns 0, or a
 * negative errno: then nothing is noted. There must be room. */
int changes_add_name(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *before);

/* Notes that the frame `number` moves `m` to `room`. `m` is still in its old room. Returns 0, or a negative errno: then
 * nothing is noted. There must be room. */
int changes_add_room(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *room);

/* Notes that the frame `number` lets `m`, which roams, enter or leave `room`: "+" or "-"; or "*" if `m` enters, and others
 * learn of it by that (arrivals.h). `m` is in `room` in all cases. Returns 0, or a negative errno: then nothing is noted.
 * There must be room. */
int changes_add_seat(struct changes *c, const char *dir, struct member *m, uint64_t number, const struct room *room,
                     bool enters);

/* Forgets the changes of the previous batch. */
void changes_begin(struct changes *c);
