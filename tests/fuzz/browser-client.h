/* What a browser, or a program that speaks HTTP, gets: answers, and then the frames of a WebSocket.
 *
 * Promises: it gets whole answers of HTTP/1.1, one for each request that the session answered, in order, with a body
 * exactly as long as the answer says. Only an answer to a request with Expect has a 100 Continue in front. Nothing comes
 * behind an answer that ends the connection. Behind a 101 there are only frames as RFC 6455 wants them, without a mask:
 * whole objects (json-client.h), PINGs, PONGs for its own PINGs in their order, and one close frame at the end.
 */
#pragma once

#include "json-client.h"

enum {
        BROWSER_CLIENT_ASKED_MAX = 1200,
        BROWSER_CLIENT_DUE_MAX = 128, /* more than are answered on one connection */
        BROWSER_CLIENT_PINGS_MAX = 4096,
        BROWSER_CLIENT_HEAD_MAX_BYTES = HTTP_ANSWER_HEAD_MAX_BYTES,
        BROWSER_CLIENT_STATUSES_MAX = 10,
};

/* What the client gets now. */
enum browser_client_part {
        BROWSER_CLIENT_HEAD,
        BROWSER_CLIENT_BODY,
        BROWSER_CLIENT_FRAMES,
        BROWSER_CLIENT_OVER, /* nothing more */
};

/* What the client knows of a request that it typed. */
struct browser_client_asked {
        uint16_t statuses[BROWSER_CLIENT_STATUSES_MAX]; /* the answer has one of these, or any if there are none */
        unsigned statuses_count;
        bool must_close, must_keep; /* the connection ends, or goes on */
        bool must_post;             /* the session takes the body */
};

/* A request that the session has to answer, as far as it is known. */
struct browser_client_due {
        bool is_head;       /* the answer has no body */
        bool may_be_head;   /* the method was cut off */
        bool is_last;       /* the session says that the connection ends */
        bool is_timeout;    /* the request was not complete */
        bool is_post;       /* the answer comes when chatd has answered */
        bool may_go_on;     /* the client waits for a 100 */
        bool has_gone_on;   /* it got one */
        bool is_upgrade;    /* frames follow */
        bool has_known_key; /* the key of the WebSocket is that of RFC 6455, section 1.3 */
};

struct browser_client {
        bool is_plain;         /* all requests that it typed are in `asked` */
        bool has_plain_frames; /* all its PINGs are in `pings` */
        unsigned asked_close;  /* the code for what it did wrong, or that it sent; 0: none */
        size_t asked_count, due_count, answers;
        size_t pings_count, pings_answered;
        enum browser_client_part part;
        size_t head_len, body_left, payload_len, payload_left;
        /* what follows is used up to the counts above */
        struct browser_client_asked asked[BROWSER_CLIENT_ASKED_MAX];
        struct browser_client_due due[BROWSER_CLIENT_DUE_MAX];
        uint64_t pings[BROWSER_CLIENT_PINGS_MAX];     /* checksums */
        char head[BROWSER_CLIENT_HEAD_MAX_BYTES + 1]; /* of an answer or a frame */
        char payload[WEB_OUTPUT_MAX_BYTES + 1];
};

void browser_client_begin(struct browser_client *c);

/* Takes bytes that the client gets. */
void browser_client_sees(struct browser_client *c, const char *bytes, size_t n);

/* Returns true if the client has no part of an answer or a frame. */
bool browser_client_is_between(const struct browser_client *c);
