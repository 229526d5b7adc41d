/* Draws the line being edited in one row of the terminal, the row of the cursor. The row scrolls sideways if the line
 * is longer.
 *
 * The row's content is remembered, so that a letter at its end costs one byte, and Backspace there four. That matters
 * on a slow line, and for a screen reader, which reads out everything that is drawn. It may be uncertain how far the
 * terminal moves its cursor, for example over a wide character. Then the row is drawn anew, without wrapping: the text
 * before the cursor, a command to save the cursor, the rest of the text, and a command to restore the cursor. So the
 * result is right even if the terminal uses other widths than we do.
 *
 * The functions of a VT100 suffice. CHA (ESC [ G) is not used, because VT100, VT220 and the telnet of Windows lack it.
 * CR alone does not lead to the first column, because a telnet wants LF or NUL behind it (RFC 854); every terminal
 * ignores a NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

#define ROW_FIRST_COLUMN "\r\0"
#define ROW_ERASE ROW_FIRST_COLUMN "\x1b[K"

enum {
        ROW_COLUMNS_DEFAULT = 80, /* assumed if the terminal's width is unknown */
        ROW_COLUMNS_CERTAIN = 40, /* a terminal of unknown width has at least so many */
        ROW_TEXT_MAX_BYTES = 512,
        ROW_DRAW_MAX_BYTES = TEXT_MAX_BYTES + 64,
};

/* The row of the cursor. A struct of zeros is a valid beginning: neither the row's content nor its width is known. */
struct row {
        bool valid;       /* the row shows `text`, with the cursor at `cursor` */
        bool tidy;        /* the last output ends at the cursor, so an appended mark would join it */
        uint16_t columns; /* 0: unknown */
        size_t offset;    /* the first byte of the line that the row shows */
        size_t size, cursor;
        char text[ROW_TEXT_MAX_BYTES];
};

/* Forgets the content: the terminal may show anything. */
void row_forget(struct row *r);

/* Notes that the terminal has `columns` columns; 0: unknown. Forgets the content. */
void row_resize(struct row *r, uint16_t columns);

/* Notes that the row is empty and the cursor at its beginning. A forgotten row stays forgotten. */
void row_is_empty(struct row *r);

/* Returns true if the whole text fits into the row. */
bool row_fits(const struct row *r, struct slice text);

/* Writes to `out` what makes the row show the text, with the cursor in front of the byte `cursor`, where a character
 * must begin. Returns the size. */
size_t row_draw(struct row *r, struct slice text, size_t cursor, char out[static ROW_DRAW_MAX_BYTES]);
