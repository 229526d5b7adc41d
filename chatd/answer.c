#include "answer.h"

#include <stdarg.h>
#include <stdio.h>

void answer_frame(struct chat *chat, struct member *m, const struct frame *f, struct frame told)
{
        told.id = chat->relay.epoch;
        told.number = f->number;
        batch_tell(&chat->batch, m, &told);
}

void answer_text(struct chat *chat, struct member *m, const struct frame *f, struct slice text)
{
        answer_frame(chat, m, f, (struct frame){.type = FRAME_ANSWER, .name = slice_of(m->name), .text = text});
}

void answer_printf(struct chat *chat, struct member *m, const struct frame *f, const char *format, ...)
{
        char text[TEXT_MAX_BYTES];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        answer_text(chat, m, f, slice_of(text));
}

void answer_unnoted(struct chat *chat, struct member *m, const struct frame *f, const char *what, int error)
{
        char warning[64];
        snprintf(warning, sizeof(warning), "cannot note %s", what);
        chat_warn(chat, warning, error);
        answer_printf(chat, m, f, "Not done: the chat cannot store %s right now; try again later", what);
}
