/* Commands that do not look like commands: invisible characters stand in front of the slash, or the slash is another
 * character that looks like one. Such a line was hardly meant for everybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/wire.h>

/* A line without the invisible characters at its front. */
struct disguise {
        struct slice rest; /* from the slash on, or from the character that looks like one */
        size_t slash;      /* the bytes of that character; 0: the line does not begin with one */
        bool looks_only;   /* it only looks like a slash */
        bool stroke;       /* it hardly looks like a slash: a backslash, or a letter that is a stroke */
        bool blanks_only;  /* only spaces and tabs stand in front */
        bool empty;        /* nothing is left, and only blanks of any kind stood there */
};

/* Skips blanks of every kind, controls, marks and invisible characters (chat/reveal.h) at the front of `line`, which
 * may be any bytes. */
struct disguise disguise_of(struct slice line);

/* Copies the first word of `text`, up to a blank of any kind, into `word`, in ASCII lower case and without invisible
 * characters. `size` is the size of `word`. Returns the length; a longer word is cut. */
size_t disguise_word(struct slice text, char *word, size_t size);
