/* What TAB may complete the word before the cursor to: a command (commands.h), or the name of somebody who was heard
 * of lately, or of whom chatd knows in the room. No allocation.
 */
#pragma once

#include <stddef.h>

#include <chat/record.h>

enum {
        NAMES_MAX = 64,
        COMPLETION_LIST_BYTES = 512,
};

/* Who was heard of, the latest first. Begins as all zeros. */
struct names {
        size_t count;
        char name[NAMES_MAX][NAME_MAX_BYTES + 1];
};

struct completion {
        size_t begin;                         /* of the word, in the line */
        size_t count;                         /* of matches */
        struct slice text;                    /* for the word: what all matches begin with; of one alone, and a blank */
        char text_buffer[NAME_MAX_BYTES + 3]; /* … which is here */
        char list[COMPLETION_LIST_BYTES];     /* the matches; "…" at its end stands for those that had no room */
};

/* Takes note of what somebody did. */
void names_note(struct names *n, const struct record *r);

/* Returns the last word of `line`, which is what stands before the cursor, where it may be the beginning of a name; or
 * nothing. */
struct slice completion_name(struct slice line);

/* Finds what begins with that word, also among the names that `more` has with spaces between. */
void completion_find(struct completion *c, const struct names *n, struct slice more, struct slice line);
