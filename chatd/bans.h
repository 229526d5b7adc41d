/* All bans (ban.h): the clients that may not join. They do not concern the link to other hosts.
 *
 * The bans are in a file, which survives restarts and boots. It has a line for each ban, "WHAT TIME UID REASON", and
 * checksums (bans-file.h). WHAT has the form that `chatctl bans` prints, TIME is in seconds since 1970, and UID is the
 * administrator that added the ban. After each change the whole file is replaced. chatd does not wait for the disk
 * (disk.h): a change is in effect at once, and counts as written when the disk has it.
 *
 * If the file is damaged, its intact bans are in effect, and the journal lists the damaged lines. The damaged file is
 * kept under another name, in place of a damaged file that was kept before.
 *
 * Owns the list. The file is in the state directory.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ban.h"
#include "disk.h"

struct journal;

#define BANS_FILE_NAME "bans"
#define BANS_DAMAGED_NAME "bans.damaged"

enum {
        BANS_MAX = 1024,
};

struct bans {
        char path[PATH_MAX], damaged_path[PATH_MAX];
        struct journal *log;
        bool is_damaged;  /* the file was damaged, or an earlier damaged file is still kept */
        struct ban *list; /* room for BANS_MAX; NULL: there has been no ban yet */
        size_t count;
        uint64_t changes;      /* the number of changes so far */
        uint64_t job_changes;  /* the number of changes in the file that is being written */
        uint64_t disk_changes; /* the number of changes in the last file that was written, or could not be written */
        int error;             /* a negative errno if the last file could not be written, otherwise 0 */
        struct disk disk;
};

/* Reads the file in the directory `dir`. Returns 0, also if there is no file; or a negative errno: then there are no
 * bans. A file that is damaged or lacks checksums is written anew by bans_settle(). */
int bans_read(struct bans *bans, const char *dir, struct journal *log);

/* Writes the remaining changes, and frees everything. */
void bans_free(struct bans *bans);

/* Takes the result of a write that has ended, and begins to write later changes. Call it when `bans->disk.event` is
 * readable. */
void bans_settle(struct bans *bans);

/* Waits until all changes are written. */
void bans_finish(struct bans *bans);

/* Returns a ban of this name or this address, or NULL. `address` has the form of members' addresses, "192.0.2.1:40414"
 * or "[2001:db8::1]:40414". If it is NULL, only the name is compared. */
const struct ban *bans_find(const struct bans *bans, struct slice name, const char *address);

/* Adds a ban, or replaces the ban of the same name or address. Returns 0, or a negative errno: then nothing has
 * changed. -ENOSPC says that there are BANS_MAX bans. */
int bans_add(struct bans *bans, const struct ban *ban);

/* Removes the ban that is the same as `what`. Returns 0, or -ENOENT if there is none. */
int bans_remove(struct bans *bans, const struct ban *what);
