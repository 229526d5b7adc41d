/* Lists of the people in a room, for NAMES, JOIN and WHO.
 *
 * A list may be longer than the client's buffer. So it is kept, and written in pieces, when there is room for one. Somebody
 * who leaves between two pieces may be in a later one.
 */
#pragma once

#include <chat/answer.h>

#include "irc.h"

/* Begins the list of the people in `room`, and writes as much of it as there is room for. With `is_who`, it is the answer
 * to WHO. `asked` is the channel as the client wrote it. */
void names_begin(struct irc *i, bool is_who, struct slice asked, const struct answer_room *room);

/* Writes the next piece of the list. There must be one, and IRC_OUTPUT_MAX_BYTES of room. */
void names_go_on(struct irc *i);
