/* Membership: sessions join, answer a roll call, may be announced, and leave.
 *
 * What takes a frame returns 0, or -ENOBUFS where the batch cannot have it, or those who wait to be announced are too
 * many: then nothing was done, and the frame belongs to the next batch.
 */
#pragma once

#include "chat.h"

int membership_hello(struct chat *chat, const struct frame *f);

/* The answer to a roll call, or from a session whose queue was lost: not news, unless its HELLO was lost too. */
int membership_here(struct chat *chat, const struct frame *f);

/* The client of a session whose HELLO was quiet is one of the chat. */
int membership_arrive(struct chat *chat, const struct frame *f);

/* BYE, or GONE for a session that could not say it. */
int membership_leave(struct chat *chat, const struct frame *f);

/* The batch was relayed: sends those who left in it their last datagram, and marks their notes. */
void membership_say_goodbye(struct chat *chat);

/* The batch was consumed: removes those who left in it, and their notes. */
void membership_remove_leavers(struct chat *chat);
