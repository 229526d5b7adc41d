/* What is seen as one character (a grapheme cluster, UAX #29), and how many columns of a terminal it takes. utf8proc
 * knows both; it is linked statically, because a library that is loaded would take longer than the rest of a session's
 * start, and its tables are pages that nobody has who does not edit.
 *
 * Text is UTF-8 that is clean (chat/text.h). Nothing is allocated. A cluster ends behind GRAPHEME_MAX_BYTES, which is
 * several times what any in use has, so that a heap of marks takes no time to speak of for each key.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { GRAPHEME_MAX_BYTES = 256 };

/* Returns the code point at `*at`, which is before `len` and moves behind it. The text may be any bytes here: U+FFFD stands
 * for one that is not UTF-8. */
uint32_t grapheme_point(const char *text, size_t len, size_t *at);

/* Returns the end of the cluster that begins at `at`, which is before `len`. */
size_t grapheme_end(const char *text, size_t len, size_t at);

/* Returns where the cluster begins that ends at `at`, or that `at`, which is not 0, lies within. */
size_t grapheme_begin(const char *text, size_t len, size_t at);

/* The columns of the cluster between these two, 0 to 2. Terminals that know no clusters may take more. */
size_t grapheme_width(const char *text, size_t begin, size_t end);

/* The most columns that any terminal takes for it: those of all its characters. */
size_t grapheme_width_most(const char *text, size_t begin, size_t end);
