/* Writes messages to an IRC client. */
#pragma once

#include <chat/safe-text.h>

#include "irc.h"
#include "message.h"

/* The parameters of a message, from slices. */
#define IRC_PARAMS(...)                                                                                                \
        (const struct slice[]){__VA_ARGS__}, sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)

#define OUTPUT_REAL_NAME "chat" /* nobody states another one */

enum {
        OUTPUT_NOW = 0,                                        /* the time of a message that was said just now */
        OUTPUT_SOURCE_MAX_BYTES = 2 * IRC_NICK_MAX_BYTES + 16, /* "NICK!chat@HOST" */
        OUTPUT_TIME_BYTES = sizeof("2026-11-30T01:02:03.456Z"),
        /* a text whose bytes are not clean: each becomes a U+FFFD */
        OUTPUT_CLEAN_MAX_BYTES = 3 * IRC_LINE_MAX_BYTES + TEXT_CLEAN_MAX,
};

/* Where a message of a member comes from. */
struct output_origin {
        struct slice name;
        uint64_t id, number; /* of its record, for its msgid; `number` is 0 if it is unknown */
        uint64_t seconds;    /* when it was said, in seconds since 1970, or OUTPUT_NOW */
        unsigned batch;      /* that it is a part of; 0: none */
};

/* Answers to the client's own messages are a part of its label, if it has one: see labels.h.
 *
 * Writes a message of the server. */
void output_server(struct irc *i, const char *command, const struct slice *params, size_t n);

/* Writes a numeric, whose first parameter, the client's nick, is not among `params`. */
void output_numeric(struct irc *i, unsigned number, const struct slice *params, size_t n);

/* Writes a message of the server with these tags. It is a part of no label. */
void output_tagged(struct irc *i, struct slice tags, const char *command, const struct slice *params, size_t n);

/* Begins a batch of this type (IRCv3 batch), with one parameter, and returns its number. Returns 0 if the client does not
 * know batches. If it is the answer to a message with a label, it is the whole answer. */
unsigned output_begin_batch(struct irc *i, const char *type, struct slice param);
void output_end_batch(struct irc *i, unsigned batch);

/* Notes that the rest of the answer to a message with a label comes later. */
void output_pause_label(struct irc *i);

/* Ends the answer. It is one message with the label, a batch of several, or an ACK. */
void output_end_label(struct irc *i);

/* Writes a numeric about `subject`, which the client wrote. */
void output_refuse(struct irc *i, unsigned number, struct slice subject, const char *why);

/* Writes that a command failed, as a FAIL (the standard replies of IRCv3). `context` is `n` words that the client wrote; `n`
 * may be 0. */
void output_fail(struct irc *i, struct slice command, const char *code, const struct slice *context, size_t n,
                 const char *why);

/* Writes how many people are in the chat. */
void output_people(struct irc *i, uint64_t people);

/* Writes an ERROR, which says why the connection ends. */
void output_error(struct irc *i, struct slice why);

/* Writes a notice of the server to the client: one for each line of the text. */
void output_notice(struct irc *i, struct slice text);

/* Writes what the client itself did. `name` is its name, or its old name. */
void output_own(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n);

/* Writes that the client itself, or another member, joined a channel. */
void output_own_join(struct irc *i, struct slice channel);
void output_join(struct irc *i, struct slice name, struct slice channel);

/* Writes what another member did. It counts as one line of the chat: a client that is too slow does not get it. */
void output_from(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n);

/* Writes what a member says to `target`, in as many messages as the text needs. An action becomes a CTCP ACTION. It
 * counts as one line of the chat. */
void output_text(struct irc *i, const struct output_origin *from, const char *command, struct slice target,
                 struct slice text, bool is_action);

/* Does the same for what the client itself said, as line `number`. */
void output_own_text(struct irc *i, uint64_t number, const char *command, struct slice target, struct slice text,
                     bool is_action);

/* Returns the number of days from 1970-01-01 to this date, which is not before it. */
unsigned output_days(unsigned year, unsigned month, unsigned day);

/* Writes a time in ms since 1970: ISO 8601, in UTC. */
void output_time(uint64_t ms, char text[static OUTPUT_TIME_BYTES]);

/* Returns `text` if a reply can quote it as a parameter, and "*" otherwise. */
struct slice output_quote(struct slice text);

/* Writes "NICK!chat@HOST" for a member. */
struct slice output_source(const struct irc *i, struct slice name, char source[static OUTPUT_SOURCE_MAX_BYTES]);

/* Writes the nick by which the client is addressed, or "*" before it is known. */
struct slice output_own_nick(const struct irc *i, char nick[static IRC_NICK_MAX_BYTES]);
