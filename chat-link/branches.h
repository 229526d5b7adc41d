/* The branches of a spool: instances under which other hosts know its records.
 *
 * A cloned disk carries the spool along. If both machines went on to number records under one instance, other hosts
 * would take a record of one machine for a record of the other that was stored twice. So each record of a spool belongs
 * to a branch, which has a random instance and numbers its records from 0. A spool begins a branch if it is opened in
 * another boot or in another directory, as every clone does. Earlier records keep their instance and number, so a
 * record that two clones both send counts once.
 *
 * Places count all records of the file. The table lies in the file's header, see spool-ring.h. The table only grows
 * while the file is in use: one thread begins branches, and any thread may read them.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        BRANCHES_MAX = 32,
        BRANCHES_CARRIED_MAX = BRANCHES_MAX / 2, /* branches that are carried into a new file */
};

struct branch {
        uint64_t instance; /* random, never 0 */
        uint64_t begin;    /* the place of the branch's first record */
};

struct branches {
        struct branch all[BRANCHES_MAX]; /* oldest first */
        _Atomic uint64_t count;
};

/* Begins a branch at `place`, which is not before the begin of any other branch. Returns false if the table is full. */
bool branches_begin(struct branches *b, uint64_t place);

/* Returns true if the table is valid: there is a branch, each has an instance, and none begins before its
 * predecessor. */
bool branches_are_good(const struct branches *b);

/* Forgets the oldest branches, so that the table has room again. */
void branches_shorten(struct branches *b);

/* Returns the number of the branch that contains the record at `place`. */
size_t branches_at(const struct branches *b, uint64_t place);

/* Returns the number of the branch with this instance, or SIZE_MAX if there is none. */
size_t branches_find(const struct branches *b, uint64_t instance);

/* Returns the place behind the last record of branch `number`, or UINT64_MAX for the newest branch. */
uint64_t branches_end(const struct branches *b, size_t number);
