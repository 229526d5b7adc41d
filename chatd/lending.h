/* Lending: chatd asks sessions for their clients' connections (lent.h). */
#pragma once

#include "chat.h"

enum {
        /* the kernel limits how many descriptors of a user may be on their way, in LENDs and their answers: if sessions
         * run as chatd's own user, the limit is RLIMIT_NOFILE of a session, unix(7) */
        LENDING_ASKED_MAX = 4,
};

struct lending {
        size_t questions;      /* members that have not answered LEND yet */
        int64_t pause_end_ms;  /* when the first pausing member may be asked again; INT64_MAX: there is none */
        int64_t pause_look_ms; /* when chatd last looked for members whose pause is over */
        int inbox_fd_min;      /* descriptors from this number on are for members' inboxes, not for lent connections */
};

void lending_init(struct chat *chat);
void lending_free(struct chat *chat);

/* Asks the next sessions for their clients' connections, and gives up questions that are not answered in time. */
void lending_settle(struct chat *chat, int64_t now);

/* Takes the answer of `m`. Called when the socket for the answer is readable. */
void lending_answered(struct chat *chat, struct member *m);

/* Ends the loan of `m`, or the question for it. */
void lending_close(struct chat *chat, struct member *m);

/* Gives some connections back, to free descriptors for members' inboxes. Returns true if there were any. */
bool lending_give_back(struct chat *chat);
