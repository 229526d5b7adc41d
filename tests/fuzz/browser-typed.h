/* What a browser, or a program that speaks HTTP, types: requests right and wrong, and the frames of a WebSocket. */
#pragma once

#include "browser-client.h"

enum { BROWSER_TYPED_SECRET_MAX_BYTES = 160, BROWSER_TYPED_KEY_MAX_BYTES = 300 };

/* The line that the first right POST asks for. No other request comes behind it. */
struct browser_typed_post {
        bool is_asked, has_text;
        bool has_key;
        char secret[BROWSER_TYPED_SECRET_MAX_BYTES];
        const char *room;
        struct typed body;
        bool is_json;
};

/* What the client has typed. */
struct browser_typed {
        bool is_proxied;   /* a web server stands between them */
        bool has_frames;   /* it got, or will get, a WebSocket */
        bool has_begun;    /* a message of several frames */
        unsigned messages; /* that the session must take */
        uint64_t sum;      /* of these */
        size_t message_len;
        struct browser_typed_post post;
        /* what follows is used up to the count above */
        char message[WEB_LINE_MAX_BYTES];
};

void browser_typed_begin(struct browser_typed *b, bool is_proxied);

/* Write a request, or a frame, that the script chooses, and note what its answer must be. */
void browser_typed_request(struct browser_typed *b, struct typed *t, struct browser_client *client, struct choices *c);
void browser_typed_frame(struct browser_typed *b, struct typed *t, struct browser_client *client, struct choices *c);

/* Notes a request without faults for a path that exists. */
void browser_typed_note_good(struct browser_client *client);
