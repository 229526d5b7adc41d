/* Lending: chatd asks sessions for their clients' connections, and wakes those to whose clients it wrote (lent.h). */
#pragma once

#include "chat.h"

enum {
        LENDING_WAKE_S = 15,
        LENDING_ASKED_MAX = 4, /* a user may have few descriptors on their way, with LEND and its answer: as many as
                                  RLIMIT_NOFILE of a session says where sessions run as our own user, unix(7) */
};

void lending_init(struct chat *chat);
void lending_free(struct chat *chat);

/* Asks `m` for its client's connection, where that is worth it. */
void lending_ask(struct chat *chat, struct member *m, int64_t now);

/* The socket on which `m` was asked is readable: takes the answer. */
void lending_answered(struct chat *chat, struct member *m);

/* What `m` lends is lent no more, or asked for no more. */
void lending_close(struct chat *chat, struct member *m);

/* Gives connections back, so that descriptors for members' inboxes are free. Returns true if there were any. */
bool lending_give_back(struct chat *chat);

/* Wakes the sessions to whose clients chatd wrote by itself, each once in LENDING_WAKE_S seconds, so that they see whether
 * their clients are still there. Returns when that is due next, in ms; INT64_MAX for never. */
int64_t lending_wake(struct chat *chat, int64_t now);
