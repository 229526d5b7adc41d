/* The contact with members: connects to them, watches them, notices their death, and calls the members that a recovery
 * found. */
#pragma once

#include "chat.h"

/* After a recovery, CONTACT_CALLED_MAX sessions are called every CONTACT_CALL_MS. */
enum {
        CONTACT_CALL_MS = 10,
        CONTACT_CALLED_MAX = 32,
};

enum {
        CONTACT_E_DEAD = 1, /* its process or inbox is gone */
        CONTACT_E_INVALID,  /* its inbox is no socket of the session user; for the link, of chatd's own user */
};

struct contact {
        int64_t call_ms; /* when the next members are called, CLOCK_MONOTONIC */
};

/* Connects to a member that is not connected, and watches it. Returns 0; CONTACT_E_DEAD or CONTACT_E_INVALID if the
 * member is dead; or a negative errno if the member lives, but descriptors or memory ran out. The link lags if it
 * cannot be reached. */
int contact_open(struct chat *chat, struct member *m);

/* Refuses a session that cannot become a member. `result` is that of contact_open(), or a negative errno. If it is
 * positive, the fault is the session's own: then the session is only ignored and counted. */
void contact_turn_away(struct chat *chat, uint64_t id, uint64_t key, int result);

/* Marks `m` dead, because its process died. */
void contact_exited(struct chat *chat, struct member *m);

/* Does the work that is left after events: calls members that a recovery found, a few at a time; connects members for
 * which there were no descriptors; sends GONE for dead members; watches members that began to lag; asks for clients'
 * connections. */
void contact_settle(struct chat *chat, int64_t now);

/* Returns the time at which contact_settle() calls the next members, in ms of CLOCK_MONOTONIC, or INT64_MAX if there
 * are none. */
int64_t contact_call_ms(const struct chat *chat);
