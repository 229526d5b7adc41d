/* What each command of a client does (commands.h). */
#pragma once

#include <chat/wire.h>

#include "commands.h"

struct frame;
struct terminal;

/* Obeys `command`; `row` and `rest` come from command_parse(). If it is unknown or disguised, tells the user why it was
 * not sent. */
void obey(struct terminal *t, enum command command, const struct command_row *row, struct slice rest);

/* Takes FOUND, chatd's answer to FIND: it has the id of the member to be ignored, or says that there is none. */
void obey_found(struct terminal *t, const struct frame *f);
