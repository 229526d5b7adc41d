/* Messages of IRC as clients send and get them. The form is that of RFC 1459, section 2.3, as the Modern IRC
 * documentation states it, with the message tags of IRCv3.
 *
 *     @tag=value;tag :source COMMAND parameter parameter :the last parameter may have blanks
 *
 * Pure functions. A parsed message has slices of the line, and lives as long as that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/wire.h>

enum {
        IRC_LINE_MAX_BYTES = 512,         /* a message without its tags, with CR LF */
        IRC_TAGS_MAX_BYTES = 8191,        /* tags with "@" and the blank behind them: as much as a server may send */
        IRC_CLIENT_TAGS_MAX_BYTES = 4096, /* the same: as much as a client may send */
        IRC_PARAMS_MAX = 15,
};

struct irc_message {
        struct slice tags;    /* without "@"; empty: there are none */
        struct slice source;  /* without ":"; empty: there is none. A server ignores the source that a client states */
        struct slice command; /* letters, or three digits */
        struct slice params[IRC_PARAMS_MAX];
        size_t params_count;
        bool has_text; /* for irc_write(): ":" stands in front of the last parameter even if it is one word */
};

struct irc_tag {
        struct slice key;   /* with the "+" of a tag that is for other clients */
        struct slice value; /* escaped: see irc_unescape() */
};

/* Parses a line without its line end. Returns 0; 1 if the line has nothing but blanks; or -EBADMSG if it has no
 * command. The last of IRC_PARAMS_MAX parameters is the whole rest of the line. */
int irc_parse(struct irc_message *m, struct slice line);

/* Takes the bytes up to the next blank off `rest`, and the blanks behind them. */
struct slice irc_take_word(struct slice *rest);

/* Returns true if `text` matches `mask`, in upper or lower case. A "*" matches any characters or none, and a "?" any one. */
bool irc_matches(const char *mask, const char *text);

/* Takes the next tag off `tags`. Returns false if there is none. */
bool irc_next_tag(struct slice *tags, struct irc_tag *tag);

/* Finds the last tag with this key. Returns false if there is none. */
bool irc_find_tag(struct slice tags, const char *key, struct slice *value);

/* Writes the value of a tag to `out`, without or with its escapes ("\:" for ";", "\s" for a blank, and others). Writes
 * no more than `room` bytes: the rest is left out. Returns the number of bytes. */
size_t irc_unescape(struct slice value, char *out, size_t room);
size_t irc_escape(struct slice value, char *out, size_t room);

/* Returns true if `text` can be a parameter that is not the last one: it is not empty, does not begin with ":", and has
 * no blank and no line end. */
bool irc_is_middle(struct slice text);

/* Returns how many bytes the last parameter of `m` may have: all others are as they are in `m`. Returns 0 if they leave
 * no room. */
size_t irc_room_for_last(const struct irc_message *m);

/* Writes these tags, and the message without its own tags, its last parameter and its line end. All parts must be as
 * irc_parse() returns them, and irc_room_for_last() must not be 0. Returns the end. */
char *irc_write_head(const struct irc_message *m, struct slice tags, char *at);

/* Writes the message with CR LF to `out`, which must have room for IRC_LINE_MAX_BYTES and, if there are tags, for them and two more bytes. The last
 * parameter may have any text without a line end, and is cut, between characters, if there is no room for all of it.
 * Returns the number of bytes. Returns 0, and writes nothing that counts, if a message cannot have this form: the tags,
 * the source, the command and the other parameters must fit, and be as irc_parse() returns them. */
size_t irc_write(const struct irc_message *m, char *out);
