/* Lending: chatd asks sessions for their clients' connections (lent.h). */
#pragma once

#include "chat.h"

enum {
        /* a user may have few descriptors in flight, with LEND and its answer: as many as RLIMIT_NOFILE of a session
         * allows if sessions run as chatd's own user, unix(7) */
        LENDING_ASKED_MAX = 4,
};

struct lending {
        size_t questions;      /* members whose answer to LEND has not come yet */
        int64_t pause_end_ms;  /* when the first member that declined may be asked again; INT64_MAX: there is none */
        int64_t pause_look_ms; /* when chatd last looked for such members */
        int inbox_fd_min;      /* descriptors from this one on are for members' inboxes, not for lent connections */
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
