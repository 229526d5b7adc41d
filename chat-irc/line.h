/* What members do and say, as an IRC client gets it. chatd writes it to lent connections in the same form
 * (chat/outlet.h), so this file and those below it belong to chatd, too.
 *
 * Pure functions. A text that is too long for one message becomes several. A change of what is written needs another
 * OUTLET_LAYOUT (chat/outlet.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>
#include <chat/record.h>

#include "message.h"
#include "nick.h"

#define LINE_REAL_NAME "chat" /* nobody states another one */

/* The parameters of a message, from slices. */
#define IRC_PARAMS(...)                                                                                                \
        (const struct slice[]){__VA_ARGS__}, sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)

enum {
        LINE_SERVER_MAX_BYTES = 63,                          /* a server's name */
        LINE_SOURCE_MAX_BYTES = 2 * IRC_NICK_MAX_BYTES + 64, /* "NICK!chat@HOST", and a NUL */
        LINE_CHANNEL_BYTES = NICK_MAX_BYTES + sizeof("#"),
        LINE_TAGS_MAX_BYTES = 256,                                     /* all tags of a message together */
        LINE_MESSAGE_BYTES = LINE_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES, /* the room that a message needs */
};

/* What a client wants in lines: or'ed. */
enum line_flag {
        LINE_TIME = 1,          /* tag "time": server-time */
        LINE_ID = 2,            /* tag "msgid": message-tags */
        LINE_EXTENDED_JOIN = 4, /* a JOIN with the account and the real name: extended-join */
        LINE_FLAGS = 8,         /* the number of combinations */
};

struct line_form {
        unsigned flags;
        const char *server; /* the name of the server, at most LINE_SERVER_MAX_BYTES */
};

/* What a member did or said, and when. */
struct line {
        struct line_form form;
        struct slice tags;   /* that come before the others; empty: none */
        struct slice name;   /* the member's */
        uint64_t id, number; /* of the record, for the msgid; `number` is 0 if there is no msgid */
        uint64_t ms;         /* since 1970 */
};

/* What a member says. */
struct line_words {
        struct slice text, styled; /* without formatting, and with it; `styled` may be empty */
        bool is_notice;            /* a NOTICE, not a PRIVMSG */
        enum line_ctcp {
                LINE_NO_CTCP,
                LINE_ACTION, /* the text is that of a CTCP ACTION */
                LINE_CTCP,   /* the text is another CTCP. If it does not fit into one message, it is not written */
        } ctcp;
};

/* Returns the words of a record that a member said. */
struct line_words line_words(const struct record *r);

/* Writes the name of a server after that of this host: a name that is too long is cut. */
void line_server(char server[static LINE_SERVER_MAX_BYTES + 1]);

/* Returns true if `name` can be the name of a server: it has a dot, so it is no nick. */
bool line_is_server(const char *name);

/* Writes "NICK!chat@HOST" for a member. */
struct slice line_source(const char *server, struct slice name, char source[static LINE_SOURCE_MAX_BYTES]);

/* Writes the name of the channel of a room; an empty name stands for the first room. A name that is too long is cut. */
struct slice line_channel(struct slice room, char channel[static LINE_CHANNEL_BYTES]);

/* Write a message to `out`. Return its size, or 0 if there is no room for it. The last of several parameters is a
 * text.
 *
 * What a member did: */
size_t line_deed(const struct line *l, const char *command, const struct slice *params, size_t n, char *out,
                 size_t size);
size_t line_join(const struct line *l, struct slice channel, char *out, size_t size);
/* What a member says to `target`, in as many messages as the text needs. If it fits into one, it has its formatting: */
size_t line_text(const struct line *l, struct slice target, const struct line_words *words, char *out, size_t size);

/* Returns a size that is enough for line_text(). */
size_t line_text_size(struct slice name, struct slice target, struct slice text);

/* Returns true if line_record() can write this kind of record: it is for a channel, and the same for all of its
 * members. A NOTICE is not, and must not become one: the client has to know each. */
bool line_has_form(uint8_t kind);

/* Writes a record that came at `ms`. Returns its size. Returns 0 if there is no room for it, or if it has no form. */
size_t line_record(const struct line_form *form, const struct record *r, uint64_t ms, char *out, size_t size);

/* Makes a message of these parts. The last one of several parameters is a text. */
struct irc_message line_message(struct slice source, const char *command, const struct slice *params, size_t n);
