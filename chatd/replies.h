/* Replies between hosts (chat/reply.h): to a member of another host that asks who is here, which rooms there are, or
 * has a private message for a name that no member has; and those of other hosts to members here.
 */
#pragma once

#include <chat/reply.h>

#include "chat.h"

/* Replies to the ASK or PRIVATE `asked` of another host, through the link `m`. A question that is none gets no reply.
 * If the batch has no room for the reply, it is dropped. */
void replies_send(struct chat *chat, struct member *m, const struct record *asked);

/* Makes an ANSWER of a REPLY that names a room. Its text was "NAME LETTERS", and is LETTERS now; it becomes the bytes
 * of the answer, which are in `bytes`. Returns false if that is no answer: then it is ignored, and counted. */
bool replies_take(struct chat *chat, struct record *rec, uint8_t bytes[static REPLY_ANSWER_MAX_BYTES]);
