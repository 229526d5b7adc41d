/* Membership: sessions join, answer a roll call, may be announced, and leave.
 *
 * Functions that take a frame return 0, or -ENOBUFS if the batch has no room for it, or too many members wait to be
 * announced: then nothing was done, and the frame belongs to the next batch.
 */
#pragma once

#include "chat.h"

int membership_hello(struct chat *chat, const struct frame *f);

/* Takes an answer to a roll call, or a HERE from a session whose queue was lost: no news, unless its HELLO was lost
 * too. */
int membership_here(struct chat *chat, const struct frame *f);

/* Takes an ARRIVE: the client of a session whose HELLO was quiet is a chat client. */
int membership_arrive(struct chat *chat, const struct frame *f);

/* Takes a BYE, or a GONE for a session that could not send one. */
int membership_leave(struct chat *chat, const struct frame *f);

/* Sends the members that left in the relayed batch their last datagram, and marks their notes. */
void membership_say_goodbye(struct chat *chat);

/* Removes the members that left in the consumed batch, and their notes. */
void membership_remove_leavers(struct chat *chat);
