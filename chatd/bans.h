/* All bans (ban.h): the clients that may not join. They do not concern the link to other hosts.
 *
 * The bans are in a file, which survives restarts and boots (kept-file.h). It has a line for each ban, "WHAT TIME UID
 * REASON". WHAT has the form that `chatctl bans` prints, TIME is in seconds since 1970, and UID is the administrator that
 * added the ban.
 *
 * Owns the list. The file is in the state directory.
 */
#pragma once

#include <stddef.h>

#include "ban.h"
#include "kept-file.h"

enum {
        BANS_MAX = 1024,
};

struct bans {
        struct kept_file file;
        struct ban *list; /* room for BANS_MAX; NULL: there has been no ban yet */
        size_t count;
};

/* The file: its list is an array of struct ban, and its `user` is a struct bans. */
extern const struct lines_file_kind bans_file;

/* Reads the file in the directory `dir`, as kept_file_read() does. */
int bans_read(struct bans *bans, const char *dir, struct journal *log);

/* Writes the remaining changes, and frees everything. */
void bans_free(struct bans *bans);

/* Take the result of a write that has ended, and write later changes; bans_finish() waits for the disk. See
 * kept-file.h. */
void bans_settle(struct bans *bans);
void bans_finish(struct bans *bans);

/* Returns a ban of this name or this address, or NULL. `address` has the form of members' addresses, "192.0.2.1:40414"
 * or "[2001:db8::1]:40414". If it is NULL, only the name is compared. */
const struct ban *bans_find(const struct bans *bans, struct slice name, const char *address);

/* Adds a ban, or replaces the ban of the same name or address. Returns 0, or a negative errno: then nothing has
 * changed. -ENOSPC says that there are BANS_MAX bans. */
int bans_add(struct bans *bans, const struct ban *ban);

/* Removes the ban that is the same as `what`. Returns 0, or -ENOENT if there is none. */
int bans_remove(struct bans *bans, const struct ban *what);
