/* The lines that a terminal's user typed: lines to say, commands to obey, and notices about both come out.
 *
 * - A command is never said aloud: a command that is disguised (disguise.h), too long, or interrupted in its middle is
 *   not sent, and its user is told so.
 * - A client whose first line is of another protocol is turned away, and the line is not said (protocol.h).
 */
#pragma once

#include <stddef.h>

#include <chat/wire.h>

#include "lines.h"

struct terminal;

typedef void typed_piece(struct terminal *t, struct slice clean);

/* Cleans what was typed and hands it to `take`, in pieces of up to TEXT_MAX_BYTES. Returns how many pieces. */
size_t typed_clean(struct terminal *t, struct slice line, typed_piece *take);

/* Takes an event of the terminal `user`. */
void typed_take(void *user, enum lines_event event, const char *text, size_t len);

/* Returns how many bytes may be read: the queue to chatd has room for everything that they can become. */
size_t typed_may_read(const struct terminal *t);
