/* A member of the chat: a session that sent HELLO, or the link to other hosts (LINK_ID).
 *
 * Each member has one datagram socket, connected to the session's inbox, so that a session that does not read fills
 * only its own send buffer; and one pidfd, which becomes readable when the session dies (reach.h). A connection that
 * the session lends is a third descriptor (lent.h). The link's inbox is link.sock, a socket of chatd's own user; the
 * link has no pidfd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

#include "address.h"
#include "lent.h"
#include "letters.h"

struct member;
struct room;

/* Kinds of work that chatd has with a member: see todo.h. */
enum todo_kind {
        TODO_CONTACT, /* it died, lags, or is not connected or watched: see contact.h */
        TODO_LEND,    /* its session is to be asked for its client's connection */
        TODO_PAUSE,   /* the same, but it declined, and a pause has to pass */
        TODO_ANSWER,  /* its session was asked, and has not answered */
        TODO_CALL,    /* it was recovered, and neither called nor heard of yet */
        TODO_CONFIRM, /* it may not know which of its lines were relayed */
        TODO_KINDS,
};

/* The place of a member in a list. */
struct todo_place {
        struct member *before, *next;
        bool is_listed;
};

/* Joins a member and a room. Each member holds one seat, except the link, which is in all rooms and holds none. */
struct seat {
        struct member *member;
        struct room *room;          /* NULL: the seat is in no room */
        struct seat *before, *next; /* the neighbours in the room */
};

/* What concerns a member in one batch: see batch.h. */
struct share {
        uint64_t batch;                 /* the number of the batch; the share is empty in all other batches */
        struct member *next;            /* the next member with a share of this batch */
        uint64_t relayed_number;        /* the number of the member's last frame in earlier batches */
        uint32_t from, to;              /* the indices of the records that it gets */
        uint32_t own_first, own_last;   /* its own records, left out; a chain by index plus 1, which 0 ends */
        uint32_t move_first, move_last; /* the rooms that it left, a chain of the same kind */
        bool is_apart;                  /* its part is not that of its room: each record is checked */
        bool by_datagram;               /* its session has to read the records */
        bool is_served;                 /* the batch is sent to it, or counted as missed, or it is waited for */
};

/* Events of the main loop. epoll returns the address of a watch. */
enum watch_kind {
        WATCH_INTAKE, /* frames arrived */
        WATCH_SIGNAL,
        WATCH_EXIT,    /* a member's process died */
        WATCH_INBOX,   /* a lagging member's inbox has room */
        WATCH_LENT,    /* a member that was asked for its outlet answers */
        WATCH_CONTROL, /* an administrator's tool connects */
        WATCH_CLIENT,  /* an administrator's tool makes a request, or has room: see control.h */
        WATCH_BANS,    /* the file of bans was written */
};

struct watch {
        enum watch_kind kind;
        struct member *member;
        bool is_armed;
};

/* The place of a member in the order of frames. It changes in this direction alone; most members begin as PRESENT. */
enum presence {
        EXPECTED, /* recovered, and its HELLO is still in the queue: it gets nothing before that */
        PRESENT,
        LEAVING, /* its BYE or GONE is in the batch: it is removed when the batch was consumed */
};

/* The life of a member's process and inbox, as far as chatd knows. member_live() makes these changes, and no others:
 *
 *   ALIVE ──▶ DEAD          its process or inbox is gone
 *   DEAD ──▶ GONE           its GONE is in the queue; the link has none, because it will have another inbox
 *   DEAD, GONE ──▶ ALIVE    its session bound its inbox anew, and chatd is connected to that
 *   GONE ──▶ DEAD           chatd could not connect to that: it sends another GONE */
enum life {
        LIFE_ALIVE,
        LIFE_DEAD,
        LIFE_GONE,
};

/* The removal of a member by an administrator. member_expel() makes these changes, and no others:
 *
 *   NONE ──▶ QUEUED          the member is banned, and its KICK is in the queue
 *   NONE, QUEUED ──▶ DONE    its KICK is in the batch; or its session says that there was one, to a previous chatd
 *
 * A recovered member begins with the state of its notes: NONE or DONE. */
enum removal {
        REMOVAL_NONE,
        REMOVAL_QUEUED,
        REMOVAL_DONE,
};

/* What other members know of a newcomer, see arrivals.h. member_arrive() makes these changes, and no others:
 *
 *   ANNOUNCED ──▶ WAITING        too many came at once
 *   ANNOUNCED ──▶ HELD           its HELLO was quiet
 *   HELD ──▶ WAITING             its session lets it go, and too many came at once
 *   WAITING, HELD, NAMED ──▶ ANNOUNCED
 *
 * A recovered member begins with the state of its notes; NAMED comes from there alone. */
