/* The state of an IRC client. The parts of this kind of client (irc-kind.h) share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/answer.h>
#include <chat/names.h>
#include <chat/record.h>
#include <chat/settings.h>

#include "../chat-session/talk.h"

#include "line.h"
#include "nick.h"
#include "reader.h"

enum {
        IRC_REGISTER_MS = 30 * 1000, /* a client that has not registered by then is closed */
        IRC_INPUT_MAX_BYTES = 4096,  /* bytes that were read and wait for room */
        IRC_PATIENCE_MS = 2000,      /* how long a PING waits for what came before it */
        IRC_ARRIVE_MS = 30 * 1000,   /* how long after its registration a client in no channel is announced */
        IRC_REQUESTS_MAX = 16,       /* requests that wait for chatd's answer */
        IRC_TARGET_MAX_BYTES = NAME_MAX_BYTES,
        IRC_LABEL_MAX_BYTES = 64,
        IRC_HISTORY_MAX_LINES = HISTORY_MAX_LINES,
        IRC_REFERENCE_MAX_BYTES = 64,
        /* the room in the client's buffer before a message is taken: a list of rooms or names fits, and more */
        IRC_OUTPUT_MAX_BYTES = 192 * 1024,
        IRC_RESERVED_BYTES = 128 * 1024, /* the room that lines of the chat leave to answers */
        IRC_ENDS_BYTES = 32 * 1024,      /* the room that long lists and notices leave to the ends of answers */
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
        IRC_BATCH,
        IRC_CAP_NOTIFY,
        IRC_CHATHISTORY,
        IRC_ECHO_MESSAGE,
        IRC_EXTENDED_JOIN,
        IRC_LABELED_RESPONSE,
        IRC_MESSAGE_TAGS,
        IRC_MULTI_PREFIX,
        IRC_SERVER_TIME,
        IRC_STANDARD_REPLIES,
        IRC_USERHOST_IN_NAMES,
        IRC_CAPABILITIES,
};

/* What a request to chatd was for. */
enum irc_wish {
        /* these change the client's nick or channels, or have long answers: the next message waits until they are
         * answered */
        IRC_WISH_NICK,
        IRC_WISH_JOIN,
        IRC_WISH_REJOIN, /* a channel that the client is in already: chatd may have forgotten it */
        IRC_WISH_PART,
        IRC_WISH_NAMES,
        IRC_WISH_WHO,
        IRC_WISH_WHO_NICK, /* WHO for one person */
        IRC_WISH_LIST,
        IRC_WISH_LUSERS,
        IRC_WISH_HISTORY,
        IRC_WISH_ABSENT,       /* whether there is a channel that the client is not in */
        IRC_WISH_MODES,        /* the same, for MODE */
        IRC_WISH_SELF_MESSAGE, /* a private message to the client itself, also as a NOTICE */
        IRC_WISH_ISON,
        IRC_WISH_USERHOST,
        IRC_WISH_WAITED_FOR = IRC_WISH_USERHOST,
        /* the next message need not wait for these */
        IRC_WISH_TOPIC,
        IRC_WISH_NEW_TOPIC, /* the topic that the client has just set */
        IRC_WISH_WHOIS,
        IRC_WISH_SYNC,    /* only that there is an answer counts: see about.h */
        IRC_WISH_MESSAGE, /* a private message */
        IRC_WISH_NOTICE,  /* the same, as a NOTICE: no error is reported */
};

struct irc_request {
        uint64_t number; /* of the request; 0: free */
        enum irc_wish wish;
        bool is_labelled;                      /* it is a part of what the label stands for: see labels.h */
        char target[IRC_TARGET_MAX_BYTES + 1]; /* the nick or channel, as the client wrote it */
};

struct irc;

/* A list that is worked off one by one: see lists.h. */
struct irc_list {
        void (*each)(struct irc *i, struct slice target); /* NULL: there is no list */
        void (*done)(struct irc *i);                      /* NULL: nothing is to be done at the end */
        size_t at, len;                                   /* the part of `text` that is left */
        char text[MEMBER_ROOMS_MAX * (NICK_MAX_BYTES + 2) + 64];
};

/* The fields that WHO is to show: see people.h. */
struct irc_who {
        bool is_extended;
        char fields[16];
        char token[4];
};

/* The people in a room who are still to be listed, for NAMES, JOIN or WHO: see names.h. */
struct irc_names {
        bool is_open, is_who, is_labelled;
        char channel[NICK_MAX_BYTES + 2];
        char asked[IRC_TARGET_MAX_BYTES + 1]; /* the channel as the client wrote it */
        uint64_t missing;                     /* how many people chatd left out */
        struct wire_reader left;              /* the names that are still to be written */
};

