/* The commands of an IRC client. */
#pragma once

#include "irc.h"
#include "message.h"

/* Obeys a message of the client, or answers with the numeric that says why not. There must be
 * room for a request, and for IRC_OUTPUT_MAX_BYTES of output. */
void commands_take(struct irc *i, const struct irc_message *m);
