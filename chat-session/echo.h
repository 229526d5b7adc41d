/* The kind of client (kind.h) whose lines come back to it. It is at a terminal, as in terminal.h, and there is no chat.
 * Its state is a struct terminal, whose option `editing` is EDITING_OFF. */
#pragma once

#include "kind.h"

extern const struct kind echo_kind;
