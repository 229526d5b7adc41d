/* Sessions without their sandbox or a part of it (enum confinement): they are logged, and counted for chatctl.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <chat/frame.h>

#include "complaints.h"
#include "order.h"

struct chat;
struct member;

struct confinements {
        bool entry[CONFINEMENTS];   /* true: the journal has an entry of this kind */
        uint64_t unserved_count;    /* sessions that could not enter their sandbox, since chatd started */
        struct complaint complaint; /* about the sessions in `unserved_count` */
};

/* Stores the sandbox that the session of `m` states in this HELLO or HERE. Logs the first session of each kind that
 * lacks a part of it. */
void confinement_take(struct chat *chat, struct member *m, const struct frame *f);

/* Counts an UNSERVED, and logs one per WARNING_MS at most. Returns TAKEN. */
enum outcome confinement_take_unserved(struct chat *chat, const struct frame *f);
