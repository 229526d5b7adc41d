#include "queries.h"

#include <chat/reply.h>

#include "answer.h"
#include "arrivals.h"
#include "list.h"
#include "speech.h"

void queries_complete(struct chat *chat, struct member *m, const struct frame *f)
{
        static const char more[] = " …";
        char text[TEXT_MAX_BYTES];
        size_t len = 0;
        for (const struct seat *seat = m->seats ? m->seats->room->first : NULL; seat; seat = seat->next) {
                const struct member *other = seat->member;
                if (other == m || !member_is_here(other) || strncasecmp(other->name, f->name.at, f->name.len) != 0)
                        continue;
                if (sizeof(text) - len < strlen(other->name) + 1 + sizeof(more)) {
                        len += (size_t)sprintf(text + len, "%s", more);
                        break;
                }
                len += (size_t)sprintf(text + len, "%s%s", len > 0 ? " " : "", other->name);
        }
        answer_frame(chat, m, f, (struct frame){.type = FRAME_NAMES, .text = {text, len}});
}

/* Asks other hosts, if there is a link to them. */
static void queries_ask_others(struct chat *chat, struct member *m, const struct frame *f, const char *question)
{
        struct member *link = roster_find(&chat->roster, LINK_ID);
        struct record rec = speech_record(m, f, RECORD_ASK, slice_of(question));
        char room[NICK_MAX_BYTES + 1];
        if (!link)
                return;
        rec.room = reply_room(f->version, room);
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        batch_add_private(&chat->batch, m, link, &rec);
}

void queries_who(struct chat *chat, struct member *m, const struct frame *f)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(buffer);
        if (!m->roams)
                list_people(&list, m->seat.room, m);
        list_other_rooms(&list, &chat->roster.rooms, m);
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &list);
        answer_send(chat, m, f, &a);
        queries_ask_others(chat, m, f, ASK_WHO);
}

void queries_rooms(struct chat *chat, struct member *m, const struct frame *f)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(buffer);
        list_rooms(&list, &chat->roster.rooms, m);
        struct answer a = answer_of_rooms(ANSWER_ROOMS, &list);
        answer_send(chat, m, f, &a);
        queries_ask_others(chat, m, f, ASK_ROOMS);
}

void queries_people(struct chat *chat, struct member *m, const struct frame *f)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(buffer);
        const struct room *room = f->name.len > 0 ? rooms_find(&chat->roster.rooms, f->name) : NULL;
        if (room)
                list_people(&list, room, m);
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &list);
        answer_send(chat, m, f, &a);
}

void queries_history(struct chat *chat, struct member *m, const struct frame *f)
{
        const struct seat *seat = speech_find_seat(chat, m, f);
        uint64_t lines = f->key == 0 ? (uint64_t)chat->settings.history : f->key;
        if (!seat)
                return;
        if (chat->settings.history == 0)
                answer_code(chat, m, f, ANSWER_NO_HISTORY);
        else if (!chat_show_past(chat, m, seat->room, f->number, lines))
                answer_send(chat, m, f,
                            &(struct answer){.code = ANSWER_NOTHING_SAID, .room = slice_of(seat->room->name)});
}
