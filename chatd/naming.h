/* Who is called what: finds members by their names, and what somebody may have meant who typed a name that nobody has.
 *
 * Names are those of chat/names.h: one tree has them in their order, another in the order in which those are the same
 * that may be taken for one another; members of one place in there are a chain. Borrows the members.
 */
#pragma once

#include <stddef.h>

#include <chat/wire.h>

struct member;

enum { NAMING_LOOKS_MAX = 512 }; /* at so many names a suggestion looks: it is not worth a moment of everybody's */

struct naming {
        void *by_name, *by_blur; /* trees of struct member: tsearch(3) */
};

/* Takes in `m`, whose name nobody has. Returns 0 or -ENOMEM. */
int naming_add(struct naming *n, struct member *m);

/* Forgets `m`, which has the name yet that it was taken in by. */
void naming_remove(struct naming *n, struct member *m);

/* Returns the member of this name, or NULL. */
struct member *naming_find(const struct naming *n, struct slice name);

/* Returns a member other than `but` whose name is too similar to this one, or the same; or NULL. */
struct member *naming_find_alike(const struct naming *n, struct slice name, const struct member *but);

/* Returns the one of these members, who are `count`, whose name may have been meant by this one, which nobody has; or
 * NULL. */
struct member *naming_suggest(const struct naming *n, struct member *const *members, size_t count, struct slice name);
