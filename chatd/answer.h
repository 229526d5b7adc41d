/* Answers of chatd to a member's request. They are for the member's client alone, and have the place of the request in
 * the order.
 *
 * The version of the request decides the form: a session of this version gets codes, a session of an earlier version
 * gets sentences.
 */
#pragma once

#include <chat/answer.h>

#include "chat.h"

/* Sends `m` the frame `answer`, with the number of its request `f`. */
void answer_frame(struct chat *chat, struct member *m, const struct frame *f, struct frame answer);

/* Sends `m` an ANSWER to its request `f`. */
void answer_send(struct chat *chat, struct member *m, const struct frame *f, const struct answer *a);

/* Sends `m` an ANSWER that is a code without details. */
void answer_code(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code);

/* Sends `m` the frame `answer`, with the number of its request `f` and with the code or the sentence of `a`. */
void answer_with(struct chat *chat, struct member *m, const struct frame *f, struct frame answer,
                 const struct answer *a);

/* Tells `m` by `code` that its request cannot be done, because it cannot be noted for the next chatd. Logs `warning`
 * and the error. */
void answer_unnoted(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code,
                    const char *warning, int error);
