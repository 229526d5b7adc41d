/* The order of the steps of a round, and the frames that may share a batch.
 *
 * batch-lifecycle.h has the steps, and explains why a crash between any two of them is harmless. That is true only in
 * this order. So each step begins with order_enter(), which asserts, in every build, that the step before was done. If
 * the assertion ends chatd, the next chatd takes the frames again.
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
        STEP_TAKE,    /* frames become records; members that join or change are noted first */
        STEP_RELAY,   /* the batch goes to every member */
        STEP_NOTE,    /* a note keeps the next chatd from doing things again */
        STEP_PART,    /* members that leave get their last datagram, and their notes are marked */
        STEP_CONSUME, /* the frames leave the queue */
        STEP_FORGET,  /* the members that left are removed, with their notes */
};

/* The frames in the batch. order_admit() makes these changes, and no others:
 *
 *   EMPTY ──▶ PLAIN, MEMBERSHIP, CHANGES, ALONE
 *   PLAIN ──▶ MEMBERSHIP, CHANGES
 *
 * PLAIN frames share a batch with all but ALONE. */
enum content {
        CONTENT_EMPTY,
        CONTENT_PLAIN,      /* none of the following kinds */
        CONTENT_MEMBERSHIP, /* members come and leave */
        CONTENT_CHANGES,    /* members take other names, or go to other rooms: see changes.h */
        CONTENT_ALONE,      /* an administrator's action on a member: no other frame shares its batch */
        CONTENTS,
};

/* The result of a handler. */
enum outcome {
        TAKEN,      /* the frame was done, ignored or refused: it is consumed with this batch */
        NEXT_BATCH, /* nothing was done, because the frame belongs to the next batch, as its first frame */
};

/* All zeros: the round is over, and no frame is from the time of the previous chatd. */
struct order {
        enum step step;
        enum content content;
        size_t old_frames; /* frames in the queue from the time of the previous chatd */
};

/* Begins after a recovery: the previous chatd left so many frames in the queue. */
void order_recover(struct order *r, size_t old_frames);

/* Begins the next step, or a round. */
void order_enter(struct order *r, enum step step);

/* Returns true if a frame of this kind may be in the batch. Then the batch counts as having it. */
bool order_admit(struct order *r, enum content content);

/* Counts so many frames as consumed. Returns true if the last old frame is one of them. */
bool order_consume(struct order *r, size_t frames);
