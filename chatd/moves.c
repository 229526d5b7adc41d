#include "moves.h"

#include <chat/names.h>

#include "answer.h"
#include "arrivals.h"
#include "list.h"
#include "renaming.h"
#include "speech.h"

/* Tells `m` its present room, and the members in it. */
static void answer_room(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text), .wraps = true};
        size_t others = list_count(m->seat.room) - 1;
        list.size -= sizeof(m->seat.room->topic) + LIST_RESERVED;
        list_addf(&list, "You are now in %s, %s", m->seat.room->name, others == 0 ? "alone" : "with ");
        list_people(&list, m->seat.room, others, m, NULL);
        list.size = sizeof(text);
        if (m->seat.room->topic[0] != '\0')
                list_addf(&list, "\nThe topic: %s", m->seat.room->topic);
        answer_text(chat, m, f, (struct slice){list.text, list.len});
}

/* Returns the room that `m` wants to go to. If it cannot go there, tells it why, and returns NULL. */
static struct room *find_destination(struct chat *chat, struct member *m, const struct frame *f)
{
        struct slice name = f->name.len > 0 ? f->name : slice_of(FIRST_ROOM);
        if (!name_is_nick(name.at, name.len)) {
                answer_printf(chat, m, f,
                              "A room's name follows the same rules as a person's:\n" RENAMING_CHARACTERS
                              ", a letter first, %d at most",
                              NICK_MAX_BYTES);
                return NULL;
        }
        struct room *alike = rooms_find_alike(&chat->roster.rooms, name);
        if (alike) {
                answer_printf(chat, m, f, "There is a room %s, and the two names look alike; /join %s goes there",
                              alike->name, alike->name);
                return NULL;
        }
        struct room *room = rooms_get(&chat->roster.rooms, name);
        if (!room)
                answer_printf(chat, m, f, "The chat is out of memory; try again later");
        if (room == m->seat.room) {
                answer_printf(chat, m, f, "You are already in %s%s%s",
                              room == rooms_first(&chat->roster.rooms) ? "the " : "", room->name,
                              f->name.len == 0 ? "; /quit leaves the chat" : "");
                return NULL;
        }
        return room;
}

void moves_take(struct chat *chat, struct member *m, const struct frame *f)
{
        struct room *left = m->seat.room;
        struct room *room = find_destination(chat, m, f);
        if (!room)
                return;
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        int r = changes_add_room(&chat->changes, chat->roster.dir, m, f->number, room->name);
        if (r < 0) { /* a room that was made for it is empty, and forgotten after the batch */
                answer_unnoted(chat, m, f, "a change of room", r);
                return;
        }
        batch_moves(&chat->batch, m);
        roster_move(&chat->roster, m, room);
        struct record went = speech_record(m, f, RECORD_WENT, slice_of(room->name));
        batch_add_here(&chat->batch, roster_find(&chat->roster, LINK_ID), left, &went);
        speech_announce(chat, m, f, RECORD_CAME, slice_of(left->name));
        answer_room(chat, m, f);
        chat_show_past(chat, m, f->number, (unsigned)chat->settings.history);
}

bool moves_end_a_room(const struct rooms *rooms, struct slice name)
{
        const struct room *room = rooms_find(rooms, name), *alike = rooms_find_alike(rooms, name);
        return (room && room_is_ending(rooms, room)) || (alike && room_is_ending(rooms, alike));
}
