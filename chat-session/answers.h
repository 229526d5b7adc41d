/* Answers of chatd as sentences for a terminal. */
#pragma once

#include <chat/answer.h>
#include <chat/reply.h>

/* Writes the sentence for an answer to `text`, and returns it. A list is laid out for a window of `columns` columns; 0:
 * the width is unknown. `you` is the name of the client. */
struct slice answers_sentence(const struct answer *a, struct slice you, size_t columns,
                              char text[static TEXT_MAX_BYTES]);

/* Writes the sentence for the answer of another host to `text`, and returns it. A list is one line, with semicolons
 * between the rooms. */
struct slice answers_row(const struct answer *a, char text[static REPLY_SENTENCE_MAX_BYTES]);

/* Replaces the text of `f` by the sentence for its answer, as answers_sentence() writes it. `you` is the name of the
 * client, unless `f` has another one. The text stays if `f` has no answer, or one that is damaged or has an unknown
 * code. */
void answers_describe(struct frame *f, struct slice you, size_t columns, char text[static TEXT_MAX_BYTES]);
