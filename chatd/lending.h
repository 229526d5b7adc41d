/* Lending: chatd asks sessions for their clients' connections, and wakes the sessions to whose clients it wrote
 * (lent.h). */
#pragma once

#include "chat.h"

enum {
        LENDING_WAKE_S = 15,
        /* a user may have few descriptors in flight, with LEND and its answer: as many as RLIMIT_NOFILE of a session
         * allows if sessions run as chatd's own user, unix(7) */
        LENDING_ASKED_MAX = 4,
};

void lending_init(struct chat *chat);
void lending_free(struct chat *chat);

/* Asks the next sessions for their clients' connections, and gives up those that do not answer. */
void lending_settle(struct chat *chat, int64_t now);

/* Takes the answer of `m`, when the socket for it is readable. */
void lending_answered(struct chat *chat, struct member *m);

/* Ends the lending of `m`, or the question for it. */
void lending_close(struct chat *chat, struct member *m);

/* Gives connections back, so that descriptors for members' inboxes are free. Returns true if there were any. */
bool lending_give_back(struct chat *chat);

/* Wakes the sessions to whose clients chatd wrote by itself, each once in LENDING_WAKE_S seconds, so that they check if
 * their clients are still there. Returns when that is due next, in ms; INT64_MAX for never. */
int64_t lending_wake(struct chat *chat, int64_t now);
