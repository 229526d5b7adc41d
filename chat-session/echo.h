/* The kind of client (kind.h) of an echo server: its lines come back to it, and there is no chat. It is at a terminal,
 * as in terminal.h. Its state is a struct terminal, whose option `editing` is EDITING_OFF. */
#pragma once

#include "kind.h"

extern const struct kind echo_kind;
