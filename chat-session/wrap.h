/* Breaks a line into rows at its words, where the width of the client's window is known. Rows behind the first are
 * indented (client.h): so none passes for the beginning of another line. What a terminal may show wider than others do
 * counts as wide as it can be, so that it does not break a row by itself. */
#pragma once

#include <chat/wire.h>

enum { WRAP_INDENT = 4, WRAP_INDENT_MAX = 32 };
enum { WRAP_COLUMNS_MIN = 10 }; /* in a narrower window, or one of unknown width (0), nothing is broken */

/* Takes the next row, of up to `columns` columns, off `text`, and the blanks behind it. A word that is longer than a row
 * is broken between characters; one character that is wider has a row of its own. `text` is clean (chat/text.h) and not empty. */
struct slice wrap_next(struct slice *text, size_t columns);
