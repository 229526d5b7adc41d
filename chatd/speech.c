#include "speech.h"

#include <chat/reveal.h>

static void say(struct chat *chat, struct member *m, struct record *line)
{
        if (line->number <= m->lines_in || line->number == UINT64_MAX) {
                chat_ignore(chat, IGNORED_REPEATED);
                return;
        }
        if (!chat_take_text(chat, &line->text))
                return;
        line->text = reveal_behind_name(line->text, line->name.len);
        m->lines_in = m->said = line->number;
        chat->unconfirmed = true;
        if (admin_silences(chat, m, line->number, false))
                return;
        if (m->arriving)
                arrivals_name(chat, m);
        chat->lines++;
        relay_add(&chat->relay, m, m->room, line); /* there is room: take_frame() has checked */
        requests_tell_alone(chat, m, line->number);
}

int speech_line(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        if (!m || m->leaving || m->expected) {
                chat_ignore(chat, IGNORED_STRANGER);
                return 0;
        }
        struct record rec = {.kind = RECORD_LINE, .id = m->id, .number = f->number, .name = slice_of(m->name)};
        struct slice text = f->text;
        for (bool more = true; more; rec.number++) {
                more = line_next(&text, &rec.text);
                say(chat, m, &rec);
        }
        return 0;
}
