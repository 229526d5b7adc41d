#include "moves.h"

#include <chat/names.h>

#include "answer.h"
#include "arrivals.h"
#include "list.h"
#include "speech.h"

/* Tells `m` its new room, the members in it, and what was said there. */
static void moves_show(struct chat *chat, struct member *m, const struct room *room, const struct frame *f,
                       enum answer_code code)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(buffer);
        list_people(&list, room, m);
        struct answer a = answer_of_rooms(code, &list);
        answer_send(chat, m, f, &a);
        uint64_t lines = f->type == FRAME_ENTER && f->key > 0 ? f->key : (uint64_t)chat->settings.history;
        chat_show_past(chat, m, room, f->number, lines);
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
        if (room && member_seat_in(m, room)) {
                moves_refuse(chat, m, f, back ? ANSWER_NOWHERE_BACK : ANSWER_ROOM_SAME, room);
                return NULL;
        }
        return room;
}

/* Returns true if the frame is for a member that roams, or does not, as `m` does. No session sends the other kind. */
static bool moves_are_for(struct chat *chat, const struct member *m, bool roams)
{
        if (m->roams != roams)
                complaints_ignore(&chat->complaints, IGNORED_TYPE);
        return m->roams == roams;
}

/* Tells others that `m` went from one room to another. A newcomer that was not announced yet is announced in the new room
 * alone: if a thousand people come and go to their rooms at once, the first room is not told of each. */
static void moves_tell(struct chat *chat, struct member *m, struct room *from, struct room *to, const struct frame *f)
{
        if (m->arrival != ARRIVAL_ANNOUNCED) {
                arrivals_name(chat, m);
                return;
        }
        struct record went = speech_record(m, f, RECORD_WENT, slice_of(to->name));
        batch_add_here(&chat->batch, roster_find(&chat->roster, LINK_ID), from, &went);
        speech_announce(chat, m, to, f, RECORD_CAME, slice_of(from->name));
}

void moves_take(struct chat *chat, struct member *m, const struct frame *f)
{
        struct room *old_room = m->seat.room;
        struct room *room = moves_are_for(chat, m, false) ? moves_find_destination(chat, m, f) : NULL;
        if (!room) {
                arrivals_release(chat, m);
                return;
        }
        int r = changes_add_room(&chat->changes, chat->roster.dir, m, f->number, room->name);
        if (r < 0) { /* a new room for this move is empty, and is forgotten after the batch */
                answer_unnoted(chat, m, f, ANSWER_ROOM_UNNOTED, "cannot note a change of room", r);
                return;
        }
        batch_exits(&chat->batch, m, old_room);
        batch_enters(&chat->batch, m, room);
        roster_move(&chat->roster, m, room);
        moves_tell(chat, m, old_room, room, f);
        moves_show(chat, m, room, f, ANSWER_MOVED);
}

/* Tells others that `m` is in `room` now. A newcomer is announced as it is in the first room, where it may wait for that
 * (arrivals.h), or by name in any other room. */
static void moves_announce(struct chat *chat, struct member *m, struct room *room, const struct frame *f)
{
        if (m->arrival == ARRIVAL_ANNOUNCED)
                speech_announce(chat, m, room, f, RECORD_ENTER, (struct slice){"", 0});
        else if (room != rooms_first(&chat->roster.rooms))
                arrivals_name(chat, m);
        else if (m->arrival != ARRIVAL_WAITING)
                arrivals_release(chat, m);
}

/* Puts `m` into `room`, after this was noted. Returns false if that fails, and tells `m` so. */
static bool moves_take_seat(struct chat *chat, struct member *m, struct room *room, const struct frame *f)
{
        if (roster_enter(&chat->roster, m, room) < 0) {
                answer_code(chat, m, f, ANSWER_NO_MEMORY);
                return false;
        }
        int r = changes_add_seat(&chat->changes, chat->roster.dir, m, f->number, room, true);
        if (r < 0) {
                roster_exit(&chat->roster, member_seat_in(m, room));
                answer_unnoted(chat, m, f, ANSWER_ROOM_UNNOTED, "cannot note a change of rooms", r);
                return false;
        }
        batch_enters(&chat->batch, m, room);
        return true;
}

void moves_enter(struct chat *chat, struct member *m, const struct frame *f)
{
        struct room *room = moves_are_for(chat, m, true) ? moves_find_destination(chat, m, f) : NULL;
        if (!room)
                return;
        if (member_rooms(m) >= MEMBER_ROOMS_MAX) {
                answer_send(chat, m, f, &(struct answer){.code = ANSWER_TOO_MANY_ROOMS, .most = MEMBER_ROOMS_MAX});
                return;
        }
        if (m->arrival != ARRIVAL_ANNOUNCED && m->seats) /* in the rooms where it is, before it enters this one */
                arrivals_name(chat, m);
        if (!moves_take_seat(chat, m, room, f))
                return;
        moves_announce(chat, m, room, f);
        moves_show(chat, m, room, f, ANSWER_ENTERED);
}

void moves_exit(struct chat *chat, struct member *m, const struct frame *f)
{
        struct seat *seat = moves_are_for(chat, m, true) ? speech_find_seat(chat, m, f) : NULL;
        if (!seat)
                return;
        struct room *room = seat->room;
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        int r = changes_add_seat(&chat->changes, chat->roster.dir, m, f->number, room, false);
        if (r < 0) {
                answer_unnoted(chat, m, f, ANSWER_ROOM_UNNOTED, "cannot note a change of rooms", r);
                return;
        }
        speech_announce(chat, m, room, f, RECORD_EXIT, (struct slice){"", 0});
        batch_exits(&chat->batch, m, room);
        roster_exit(&chat->roster, seat);
        answer_send(chat, m, f, &(struct answer){.code = ANSWER_EXITED, .room = slice_of(room->name)});
}

bool moves_end_a_room(const struct rooms *rooms, struct slice name)
{
        const struct room *room = rooms_find(rooms, name), *alike = rooms_find_alike(rooms, name);
        return (room && room_is_ending(rooms, room)) || (alike && room_is_ending(rooms, alike));
}
