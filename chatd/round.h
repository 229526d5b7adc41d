/* The round of a batch: its steps, and the frames that may share it.
 *
 * broker.h has the steps, and why a crash between any two of them is harmless. That holds for this order alone, so each
 * step enters itself by round_enter(), which asserts, in every build, that the step before was done. If chatd dies of
 * that, the next one takes the frames again.
 *
 *   ROUND_OVER, ROUND_UNKNOWN ──▶ ROUND_TAKE ──▶ ROUND_RELAY ──▶ ROUND_NOTE ──▶ ROUND_PART ──▶ ROUND_CONSUME
 *   ──▶ ROUND_FORGET ──▶ ROUND_OVER
 *   ROUND_UNKNOWN ──▶ ROUND_OVER     the queue is empty
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum round_step {
        ROUND_OVER,    /* no frame in the queue was relayed */
        ROUND_UNKNOWN, /* the first frames in the queue may have been relayed by a previous chatd */
        ROUND_TAKE,    /* frames become records, behind notes of members that join or change */
        ROUND_RELAY,   /* the batch goes to every member */
        ROUND_NOTE,    /* what the next chatd must not do again is noted */
        ROUND_PART,    /* members that leave get their last datagram, and their notes are marked */
        ROUND_CONSUME, /* the frames leave the queue */
        ROUND_FORGET,  /* the members that left are removed, with their notes */
};

/* Frames that the batch has. round_admit() makes these changes, and no others:
 *
 *   EMPTY ──▶ PLAIN, MEMBERSHIP, CHANGES, ALONE
 *   PLAIN ──▶ MEMBERSHIP, CHANGES
 *
 * PLAIN frames share a batch with all but ALONE. */
enum round_content {
        ROUND_EMPTY,
        ROUND_PLAIN,      /* none of these: */
        ROUND_MEMBERSHIP, /* members come and leave */
        ROUND_CHANGES,    /* members take other names, or go to other rooms: see changes.h */
        ROUND_ALONE,      /* an administrator's action on a member: no other frame shares its batch */
        ROUND_CONTENTS,
};

/* What a handler did with a frame. */
enum outcome {
        TAKEN,      /* all that it says; or the frame is ignored, or refused: it is consumed with this batch */
        NEXT_BATCH, /* nothing, because it belongs to the next batch: it is the first frame there */
};

/* All zeros: the round is over, and no frame is from before this chatd. */
struct round {
        enum round_step step;
        enum round_content content;
        size_t old_frames; /* frames in the queue from the time of the previous chatd */
};

/* Says that the previous chatd left so many frames in the queue. */
void round_recover(struct round *r, size_t old_frames);

/* Begins the next step, or a round. */
void round_enter(struct round *r, enum round_step step);

/* Returns true if a frame of this kind may be in the batch, which then counts as having it. */
bool round_admit(struct round *r, enum round_content content);

/* Counts so many frames as consumed. Returns true if the last old frame is one of them. */
bool round_consume(struct round *r, size_t frames);
