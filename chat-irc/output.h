/* Writes messages to an IRC client. */
#pragma once

#include <chat/safe-text.h>

#include "irc.h"
#include "line.h"

enum {
        /* a text whose bytes are not clean: each becomes a U+FFFD */
        OUTPUT_CLEAN_MAX_BYTES = 3 * IRC_LINE_MAX_BYTES + TEXT_CLEAN_MAX,
};

/* A past line. */
struct output_past {
        uint64_t seconds; /* when it was said, since 1970 */
        unsigned batch;   /* that it is a part of; 0: none */
};

/* ---- what is a part of the client's label, if it has one: see labels.h ---- */

/* Writes a message of the server. */
void output_server(struct irc *i, const char *command, const struct slice *params, size_t n);

/* Writes a numeric, whose first parameter, the client's nick, is not among `params`. An item of a list is left out if
 * there is hardly any room, so that there is room for the end of the list. */
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

/* Writes a notice of the server to the client: one for each line of the text. A notice that is no answer, and for which
 * there is hardly any room, is skipped. */
void output_notice(struct irc *i, struct slice text);

/* Writes what the client itself did. `name` is its name, or its old name. */
void output_own(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n);

/* Writes that the client itself joined a channel. */
void output_own_join(struct irc *i, struct slice channel);

/* Returns the flags of the form in which the client wants lines (line.h). */
unsigned output_flags(const struct irc *i);

/* Writes a record that has such a form (line_has_form()). Otherwise returns false. It counts as one line of the chat: a
 * client that is too slow does not get it. */
bool output_record(struct irc *i, const struct record *r);

/* Writes what a member says to `target`, in as many messages as the text needs. It counts as one line of the chat. `past`
 * is NULL for what was said just now. */
void output_text(struct irc *i, const struct record *r, const struct output_past *past, struct slice target);

/* Does the same for what the client itself said, as line `number`. */
void output_own_text(struct irc *i, uint64_t number, struct slice target, const struct line_words *words);

/* Returns `text` if a reply can quote it as a parameter, and "*" otherwise. */
struct slice output_quote(struct slice text);

/* Writes the nick by which the client is addressed, or "*" before it is known. */
struct slice output_own_nick(const struct irc *i, char nick[static IRC_NICK_MAX_BYTES]);