enum arrival {
        ARRIVAL_ANNOUNCED,
        ARRIVAL_WAITING, /* it is announced with all others that wait */
        ARRIVAL_HELD,    /* it is not announced until its session says so: its client may be no chat client */
        ARRIVAL_NAMED,   /* the same, but a previous chatd may have told some members its name */
};

/* What is known of a member's inbox. lagging.h makes these changes, and no others:
 *
 *   NONE ──▶ COUNTED          its inbox stayed full: what it misses is counted from now on
 *   NONE ──▶ UNCOUNTED        it lagged when the previous chatd died
 *   COUNTED ──▶ UNCOUNTED     it may have missed more than was counted
 *   UNCOUNTED ──▶ COUNTED     it was told that it missed something; the count begins anew
 *   COUNTED, UNCOUNTED ──▶ NONE   its inbox has room, and it was told how much it missed; or it is dead */
enum lag_state {
        LAG_NONE,
        LAG_COUNTED,
        LAG_UNCOUNTED,
};

/* All zeros: the member never lagged. */
struct lag {
        enum lag_state state;
        uint64_t misses;      /* records that it did not get; only in LAG_COUNTED */
        int64_t since_ms;     /* when it last began or ceased to lag, CLOCK_MONOTONIC; 0: never */
        int64_t probation_ms; /* for how long after that it is not waited for; 0: it was never waited for in vain */
};

struct member {
        uint64_t id;
        uint64_t key; /* names the member's inbox */
        size_t index; /* in roster.members */
        int fd;       /* connected to its inbox; -1: not connected */
        int pidfd;    /* -1: it is dead, or not watched yet, or the link */
        char name[LOCAL_NAME_MAX_BYTES + 1];
        char address[ADDRESS_MAX_BYTES + 1];
        struct network network;    /* of its address */
        struct member *alike;      /* the next member with a similar name: see naming.h */
        uint64_t since_us;         /* when it joined, in µs of CLOCK_BOOTTIME */
        uint64_t lines_in;         /* the number of its last line that this chatd relayed */
        uint64_t confirmed_number; /* the number of its last line that the member knows to be relayed */
        uint64_t lines_total;      /* how many lines it wrote, as far as is known; for the log */
        uint64_t lines_out;        /* how many lines and notices it was shown; for the log */
        uint64_t lines_skipped;    /* how many lines its client was too slow for; for the log */
        struct lag lag;
        enum presence presence;
        enum arrival arrival;
        enum life life;
        uint8_t confinement; /* enum confinement of its session */
        bool alone_notice;   /* it was told that no other member was in its room when it said something */
        /* actions of an administrator: see admin.h */
        bool is_muted; /* its lines are not relayed */
        enum removal removal;
        char *removal_reason;      /* NULL: there is none */
        int64_t mute_notice_ms;    /* when it was last told that it is muted, CLOCK_MONOTONIC; 0: never */
        bool is_renamed, is_moved; /* at any time: then there are marks of it, see changes.h */
        struct seat seat;
        struct share share; /* of the batch that is being relayed */
        struct todo_place todo[TODO_KINDS];
        /* for this member alone; between batches, those that its inbox had no room for: then it lags */
        struct letters letters;
        /* watches in the main loop's epoll */
        struct watch exit_watch, inbox_watch, lent_watch;
        struct lent lent;
};

/* Returns true if the process or the inbox of `m` is gone, as far as chatd knows. */
static inline bool member_is_dead(const struct member *m)
{
        return m->life != LIFE_ALIVE;
}

/* Returns true if the inbox of `m` stayed full: nothing is relayed to it until there is room. */
static inline bool member_lags(const struct member *m)
{
        return m->lag.state != LAG_NONE;
}

/* Returns true if the process of `m` runs, according to the kernel. */
bool member_is_running(const struct member *m);

/* Returns true if `m` is held: others must not learn of it. */
bool member_is_held(const struct member *m);

/* Returns true if `m` is here at this place in the order. */
bool member_is_here(const struct member *m);

/* Changes the life of `m`. */
void member_live(struct member *m, enum life to);

/* Changes the removal of `m`. */
void member_expel(struct member *m, enum removal to);

/* Changes what others know of `m`. */
void member_arrive(struct member *m, enum arrival to);

/* Changes the place of `m` in the order. */
void member_go_on(struct member *m, enum presence to);
