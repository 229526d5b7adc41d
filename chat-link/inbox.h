/* What chatd sends to the link: datagrams in link.sock, a queue that systemd holds.
 *
 * A datagram is looked at, what people said goes to the spool, and only then it is removed: whoever dies in between
 * finds it again, and knows by what is in the spool already that it was there (chat/seen.h). While the spool is full
 * nothing is removed: chatd sees that the inbox is full, relays on without the link, and counts what it misses.
 *
 * Does not own the socket or the spool.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/seen.h>

#include "spool.h"

enum inbox_event {
        INBOX_NOTHING, /* for now */
        INBOX_TAKEN,   /* a datagram was dealt with */
        INBOX_FULL,    /* the spool has no room: it is still there */
        INBOX_WELCOME, /* chatd took our HELLO: see `number` */
        INBOX_ROLLCALL,
        INBOX_REFUSED, /* see `why` */
};

struct inbox {
        int fd;
        struct spool *spool;
        struct seen seen;
        struct {
                bool is_last; /* the spool ended with a notice of chatd's when we began; nothing was removed since */
                uint64_t epoch, lines;
        } missed;
        bool counted;     /* `members` is right: chatd said it once */
        uint64_t members; /* sessions on this host */
        uint64_t number;  /* of the last record of ours that chatd relayed */
        char why[256];
        uint64_t ignored; /* datagrams that were not what chatd sends */
        uint8_t datagram[DATAGRAM_MAX_BYTES];
        uint8_t records[DATAGRAM_MAX_BYTES]; /* what went to the spool … */
        size_t stored;                       /* … of the datagram that was taken last: so many bytes */
};

/* Takes the bound socket `fd` into use. Returns 0 or a negative errno. */
int inbox_init(struct inbox *in, int fd, struct spool *spool);

/* Notes in the spool that `lines` of this host are missing. Returns false where it is full. */
bool inbox_note_missing(struct inbox *in, uint64_t lines);

/* Takes the next datagram. `broker` is the user whose datagrams are heard. Does not block. */
enum inbox_event inbox_take(struct inbox *in, uid_t broker);
