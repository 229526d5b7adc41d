/* Replaces a file while chatd continues. A thread writes the new file beside the old one, flushes it and renames it. So
 * after a crash of the host the file is either the old one or the new one. There is one thread at most.
 *
 * A job belongs to the thread from pthread_create() to pthread_join(), and to the caller before and after that. These
 * two calls order the accesses of both threads, so a job needs neither a lock nor atomics. The eventfd only tells that
 * pthread_join() will not wait.
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

/* Begins to write `size` bytes of `text` to the file `path`. Returns 0 or a negative errno. Frees `text`, also after an
 * error. No other write may be under way. */
int disk_begin(struct disk *d, const char *path, char *text, size_t size);

/* Returns true if a write has ended, with 0 or a negative errno in `error`. DISK_WAIT waits for the end. Returns false
 * if no file is being written. */
bool disk_end(struct disk *d, enum disk_wait wait, int *error);
