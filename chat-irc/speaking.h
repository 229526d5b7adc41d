/* PRIVMSG and NOTICE. */
#pragma once

#include "irc.h"
#include "message.h"

void speaking_take(struct irc *i, const struct irc_message *m);
