/* The people that a client ignores, by identity and not by name. A member of this host is known by the id of the
 * session, which stays the same through all names and rooms of a visit. A member of another host is known by NAME@HOST,
 * and by the renames that chatd passes on. A member who left is known by the last name, in case that name comes back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/record.h>

enum { IGNORED_PEOPLE_MAX = 16 };

struct ignore_list {
        size_t count;
        struct ignored_person {
                uint64_t id;     /* LINK_ID: a member of another host */
                bool has_left;   /* the member left, so the next one of this name counts as the same person */
                bool is_renamed; /* the name differs from the one by which the client knows this person */
                char name[NAME_MAX_BYTES + 1]; /* the last known name */
        } people[IGNORED_PEOPLE_MAX];
};

/* Returns the ignored person with this id and name, or NULL if there is none. */
const struct ignored_person *ignored_find(const struct ignore_list *l, uint64_t id, struct slice name);

/* Returns the ignored person of this name who left or is on another host, or NULL. */
const struct ignored_person *ignored_find_absent(const struct ignore_list *l, struct slice name);

/* Adds a person who is not in the list yet. Returns false if the list is full. */
bool ignored_add(struct ignore_list *l, uint64_t id, struct slice name);

/* Removes this person, who is in the list. */
void ignored_remove(struct ignore_list *l, const struct ignored_person *person);

/* Returns true if the record must not be shown: a line of an ignored person, or a notice with text that the person
 * chose (names, rooms, topics). */
bool ignored_hides(const struct ignore_list *l, const struct record *r);

/* Notes a new name of an ignored person, and that the person left. Call it after ignored_hides(). */
void ignored_note(struct ignore_list *l, const struct record *r);
