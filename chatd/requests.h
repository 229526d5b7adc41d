/* What a member asks chatd for besides relaying lines: another name, a word to one member, who is here.
 *
 * Each comes through the queue, numbered as lines are, so it has its place in the order. What the others see of it is
 * relayed as lines are; what only its client sees is an ANSWER, which may come twice where a batch is relayed again:
 * sessions take one for each number.
 *
 * A change of name is a batch of its own. So a chatd that meets it again, because the one before died, finds either the
 * old name in the member's note, or the new one with the number of this very frame beside it; and does the same in both
 * cases. The note is written when everybody has been told, before the frame is consumed.
 */
#pragma once

#include <chat/frame.h>

struct broker;

enum { REQUESTS_WHO_COLUMNS = 76 }; /* of the list of names */

/* Does what an ACTION, NICK, PRIVATE or WHO says, or ignores and counts it. Returns 0, or -ENOBUFS where it belongs to
 * the next batch: then nothing was done. There is room for two records. */
int requests_take(struct broker *b, const struct frame *f);

/* The batch was sent to everybody: writes down a new name. */
void requests_note(struct broker *b);
