/* Puts lines on the screen of a terminal. Breaks them into rows at words if the window is known to be narrow, and
 * converts them to the terminal's character set. First erases a half-typed line (row.h), which is drawn again behind
 * them.
 *
 * `columns`, `charset` and `is_row_drawn` of a client (client.h) are what is known of its screen. Without them a line
 * is as client_line() writes it.
 */
#pragma once

#include <stddef.h>

#include "client.h"

/* Puts a line of `n` parts and its CR LF into the client's buffer. Skips and counts the line if it does not fit. All
 * rows except the first are indented. */
void screen_line(struct client *c, const struct slice *parts, size_t n);

/* Does the same as screen_line(), with `indent` blanks in front of all rows except the first. */
void screen_line_hanging(struct client *c, const struct slice *parts, size_t n, size_t indent);

/* Puts text into the buffer, in the client's character set, or does nothing if it does not fit. */
void screen_text(struct client *c, const char *text, size_t size);
