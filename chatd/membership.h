/* Membership: sessions join, answer a roll call, may be announced, and leave.
 *
 * Functions that take a frame return NEXT_BATCH if members may not come or leave in this batch, or too many members
 * wait to be announced, or the member is just leaving.
 *
 * A member is dead when its process has ended or its inbox is gone. A session that runs binds its inbox anew, and is a
 * member again from its HERE on, or stays one if GONE finds the inbox.
 */
#pragma once

#include "chat.h"

struct membership {
        struct member *leavers[BATCH_MAX_RECORDS]; /* members that leave in the batch */
        size_t leavers_count;
        uint64_t joins;             /* sessions that became members, since the start */
        uint64_t not_chat;          /* connections that spoke another protocol, since the start */
        struct complaint complaint; /* of such connections */
};

enum outcome membership_hello(struct chat *chat, const struct frame *f);

/* Takes an answer to a roll call, or a HERE from a session whose queue was lost: no news, unless its HELLO was lost
 * too. */
enum outcome membership_here(struct chat *chat, const struct frame *f);

/* Takes an ARRIVE: the client of a session whose HELLO was quiet is a chat client. */
enum outcome membership_arrive(struct chat *chat, const struct frame *f);

/* Takes a BYE, or a GONE for a session that could not send one. A GONE of a member that can be reached is no news. */
enum outcome membership_leave(struct chat *chat, const struct frame *f);

/* Sends the members that left in the relayed batch their last datagram, and marks their notes. */
void membership_say_goodbye(struct chat *chat);

/* Removes the members that left in the consumed batch, and their notes. */
void membership_remove_leavers(struct chat *chat);
