/* What chatctl and chatd say to each other, on a UNIX socket of type SOCK_SEQPACKET (unix(7)).
 *
 * A request is one packet of words, each ended by a 0: the command, a number, and what the command takes. The answer is
 * any number of records and an end, a packet each, of fields "key=value", each ended by a 0; that of the end begins
 * with "end=" and a status. The next request comes behind it. Keys may be added in later versions, and both sides
 * ignore what they do not know.
 *
 * The number of a request that changes something is drawn by chatctl, at random, and tells it from all others: chatctl
 * says it again to the next chatd where one died before it answered, and what was done already is not done twice.
 *
 *   status                      one record
 *   who                         one for each member
 *   bans                        one for each ban
 *   say NUMBER TEXT             shows everybody a notice
 *   topic NUMBER ROOM           the end has the "room" and its "topic"; with a TEXT, sets it, or where that is TOPIC_NONE,
 *                               removes it
 *   find NUMBER WHO             the end has the "id" of the session; WHO is a name, or "#" and an id
 *   kick NUMBER WHO REASON
 *   mute, unmute NUMBER WHO
 *   ban NUMBER WHAT REASON      WHAT is ADDRESS[/BITS] or a name; the end may have a "network" that could be
 *                               banned too, and the "name" of somebody banned who is here from there
 *   unban NUMBER WHAT
 */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "wire.h"

/* Not in the run directory, which only chatd and the sessions may enter; where chatd binds it itself it is, paths.h. */
#define CONTROL_SOCKET_DEFAULT "/run/chat-control.sock"
#define CONTROL_GROUP "chat-admin" /* whose members may do all this, besides root */

enum {
        CONTROL_PACKET_MAX_BYTES = 8192,
        CONTROL_WORDS_MAX = 4,
        CONTROL_TEXT_MAX_BYTES = 2048,  /* of a notice: what is in front of it must fit into a line as well */
        CONTROL_REASON_MAX_BYTES = 256, /* … and of a reason, into an entry of the journal */
        CONTROL_LEAVE_MS = 5000,        /* so long who was removed may take to leave */
};

/* The statuses of an end. */
#define CONTROL_OK "ok"
#define CONTROL_DENIED "denied" /* neither root nor in CONTROL_GROUP */
#define CONTROL_BUSY "busy"     /* too many ask, or the queue is full: nothing was done, and later it may work */
#define CONTROL_QUEUED "queued" /* it takes long, and will be done: not to be asked for again */
#define CONTROL_WRONG "wrong"   /* no such command, or not with these words */
#define CONTROL_NOBODY "nobody" /* there is no such member, room or ban */
#define CONTROL_STAYS "stays"   /* who was to leave has not done so */
#define CONTROL_FAILED "failed" /* the text says why */

struct control_packet {
        size_t size;
        bool bad; /* something did not fit, and is left out */
        char data[CONTROL_PACKET_MAX_BYTES];
};

/* Appends a word, or a field as "key=%s". */
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

/* Takes the next word, or field, off `rest`. It is a string: a 0 is behind it. Returns NULL where there is none. */
static inline const char *control_next(struct slice *rest)
{
        const char *word = rest->at, *end = rest->len > 0 ? memchr(rest->at, '\0', rest->len) : NULL;
        if (!end)
                return NULL;
        rest->len -= (size_t)(end + 1 - rest->at);
        rest->at = end + 1;
        return word;
}

/* Returns the value of `field` if its key is this, or NULL. */
static inline const char *control_value(const char *field, const char *key)
{
        size_t len = strlen(key);
        return strncmp(field, key, len) == 0 && field[len] == '=' ? field + len + 1 : NULL;
}
