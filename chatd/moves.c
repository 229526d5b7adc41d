#include "moves.h"

#include <chat/names.h>

#include "answer.h"
#include "arrivals.h"
#include "list.h"
#include "speech.h"

/* Tells `m` its new room, and the members in it. */
static void moves_answer(struct chat *chat, struct member *m, const struct frame *f)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(buffer);
        list_people(&list, m->seat.room, m->seat.room);
        struct answer a = answer_of_rooms(ANSWER_MOVED, &list);
        answer_send(chat, m, f, &a);
}

/* Tells `m` why it cannot go to the room that it asked for in `f`. */
static void moves_refuse(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code,
                         const struct room *room)
{
        answer_send(chat, m, f,
                    &(struct answer){
                            .code = (uint8_t)code, .room = slice_of(room ? room->name : ""), .most = NICK_MAX_BYTES});
}

/* Returns the room that `m` asks for in `f`. Returns NULL if `m` cannot go there, and tells it why. */
static struct room *moves_find_destination(struct chat *chat, struct member *m, const struct frame *f)
{
        bool back = f->name.len == 0;
        struct slice name = back ? slice_of(FIRST_ROOM) : f->name;
        if (!name_is_nick(name.at, name.len)) {
                moves_refuse(chat, m, f, ANSWER_ROOM_INVALID, NULL);
                return NULL;
        }
        struct room *alike = rooms_find_alike(&chat->roster.rooms, name);
        if (alike) {
                moves_refuse(chat, m, f, ANSWER_ROOM_ALIKE, alike);
                return NULL;
        }
        struct room *room = rooms_get(&chat->roster.rooms, name);
        if (!room)
                answer_code(chat, m, f, ANSWER_NO_MEMORY);
        if (room == m->seat.room) {
                moves_refuse(chat, m, f, back ? ANSWER_NOWHERE_BACK : ANSWER_ROOM_SAME, room);
                return NULL;
        }
        return room;
}

void moves_take(struct chat *chat, struct member *m, const struct frame *f)
{
        struct room *old_room = m->seat.room;
        struct room *room = moves_find_destination(chat, m, f);
        if (!room)
                return;
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        int r = changes_add_room(&chat->changes, chat->roster.dir, m, f->number, room->name);
        if (r < 0) { /* a new room for this move is empty, and is forgotten after the batch */
                answer_unnoted(chat, m, f, ANSWER_ROOM_UNNOTED, "cannot note a change of room", r);
                return;
        }
        batch_moves(&chat->batch, m);
        roster_move(&chat->roster, m, room);
        struct record went = speech_record(m, f, RECORD_WENT, slice_of(room->name));
        batch_add_here(&chat->batch, roster_find(&chat->roster, LINK_ID), old_room, &went);
        speech_announce(chat, m, f, RECORD_CAME, slice_of(old_room->name));
        moves_answer(chat, m, f);
        chat_show_past(chat, m, f->number, (unsigned)chat->settings.history);
}

bool moves_end_a_room(const struct rooms *rooms, struct slice name)
{
        const struct room *room = rooms_find(rooms, name), *alike = rooms_find_alike(rooms, name);
        return (room && room_is_ending(rooms, room)) || (alike && room_is_ending(rooms, alike));
}
