/* Requests of HTTP/1.1 (RFC 9112), and answers to them (RFC 9110). http-parser parses the head of a request.
 *
 * The head is kept as it came, and the fields that matter are slices of it. The size of a head is limited, and
 * browser-kind.h limits its time. A head in which a single field comes twice is refused, so that this program and a
 * proxy cannot read different requests from the same bytes. The body of a request stays with the caller. The connection
 * ends after the answer to such a request.
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
        HTTP_AUTHORIZATION,
        HTTP_CONTENT_TYPE,
        HTTP_EXPECT,
        HTTP_IDEMPOTENCY_KEY,
        HTTP_FIELDS,
};

enum http_state {
        HTTP_READING,  /* the head is not complete */
        HTTP_COMPLETE, /* the head is complete and valid; `is_last` is true if the client says so or sends a body */
        HTTP_WRONG,    /* the request is refused with `status`, and is the last one */
};

struct http {
        enum http_state state;
        unsigned status;
        bool has_body;
        bool is_last; /* the connection ends after the answer */
        /* a path and a query, or whatever the client sent there. The scheme and the host of a whole address are
         * taken off, and that host is in the field Host */
        struct slice target;
        struct slice fields[HTTP_FIELDS]; /* `at` is NULL for a field that is not in the head */
        struct slice name;                /* the name of the field that is being read */
        struct slice *value;              /* its value; NULL: the field does not matter, or its name is not complete */
        http_parser parser;
        size_t len;
        char *head; /* of HTTP_HEAD_MAX_BYTES */
};

/* The fields of every answer. Pages of other sites can neither load nor read it. */
#define HTTP_SAFE_FIELDS                                                                                               \
        "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: "            \
        "same-origin\r\n"

struct http_answer {
        unsigned status;
        const char *type;                       /* the media type of the body; NULL: there is no body */
        struct slice body[HTTP_BODY_PARTS_MAX]; /* the parts of the body, in order */
        const char *fields;                     /* further fields of the head, each with its CR LF; NULL: none */
};

/* Begins to read a request. Its head goes to `head`, which belongs to the caller. */
void http_begin(struct http *h, char head[static HTTP_HEAD_MAX_BYTES]);

/* Takes bytes of a head. Returns how many bytes belong to the head: all of them, or those up to its end. */
size_t http_take(struct http *h, const uint8_t *bytes, size_t n);

/* Refuses the request with this status. The request is the last one. */
void http_give_up(struct http *h, unsigned status);

/* Returns the target without a query. */
struct slice http_path(const struct http *h);

/* Writes the value of a query, "KEY=VALUE", which is decoded (RFC 3986, section 2.1; "+" is a space). Returns its
 * length, or 0 if there is no query. Returns a negative value if the query is wrong or has another key, or if the
 * value is empty or longer than `size`. */
ssize_t http_query(const struct http *h, const char *key, char *value, size_t size);

/* Returns true if the value of a field is a list with this token. Capital letters make no difference. */
bool http_has_token(const struct http *h, enum http_field field, const char *token);

/* Writes the answer to a request at `ms`, since 1970. The client's buffer must have room for the body and
 * HTTP_ANSWER_HEAD_MAX_BYTES. */
void http_answer(const struct http *h, struct client *c, uint64_t ms, const struct http_answer *a);

/* Answers with a text that nobody may store. `more` are further fields, each with its CR LF. */
void http_tell(const struct http *h, struct client *c, uint64_t ms, unsigned status, const char *text,
               const char *more);

/* Tells a client that waits for it to send the body. */
void http_go_on(struct client *c);
