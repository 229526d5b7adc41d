/* Requests of a member to chatd, in addition to its lines: another name or room, a private message, a list of members
 * or rooms.
 *
 * Each request comes through the queue, with a number, as lines do. So it has its place in the order. The part that
 * other members see is relayed like lines. The part for its own client is an ANSWER at the same place in the order
 * (answer.h). The ANSWER may come twice if a batch is relayed again: sessions take one for each number.
 */
#pragma once

#include "chat.h"

/* Does what a request says, or ignores and counts it. Returns NEXT_BATCH if it is a change that may not be in this
 * batch. The batch must have room for two records. */
enum outcome requests_take(struct chat *chat, const struct frame *f);
