/* The command LIST: all channels, or those that its conditions name. The conditions are those of ELIST=MNU in the Modern
 * IRC documentation:
 *
 * | condition | channels                        |
 * |-----------|---------------------------------|
 * | #den      | of this name                    |
 * | #d*       | whose names match; ? is a letter |
 * | !#d*      | whose names do not match        |
 * | >3, <3    | with more, or with fewer people |
 */
#pragma once

#include <chat/answer.h>

#include "irc.h"
#include "message.h"

void listing_take(struct irc *i, const struct irc_message *m);

/* Shows the channels among the rooms of the answer. */
void listing_show(struct irc *i, const struct answer *a);
