/* Answers of chatd to a member's request: for its client alone, at the place of the request in the order.
 *
 * A session of this version gets codes, and one of an earlier version sentences: the version of the request decides.
 */
#pragma once

#include <chat/answer.h>

#include "chat.h"

/* Sends `m` a frame with the number of its request `f`. */
void answer_frame(struct chat *chat, struct member *m, const struct frame *f, struct frame answer);

/* Sends `m` an ANSWER to its request `f`. */
void answer_send(struct chat *chat, struct member *m, const struct frame *f, const struct answer *a);

/* Sends `m` an ANSWER that is a code without details. */
void answer_code(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code);

/* Sends `m` the frame `answer`, with the number of its request `f` and with what `a` says. */
void answer_with(struct chat *chat, struct member *m, const struct frame *f, struct frame answer,
                 const struct answer *a);

/* Tells `m` that its request cannot be done, because the next chatd would not know of it. Logs `warning` and the
 * error. */
void answer_unnoted(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code,
                    const char *warning, int error);
