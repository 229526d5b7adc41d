/* Requests of HTTP/1.1 (RFC 9112), and answers to them (RFC 9110). http-parser parses the head of a request.
 *
 * The head is kept as it came, and the fields that matter are slices of it. A head has a bound, and so has the time in
 * which it must come (browser-kind.h). A field that may stand in a head only once is not taken twice, so that this
 * program and a proxy cannot read two requests out of the same bytes. The body of a request is never read: the
 * connection ends behind the answer to a request with a body.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <http_parser.h>

#include <chat/wire.h>

#include "../chat-session/client.h"

enum {
        HTTP_HEAD_MAX_BYTES = 8192,
        HTTP_ANSWER_HEAD_MAX_BYTES = 2048,
        HTTP_BODY_PARTS_MAX = 5,
};

/* The fields that matter. */
enum http_field {
        HTTP_HOST,
        HTTP_ORIGIN,
        HTTP_CONNECTION,
        HTTP_TRANSFER_ENCODING,
        HTTP_UPGRADE,
        HTTP_WEBSOCKET_KEY,
        HTTP_WEBSOCKET_VERSION,
        HTTP_WEBSOCKET_PROTOCOL,
        HTTP_IF_NONE_MATCH,
        HTTP_REAL_IP,
        HTTP_REAL_PORT,
        HTTP_FIELDS,
};

enum http_state {
        HTTP_READING, /* the head is not complete */
        HTTP_COMPLETE, /* the head is complete, and right. The request is the last one if the client says so, or sends a body */
        HTTP_WRONG, /* the answer to it is `status`, and it is the last one */
};

struct http {
        enum http_state state;
        unsigned status;
        bool has_body;
        bool is_last;                     /* the connection ends behind the answer */
        struct slice target;              /* a path, and a query behind it; or what the client sent in its place */
        struct slice fields[HTTP_FIELDS]; /* `at` is NULL for a field that did not come */
        struct slice name;                /* of the field that is being read */
        struct slice *value;              /* its value; NULL: it does not matter, or its name is not complete */
        http_parser parser;
        size_t len;
        char head[HTTP_HEAD_MAX_BYTES];
};

struct http_answer {
        unsigned status;
        const char *type;                       /* the media type of the body; NULL: there is no body */
        struct slice body[HTTP_BODY_PARTS_MAX]; /* its parts, one behind the other */
        const char *fields;                     /* further fields of the head, each with its CR LF; NULL: none */
};

/* Begins to read a request. */
void http_begin(struct http *h);

/* Takes bytes of a head. Returns how many belong to it: all, or those up to its end. */
size_t http_take(struct http *h, const uint8_t *bytes, size_t n);

/* Ends the request before it is complete. */
void http_give_up(struct http *h, unsigned status);

/* Returns the target without a query. */
struct slice http_path(const struct http *h);

/* Returns true if the value of a field, a list, has this token, in capitals or not. */
bool http_has_token(const struct http *h, enum http_field field, const char *token);

/* Returns the most that an answer takes. */
size_t http_answer_bytes(const struct http_answer *a);

/* Writes the answer to a request at `ms`, since 1970. There must be room in the client's buffer. */
void http_answer(const struct http *h, struct client *c, uint64_t ms, const struct http_answer *a);
