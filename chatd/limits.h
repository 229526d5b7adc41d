/* How many may be in the chat from one network, and of one user of this host (chatd/address.h). Those beyond that are
 * refused when they say HELLO, told why, and counted; who is here already stays.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <chat/frame.h>

struct chat;

struct limits {
        uint64_t refused;   /* since that was logged last … */
        int64_t refused_ms; /* … then, CLOCK_MONOTONIC; 0: never */
};

/* Returns true where the sender of this HELLO is one too many: it has been told so. */
bool limits_refuse(struct chat *chat, const struct frame *f);
