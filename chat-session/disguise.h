/* Commands that do not look like commands: something that nobody sees stands in front of the slash, or the slash is
 * another character that looks like one. Such a line was hardly meant for everybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/wire.h>

/* A line without the unseen characters at its front. */
struct disguise {
        struct slice left; /* from the slash on, or what looks like one */
        size_t slash;      /* the bytes of that; 0: the line does not begin with one */
        bool looks_only;   /* it only looks like a slash */
        bool stroke;       /* it hardly looks like one: a backslash, or a letter that is a stroke */
        bool blanks_only;  /* nothing but spaces and tabs stands in front */
        bool empty;        /* nothing is left, and nothing but blanks of any kind stood there */
};

/* Takes the front off `line`, which may be any bytes: blanks of every kind, controls, marks, and what nobody sees
 * (chat/reveal.h). */
struct disguise disguise_of(struct slice line);

/* Copies the first word of `text`, up to a blank of any kind, in ASCII lower case and without what nobody sees, into
 * `word`, which has room for `size` bytes with its end. Returns its length; a longer one is cut. */
size_t disguise_word(struct slice text, char *word, size_t size);
