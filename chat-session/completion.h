/* What TAB may complete the word before the cursor to: a command (commands.h), or the name of somebody who was heard
 * of lately. No allocation.
 */
#pragma once

#include <stddef.h>

#include <chat/frame.h>

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

/* Finds what begins with the last word of `line`, which is what stands before the cursor. */
void completion_find(struct completion *c, const struct names *n, struct slice line);
