#include "round.h"

#include <chat/assert.h>

void round_recover(struct round *r, size_t old_frames)
{
        assert(r->step == ROUND_OVER && r->old_frames == 0);
        r->old_frames = old_frames;
        r->step = old_frames > 0 ? ROUND_UNKNOWN : ROUND_OVER;
}

void round_enter(struct round *r, enum round_step step)
{
        switch (step) {
        case ROUND_OVER:
                assert(r->step == ROUND_FORGET || r->step == ROUND_UNKNOWN || r->step == ROUND_OVER);
                break;
        case ROUND_TAKE:
                assert(r->step == ROUND_OVER || r->step == ROUND_UNKNOWN);
                r->content = ROUND_EMPTY;
                break;
        default:
                assert(step > ROUND_TAKE && r->step == step - 1);
                break;
        }
        r->step = step;
}

bool round_admit(struct round *r, enum round_content content)
{
        /* the content with that frame; ROUND_EMPTY: it is not admitted */
        static const enum round_content next[ROUND_CONTENTS][ROUND_CONTENTS] = {
                [ROUND_EMPTY] = {[ROUND_PLAIN] = ROUND_PLAIN,
                                 [ROUND_MEMBERSHIP] = ROUND_MEMBERSHIP,
                                 [ROUND_CHANGES] = ROUND_CHANGES,
                                 [ROUND_ALONE] = ROUND_ALONE},
                [ROUND_PLAIN] = {[ROUND_PLAIN] = ROUND_PLAIN,
                                 [ROUND_MEMBERSHIP] = ROUND_MEMBERSHIP,
                                 [ROUND_CHANGES] = ROUND_CHANGES},
                [ROUND_MEMBERSHIP] = {[ROUND_PLAIN] = ROUND_MEMBERSHIP, [ROUND_MEMBERSHIP] = ROUND_MEMBERSHIP},
                [ROUND_CHANGES] = {[ROUND_PLAIN] = ROUND_CHANGES, [ROUND_CHANGES] = ROUND_CHANGES},
        };
        assert(r->step == ROUND_TAKE && content != ROUND_EMPTY);
        enum round_content with = next[r->content][content];
        if (with != ROUND_EMPTY)
                r->content = with;
        return with != ROUND_EMPTY;
}

bool round_consume(struct round *r, size_t frames)
{
        assert(r->step == ROUND_CONSUME);
        bool last = r->old_frames > 0 && r->old_frames <= frames;
        r->old_frames -= frames < r->old_frames ? frames : r->old_frames;
        return last;
}
