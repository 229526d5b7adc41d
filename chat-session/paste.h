/* Several lines in one read are a paste. An unknown command in it is text. "exit" and /quit leave only as the last line
 * of it. A summary behind the paste names the commands that were obeyed, and the first "exit" or /quit that was not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal.h"

/* Begins a read. It is a paste if it has at least two line ends; CR LF counts as one. */
void paste_begin(struct paste *p, const uint8_t *bytes, size_t size);

/* Notes a command that was obeyed. */
void paste_note_obeyed(struct paste *p, const char *name);

/* Notes a command to leave that was not obeyed. `name` has fewer than PASTE_LEAVE_BYTES bytes. */
void paste_note_stayed(struct paste *p, const char *name);

/* Shows the summary if there is one and the client has not left. */
void paste_tell(struct terminal *t, const struct paste *p);
