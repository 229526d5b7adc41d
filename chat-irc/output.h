/* Writes messages to an IRC client. */
#pragma once

#include "irc.h"
#include "message.h"

/* The parameters of a message, from slices. */
#define IRC_PARAMS(...)                                                                                                \
        (const struct slice[]){__VA_ARGS__}, sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)

enum {
        OUTPUT_NOW = 0, /* the time of a message that was said just now */
        OUTPUT_CHANNEL_BYTES = NICK_MAX_BYTES + sizeof("#"),
        OUTPUT_SOURCE_MAX_BYTES = 2 * IRC_NICK_MAX_BYTES + 16, /* "NICK!chat@HOST" */
};

/* Writes a message of the server. */
void output_server(struct irc *i, const char *command, const struct slice *params, size_t n);

/* Writes a numeric, whose first parameter, the client's nick, is not among `params`. */
void output_numeric(struct irc *i, unsigned number, const struct slice *params, size_t n);

/* Writes an ERROR, which says why the connection ends. */
void output_error(struct irc *i, struct slice why);

/* Writes a notice of the server to the client: one for each line of the text. */
void output_notice(struct irc *i, struct slice text);

/* Writes what the client itself did. `name` is its name, or its old name. */
void output_own(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n);

/* Writes what another member did. It counts as one line of the chat: a client that is too slow does not get it. */
void output_from(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n);

/* Writes what a member says to `target`, in as many messages as the text needs. `seconds` is when it was said, in
 * seconds since 1970, or OUTPUT_NOW. An action becomes a CTCP ACTION. It counts as one line of the chat. */
void output_text(struct irc *i, struct slice name, const char *command, struct slice target, struct slice text,
                 bool is_action, uint64_t seconds);

/* Returns `text` if a reply can quote it as a parameter, and "*" otherwise. */
struct slice output_quote(struct slice text);

/* Writes the name of the channel that the client is in. */
struct slice output_channel(const struct irc *i, char channel[static OUTPUT_CHANNEL_BYTES]);

/* Writes "NICK!chat@HOST" for a member. */
struct slice output_source(const struct irc *i, struct slice name, char source[static OUTPUT_SOURCE_MAX_BYTES]);

/* Writes the nick by which the client is addressed, or "*" before it is known. */
struct slice output_own_nick(const struct irc *i, char nick[static IRC_NICK_MAX_BYTES]);
