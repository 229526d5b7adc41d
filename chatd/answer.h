/* Answers of chatd to a member's request: for its client alone, at the place of the request in the order. */
#pragma once

#include "chat.h"

/* Sends `m` an answer with the number of its request `f`. */
void answer_frame(struct chat *chat, struct member *m, const struct frame *f, struct frame told);

/* Sends `m` an ANSWER to its request `f`, with this text. */
void answer_text(struct chat *chat, struct member *m, const struct frame *f, struct slice text);

__attribute__((format(printf, 4, 5))) void answer_printf(struct chat *chat, struct member *m, const struct frame *f,
                                                         const char *format, ...);

/* Tells `m` that its request cannot be done, because the next chatd would not know of it. Logs the error. */
void answer_unnoted(struct chat *chat, struct member *m, const struct frame *f, const char *what, int error);
