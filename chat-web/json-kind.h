/* Clients that are programs: JSON objects, one in a line, each way (chat-json(5)). Their state is struct web (web.h). */
#pragma once

#include "../chat-session/kind.h"

extern const struct kind json_kind;
