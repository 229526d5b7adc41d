/* Contact with members: connects to them, watches them, finds out that one died, and calls those that a recovery found. */
#pragma once

#include "chat.h"

/* After a recovery, CONTACT_CALLED_MAX sessions are called every CONTACT_CALL_MS. */
enum {
        CONTACT_CALL_MS = 10,
        CONTACT_CALLED_MAX = 32,
};

/* Connects to a member that is not connected, and watches it; marks it dead if it is. The link lags where it cannot be
 * reached. Returns 0, or a negative errno: -EPERM where its inbox is none (it is dead to the chat), another where it lives
 * but cannot be reached: descriptors or memory ran out. */
int contact_open(struct chat *chat, struct member *m);

/* The process of `m` died. */
void contact_exited(struct chat *chat, struct member *m);

/* After events were handled: calls members that a recovery found, a few at a time; connects where descriptors had run
 * out; sends GONE for those found dead; watches those that began to lag; asks for clients' connections. */
void contact_settle(struct chat *chat, int64_t now);

/* Returns when contact_settle() is to call the next ones, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t contact_call_ms(const struct chat *chat);
