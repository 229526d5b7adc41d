/* Replaces a file while chatd continues: a thread writes the new file beside the old one, flushes it and renames it, so
 * after a crash of the host there is the old file or the new one. There is one thread at most.
 *
 * A job belongs to the thread from pthread_create() to pthread_join(), and to the caller before and after that. These
 * two calls order what the threads do with it, so it has neither a lock nor atomics. The eventfd says only that a join
 * will not wait.
 *
 * Owns the thread, and the descriptor that signals its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct disk_job;

enum disk_wait {
        DISK_NO_WAIT,
        DISK_WAIT,
};

struct disk {
        int event;            /* an eventfd(2), readable when a file was written; -1: not open */
        struct disk_job *job; /* NULL: no file is being written */
};

/* Makes the descriptor. Returns 0 or a negative errno. */
int disk_init(struct disk *d);

/* Waits for the end of a write, and frees everything. */
void disk_free(struct disk *d);

/* Begins to write `size` bytes of `text`, which it frees, to the file `path`. Returns 0 or a negative errno. No file
 * may be being written. */
int disk_begin(struct disk *d, const char *path, char *text, size_t size);

/* Returns true if the write has ended, with 0 or a negative errno in `error`. DISK_WAIT waits for the end. Returns
 * false if no file is being written. */
bool disk_end(struct disk *d, enum disk_wait wait, int *error);
