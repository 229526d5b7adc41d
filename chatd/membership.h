/* Membership: sessions join, answer a roll call, let themselves be announced, and leave.
 *
 * Functions that take a frame return NEXT_BATCH if members may not come or leave in this batch, if too many members
 * wait to be announced, or if the member leaves in this batch.
 *
 * A member is dead if its process has ended or its inbox is gone. A session that still runs binds its inbox anew, and
 * sends HERE, which makes it a member again. If its GONE is taken before HERE, the member leaves, unless chatd finds
 * the new inbox.
 */
#pragma once

#include "chat.h"

struct membership {
        struct member *leavers[BATCH_MAX_RECORDS]; /* members that leave in this batch */
        size_t leavers_count;
        uint64_t joins;             /* sessions that became members, since the start */
        uint64_t not_chat;          /* connections that spoke another protocol, since the start */
        struct complaint complaint; /* about such connections */
};

enum outcome membership_hello(struct chat *chat, const struct frame *f);

/* Takes a HERE: the answer to a roll call, or from a session that noticed that the queue was lost. It makes a new
 * member only if the HELLO was lost, too. */
enum outcome membership_here(struct chat *chat, const struct frame *f);

/* Takes an ARRIVE: the client of a session whose HELLO was quiet is a chat client. */
enum outcome membership_arrive(struct chat *chat, const struct frame *f);

/* Takes a BYE, or a GONE for a session that could not send a BYE. Ignores a GONE of a member that can be reached. */
enum outcome membership_leave(struct chat *chat, const struct frame *f);

/* Sends the members that left in the relayed batch their last datagram, and marks their notes. */
void membership_say_goodbye(struct chat *chat);

/* Removes the members that left in the consumed batch, and their notes. */
void membership_remove_leavers(struct chat *chat);
