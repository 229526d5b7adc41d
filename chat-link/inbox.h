/* The link's inbox: datagrams from chatd in link.sock, a queue that systemd holds.
 *
 * The link reads a datagram, stores its records in the spool, and only then removes the datagram. After a crash in
 * between, the next process finds the datagram again, and knows by the contents of the spool that it was stored already
 * (chat/seen.h). While the spool is full no datagram is removed: chatd sees that the inbox is full, relays on without
 * the link, and counts the lines that the link misses.
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
        INBOX_NOTHING, /* no datagram waits */
        INBOX_TAKEN,   /* a datagram was taken and removed */
        INBOX_FULL,    /* the spool has no room: the datagram stays in the inbox */
        INBOX_WELCOME, /* chatd took our HELLO: see `number` */
        INBOX_ROLLCALL,
        INBOX_REFUSED, /* see `reason` */
};

struct inbox {
        int fd;
        struct spool *spool;
        struct seen seen;
        struct {
                /* the spool ended with a notice of missing lines from chatd at the start, and nothing was removed
                 * since */
                bool is_last;
                uint64_t epoch, lines;
        } gap_notice;
        bool has_members; /* chatd has sent `members` */
        uint64_t members; /* sessions on this host */
        uint64_t left;    /* the id in the last record, if that was a LEAVE; otherwise 0 */
        uint64_t number;  /* of the last record from the link that chatd relayed */
        char reason[256];
        uint64_t ignored_count; /* datagrams that chatd does not send */
        uint8_t datagram[DATAGRAM_MAX_BYTES];
        uint8_t records[DATAGRAM_MAX_BYTES]; /* the records that the last datagram added to the spool */
        size_t records_bytes;                /* the size of `records` in bytes */
};

/* Takes the bound socket `fd` into use. Returns 0 or a negative errno. */
int inbox_init(struct inbox *in, int fd, struct spool *spool);

/* Notes in the spool that `lines` of this host are missing. Returns false if the spool is full. */
bool inbox_note_missing(struct inbox *in, uint64_t lines);

/* Takes the next datagram. Returns its kind. `broker` is the user whose datagrams are accepted. Does not block. */
enum inbox_event inbox_take(struct inbox *in, uid_t broker);
