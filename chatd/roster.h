/* chatd's members, found by id, process and name; and the rooms that they are in.
 *
 * Owns the members and their descriptors. Their notes stay when it is freed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>
#include <chat/paths.h>

#include "member.h"
#include "naming.h"
#include "rooms.h"
#include "todo.h"

struct roster {
        char dir[RUN_DIR_MAX_BYTES + 1];
        uid_t owner;             /* the owner of every session's inbox: the session user */
        struct member **members; /* dense: the first `count` */
        size_t count, room;
        void *by_id; /* a tree of struct member: tsearch(3) */
        struct naming naming;
        struct rooms rooms;
        struct todo todo;
};

/* Makes an empty roster. Returns 0 or -ENOMEM. `owner` is the user that sessions run as. */
int roster_init(struct roster *r, const char *dir, uid_t owner);

/* Closes and frees all members; their notes stay. */
void roster_free(struct roster *r);

/* Returns the member, or NULL. */
struct member *roster_find(const struct roster *r, uint64_t id);

/* Returns the member that has this name, whatever its case; or NULL. */
struct member *roster_find_name(const struct roster *r, struct slice name);

/* Returns a member other than `but` whose name is the same or too similar (chat/names.h), or NULL. */
struct member *roster_find_alike(const struct roster *r, struct slice name, const struct member *but);

/* Returns the name of a member that was probably meant by this name, which no member has; or NULL. */
const char *roster_suggest(const struct roster *r, struct slice name);

/* Returns a member whose process has, or had, this pid; or NULL. */
struct member *roster_find_process(const struct roster *r, pid_t pid);

/* Returns how many members there are, without the link. */
size_t roster_people(const struct roster *r);

/* Adds a member without descriptors, in the first room. Returns NULL if there is no memory. A name that is too similar
 * to another member's gets a number: "ann~2". At most LOCAL_NAME_MAX_BYTES of the name are used. The caller has checked
 * that there is no member of this id. */
struct member *roster_add(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                          uint64_t since_us);

/* Gives `m` this name, which no other member has. Returns 0 or -ENOMEM. */
int roster_rename(struct roster *r, struct member *m, struct slice name);

/* Note that `m` lags from now on (lagging.h), or that its process or inbox is gone: contact_settle() does what follows
 * from that. */
void roster_lags(struct roster *r, struct member *m);
void roster_dies(struct roster *r, struct member *m);

/* Moves `m` to `room`. */
void roster_move(struct roster *r, struct member *m, struct room *room);

/* Closes, removes and frees `m`, and its letters; its note stays. */
void roster_remove(struct roster *r, struct member *m);
