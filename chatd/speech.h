/* Speech: lines that a session sends to its room. */
#pragma once

#include "chat.h"

/* Takes a LINE. Returns 0. */
int speech_line(struct chat *chat, const struct frame *f);
