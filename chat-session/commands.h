/* What a client may type besides text. */
#pragma once

#include <stddef.h>

#include <chat/wire.h>

enum command {
        COMMAND_NONE, /* it is text */
        COMMAND_LEAVE,
};

/* Which command a whole line is. */
enum command command_find(struct slice line);
