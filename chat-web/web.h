/* The state of a client that speaks JSON. The parts of this kind of client (json-kind.h) share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>
#include <chat/settings.h>

#include "../chat-session/talk.h"

enum {
        WEB_LINE_MAX_BYTES = 8192, /* of an object that a client sends */
        WEB_REF_MAX_BYTES = 64,    /* of a `ref`, as JSON */
        WEB_REQUESTS_MAX = 64,     /* requests that wait for chatd's answer */
        WEB_REQUEST_MIN_BYTES = sizeof("{\"do\":\"who\"}"),
        WEB_OUTPUT_MAX_BYTES = 128 * 1024, /* the room in the client's buffer before input is read: any answer fits */
        WEB_QUEUE_MIN_BYTES = 32 * 1024,   /* the room in the queue to chatd: more than a line can become */
        WEB_MISSING_MS = 1000,             /* if no past lines came with an entry by then, there are none */
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
        struct web_place last;  /* the last line that the client has */
        struct web_place since; /* past lines up to this one are not shown; all zeros: all are shown */
        uint64_t entry;         /* the number of the request to enter, whose past lines are due; 0: none are */
        int64_t missing_at;     /* when they count as missing: ms of CLOCK_MONOTONIC; 0: not yet */
};

struct web {
        struct session *session;
        struct client *client;
        bool is_welcomed;
        struct web_request requests[WEB_REQUESTS_MAX];
        struct web_room rooms[MEMBER_ROOMS_MAX];
        size_t rooms_count;
        size_t reentered; /* the rooms from this index on are to be entered again, because chatd may have forgotten them */
        bool skips_line; /* the line is too long */
        size_t line_len;
        char line[WEB_LINE_MAX_BYTES];
};
