/* Contact with members: connects to them, watches them, notices their death, and calls those that a recovery found. */
#pragma once

#include "chat.h"

/* After a recovery, CONTACT_CALLED_MAX sessions are called every CONTACT_CALL_MS. */
enum {
        CONTACT_CALL_MS = 10,
        CONTACT_CALLED_MAX = 32,
};

enum {
        CONTACT_E_DEAD = 1, /* its process or inbox is gone */
        CONTACT_E_INVALID,  /* its inbox is no socket of the session user or, for the link, of chatd's own user */
};

struct contact {
        int64_t call_ms; /* when the next uncalled members are called, CLOCK_MONOTONIC */
};

/* Connects to a member that is not connected, and watches it. Returns 0; CONTACT_E_DEAD or CONTACT_E_INVALID: then the
 * member is dead; or a negative errno: the member lives, but descriptors or memory ran out. The link lags if it cannot
 * be reached. */
int contact_open(struct chat *chat, struct member *m);

/* Refuses a session that contact_open() cannot reach, or that cannot become a member for another reason, with its
 * result or another negative errno. The session is ignored if the result is positive: the fault is its own. */
void contact_turn_away(struct chat *chat, uint64_t id, uint64_t key, int result);

/* Marks `m` dead, because its process died. */
void contact_exited(struct chat *chat, struct member *m);

/* Does the work after events were handled: calls members that a recovery found, a few at a time; connects members for
 * which descriptors had run out; sends GONE for dead members; watches members that began to lag; asks for clients'
 * connections. */
void contact_settle(struct chat *chat, int64_t now);

/* Returns when contact_settle() calls the next members, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t contact_call_ms(const struct chat *chat);
