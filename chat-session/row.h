/* Draws the line that is edited in one row of the terminal, that of the cursor, scrolled sideways where it is longer.
 *
 * What the row shows is remembered, so that a letter at its end costs that letter, and Backspace there four bytes: so it
 * is with a slow line, and with a screen reader, which reads out what is drawn. Where it is not certain how far the
 * terminal moves its cursor, as over a wide character, the row is drawn anew: the terminal saves the cursor behind what
 * is in front of it, and does not wrap meanwhile, so that this is right also where it takes other widths than we do.
 *
 * What a VT100 knows is enough: not CHA (ESC [ G), which VT100, VT220 and the telnet of Windows lack. CR alone is no way
 * to the first column, as a telnet wants LF or NUL behind it (RFC 854); every terminal ignores a NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

#define ROW_FIRST_COLUMN "\r\0"
#define ROW_ERASE ROW_FIRST_COLUMN "\x1b[K"

enum {
        ROW_COLUMNS_DEFAULT = 80, /* where the terminal's width is not known … */
        ROW_COLUMNS_CERTAIN = 40, /* … but it has that many */
        ROW_SHOWN_MAX_BYTES = 512,
        ROW_DRAW_MAX_BYTES = TEXT_MAX_BYTES + 64,
};

/* All zeros: nothing is known of what the terminal shows, nor of its width. */
struct row {
        bool known;       /* it shows `shown`, with the cursor there */
        bool tidy;        /* … and what was written last is in front of the cursor: a mark would join it */
        uint16_t columns; /* 0: not known */
        size_t left;      /* the first byte of the line that it shows */
        size_t size, cursor;
        char shown[ROW_SHOWN_MAX_BYTES];
};

/* The terminal may show anything. */
void row_forget(struct row *r);

/* The terminal has so many columns; 0: nobody knows. */
void row_resize(struct row *r, uint16_t columns);

/* The row is empty, and the cursor at its beginning, unless nothing was known of it. */
void row_is_empty(struct row *r);

/* Returns true if the whole text fits into the row. */
bool row_fits(const struct row *r, struct slice text);

/* Writes to `out` what makes the row show the text with the cursor in front of the byte `cursor`, where a character of
 * the terminal begins. Returns the bytes. */
size_t row_draw(struct row *r, struct slice text, size_t cursor, char out[static ROW_DRAW_MAX_BYTES]);
