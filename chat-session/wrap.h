/* Breaks a notice into rows at its words, where the width of the client's window is known. */
#pragma once

#include <chat/wire.h>

enum { WRAP_COLUMNS_MIN = 10 }; /* in a narrower window, or one of unknown width (0), nothing is broken */

/* Takes the next row, of up to `columns` columns, off `text`, and the blanks behind it. A word that is longer than a row
 * is broken between characters. `text` is clean (chat/text.h) and not empty. */
struct slice wrap_next(struct slice *text, size_t columns);
