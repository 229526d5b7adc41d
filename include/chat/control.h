/* The protocol between chatctl and chatd, on a UNIX socket of type SOCK_SEQPACKET (unix(7)).
 *
 * A request is one packet of words, each ended by a 0: the command, a number, and the arguments of the command. The
 * answer is any number of records, and then an end. Each record is a packet of fields "key=value", each ended by a 0,
 * and so is the end. The end begins with the field "end=", whose value is a status. chatctl sends the next request
 * after the end. Later versions may add keys; both sides ignore keys that they do not know.
 *
 * chatctl draws the number of a request that changes something at random, so that no two requests have the same number.
 * If chatd dies before it answers, chatctl sends the request with the same number to the next chatd. The next chatd
 * does not repeat a request that was done already.
 *
 *   status                      one record
 *   who                         one record for each member
 *   bans                        one record for each ban
 *   tokens                      one record for each token: the "name", its only "room", "since" and "by"
 *   say NUMBER TEXT             shows everybody a notice
 *   topic NUMBER ROOM [TEXT]    TEXT becomes the topic; TOPIC_NONE removes the topic; the end has the "room" and its
 *                               "topic"
 *   find NUMBER WHO             the end has the "id" of the session; WHO is a name, or "#" and an id
 *   kick NUMBER WHO REASON
 *   mute, unmute NUMBER WHO
 *   ban NUMBER WHAT REASON      WHAT is ADDRESS[/BITS] or a name; the end may have a "network" that could be banned
 *                               too, and the "name" of a banned member who is still connected from there
 *   unban NUMBER WHAT
 *   token-add NUMBER NAME SECRET [ROOM]
 *                               a program that has the secret may say lines under the name, in any room or in ROOM
 *                               alone; a name has one token
 *   token-remove NUMBER NAME
 */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "wire.h"

/* The socket is not in the run directory, which only chatd and the sessions may enter. A socket that chatd binds itself
 * is in the run directory (paths.h). */
#define CONTROL_SOCKET_DEFAULT "/run/chat-control.sock"
#define CONTROL_GROUP "chat-admin" /* its members may make all requests, and so may root */

enum {
        CONTROL_PACKET_MAX_BYTES = 8192,
        CONTROL_WORDS_MAX = 5,
        /* of a notice: a line must have room for it and for the text in front of it */
        CONTROL_TEXT_MAX_BYTES = 2048,
        CONTROL_REASON_MAX_BYTES = 256, /* of a reason, which must fit into an entry of the journal */
        CONTROL_LEAVE_MS = 5000,        /* how long a removed member may take to leave */
};

/* The statuses of an end. */
#define CONTROL_OK "ok"
#define CONTROL_DENIED "denied" /* the user is neither root nor in CONTROL_GROUP */
#define CONTROL_BUSY "busy"     /* too many requests, or the queue is full: nothing was done; a later try may work */
#define CONTROL_QUEUED "queued" /* the request takes long and will be done: do not repeat it */
#define CONTROL_WRONG "wrong"   /* there is no such command, or it has other arguments */
#define CONTROL_NOBODY "nobody" /* there is no such member, room, ban or token */
#define CONTROL_STAYS "stays"   /* the member did not leave in time */
#define CONTROL_FAILED "failed" /* the text says why */

struct control_packet {
        size_t size;
        bool bad; /* something did not fit and was left out */
        char data[CONTROL_PACKET_MAX_BYTES];
};

/* Empties a packet. */
static inline void control_begin(struct control_packet *p)
{
        p->size = 0;
        p->bad = false;
}

/* Appends a word, or a field as "key=%s". Sets `bad` if it does not fit. */
__attribute__((format(printf, 2, 3))) static inline void control_put(struct control_packet *p, const char *format, ...)
{
        size_t room = sizeof(p->data) - p->size;
        va_list args;
        va_start(args, format);
        int n = vsnprintf(p->data + p->size, room, format, args);
        va_end(args);
        if (n < 0 || (size_t)n >= room)
                p->bad = true;
        else
                p->size += (size_t)n + 1;
}

/* Takes the next word or field off `rest`. Returns it as a string that ends with a 0, or NULL if there is none. */
static inline const char *control_next(struct slice *rest)
{
        const char *word = rest->at, *end = rest->len > 0 ? memchr(rest->at, '\0', rest->len) : NULL;
        if (!end)
                return NULL;
        rest->len -= (size_t)(end + 1 - rest->at);
        rest->at = end + 1;
        return word;
}

/* Returns the value of `field` if its key is `key`, or else NULL. */
static inline const char *control_value(const char *field, const char *key)
{
        size_t len = strlen(key);
        return strncmp(field, key, len) == 0 && field[len] == '=' ? field + len + 1 : NULL;
}
