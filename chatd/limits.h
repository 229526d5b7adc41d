/* The highest numbers of members from one network, and of one user of this host (address.h). Newcomers beyond a limit
 * are refused at their HELLO, are told why, and are counted. Present members stay.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <chat/frame.h>

#include "complaints.h"

struct chat;

struct limits {
        struct complaint complaint; /* about newcomers beyond a limit */
};

/* Returns true if the sender of this HELLO exceeds a limit, and tells the session so. */
bool limits_refuse(struct chat *chat, const struct frame *f);
