#include "order.h"

#include <chat/assert.h>

void order_recover(struct order *r, size_t old_frames)
{
        assert(r->step == STEP_OVER && r->old_frames == 0);
        r->old_frames = old_frames;
        r->step = old_frames > 0 ? STEP_UNKNOWN : STEP_OVER;
}

void order_enter(struct order *r, enum step step)
{
        switch (step) {
        case STEP_OVER:
                assert(r->step == STEP_FORGET || r->step == STEP_UNKNOWN || r->step == STEP_OVER);
                break;
        case STEP_TAKE:
                assert(r->step == STEP_OVER || r->step == STEP_UNKNOWN);
                r->content = CONTENT_EMPTY;
                break;
        default:
                assert(step > STEP_TAKE && r->step == step - 1);
                break;
        }
        r->step = step;
}

bool order_admit(struct order *r, enum content content)
{
        /* the content after the frame was added; CONTENT_EMPTY: the frame is not admitted */
        static const enum content next[CONTENTS][CONTENTS] = {
                [CONTENT_EMPTY] = {[CONTENT_PLAIN] = CONTENT_PLAIN,
                                   [CONTENT_MEMBERSHIP] = CONTENT_MEMBERSHIP,
                                   [CONTENT_CHANGES] = CONTENT_CHANGES,
                                   [CONTENT_ALONE] = CONTENT_ALONE},
                [CONTENT_PLAIN] = {[CONTENT_PLAIN] = CONTENT_PLAIN,
                                   [CONTENT_MEMBERSHIP] = CONTENT_MEMBERSHIP,
                                   [CONTENT_CHANGES] = CONTENT_CHANGES},
                [CONTENT_MEMBERSHIP] =
                        {[CONTENT_PLAIN] = CONTENT_MEMBERSHIP, [CONTENT_MEMBERSHIP] = CONTENT_MEMBERSHIP},
                [CONTENT_CHANGES] = {[CONTENT_PLAIN] = CONTENT_CHANGES, [CONTENT_CHANGES] = CONTENT_CHANGES},
        };
        assert(r->step == STEP_TAKE && content != CONTENT_EMPTY);
        enum content with = next[r->content][content];
        if (with != CONTENT_EMPTY)
                r->content = with;
        return with != CONTENT_EMPTY;
}

bool order_consume(struct order *r, size_t frames)
{
        assert(r->step == STEP_CONSUME);
        bool last = r->old_frames > 0 && r->old_frames <= frames;
        r->old_frames -= frames < r->old_frames ? frames : r->old_frames;
        return last;
}
