/* Contact with members: connects to them, watches them, notices their death, and calls those that a recovery found. */
#pragma once

#include "chat.h"

/* After a recovery, CONTACT_CALLED_MAX sessions are called every CONTACT_CALL_MS. */
enum {
        CONTACT_CALL_MS = 10,
        CONTACT_CALLED_MAX = 32,
};

/* Connects to a member that is not connected, and watches it; marks it dead if it is. Returns 0, or a negative errno:
 * -EPERM if its inbox is invalid (the member counts as dead), another errno if it lives but cannot be reached:
 * descriptors or memory ran out. The link lags if it cannot be reached. */
int contact_open(struct chat *chat, struct member *m);

/* Marks `m` dead, because its process died. */
void contact_exited(struct chat *chat, struct member *m);

/* Does the work after events were handled: calls members that a recovery found, a few at a time; connects members for
 * which descriptors had run out; sends GONE for dead members; watches members that began to lag; asks for clients'
 * connections. */
void contact_settle(struct chat *chat, int64_t now);

/* Returns when contact_settle() calls the next members, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t contact_call_ms(const struct chat *chat);
