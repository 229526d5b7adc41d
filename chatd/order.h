/* The order of a round's steps, and the frames that may share a batch.
 *
 * batch-lifecycle.h has the steps, and why a crash between any two of them is harmless. That holds for this order
 * alone, so each step enters itself by order_enter(), which asserts, in every build, that the step before was done. If
 * chatd dies of that, the next one takes the frames again.
 *
 *   STEP_OVER, STEP_UNKNOWN ──▶ STEP_TAKE ──▶ STEP_RELAY ──▶ STEP_NOTE ──▶ STEP_PART ──▶ STEP_CONSUME
 *   ──▶ STEP_FORGET ──▶ STEP_OVER
 *   STEP_UNKNOWN ──▶ STEP_OVER     the queue is empty
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum step {
        STEP_OVER,    /* no frame in the queue was relayed */
        STEP_UNKNOWN, /* the first frames in the queue may have been relayed by a previous chatd */
        STEP_TAKE,    /* frames become records, behind notes of members that join or change */
        STEP_RELAY,   /* the batch goes to every member */
        STEP_NOTE,    /* what the next chatd must not do again is noted */
        STEP_PART,    /* members that leave get their last datagram, and their notes are marked */
        STEP_CONSUME, /* the frames leave the queue */
        STEP_FORGET,  /* the members that left are removed, with their notes */
};

/* Frames that the batch has. order_admit() makes these changes, and no others:
 *
 *   EMPTY ──▶ PLAIN, MEMBERSHIP, CHANGES, ALONE
 *   PLAIN ──▶ MEMBERSHIP, CHANGES
 *
 * PLAIN frames share a batch with all but ALONE. */
enum content {
        CONTENT_EMPTY,
        CONTENT_PLAIN,      /* none of these: */
        CONTENT_MEMBERSHIP, /* members come and leave */
        CONTENT_CHANGES,    /* members take other names, or go to other rooms: see changes.h */
        CONTENT_ALONE,      /* an administrator's action on a member: no other frame shares its batch */
        CONTENTS,
};

/* What a handler did with a frame. */
enum outcome {
        TAKEN,      /* all that it says; or the frame is ignored, or refused: it is consumed with this batch */
        NEXT_BATCH, /* nothing, because it belongs to the next batch: it is the first frame there */
};

/* All zeros: the round is over, and no frame is from before this chatd. */
struct order {
        enum step step;
        enum content content;
        size_t old_frames; /* frames in the queue from the time of the previous chatd */
};

/* Says that the previous chatd left so many frames in the queue. */
void order_recover(struct order *r, size_t old_frames);

/* Begins the next step, or a round. */
void order_enter(struct order *r, enum step step);

/* Returns true if a frame of this kind may be in the batch, which then counts as having it. */
bool order_admit(struct order *r, enum content content);

/* Counts so many frames as consumed. Returns true if the last old frame is one of them. */
bool order_consume(struct order *r, size_t frames);
