#include "answer.h"

#include <chat/assert.h>
#include <chat/sentence.h>

void answer_frame(struct chat *chat, struct member *m, const struct frame *f, struct frame told)
{
        told.id = chat->relay.epoch;
        told.number = f->number;
        batch_tell(&chat->batch, m, &told);
}

void answer_with(struct chat *chat, struct member *m, const struct frame *f, struct frame told, const struct answer *a)
{
        char text[TEXT_MAX_BYTES];
        uint8_t bytes[ANSWER_MAX_BYTES];
        if (answer_is_known(a->code, f->version)) {
                told.answer = (struct slice){(const char *)bytes, answer_encode(bytes, sizeof(bytes), a)};
                assert(told.answer.len > 0);
        } else {
                told.text = sentence_write(a, slice_of(m->name), SENTENCE_COLUMNS, text, sizeof(text));
        }
        answer_frame(chat, m, f, told);
}

void answer_send(struct chat *chat, struct member *m, const struct frame *f, const struct answer *a)
{
        answer_with(chat, m, f, (struct frame){.type = FRAME_ANSWER, .name = slice_of(m->name)}, a);
}

void answer_code(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code)
{
        answer_send(chat, m, f, &(struct answer){.code = (uint8_t)code});
}

void answer_unnoted(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code,
                    const char *warning, int error)
{
        complaints_warn(&chat->complaints, warning, error);
        answer_code(chat, m, f, code);
}
