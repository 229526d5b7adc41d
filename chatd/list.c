#include "list.h"

#include <stdarg.h>
#include <stdio.h>

#include <chat/names.h>

bool list_addf(struct list *l, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        int n = vsnprintf(l->text + l->len, l->size - l->len, format, args);
        va_end(args);
        bool fits = (size_t)n < l->size - l->len;
        if (fits)
                l->len += (size_t)n;
        l->text[l->len] = '\0';
        return fits;
}

bool list_add(struct list *l, const char *before, const char *word)
{
        size_t bytes = strlen(before) + strlen(word);
        if (l->size - l->len < bytes + LIST_RESERVED)
                return false;
        bool wraps = l->wraps && l->len - l->line + bytes > LIST_COLUMNS;
        if (wraps)
                l->line = l->len + strlen(before);
        return list_addf(l, "%s%s%s", before, wraps ? "\n" : "", word);
}

size_t list_count(const struct room *room)
{
        size_t n = 0;
        for (const struct seat *seat = room->first; seat; seat = seat->next)
                n += member_is_here(seat->member);
        return n;
}

void list_people(struct list *l, const struct room *room, size_t people, const struct member *but,
                 const struct member *you)
{
        char text[LOCAL_NAME_MAX_BYTES + sizeof(" (you)")];
        size_t listed = 0;
        for (const struct seat *seat = room->first; seat; seat = seat->next) {
                const struct member *m = seat->member;
                if (m == but || !member_is_here(m))
                        continue;
                snprintf(text, sizeof(text), "%s%s", m->name, m == you ? " (you)" : "");
                if (!list_add(l, listed > 0 ? ", " : "", text))
                        break;
                listed++;
        }
        if (listed < people)
                list_addf(l, " and %zu more", people - listed);
}

void list_other_rooms(struct list *l, const struct chat *chat, const struct room *but)
{
        const struct rooms *rooms = &chat->roster.rooms;
        for (size_t i = 0; i < rooms->count; i++) {
                size_t people = rooms->all[i] == but ? 0 : list_count(rooms->all[i]);
                if (people == 0)
                        continue;
                if (l->size - l->len < 2 * LIST_RESERVED + NICK_MAX_BYTES) {
                        list_addf(l, "%s/rooms lists all rooms", l->wraps ? "\n" : "; ");
                        break;
                }
                list_addf(l, "%s%zu %s in %s: ",
                          l->len == 0 ? ""
                          : l->wraps  ? "\n"
                                      : "; ",
                          people, people == 1 ? "person is" : "people are", rooms->all[i]->name);
                l->line = l->len;
                list_people(l, rooms->all[i], people, NULL, NULL);
        }
}

void list_rooms(struct list *l, const struct chat *chat, const struct room *here)
{
        const struct rooms *rooms = &chat->roster.rooms;
        for (size_t i = 0; i < rooms->count; i++) {
                const struct room *room = rooms->all[i];
                size_t people = list_count(room);
                const char *separator = l->len == 0 ? "" : l->wraps ? "\n" : "; ";
                if (people == 0 && room->topic[0] == '\0' && room != rooms_first(rooms))
                        continue;
                if (l->size - l->len < LIST_RESERVED + NICK_MAX_BYTES + sizeof(room->topic)) {
                        list_addf(l, "%sand %zu more", separator, rooms->count - i);
                        break;
                }
                list_addf(l, "%s%s: %zu %s%s%s%s", separator, room->name, people, people == 1 ? "person" : "people",
                          room == here ? ", including you" : "", room->topic[0] != '\0' ? "; " : "", room->topic);
        }
}
