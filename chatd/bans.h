/* All bans (ban.h): clients that may not join. The link to other hosts is never compared.
 *
 * The bans are in a file, which survives restarts and boots: a line for each, "WHAT TIME UID REASON", and checksums
 * (bans-file.h). WHAT has the form that `bans` prints, TIME is in seconds since 1970, and UID is the administrator that
 * asked for it. The file is replaced as a whole after each change, and chatd does not wait for the disk (disk.h): a
 * change is in effect at once, and counts as written when the disk has it.
 *
 * If the file is damaged, its intact bans are in effect, and the journal says which lines are not. The damaged file is
 * kept under another name, where it replaces one that was kept before.
 *
 * Owns the list; the file belongs to the state directory.
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
        bool is_damaged;  /* the file was damaged, or a damaged one is still kept */
        struct ban *list; /* room for BANS_MAX; NULL: there was no ban yet */
        size_t count;
        uint64_t changes;      /* how many changes there were */
        uint64_t job_changes;  /* the number of changes in the file that is being written */
        uint64_t disk_changes; /* the number of changes in the file that was written, or could not be written */
        int error;             /* why the last file could not be written, a negative errno; else 0 */
        struct disk disk;
};

/* Reads the file in the directory `dir`, and begins to write it anew if it is damaged or lacks checksums. Returns 0,
 * also if there is no file, or a negative errno: then there are no bans. */
int bans_read(struct bans *bans, const char *dir, struct journal *log);

/* Writes changes that are not written yet, and frees everything. */
void bans_free(struct bans *bans);

/* Takes the result of a write that ended, and begins to write later changes. `bans->disk.event` is readable when this
 * is due. */
void bans_settle(struct bans *bans);

/* Waits until all changes are written. */
void bans_finish(struct bans *bans);

/* Returns the ban of this name or this address (in the form of members' addresses, "192.0.2.1:40414" or
 * "[2001:db8::1]:40414"; NULL for the name alone), or NULL. */
const struct ban *bans_find(const struct bans *bans, struct slice name, const char *address);

/* Adds a ban, or replaces the ban of the same name or address. Returns 0 or a negative errno, and then nothing has
 * changed: -ENOSPC if there are BANS_MAX. */
int bans_add(struct bans *bans, const struct ban *ban);

/* Removes the ban that is the same as `what`. Returns 0, or -ENOENT if there is none. */
int bans_remove(struct bans *bans, const struct ban *what);
