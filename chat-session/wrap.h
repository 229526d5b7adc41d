/* Breaks a line into rows at its words, if the width of the client's window is known. All rows except the first are
 * indented (screen.h), so that none looks like the beginning of another line. A character that some terminals show
 * wider than others counts as wide as it can be, so that no terminal breaks a row by itself. */
#pragma once

#include <chat/wire.h>

enum { WRAP_INDENT = 4, WRAP_INDENT_MAX = 32 };
enum { WRAP_COLUMNS_MIN = 10 }; /* in a narrower window, or one of unknown width (0), nothing is broken */

/* Takes the next row, of up to `columns` columns, and the blanks behind it off `text`. Returns the row. A word that is
 * longer than a row is broken between characters; a character that is wider than a row has a row of its own. `text`
 * must be clean (chat/safe-text.h) and not empty. */
struct slice wrap_next(struct slice *text, size_t columns);
