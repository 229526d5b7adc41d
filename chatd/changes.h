/* Changes of members' names and rooms, kept so that a chatd that meets the frames again finds everything as it was
 * before.
 *
 * A batch may hold many changes, and several of one member. Each change is noted before any member is told. The note of
 * the member contains its present name and room, and a mark beside the note lists its changes of the batch: the number
 * of each frame, and the name or room before it. A change that cannot be noted is not made, because the next chatd
 * would not know it. A starting chatd walks through the queue first (leftover.h). For each member whose mark lists a
 * frame that is still in the queue, it takes the name or room before the first such frame, not the present one. So at
 * the head of the queue every member has the name and room that it had when the frames behind it were taken first,
 * however far they were consumed; and the frames become the same records.
 *
 * That requires the same members as then. So no member comes or goes in a batch with a change (membership.c).
 *
 * Borrows the members.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct member;

enum { CHANGES_MAX = 256 }; /* in a batch; NOTE_CHANGES_MAX of one member */

enum change_kind {
        CHANGE_NAME,
        CHANGE_ROOM,
};

struct change {
        enum change_kind kind;
        struct member *member;
        uint64_t number; /* of the frame */
        char old_value[LOCAL_NAME_MAX_BYTES + 1];
};

/* The changes of the batch, in their order; all zeros if there is none. */
struct changes {
        struct change all[CHANGES_MAX];
        size_t count;
};

/* Returns true if there is room for one more change of `m`. An empty batch always has room. */
bool changes_have_room(const struct changes *c, const struct member *m);

/* Notes that `m`, which has its new name already, had the name `before` until the frame `number`. Returns 0, or a
 * negative errno: then nothing is noted. There must be room. */
int changes_add_name(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *before);

/* Notes that `m`, which is still in another room, is in `room` from the frame `number` on. Returns 0, or a negative
 * errno: then nothing is noted. There must be room. */
int changes_add_room(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *room);

/* Forgets the changes of the previous batch. */
void changes_begin(struct changes *c);
