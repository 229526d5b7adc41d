/* The formatting of IRC texts: bold, colors and so on. Terminals cannot show it.
 *
 * The codes are those of https://modern.ircdocs.horse/formatting. Pure.
 */
#pragma once

#include <chat/frame-types.h>

/* Writes the text without its formatting to `out`, which has room for `text.len` bytes and may be the text itself.
 * Returns what was written. */
struct slice formatting_remove(struct slice text, char *out);

/* Returns true if `styled` is this text with formatting, and nothing else. Then it is UTF-8. */
bool formatting_is_of(struct slice styled, struct slice text);
