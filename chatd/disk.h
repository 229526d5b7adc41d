/* Replaces a file while chatd goes on: a thread writes the new one beside it, flushes it and renames it, so that a host
 * that goes down finds the old one or the new one. There is one thread at most.
 *
 * Owns the thread, and the descriptor that tells when it is done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct disk_job;

struct disk {
        int done;             /* an eventfd(2), readable when a file was written; -1: there is none */
        struct disk_job *job; /* NULL: nothing is being written */
};

/* Returns 0 or a negative errno. */
int disk_init(struct disk *d);

/* Waits until what is being written is. */
void disk_free(struct disk *d);

/* Begins to write `size` bytes of `text`, which it frees, to the file `path`. Nothing is being written. Returns 0 or a
 * negative errno. */
int disk_begin(struct disk *d, const char *path, char *text, size_t size);

/* Returns true if what was being written has ended, with `error` as 0 or a negative errno; with `wait`, waits for
 * that. */
bool disk_end(struct disk *d, bool wait, int *error);
