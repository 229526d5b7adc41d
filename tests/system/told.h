/* What somebody was told of who came: names, and notices that say how many. */
#pragma once

#include <stddef.h>

enum { TOLD_MAX_BYTES = 64 };

struct told {
        char (*events)[TOLD_MAX_BYTES]; /* a name; "+N": N people; "~N": N others than oneself */
        size_t count;
};

/* Adds what a text, of whole lines as clients get them, says of who came. */
void told_add(struct told *t, const char *text);
void told_free(struct told *t);

/* How many people that is. Fails the test where somebody was named twice. */
unsigned told_people(const struct told *t);

/* How many of them were not named. */
unsigned told_unnamed(const struct told *t);

/* Fails the test unless `newcomer`, who is called `name`, was told the same as one who was there before, from where it
 * came itself, but for itself. */
void told_assert_same(const struct told *there_before, const struct told *newcomer, const char *name);
