/* chatd's members, and their rooms. Members are found by id, process and name.
 *
 * Owns the members and their descriptors. Borrows the tokens. Their notes stay when it is freed.
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
#include "tokens.h"

struct roster {
        char dir[RUN_DIR_MAX_BYTES + 1];
        uid_t owner;                 /* the user that owns the inboxes of all sessions */
        const struct tokens *tokens; /* no newcomer gets one of their names; NULL: there are none */
        struct member **members;     /* an array of `count` members, without gaps */
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

/* Returns the member of this name, in upper or lower case; or NULL. */
struct member *roster_find_name(const struct roster *r, struct slice name);

/* Returns a member other than `but` whose name is the same or too similar (chat/names.h), or NULL. */
struct member *roster_find_alike(const struct roster *r, struct slice name, const struct member *but);

/* Returns a member whose name is the same or looks like this one at a glance (chat/names.h), or NULL. */
struct member *roster_find_blurred(const struct roster *r, struct slice name);

/* Returns the name of the member whose name is most like this one, which no member has; or NULL. */
const char *roster_suggest(const struct roster *r, struct slice name);

/* Returns a member whose process has, or had, this pid; or NULL. */
struct member *roster_find_process(const struct roster *r, pid_t pid);

/* Returns the number of members, without the link. */
size_t roster_people(const struct roster *r);

/* Adds a member without descriptors, in the first room. Returns NULL if there is no memory. If the name is reserved,
 * or too similar to that of another member, a number is appended: "ann~2". Only the first LOCAL_NAME_MAX_BYTES of the
 * name are used. The caller has checked that no member has this id. */
struct member *roster_add(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                          uint64_t since_us);

/* Adds a member that chatd did not know before, as roster_add() does. A number is also appended to a name that looks
 * like that of a token at a glance. A member that an earlier chatd knew keeps such a name: nobody would tell it of
 * another. */
struct member *roster_add_newcomer(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                                   uint64_t since_us);

/* Gives `m` this name, which no other member has. Returns 0 or -ENOMEM. */
int roster_rename(struct roster *r, struct member *m, struct slice name);

/* Note that `m` lags from now on (lagging.h), or that its process or inbox is gone. contact_settle() does the work that
 * follows. */
void roster_lags(struct roster *r, struct member *m);
void roster_dies(struct roster *r, struct member *m);

/* Moves `m`, which does not roam, to `room`. */
void roster_move(struct roster *r, struct member *m, struct room *room);

/* Lets `m`, which is in the first room, roam: it is in no room after that. */
void roster_roam(struct roster *r, struct member *m);

/* Puts `m`, which roams, into one more room. Returns 0 or -ENOMEM. */
int roster_enter(struct roster *r, struct member *m, struct room *room);

/* Takes the member of `seat`, which roams, out of the room, and frees the seat. */
void roster_exit(struct roster *r, struct seat *seat);

/* Closes, removes and frees `m` and its letters. Its note stays. */
void roster_remove(struct roster *r, struct member *m);
