#include "topics.h"

#include <chat/clock.h>

#include "answer.h"
#include "speech.h"

void topics_take(struct chat *chat, struct member *m, const struct frame *f)
{
        const bool has_one = m->seat.room->topic[0] != '\0', removes = slice_equal(f->text, slice_of(TOPIC_NONE));
        struct slice topic = removes ? (struct slice){"", 0} : f->text;
        if (f->text.len == 0) {
                answer_printf(chat, m, f, has_one ? "The topic: %s" : "%s has no topic; /topic TEXT sets one",
                              has_one ? m->seat.room->topic : m->seat.room->name);
                return;
        }
        if (f->text.len > TOPIC_MAX_BYTES) {
                answer_printf(chat, m, f, "A topic has at most %d bytes", TOPIC_MAX_BYTES);
                return;
        }
        if (!chat_take_text(chat, &topic))
                return;
        int64_t wait_ms = rooms_change_topic(m->seat.room, chat->roster.dir, m->id, f->number, clock_ms());
        if (wait_ms > 0) {
                answer_printf(chat, m, f, "The topic of %s changed %d times just now; try again in %d s",
                              m->seat.room->name, TOPIC_CHANGES, (int)((wait_ms + 999) / 1000));
                return;
        }
        /* Also if there was no topic: a previous chatd may have removed it, and not told all members. */
        int r = rooms_set_topic(m->seat.room, chat->roster.dir, topic);
        if (r < 0) {
                answer_unnoted(chat, m, f, "a topic", r);
                return;
        }
        speech_announce(chat, m, f, RECORD_TOPIC, topic);
        answer_printf(chat, m, f, "The topic of %s is %s", m->seat.room->name, removes ? "removed" : "set");
}
