#include "answers.h"

#include <chat/reply.h>
#include <chat/sentence.h>

enum {
        /* columns of a row that a list cannot use: "*** ", the comma behind the last name, and the last column
         * (screen.c) */
        ANSWERS_MARGIN = 4 + 1 + 1,
        ANSWERS_COLUMNS_MIN = 20, /* in a narrower window a list is broken like other notices */
};

/* Returns how many columns a list has in a window of this width. */
static size_t answers_columns(size_t columns)
{
        return columns < ANSWERS_COLUMNS_MIN + ANSWERS_MARGIN ? SENTENCE_COLUMNS : columns - ANSWERS_MARGIN;
}

struct slice answers_sentence(const struct answer *a, struct slice you, size_t columns,
                              char text[static TEXT_MAX_BYTES])
{
        return sentence_write(a, you, answers_columns(columns), text, TEXT_MAX_BYTES);
}

struct slice answers_row(const struct answer *a, char text[static REPLY_SENTENCE_MAX_BYTES])
{
        return sentence_write(a, (struct slice){"", 0}, 0, text, REPLY_SENTENCE_MAX_BYTES);
}

void answers_describe(struct frame *f, struct slice you, size_t columns, char text[static TEXT_MAX_BYTES])
{
        struct answer a;
        if (f->answer.len == 0 || answer_decode(&a, f->answer) < 0)
                return;
        if (f->type == FRAME_ANSWER && f->name.len > 0)
                you = f->name;
        f->text = answers_sentence(&a, you, columns, text);
}
