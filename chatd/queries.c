#include "queries.h"

#include "answer.h"
#include "arrivals.h"
#include "list.h"
#include "speech.h"

void queries_complete(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text)};
        text[0] = '\0';
        for (const struct seat *seat = m->seat.room->first; seat; seat = seat->next) {
                const struct member *other = seat->member;
                if (other == m || !member_is_here(other) || strncasecmp(other->name, f->name.at, f->name.len) != 0)
                        continue;
                if (!list_add(&list, list.len > 0 ? " " : "", other->name)) {
                        list_addf(&list, " …");
                        break;
                }
        }
        answer_frame(chat, m, f, (struct frame){.type = FRAME_NAMES, .text = {list.text, list.len}});
}

/* Asks other hosts, if there is a link to them. */
static void ask_others(struct chat *chat, struct member *m, const struct frame *f, const char *question)
{
        struct member *link = roster_find(&chat->roster, LINK_ID);
        struct record rec = speech_record(m, f, RECORD_ASK, slice_of(question));
        if (!link)
                return;
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        batch_add_private(&chat->batch, m, link, &rec);
}

void queries_who(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text), .wraps = true};
        size_t here = list_count(m->seat.room);
        list_addf(&list, here == 1 ? "You are alone here: " : "%zu people are here: ", here);
        list_people(&list, m->seat.room, here, NULL, m);
        list_other_rooms(&list, chat, m->seat.room);
        answer_text(chat, m, f, (struct slice){list.text, list.len});
        ask_others(chat, m, f, ASK_WHO);
}

void queries_rooms(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text), .wraps = true};
        list_rooms(&list, chat, m->seat.room);
        answer_text(chat, m, f, (struct slice){list.text, list.len});
        ask_others(chat, m, f, ASK_ROOMS);
}

size_t queries_reply(const struct chat *chat, struct slice question, char *text, size_t size)
{
        struct list list = {.text = text, .size = size};
        text[0] = '\0';
        if (slice_equal(question, slice_of(ASK_WHO)))
                list_other_rooms(&list, chat, NULL);
        else if (slice_equal(question, slice_of(ASK_ROOMS)))
                list_rooms(&list, chat, NULL);
        else
                return 0;
        if (list.len == 0)
                list_addf(&list, "nobody is there");
        return list.len;
}

void queries_history(struct chat *chat, struct member *m, const struct frame *f)
{
        uint64_t lines = f->key == 0 ? (uint64_t)chat->settings.history : f->key;
        if (chat->settings.history == 0)
                answer_printf(chat, m, f, "This chat keeps no history");
        else if (!chat_show_past(chat, m, f->number, lines < HISTORY_KEPT ? (unsigned)lines : HISTORY_KEPT))
                answer_printf(chat, m, f, "Nothing was said in %s yet", m->seat.room->name);
}
