#include "topics.h"

#include <chat/clock.h>

#include "answer.h"
#include "speech.h"

_Static_assert((int)TOPIC_MAX_BYTES <= (int)ANSWER_TEXT_MAX_BYTES, "a session takes an answer with any topic");

/* Sends `m` an answer about the topic of `room`. */
static void topics_answer(struct chat *chat, struct member *m, const struct room *room, const struct frame *f,
                          enum answer_code code)
{
        answer_send(
                chat, m, f,
                &(struct answer){.code = (uint8_t)code, .room = slice_of(room->name), .text = slice_of(room->topic)});
}

void topics_take(struct chat *chat, struct member *m, const struct frame *f)
{
        const struct seat *seat = speech_find_seat(chat, m, f);
        if (!seat)
                return;
        struct room *room = seat->room;
        const bool has_one = room->topic[0] != '\0', removes = slice_equal(f->text, slice_of(TOPIC_NONE));
        struct slice topic = removes ? (struct slice){"", 0} : f->text;
        if (f->text.len == 0) {
                topics_answer(chat, m, room, f, has_one ? ANSWER_TOPIC : ANSWER_NO_TOPIC);
                return;
        }
        if (f->text.len > TOPIC_MAX_BYTES) {
                answer_send(chat, m, f, &(struct answer){.code = ANSWER_TOPIC_TOO_LONG, .most = TOPIC_MAX_BYTES});
                return;
        }
        if (!chat_take_text(chat, &topic))
                return;
        int64_t wait_ms = rooms_change_topic(room, chat->roster.dir, m->id, f->number, clock_ms());
        if (wait_ms > 0) {
                answer_send(chat, m, f,
                            &(struct answer){.code = ANSWER_TOPIC_TOO_OFTEN,
                                             .room = slice_of(room->name),
                                             .most = TOPIC_CHANGES,
                                             .seconds = (uint64_t)(wait_ms + 999) / 1000});
                return;
        }
        /* A removal is announced even if there is no topic: a previous chatd may have removed it, and not have told all
         * members. */
        int r = rooms_set_topic(room, chat->roster.dir, topic);
        if (r < 0) {
                answer_unnoted(chat, m, f, ANSWER_TOPIC_UNNOTED, "cannot note a topic", r);
                return;
        }
        speech_announce(chat, m, room, f, RECORD_TOPIC, topic);
        topics_answer(chat, m, room, f, removes ? ANSWER_TOPIC_REMOVED : ANSWER_TOPIC_SET);
}
