#include "list.h"

/* Returns the number of members that are here in this room. */
static size_t list_count(const struct room *room)
{
        size_t n = 0;
        for (const struct seat *seat = room->first; seat; seat = seat->next)
                n += member_is_here(seat->member);
        return n;
}

/* Appends a room without names. Returns false if it does not fit. */
static bool list_room(struct answer_rooms *l, const struct room *room, const char *topic, size_t people,
                      const struct member *you)
{
        return answer_add_room(l, &(struct answer_room){
                                          .name = slice_of(room->name),
                                          .topic = slice_of(topic),
                                          .people = people,
                                          .yours = you && member_seat_in(you, room),
                                  });
}

/* Appends a room with the names of its `people`. */
static void list_names(struct answer_rooms *l, const struct room *room, const char *topic, size_t people,
                       const struct member *you)
{
        bool fits = list_room(l, room, topic, people, you);
        for (const struct seat *seat = room->first; seat && fits; seat = seat->next)
                if (member_is_here(seat->member))
                        fits = answer_add_name(l, slice_of(seat->member->name));
}

void list_people(struct answer_rooms *l, const struct room *room, const struct member *you)
{
        list_names(l, room, room->topic, list_count(room), you);
}

void list_other_rooms(struct answer_rooms *l, const struct rooms *rooms, const struct member *you)
{
        for (size_t i = 0; i < rooms->count; i++) {
                const struct room *room = rooms->all[i];
                size_t people = room == you->seat.room ? 0 : list_count(room);
                if (people > 0)
                        list_names(l, room, room->topic, people, you);
        }
}

void list_all_people(struct answer_rooms *l, const struct rooms *rooms)
{
        for (size_t i = 0; i < rooms->count; i++) {
                size_t people = list_count(rooms->all[i]);
                if (people > 0)
                        list_names(l, rooms->all[i], "", people, NULL);
        }
}

void list_rooms(struct answer_rooms *l, const struct rooms *rooms, const struct member *you)
{
        for (size_t i = 0; i < rooms->count; i++) {
                const struct room *room = rooms->all[i];
                size_t people = list_count(room);
                if (people > 0 || room->topic[0] != '\0' || room == rooms_first(rooms))
                        list_room(l, room, room->topic, people, you);
        }
}
