#include "answer.h"

#include <chat/assert.h>
#include <chat/sentence.h>

void answer_frame(struct chat *chat, struct member *m, const struct frame *f, struct frame answer)
{
        answer.id = chat->relay.epoch;
        answer.number = f->number;
        batch_tell(&chat->batch, m, &answer);
}

void answer_with(struct chat *chat, struct member *m, const struct frame *f, struct frame answer,
                 const struct answer *a)
{
        char text[TEXT_MAX_BYTES];
        uint8_t bytes[ANSWER_MAX_BYTES];
        if (answer_is_known(a->code, f->version)) {
                answer.answer = (struct slice){(const char *)bytes, answer_encode(bytes, sizeof(bytes), a)};
                assert(answer.answer.len > 0);
        } else {
                answer.text = sentence_write(a, slice_of(m->name), SENTENCE_COLUMNS, text, sizeof(text));
        }
        answer_frame(chat, m, f, answer);
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
