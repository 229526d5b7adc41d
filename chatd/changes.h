/* Names and rooms that members change, so that a chatd that meets the frames again finds everything as it was before.
 *
 * A batch may hold many changes, several of one member among them. Each is noted before anybody is told: the note of the
 * member says what it is called and where it is now, and a mark beside it lists its changes of the batch: the number of
 * each frame, and what was before it. A change that cannot be noted is not made, because the next chatd would not know
 * it. A chatd that starts walks through the queue first (queued.h). Of each member whose mark lists a frame that is
 * still in there, it takes what was before the first such frame, not what is now. So at the
 * head of the queue everybody is called, and is, as it was when the frames behind it were taken first, however far they
 * were consumed; and they become the same records.
 *
 * That needs everybody to be there who was there then. So nobody comes or goes in a batch with a change (broker.c).
 *
 * Borrows the members.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct member;

enum {
        CHANGES_MAX = 256,      /* in a batch … */
        CHANGES_OF_ONE_MAX = 8, /* … of one member */
        CHANGES_TEXT_MAX_BYTES = CHANGES_OF_ONE_MAX * (20 + 1 + LOCAL_NAME_MAX_BYTES + 1) + 1,
};

enum change_kind {
        CHANGE_NAME,
        CHANGE_ROOM,
};

struct change {
        enum change_kind kind;
        struct member *member;
        uint64_t number; /* of the frame */
        char before[LOCAL_NAME_MAX_BYTES + 1];
};

/* Of the batch, in their order; all zeros where there is none. */
struct changes {
        struct change all[CHANGES_MAX];
        size_t count;
};

/* Returns true if one more of `m` has a place. In an empty batch it has. */
bool changes_have_room(const struct changes *c, const struct member *m);

/* Notes that `m`, which has its new name already, was called `before` until the frame `number`. There is room. Returns 0,
 * or a negative errno: then nothing is noted. */
int changes_add_name(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *before);

/* Notes that `m`, which is still in another room, is in this one from the frame `number` on. Returns as
 * changes_add_name(). */
int changes_add_room(struct changes *c, const char *dir, struct member *m, uint64_t number, const char *room);

/* Forgets the changes of the batch before. */
void changes_begin(struct changes *c);
