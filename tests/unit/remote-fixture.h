/* A broker as in broker-fixture.h, and the link. */
#pragma once

#include <chat/reply.h>

#include "../../chatd/remote.h"

#include "broker-fixture.h"

/* The room in questions of sessions of this version. */
#define TO_STRING(number) #number
#define STRING_OF(number) TO_STRING(number)
#define ANSWER_ROOM REPLY_ROOM STRING_OF(FRAME_VERSION)

/* Lets ann and the link join. What chatd sends them stays in their inboxes. */
static inline void admit_ann_and_link(struct fixture *f)
{
        hello(f, ANN);
        link_hello(f);
        serve(f);
}

/* Lets ann and the link join and read everything. */
static inline void join_ann_and_link(struct fixture *f)
{
        admit_ann_and_link(f);
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[LINK]);
}

static inline void join_ann_bob_and_link(struct fixture *f)
{
        hello(f, ANN);
        hello(f, BOB);
        link_hello(f);
        serve(f);
        for (uint32_t who = LINK; who <= BOB; who++)
                inbox_read(f->inboxes[who]);
}

static inline void assert_nothing_ignored(struct fixture *f)
{
        for (int i = 0; i < IGNORED_KINDS; i++)
                assert_int_equal(f->chat->complaints.ignored_counts[i], 0);
}
