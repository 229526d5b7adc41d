/* A file of the state directory that has a list: read when chatd starts, and replaced after each change.
 *
 * The text of the file is that of lines-file.h. chatd does not wait for the disk (disk.h): a change is in effect at
 * once, and counts as written when the disk has it. What follows if the disk does not take it is for the owner of the
 * list: the change may stay in effect until chatd ends, or be undone.
 *
 * If the file is damaged, its intact entries are in effect, and the journal lists the damaged lines. The damaged file is
 * kept under another name, in place of a damaged file that was kept before.
 *
 * Owns neither the list nor the file.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "lines-file.h"

struct journal;

#define KEPT_FILE_DAMAGED_SUFFIX ".damaged"

struct kept_file {
        const struct lines_file_kind *kind;
        char path[PATH_MAX], damaged_path[PATH_MAX]; /* empty: kept_file_read() was not called */
        struct journal *log;
        bool is_damaged;          /* the file was damaged, or an earlier damaged file is still kept */
        uint64_t changes;         /* the number of changes of the list so far */
        uint64_t job_changes;     /* the number of changes in the file that is being written */
        uint64_t disk_changes;    /* the number of changes in the last file that was written, or could not be written */
        uint64_t written_changes; /* the number of changes in the last file that was written */
        int error;                /* a negative errno if the last file could not be written, otherwise 0 */
        struct disk disk;
};

/* Reads the file in the directory `dir`. Its name is the noun of its kind, and `take` of its kind gets `user`. Returns
 * 0, also if there is no file; or a negative errno: then there are no entries. A file that is damaged or lacks checksums
 * is written anew by kept_file_settle(). */
int kept_file_read(struct kept_file *file, const struct lines_file_kind *kind, const char *dir, struct journal *log,
                   void *user);

/* Writes the remaining changes, and frees everything. */
void kept_file_free(struct kept_file *file, const void *list, size_t count);

/* Counts a change of the list, which kept_file_settle() writes. */
void kept_file_change(struct kept_file *file);

/* Takes the result of a write that has ended. DISK_WAIT waits for the end of a write that is under way. */
void kept_file_take_end(struct kept_file *file, enum disk_wait wait);

/* Begins to write the list if it has changed, and no write is under way. */
void kept_file_begin(struct kept_file *file, const void *list, size_t count);

/* Returns true if no write is under way, and none is to begin. */
bool kept_file_is_settled(const struct kept_file *file);

/* Takes the result of a write that has ended, and begins to write later changes. Call it when `disk.event` is
 * readable. */
void kept_file_settle(struct kept_file *file, const void *list, size_t count);

/* Waits until all changes are written. */
void kept_file_finish(struct kept_file *file, const void *list, size_t count);
