/* All bans (ban.h): who may not join. The link to other hosts is never compared.
 *
 * They are in a file, which survives restarts and boots: a line for each, "WHAT TIME UID REASON", where WHAT is as bans
 * print it, TIME is in seconds of the epoch, and UID is who asked for it, and checksums (bans-file.h). It is replaced as a
 * whole behind each change, and nobody waits for the disk (disk.h): a change holds at once, and counts as written when
 * the disk has it.
 *
 * Of a damaged file what is intact holds, the journal says what does not, and the file is kept under another name, where
 * it takes the place of one that was kept before.
 *
 * Owns the list; the file is the state directory's.
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
        bool damaged;     /* the file was, or one that was is still kept */
        struct ban *list; /* room for BANS_MAX; NULL: there was none yet */
        size_t count;
        uint64_t changes; /* so many there were … */
        uint64_t writing; /* … as of what is being written … */
        uint64_t written; /* … and as of what was, or could not be: then … */
        int error;        /* … is a negative errno; else 0 */
        struct disk disk;
};

/* Reads the file in the directory `dir`, and has it written anew if it is damaged or lacks checksums. Returns 0, also
 * where there is no file, or a negative errno: then nobody is banned. */
int bans_read(struct bans *bans, const char *dir, struct journal *log);

/* Writes what is not written yet, and frees all. */
void bans_free(struct bans *bans);

/* Takes note of what was written, and has what has changed since written. `bans->disk.done` is readable when it is
 * due. */
void bans_settle(struct bans *bans);

/* Waits until all is written. */
void bans_finish(struct bans *bans);

/* Returns the ban that keeps out somebody of this name or this address (as members have it, "192.0.2.1:40414" or
 * "[2001:db8::1]:40414"; NULL for the name alone), or NULL. */
const struct ban *bans_find(const struct bans *bans, struct slice name, const char *address);

/* Adds a ban, or replaces one of the same. Returns 0 or a negative errno, and then nothing has changed: -ENOSPC where
 * there are BANS_MAX. */
int bans_add(struct bans *bans, const struct ban *ban);

/* Removes what is the same as `what`. Returns 0, or -ENOENT where there is none. */
int bans_remove(struct bans *bans, const struct ban *what);
