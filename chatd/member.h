/* A member of the chat: a session that said HELLO, or the link to other hosts (LINK_ID).
 *
 * For each there is one datagram socket, connected to the session's inbox, so that a session that does not read fills its
 * own send buffer and nobody else's; and one pidfd, which becomes readable when the session dies (reach.h). A connection
 * that the session lends is a third descriptor (lent.h). The link's inbox is link.sock and of chatd's own user; its process
 * does not matter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

#include "address.h"
#include "lent.h"
#include "letters.h"

struct room;

/* What the main loop waits for; epoll hands its address back. */
enum watch_kind {
        WATCH_INTAKE, /* frames arrived */
        WATCH_SIGNAL,
        WATCH_EXIT,    /* a member's process died */
        WATCH_INBOX,   /* a lagging member's inbox has room */
        WATCH_LENT,    /* a member that was asked for its outlet answers */
        WATCH_CONTROL, /* an administrator's tool connects … */
        WATCH_CLIENT,  /* … asks, or has room: see control.h */
        WATCH_BANS,    /* the file of the bans was written */
};

struct watch {
        enum watch_kind kind;
        struct member *member;
        bool armed;
};

struct member {
        uint64_t id;
        uint64_t key; /* names its inbox */
        size_t index; /* in roster.members */
        int fd;       /* connected to its inbox; -1: it has none any more */
        int pidfd;    /* -1: it is dead, or not watched yet, or the link */
        char name[LOCAL_NAME_MAX_BYTES + 1];
        char address[ADDRESS_MAX_BYTES + 1];
        struct network network; /* of its address */
        struct member *alike;   /* the next one of a name that may be taken for its own: see naming.h */
        uint64_t since_us;      /* joined, in µs of CLOCK_BOOTTIME */
        uint64_t lines_in;      /* the number of the last line that this chatd relayed … */
        uint64_t relayed;       /* … in the batches before this one … */
        uint64_t told;          /* … as far as the member was told */
        uint64_t said;          /* lines it wrote, as far as is known; for the log */
        uint64_t lines_out;     /* lines and notices it was shown; for the log */
        uint64_t skipped;       /* those its client was too slow for; for the log */
        uint64_t missed;        /* records it did not get since it began to lag, or MISSED_UNKNOWN */
        bool lagging;           /* its inbox stayed full: it is relayed nothing until it has room */
        int64_t lagged_ms;      /* when it last began to, CLOCK_MONOTONIC; 0: never */
        int64_t probation_ms;   /* for how long from then it is not waited for, see relay.h; 0: it never was in vain */
        bool dead;              /* its process or inbox is gone; GONE goes through the queue, but for the link */
        bool gone_sent;         /* … and is in there */
        bool uncalled;          /* recovered, and neither called nor heard of yet, see broker_settle() */
        bool expected;          /* recovered, and its HELLO is still in the queue: not a receiver before that */
        bool undone;            /* recovered, as it was before a change that is still in the queue */
        bool leaving;           /* its BYE or GONE is in the batch */
        bool arriving;          /* waits to be announced, see arrivals.h */
        bool held;              /* it is not announced until its session says so: it may be no chat client */
        bool named;             /* it is held: a chatd before this one may have told some its name */
        uint8_t confinement;    /* of its session: enum confinement */
        bool told_alone;        /* that nobody else was in its room when it said something */
        bool removed;           /* it says that it leaves because an administrator removed it */
        /* what an administrator did to it: see admin.h */
        bool muted;                             /* what it says is not relayed */
        bool removal_sent;                      /* KICK is in the queue, because of a ban */
        char *removal;                          /* why it was removed; NULL: it was not */
        int64_t muted_told_ms;                  /* when it was told so last, CLOCK_MONOTONIC; 0: never */
        bool renamed, moved;                    /* ever: then there are marks of it, see changes.h */
        struct room *room;                      /* where it is; NULL: the link, which is everywhere */
        struct member *room_before, *room_next; /* in there */
        /* of the batch that is being relayed, see relay.h */
        uint32_t from, to;            /* records, by index: what of it this member gets */
        uint32_t own_first, own_last; /* its own records, left out; a chain by index plus 1, 0 ends it */
        uint32_t own_count;
        uint32_t move_first, move_last; /* the rooms that it left, a chain like that */
        bool behind;                    /* its session is waited for */
        bool by_datagram;               /* its session has to see what is in it */
        struct letters letters;         /* for it alone; between batches, what it has no room for: then it lags */
        /* in the main loop's epoll */
        struct watch exit_watch, inbox_watch, lent_watch;
        struct lent lent;
};

/* Returns true if the process of `m` runs. */
bool member_is_alive(const struct member *m);

/* Returns true if `m` is somebody who is here as of this place in the order. */
bool member_is_here(const struct member *m);
