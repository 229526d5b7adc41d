/* What is found at which path: the page, the WebSocket, and whether the server works. */
#pragma once

#include "page.h"
#include "web.h"

/* How browsers find the page, and who they may be. */
struct site {
        struct page page;
        const char *origins; /* further origins whose pages may connect, with blanks between them */
        /* a web server has checked which host is asked for, and names its client in X-Real-IP and X-Real-Port */
        bool is_forwarded;
};

/* Returns the most that the answer to a request takes. */
size_t site_answer_max_bytes(const struct web *w);

/* Answers a request whose head has come, or is wrong, at `ms`, since 1970. If it asks for a WebSocket, the client has it
 * then: see `stage` in web.h. */
void site_answer(struct web *w, uint64_t ms);
