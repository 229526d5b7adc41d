/* Measures how much a typed word differs from a known one, for suggestions. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "names.h"
#include "wire.h"

enum { NEAREST_MAX_BYTES = 24 }; /* a longer word is far from all others */

static inline size_t nearest_least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Returns the number of steps that turn one word into the other, without regard to case (the optimal string alignment
 * distance). Each step inserts, removes or changes a character, or swaps it with the next one. Returns SIZE_MAX if a
 * word is too long. */
static inline size_t nearest_distance(struct slice word, struct slice name)
{
        size_t rows[3][NEAREST_MAX_BYTES + 1], *last = rows[0], *row = rows[1], *before = rows[2];
        if (word.len > NEAREST_MAX_BYTES || name.len > NEAREST_MAX_BYTES)
                return SIZE_MAX;
        for (size_t i = 0; i <= name.len; i++)
                row[i] = i;
        for (size_t at = 1; at <= word.len; at++) {
                size_t *free = last;
                last = before;
                before = row;
                row = free;
                row[0] = at;
                for (size_t i = 1; i <= name.len; i++) {
                        char a = name_lower(word.at[at - 1]), b = name_lower(name.at[i - 1]);
                        size_t least =
                                nearest_least(before[i - 1] + (a != b), nearest_least(before[i], row[i - 1]) + 1);
                        if (at > 1 && i > 1 && a != b && a == name_lower(name.at[i - 2]) &&
                            b == name_lower(word.at[at - 2]))
                                least = nearest_least(least, last[i - 2] + 1);
                        row[i] = least;
                }
        }
        return row[name.len];
}
