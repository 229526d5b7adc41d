/* Takes the client's messages, one after the other.
 *
 * A message waits until there is room for its effects, and until an answer has come on which it depends. Messages that
 * wait stay in `input`, and the session does not read on. If that lasts for IRC_PATIENCE_MS, the session reads on as far
 * as `input` has room. Then it takes PING and PONG before the others, and QUIT if no other message stands in front of it.
 */
#pragma once

#include "irc.h"

/* Returns true if chatd does not know rooms for a client that is in several. Then it counts as no chatd: the client waits
 * for a later version. */
bool taking_is_chatd_too_old(const struct irc *i);

/* These are as in struct kind. */
size_t taking_may_read(const struct irc *i);
void taking_input(struct irc *i, const uint8_t *bytes, size_t n);
bool taking_holds_input(const struct irc *i);

/* Returns when taking_go_on() must be called, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t taking_due(const struct irc *i);

/* Takes what waits, as far as possible. */
void taking_go_on(struct irc *i);
