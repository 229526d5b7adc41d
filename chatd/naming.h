/* Names of members: finds members by their names, and suggests a similar name for a name that no member has.
 *
 * chat/names.h has the rules of names. One tree is in the order of names. In the order of another tree, similar names
 * are equal: the members with similar names are a chain there. Borrows the members.
 */
#pragma once

#include <stddef.h>

#include <chat/wire.h>

struct member;

/* a suggestion compares so many names at most, because it is not worth more of chatd's time */
enum { NAMING_LOOKS_MAX = 512 };

struct naming {
        void *by_name, *by_blur; /* trees of struct member: tsearch(3) */
};

/* Adds `m`, whose name no other member has. Returns 0 or -ENOMEM. */
int naming_add(struct naming *n, struct member *m);

/* Removes `m`, which must still have the name that it was added with. */
void naming_remove(struct naming *n, struct member *m);

/* Returns the member of this name, or NULL. */
struct member *naming_find(const struct naming *n, struct slice name);

/* Returns a member other than `other` whose name is the same or too similar, or NULL. */
struct member *naming_find_alike(const struct naming *n, struct slice name, const struct member *other);

/* Returns a member whose name is the same or looks like this one at a glance (name_compare_blurred()), or NULL. */
struct member *naming_find_blurred(const struct naming *n, struct slice name);

/* Returns the one of these `count` members whose name is most like `name`, which no member has; or NULL. */
struct member *naming_suggest(const struct naming *n, struct member *const *members, size_t count, struct slice name);
