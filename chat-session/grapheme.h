/* Finds what looks like one character (a grapheme cluster, UAX #29), and how many columns of a terminal it takes.
 * utf8proc knows both. It is linked statically: loading a library would take longer than the rest of a session's start.
 * Its tables are pages that only a session with editing uses.
 *
 * Text is clean UTF-8 (chat/safe-text.h). Nothing is allocated. A cluster ends behind GRAPHEME_MAX_BYTES, several times
 * the size of any real one, so that a heap of marks takes no noticeable time for each key.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { GRAPHEME_MAX_BYTES = 256 };

/* Returns the code point at `*at`, and moves `*at` behind it. `*at` must be before `len`. The text may be any bytes
 * here: a byte that is not UTF-8 reads as U+FFFD. */
uint32_t grapheme_point(const char *text, size_t len, size_t *at);

/* Returns the end of the cluster that begins at `at`, which must be before `len`. */
size_t grapheme_end(const char *text, size_t len, size_t at);

/* Returns the beginning of the cluster that ends at `at` or has `at` inside. `at` must not be 0. */
size_t grapheme_begin(const char *text, size_t len, size_t at);

/* Returns the columns of the cluster from `begin` to `end`, 0 to 2. Terminals that do not know clusters may take
 * more. */
size_t grapheme_width(const char *text, size_t begin, size_t end);

/* Returns the most columns that any terminal takes for the cluster: those of all its characters. */
size_t grapheme_width_most(const char *text, size_t begin, size_t end);
