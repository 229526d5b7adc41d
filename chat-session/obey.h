/* What each command of a client does (commands.h). */
#pragma once

#include <chat/wire.h>

#include "commands.h"

struct frame;
struct session;

/* Does what `command` orders, of which command_parse() has made `row` and `rest`; says why it was not sent where it is
 * unknown or disguised. */
void obey(struct session *s, enum command command, const struct command_row *row, struct slice rest);

/* chatd knows whose name it is that the client wants to ignore, or that it is nobody's (FOUND). */
void obey_found(struct session *s, const struct frame *f);
