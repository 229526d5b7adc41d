/* Edits one line: the bytes of keys in, events out, and what to draw in one row of the terminal (row.h).
 *
 * Text is cleaned as that of every line (chat/text.h). Keys are those of xterm and its kin (ECMA-48), and readline's
 * control keys (escape.h).
 *
 * No descriptor, no clock, no allocation. An editor begins as all zeros, and pages of it that were never needed are
 * never touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/text.h>

#include "escape.h"
#include "row.h"

enum {
        EDITOR_HISTORY_BYTES = 16 * 1024,
        EDITOR_DRAW_MAX_BYTES = ROW_DRAW_MAX_BYTES + 1,
};

enum editor_event {
        EDITOR_NOTHING,
        EDITOR_LINE,      /* Enter: the line is in `text`; editor_next() begins the next one */
        EDITOR_END,       /* ^D on an empty line */
        EDITOR_INTERRUPT, /* ^C */
        EDITOR_COMPLETE,  /* TAB: what is before the cursor may be completed, by editor_replace() */
};

struct editor {
        struct escape escape;
        uint8_t ended; /* the CR or LF that ended the last line, whose other half may follow; 0: none */
        bool changed;  /* since it was drawn */
        bool bell;     /* a key was refused since then */
        bool expanded; /* the line may have more bytes than were typed */
        bool cut;      /* pieces of it went before: set by its user, until the next line begins */
        struct text_cleaner cleaner;
        size_t len, cursor;
        size_t history_len; /* bytes */
        size_t history_at;  /* the entry that is being edited; history_len: what was typed */
        size_t draft_len;
        struct row row;
        char text[TEXT_MAX_BYTES];
        char draft[TEXT_MAX_BYTES];         /* what was typed before one looked into the history */
        char history[EDITOR_HISTORY_BYTES]; /* own lines, each behind the one before, with a NUL at its end */
};

/* Whether the byte begins a character that may find no room behind the line. */
bool editor_is_full_for(const struct editor *e, uint8_t byte);

/* Returns true where a character is half-typed that the byte continues. */
bool editor_continues(const struct editor *e, uint8_t byte);

/* Takes the next byte. */
enum editor_event editor_push(struct editor *e, uint8_t byte);

/* Begins the next line, and remembers this one. */
void editor_next(struct editor *e);

/* Begins the line anew. */
void editor_discard(struct editor *e);

/* Puts clean text in the place of what is between `begin` and the cursor; refuses it where the line would become too
 * long. */
void editor_replace(struct editor *e, size_t begin, struct slice text);

/* Refuses something: the next drawing rings the bell. */
void editor_refuse(struct editor *e);

/* The terminal has so many columns; 0: nobody knows. */
void editor_resize(struct editor *e, uint16_t columns);

/* Writes to `out` what makes the row show the line, and rings the bell where a key was refused. Returns the bytes. */
size_t editor_draw(struct editor *e, char out[static EDITOR_DRAW_MAX_BYTES]);
