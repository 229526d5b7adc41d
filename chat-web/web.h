/* The state of a client that speaks JSON, in lines (json-kind.h) or over a WebSocket (browser-kind.h). Both kinds of
 * client share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wslay/wslay.h>

#include <chat/names.h>
#include <chat/settings.h>

#include "../chat-session/talk.h"

#include "http.h"
#include "parser.h"

enum {
        WEB_LINE_MAX_BYTES = PARSER_LINE_MAX_BYTES, /* of an object that a client sends */
        WEB_REF_MAX_BYTES = 64,                     /* of a `ref`, as JSON */
        WEB_REQUESTS_MAX = 64,                      /* requests that wait for chatd's answer */
        WEB_REQUEST_MIN_BYTES = sizeof("{\"do\":\"who\"}"),
        WEB_OUTPUT_MAX_BYTES = 192 * 1024, /* the room in the client's buffer before input is read: any answer fits */
        WEB_QUEUE_MIN_BYTES = 48 * 1024, /* the room in the queue to chatd: more than what is read at once can become */
        WEB_HELD_MAX_BYTES = 4096,
        WEB_MISSING_MS = 1000, /* if no past lines came with an entry by then, there are none */
};

/* A line of the chat. All zeros: none. */
struct web_place {
        uint64_t id, number;
};

struct web_request {
        uint64_t number; /* of the request; 0: free */
        bool is_history;
        char ref[WEB_REF_MAX_BYTES + 1]; /* as JSON; empty: there is none */
};

/* A room that the client is in, or enters. */
struct web_room {
        char name[NICK_MAX_BYTES + 1];
        bool is_in;             /* chatd has said so */
        bool is_again;          /* the session enters it by itself, because chatd may have forgotten the client */
        struct web_place last;  /* the last line of others that the session showed */
        uint64_t lent;          /* lines that chatd had written to the client by then, and the session does not know */
        struct web_place since; /* past lines up to this one are not shown; all zeros: all are shown */
        uint64_t entry;         /* the number of the last request to enter it; 0: it was answered */
        int64_t missing_at;     /* when past lines count as missing: ms of CLOCK_MONOTONIC; 0: never */
};

/* A character that is shown by its number grows from two bytes to eight. What is read at once completes a line, and may
 * be more requests. */
_Static_assert((int)WEB_QUEUE_MIN_BYTES >
                       4 * (WEB_LINE_MAX_BYTES + (int)WEB_REQUESTS_MAX * (int)WEB_REQUEST_MIN_BYTES) + FRAME_MAX_BYTES,
               "what is read at once has a place in the queue");

/* What the client speaks.
 *
 * | from   | to     | when                                            |
 * |--------|--------|-------------------------------------------------|
 * | HTTP   | SOCKET | a request asks for a WebSocket                  |
 * | HTTP   | POST   | a request has a line for the chat in its body   |
 * | SOCKET | CLOSED | the client, or the session, ends the connection |
 * | POST   | CLOSED | the request is answered                         |
 */
enum web_stage {
        WEB_LINES,  /* JSON, an object in each line */
        WEB_HTTP,   /* HTTP; the client is not a member of the chat yet */
        WEB_SOCKET, /* JSON, an object in each message of a WebSocket */
        WEB_POST,   /* the body of the last request; the client is told nothing but the answer to that */
        WEB_CLOSED, /* nothing: the last frame was written */
};

/* Frames that come from a client. */
struct websocket {
        wslay_frame_context_ptr frames;
        struct slice bytes;   /* input that wslay has not taken */
        uint64_t frame_len;   /* how much of a frame has come */
        bool has_begun;       /* a message has begun, and `line` has its first part */
        uint8_t control[125]; /* the payload of a control frame */
        size_t control_len;
};

/* The steps of a line that a program says.
 *
 * | from    | to      | when                                       |
 * |---------|---------|--------------------------------------------|
 * | BODY    | JOINING | the body is complete and valid             |
 * | JOINING | ASKED   | chatd welcomes the session, and is asked   |
 */
enum post_step {
        POST_BODY,
        POST_JOINING,
        POST_ASKED,
};

/* A line that a program says (post.h). The body goes to `line` of struct web. */
struct post {
        enum post_step step;
        bool is_json; /* the body is an object with a "text", and perhaps a "room" */
        size_t size;  /* of the whole body */
        uint64_t key; /* 0: none */
        char secret[SECRET_MAX_BYTES + 1], room[NICK_MAX_BYTES + 1];
};

/* Pages that are never used cost no memory. So what every session uses stands together: the first fields, and the
 * beginning of `line`. */
struct web {
        struct session *session;
        struct client *client;
        enum web_stage stage;
        bool is_introduced; /* it has a name: it joins the chat */
        bool is_welcomed;
        bool has_spoken; /* it has sent a JSON object */
        bool skips_line; /* the line is too long */
        size_t line_len;
        /* for browsers alone, see browser-kind.h */
        const struct site *site;
        struct http http;
        struct websocket socket;
        unsigned answers;   /* how many requests of HTTP were answered */
        int64_t request_by; /* when a request must be complete: ms of CLOCK_MONOTONIC */
        int64_t ping_at;
        size_t held_len; /* input that was read and waits in `held` */
        size_t rooms_count;
        size_t reentered; /* the rooms from this index on are to be entered again, because chatd may have forgotten them */
        struct web_room rooms[MEMBER_ROOMS_MAX];
        char line[WEB_LINE_MAX_BYTES]; /* or a message, or the head or the body of a request */
        uint8_t held[WEB_HELD_MAX_BYTES];
        struct post post;
        struct web_request requests[WEB_REQUESTS_MAX];
};

_Static_assert((int)WEB_LINE_MAX_BYTES >= (int)HTTP_HEAD_MAX_BYTES, "a head has room where a line has");
