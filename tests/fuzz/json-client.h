/* A client that speaks JSON, whether in lines or in the messages of a WebSocket: the requests that it types, and what it
 * knows from the objects that it gets.
 *
 * Promises: each object that it gets is JSON, as jansson parses it strictly, with an event that chat-json(5) lists, and
 * within its bounds. A ref comes back in one answer or error for each request that has it. If nothing was lost or
 * skipped, none is missing in the end.
 */
#pragma once

#include <jansson.h>

#include "../../chat-web/web.h"

#include "fuzz.h"

enum {
        JSON_CLIENT_SENT_MAX_BYTES = 48 * 1024, /* so that a session that reads a request at a time ends in time */
        TYPED_MAX_BYTES = 2 * WEB_LINE_MAX_BYTES,
};

/* What a client is about to type. */
struct typed {
        char text[TYPED_MAX_BYTES];
        size_t len;
};

/* Append a text or bytes, as far as there is room. */
void typed_add(struct typed *t, const char *text);
void typed_add_bytes(struct typed *t, const void *bytes, size_t n);

/* Changes a byte, or leaves some out. */
void typed_mutate(struct typed *t, struct choices *c);

/* Begins with a client that knows nothing. */
void json_client_begin(void);

/* Writes a request that the script chooses. */
void json_client_ask(struct typed *t, struct choices *c);

/* Takes an object that the client got. A NUL stands behind it. */
void json_client_take(const char *object, size_t len);

/* Returns the number of requests that the session took, and writes a checksum of them. */
unsigned json_client_taken(uint64_t *sum);

/* Returns the checksum of requests, the last of which is `request`. `sum` is that of the others, 0 at first. */
uint64_t json_client_sum(uint64_t sum, struct slice request);

/* Checks that everything that the client asked was answered. */
void json_client_check_answers(const struct web *w);

/* Let jansson use the heap, so that what the session has parsed stays as it is. */
void json_client_heap_begin(void);
void json_client_heap_end(void);
