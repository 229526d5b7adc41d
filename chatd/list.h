/* Lists of members and rooms, as texts for people. */
#pragma once

#include "chat.h"

/* A text of several words, up to a size. */
struct list {
        char *text;
        size_t size, len, line; /* bytes at most, bytes so far, and bytes before the last line */
        bool wraps;             /* the text may have several lines */
};

enum {
        LIST_COLUMNS = 76,  /* of a line */
        LIST_RESERVED = 64, /* bytes for the number of omitted words */
};

/* Appends a text that does not have to fit into a line. Returns false if there was no room. */
__attribute__((format(printf, 2, 3))) bool list_addf(struct list *l, const char *format, ...);

/* Appends a word behind a separator, on another line if it does not fit into this one. Returns false if there is no
 * room for it and for the number of omitted words. */
bool list_add(struct list *l, const char *before, const char *word);

/* Returns the number of members that are here in this room. */
size_t list_count(const struct room *room);

/* Appends the names of the `people` members in `room`, without `but`; `you` is the asking member. */
void list_people(struct list *l, const struct room *room, size_t people, const struct member *but,
                 const struct member *you);

/* Appends the names of the members in each room but one. */
void list_other_rooms(struct list *l, const struct chat *chat, const struct room *but);

/* Appends each room: its name, the number of its members, its topic. `here` is the room of the asking member, or NULL. */
void list_rooms(struct list *l, const struct chat *chat, const struct room *here);
