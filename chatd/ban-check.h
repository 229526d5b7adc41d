/* Checks members against the bans (bans.h): newcomers, those that are here when a ban is added, and new names. The link
 * is never compared.
 */
#pragma once

#include <stdbool.h>

#include <chat/frame.h>

#include "complaints.h"

struct chat;

struct ban_check {
        bool sweep;                 /* a member may be banned, and is to be removed */
        struct complaint complaint; /* of banned clients */
};

/* Returns true if the sender of this HELLO or HERE is banned. Then tells the session so. */
bool ban_check_refuses(struct chat *chat, const struct frame *f);

/* Returns true if nobody may take this name. */
bool ban_check_name(const struct chat *chat, struct slice name);

/* Says that a member may be banned: a ban was added, or chatd has just started. */
void ban_check_begin(struct chat *chat);

/* Sends KICK for members that are banned, as far as the queue takes it. */
void ban_check_settle(struct chat *chat);
