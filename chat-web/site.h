/* The paths of the server: the page, the WebSocket, lines of programs, and a sign that the server works. */
#pragma once

#include "web.h"

/* How browsers find the page, and which pages may connect. */
struct site {
        const char *origins; /* further origins whose pages may connect, with blanks between them */
        /* a web server has checked the name of the host, and states the client's address in X-Real-IP and
         * X-Real-Port */
        bool is_forwarded;
};

/* Returns the most bytes that the answer to a request takes. */
size_t site_answer_max_bytes(void);

/* Answers a request that is complete or wrong, at `ms`, since 1970. If that opens a WebSocket, or if
 * a line is to come in the body, `stage` (web.h) says so, and the answer to a line comes later. */
void site_answer(struct web *w, uint64_t ms);
