/* Completions of the word before the cursor, for TAB: commands (commands.h), names of members that were heard of
 * lately, and names that chatd knows in the room. No allocation.
 */
#pragma once

#include <stddef.h>

#include <chat/record.h>

enum {
        NAMES_MAX = 64,
        COMPLETION_LIST_BYTES = 512,
};

/* The names that were heard of, the latest first. A struct of zeros is a valid beginning. */
struct names {
        size_t count;
        char name[NAMES_MAX][NAME_MAX_BYTES + 1];
};

struct completion {
        size_t begin;      /* of the word, in the line */
        size_t count;      /* of matches */
        struct slice text; /* replaces the word: what all matches begin with, or the only match and a blank */
        char text_buffer[NAME_MAX_BYTES + 3]; /* the bytes of `text` */
        char list[COMPLETION_LIST_BYTES];     /* the matches; "…" at its end stands for those that did not fit */
};

/* Notes the names in a record. */
void names_note(struct names *n, const struct record *r);

/* Returns the last word of `line`, which is the text before the cursor, if it may be the beginning of a name. Otherwise
 * returns an empty slice. */
struct slice completion_name(struct slice line);

/* Finds the matches of the last word of `line`. `more` has further names, with spaces between them. */
void completion_find(struct completion *c, const struct names *n, struct slice more, struct slice line);