/* The past lines that the client has asked for: see history.h. */
enum irc_history_what {
        IRC_LATEST,
        IRC_BEFORE,
        IRC_AFTER,
        IRC_AROUND,
        IRC_BETWEEN,
};

struct irc_history {
        enum irc_history_what what;
        struct irc_reference {
                bool is_any;
                uint64_t id, number; /* `number` is 0 if the message is named by its time */
                uint64_t ms;         /* since 1970 */
        } references[2];
        size_t limit;
};

/* The past lines that are being shown, the oldest first. */
struct history_lines {
        size_t count;
        struct history_line {
                uint64_t seconds; /* since 1970 */
                struct record record;
        } all[IRC_HISTORY_MAX_LINES];
};

struct irc_options {
        const char *server; /* the name of this server, with a dot */
};

/* All zeros, except for `options`, which must live as long as the session. The fields that are in
 * constant use come first, in one page; then those that most clients use; and then large parts that most clients never
 * use, which cost no memory. */
struct irc {
        const struct irc_options *options;
        struct session *session;
        struct client *client;
        enum irc_stage stage;
        int64_t register_by, arrive_at; /* ms of CLOCK_MONOTONIC */
        bool has_user, negotiates;      /* USER came; CAP was begun and not ended */
        bool may_get_more;     /* chatd may send more behind its last answer: past lines, or its message of the day */
        bool is_muted;         /* as far as the client was told */
        uint64_t members;      /* how many were here when chatd took the client; 0: unknown */
        uint32_t capabilities; /* a bit for each that is on */
        char wanted[NICK_MAX_BYTES + 1]; /* the nick that the client asked for; empty: none yet */
        char name[NAME_MAX_BYTES + 1];   /* whose nick the client takes for its own, once it has registered */
        struct irc_channel {
                char room[NICK_MAX_BYTES + 1];
        } channels[MEMBER_ROOMS_MAX]; /* those that the client is in: `channels_count` */
        size_t channels_count;
        size_t rejoined;    /* the channels from this index on are to be joined again: see channels.h */
        int64_t blocked_at; /* since when messages wait, ms of CLOCK_MONOTONIC; 0: they do not, or this is not noted yet */
        bool has_new_input; /* among the messages that wait may be some that need not */
        struct irc_who who;
        struct irc_history history;
        unsigned batches; /* so far: each has its number as its reference */
        struct {
                char text[IRC_LABEL_MAX_BYTES + 1]; /* of the message that is being answered; empty: it has none */
                bool is_open;                       /* its batch has begun */
                bool has_first;                     /* the first message of the answer is written */
                size_t room;                        /* the room in the client's buffer before that */
                bool is_active;                     /* what is written now is a part of the answer */
                unsigned batch;                     /* the number of its batch */
        } label;
        struct irc_ping {
                bool is_due;
                int64_t by; /* when the PONG comes in any case: ms of CLOCK_MONOTONIC */
        } ping;             /* that waits for what came before it: see about.h */
        struct irc_names names;
        struct irc_list list;
        size_t found_len;        /* what ISON or USERHOST has found so far: `found` */
        size_t userhosts;        /* how many nicks of a USERHOST were asked for */
        const uint8_t *input_at; /* the input that waits: in `input`, or in what is being taken */
        size_t input_len;
        struct irc_request requests[IRC_REQUESTS_MAX];
        struct reader reader; /* its line comes last */
        uint8_t input[IRC_INPUT_MAX_BYTES];
        char found[IRC_LINE_MAX_BYTES];
        char ping_token[IRC_LINE_MAX_BYTES + 1];
        char listed[IRC_LINE_MAX_BYTES + 1]; /* which channels LIST is to show: see listing.h */
        struct irc_self {
                struct line_words words; /* its text lies in `text` and `styled` */
                char text[3 * IRC_LINE_MAX_BYTES + 8], styled[IRC_LINE_MAX_BYTES];
        } self;          /* the message to the client itself that is under way */
        size_t motd_len; /* 0: there is no message of the day */
        char motd[TEXT_MAX_BYTES];
        uint8_t names_bytes[ANSWER_ROOMS_MAX_BYTES]; /* the people in `names` */
        struct history_lines past;
};

/* Returns true while people are left to be listed. */
static inline bool irc_has_names_left(const struct irc *i)
{
        return i->names.is_open;
}

static inline bool irc_has(const struct irc *i, enum irc_capability capability)
{
        return i->capabilities & UINT32_C(1) << capability;
}
