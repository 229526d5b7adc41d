/* An IRC client as a kind of client (chat-session/kind.h). Its state is a struct irc. */
#pragma once

#include "../chat-session/kind.h"

extern const struct kind irc_kind;
