/* Checks the bans (bans.h) for each newcomer, for each new name, and for all members when a ban is added. Bans do not
 * concern the link.
 */
#pragma once

#include <stdbool.h>

#include <chat/frame.h>

#include "complaints.h"

struct chat;

struct ban_check {
        bool sweep;                 /* a member may be banned, and all members are to be checked */
        struct complaint complaint; /* about banned clients */
};

/* Returns true if the sender of this HELLO or HERE is banned, and tells the session so. */
bool ban_check_refuses(struct chat *chat, const struct frame *f);

/* Returns true if the name is banned: then nobody may take it. */
bool ban_check_name(const struct chat *chat, struct slice name);

/* Makes ban_check_settle() check all members, because a ban was added or chatd has just started. */
void ban_check_begin(struct chat *chat);

/* Sends a KICK for each banned member, as far as the queue takes them. The rest follows at the next call. */
void ban_check_settle(struct chat *chat);
