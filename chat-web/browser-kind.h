/* Clients that are browsers: HTTP, and JSON objects (chat-json(5)) in the messages of a WebSocket. Their state is
 * struct web (web.h).
 *
 * A client begins with HTTP, and is not a member of the chat. It becomes a member when it gets a WebSocket. From then
 * on it is like a client of json-kind.h, except for the frames around the objects. A program may also say a line by a
 * single request (post.h).
 */
#pragma once

#include "../chat-session/kind.h"

enum {
        BROWSER_REQUEST_MS = 10000, /* how long the first request may take */
        BROWSER_IDLE_MS = 15000,    /* how long each further request may take, from the previous answer on */
        BROWSER_REQUESTS_MAX = 100, /* on one connection */
};

/* Returns the kind of client. With a WebSocket it does what json_kind does. */
struct kind browser_kind(void);
