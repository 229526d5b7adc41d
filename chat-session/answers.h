/* Answers of chatd as sentences for a terminal. */
#pragma once

#include <chat/answer.h>

/* Writes the sentence for an answer to `text`, and returns it. A list suits a window of `columns` columns; 0: the width
 * is unknown. `you` is the name of the client. */
struct slice answers_sentence(const struct answer *a, struct slice you, size_t columns,
                              char text[static TEXT_MAX_BYTES]);

/* Makes the answer in `f`, if it has one, its text, as answers_sentence() writes it. `you` is the
 * name of the client, unless `f` has another one. The text that `f` had
 * stays if the answer is of no known code, or damaged. */
void answers_describe(struct frame *f, struct slice you, size_t columns, char text[static TEXT_MAX_BYTES]);
