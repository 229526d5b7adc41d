/* The people whom a client ignores, by who they are and not by name. Somebody of this host is known by the id of the session, which
 * all names and rooms of a visit have in common; somebody of another host by NAME@HOST, and by the renames that chatd
 * passes on. Whoever left is known by the last name, should that come back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/record.h>

enum { IGNORED_PEOPLE_MAX = 16 };

struct ignore_list {
        size_t count;
        struct ignored_person {
                uint64_t id;                   /* LINK_ID: of another host */
                bool left;                     /* so the next one of this name is the same person */
                bool renamed;                  /* the name is not the one by which the client knows this person */
                char name[NAME_MAX_BYTES + 1]; /* as far as is known, the last one */
        } people[IGNORED_PEOPLE_MAX];
};

/* Returns the person, or NULL where that is nobody to be ignored. */
const struct ignored_person *ignored_find(const struct ignore_list *l, uint64_t id, struct slice name);

/* Returns the person of another host, or who left, of this name; or NULL. */
const struct ignored_person *ignored_find_absent(const struct ignore_list *l, struct slice name);

/* Ignores this person, who is not ignored yet. Returns false where there are too many. */
bool ignored_add(struct ignore_list *l, uint64_t id, struct slice name);

/* No longer ignores this person, who is in the list. */
void ignored_remove(struct ignore_list *l, const struct ignored_person *person);

/* Returns true where the record is not to be shown: what the person says, and all notices whose text the person chose:
 * names, rooms, topics. */
bool ignored_hides(const struct ignore_list *l, const struct record *r);

/* Takes note of what somebody does: of another name, and of who leaves. Behind ignored_hides(). */
void ignored_note(struct ignore_list *l, const struct record *r);
