/* The state of an IRC client. The parts of this kind of client (irc-kind.h) share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>

#include "../chat-session/talk.h"

#include "nick.h"
#include "reader.h"

enum {
        IRC_REGISTER_MS = 30 * 1000, /* a client that has not registered by then is closed */
        IRC_INPUT_MAX_BYTES = 4096,  /* bytes that were read and wait for room */
        IRC_REQUESTS_MAX = 16,       /* requests that wait for chatd's answer */
        IRC_TARGET_MAX_BYTES = NAME_MAX_BYTES,
        /* the room in the client's buffer before a message is taken: a list of rooms or names fits, and more */
        IRC_OUTPUT_MAX_BYTES = 192 * 1024,
        IRC_RESERVED_BYTES = 128 * 1024, /* the room that lines of the chat leave to answers */
};

/* How far the client is. Only registration.c changes this.
 *
 * | from        | to       | when                                                                   |
 * |-------------|----------|------------------------------------------------------------------------|
 * | REGISTERING | JOINING  | the client has stated a nick and a user, and has ended CAP             |
 * | JOINING     | TALKING  | chatd took the client under its nick                                   |
 * | JOINING     | RENAMING | another member has that name, so chatd gave the client another one     |
 * | RENAMING    | TALKING  | the client has chosen a nick that is free                              |
 */
enum irc_stage {
        IRC_REGISTERING,
        IRC_JOINING,
        IRC_RENAMING,
        IRC_TALKING,
};

/* The capabilities of IRCv3 that a client can turn on. The number is the index in the table of registration.c. */
enum irc_capability {
        IRC_CAP_NOTIFY,
        IRC_ECHO_MESSAGE,
        IRC_MESSAGE_TAGS,
        IRC_MULTI_PREFIX,
        IRC_SERVER_TIME,
        IRC_USERHOST_IN_NAMES,
        IRC_CAPABILITIES,
};

/* What a request to chatd was for. */
enum irc_wish {
        /* these change the client's nick or room, or have long answers: the next message waits until they are answered */
        IRC_WISH_NICK,
        IRC_WISH_JOIN,
        IRC_WISH_PART,
        IRC_WISH_NAMES,
        IRC_WISH_WHO,
        IRC_WISH_LIST,
        /* the next message need not wait for these */
        IRC_WISH_TOPIC,
        IRC_WISH_FIRST_TOPIC, /* that of the room in which the client begins */
        IRC_WISH_NEW_TOPIC,   /* the topic that the client has just set */
        IRC_WISH_WHOIS,
        IRC_WISH_MESSAGE, /* a private message */
        IRC_WISH_NOTICE,  /* the same, as a NOTICE: no error is reported */
};

struct irc_request {
        uint64_t number; /* of the request; 0: free */
        enum irc_wish wish;
        char target[IRC_TARGET_MAX_BYTES + 1]; /* the nick or channel, as the client wrote it */
};

struct irc_options {
        const char *server; /* the name of this server, with a dot */
};

/* All zeros, except for `options`, which must live as long as the session. */
struct irc {
        const struct irc_options *options;
        struct session *session;
        struct client *client;
        enum irc_stage stage;
        int64_t register_by;             /* ms of CLOCK_MONOTONIC */
        bool has_user, negotiates;       /* USER came; CAP was begun and not ended */
        uint32_t capabilities;           /* a bit for each that is on */
        char wanted[NICK_MAX_BYTES + 1]; /* the nick that the client asked for; empty: none yet */
        char room[NICK_MAX_BYTES + 1];   /* the room that the client is in; empty: in none yet */
        struct irc_request requests[IRC_REQUESTS_MAX];
        struct reader reader;
        size_t input_at, input_len; /* the waiting part of `input` */
        uint8_t input[IRC_INPUT_MAX_BYTES];
};

static inline bool irc_has(const struct irc *i, enum irc_capability capability)
{
        return i->capabilities & UINT32_C(1) << capability;
}
