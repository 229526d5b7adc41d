/* Under which numbers other hosts know the records of a spool.
 *
 * A disk that is cloned carries the spool along. If both machines went on to number records under one instance, others would
 * take a record of one for a record of the other that was stored twice. So the records of a spool are of branches: each has
 * a random instance and numbers its records from 0. A spool that is found in another boot or in another directory, as each
 * clone finds it, begins a branch. Records that were appended before keep their instance and number, so what two clones
 * both send counts once.
 *
 * Places count all records of the file. The table lies in the file's header, see spool-ring.h. It only grows while the file
 * is in use: one thread begins branches, and any thread may look.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        BRANCHES_MAX = 32,
        BRANCHES_CARRIED_MAX = BRANCHES_MAX / 2, /* into a file that is made anew */
};

struct branch {
        uint64_t instance; /* random, never 0 */
        uint64_t begin;    /* the place of its first record */
};

struct branches {
        struct branch all[BRANCHES_MAX]; /* oldest first */
        _Atomic uint64_t count;
};

/* Begins a branch at `place`, which is not before the begin of any other. Returns false where there is no room. */
bool branches_begin(struct branches *b, uint64_t place);

/* Returns true if there is a branch, none is without an instance, and none begins before the one that stands before it. */
bool branches_are_good(const struct branches *b);

/* Forgets the oldest, so that there is room again. */
void branches_shorten(struct branches *b);

/* Returns the number of the branch that the record at `place` is of. */
size_t branches_at(const struct branches *b, uint64_t place);

/* Returns the number of the branch with this instance, or SIZE_MAX. */
size_t branches_find(const struct branches *b, uint64_t instance);

/* Returns the place behind the last record of the branch `number`, or UINT64_MAX for the newest. */
uint64_t branches_end(const struct branches *b, size_t number);
