/* What each command of a client does (commands.h). */
#pragma once

#include <chat/wire.h>

struct session;

/* Says a line, or does what it orders. */
void obey(struct session *s, struct slice line);
