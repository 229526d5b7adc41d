/* The newcomers of which a client was told: names, and notices that state a number. */
#pragma once

#include <stddef.h>

enum { TOLD_MAX_BYTES = 64 };

struct told {
        char (*events)[TOLD_MAX_BYTES]; /* a name; "+N": N people; "~N": N others, for a newcomer */
        size_t count;
};

/* Adds the newcomers in a text, which must be whole lines as clients get them. */
void told_add(struct told *t, const char *text);
void told_free(struct told *t);

/* Returns the number of newcomers. Fails the test if one was named twice. */
unsigned told_people(const struct told *t);

/* Returns the number of newcomers that were not named. */
unsigned told_unnamed(const struct told *t);

/* Fails the test unless `newcomer`, whose name is `name`, was told the same as an earlier client, from its own join on.
 * Its own join does not count. */
void told_assert_same(const struct told *there_before, const struct told *newcomer, const char *name);
