/* Edits one line: the bytes of keys go in, events come out, and the editor draws the line in one row of the terminal
 * (row.h).
 *
 * Text is cleaned like that of every line (chat/safe-text.h). The keys are those of xterm and its kin (ECMA-48), and
 * readline's control keys (escape.h).
 *
 * No descriptor, no clock, no allocation. A struct of zeros is a valid beginning, and pages of it that are not needed
 * are never touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/safe-text.h>

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
        EDITOR_COMPLETE,  /* TAB: the caller may complete the text before the cursor, by editor_replace() */
};

struct editor {
        struct escape escape;
        uint8_t line_end; /* the CR or LF that ended the last line, whose other half may follow; 0: none */
        bool is_changed;  /* since the line was last drawn */
        bool bell;        /* a key was refused since the line was last drawn */
        bool is_expanded; /* the line may have more bytes than were typed */
        bool is_cut;      /* pieces of the line went out already: set by the caller, until the next line begins */
        struct text_cleaner cleaner;
        size_t len, cursor;
        size_t history_len; /* bytes */
        size_t history_at;  /* the entry that is being edited; history_len: the new line */
        size_t draft_len;
        struct row row;
        char text[TEXT_MAX_BYTES];
        char draft[TEXT_MAX_BYTES];         /* the new line, while an entry of the history is edited */
        char history[EDITOR_HISTORY_BYTES]; /* the client's own lines, one behind another, each ended by a NUL */
};

/* Returns true if the byte begins a character that may not fit behind the line. */
bool editor_is_full_for(const struct editor *e, uint8_t byte);

/* Returns true if the byte continues an incomplete character. */
bool editor_continues(const struct editor *e, uint8_t byte);

/* Takes the next byte. Returns an event that the caller must handle, or EDITOR_NOTHING. */
enum editor_event editor_push(struct editor *e, uint8_t byte);

/* Remembers this line in the history, and begins the next one. */
void editor_next(struct editor *e);

/* Forgets the line and begins a new one. */
void editor_discard(struct editor *e);

/* Replaces the text between `begin` and the cursor by clean text. Refuses to if the line would become too long. */
void editor_replace(struct editor *e, size_t begin, struct slice text);

/* Refuses a key: the next drawing rings the bell. */
void editor_refuse(struct editor *e);

/* Notes that the terminal has `columns` columns; 0: unknown. */
void editor_resize(struct editor *e, uint16_t columns);

/* Writes to `out` what makes the row show the line, and a BEL if a key was refused. Returns the size. */
size_t editor_draw(struct editor *e, char out[static EDITOR_DRAW_MAX_BYTES]);
