/* The formatting of IRC texts: bold, colors and so on. Terminals cannot show it.
 *
 * The codes are those of https://modern.ircdocs.horse/formatting. Pure.
 */
#pragma once

#include <chat/wire.h>

/* Writes the text without its formatting to `out`, which has room for `text.len` bytes and may be the text itself.
 * Returns what was written. */
struct slice formatting_remove(struct slice text, char *out);
