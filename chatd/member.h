/* A member of the chat: a session that sent HELLO, or the link to other hosts (LINK_ID).
 *
 * chatd has two descriptors for each member (reach.h). A datagram socket is connected to the session's inbox, so a
 * session that does not read fills only the buffer of this socket. A pidfd becomes readable when the session dies. If
 * the session lends its client's connection, that is a third descriptor (lent.h). The link's inbox is link.sock, a
 * socket of chatd's own user; the link has no pidfd.
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

/* The kinds of work that chatd may have to do for a member: see todo.h. */
enum todo_kind {
        TODO_CONTACT, /* it is dead, lags, or is not connected or watched: see contact.h */
        TODO_LEND,    /* its session is to be asked for its client's connection */
        TODO_PAUSE,   /* the same, but it declined before, and its pause is not over */
        TODO_ANSWER,  /* its session was asked, and has not answered yet */
        TODO_CALL,    /* it was recovered, but was not called, and has not sent HERE */
        TODO_CONFIRM, /* it may not know yet which of its lines were relayed */
        TODO_KINDS,
};

/* The place of a member in one list. */
struct todo_place {
        struct member *before, *next;
};

/* Joins a member and a room. Most members have one seat. A member that roams has up to MEMBER_ROOMS_MAX seats, or none.
 * The link is in all rooms, and has no seat. */
struct seat {
        struct member *member;
        struct room *room;          /* NULL: the seat is in no room */
        struct seat *before, *next; /* the neighbours in the room */
        struct seat *other;         /* the next seat of the same member; NULL: this is the last one */
        bool alone_notice;          /* the member was told that nobody hears it, because it is alone in the room */
};

/* The data of a member in one batch: see batch.h. */
struct share {
        uint64_t batch;          /* the number of the batch; the share is empty in all other batches */
        struct member *next;     /* the next member with a share of this batch */
        uint64_t relayed_number; /* the number of the member's last frame in earlier batches */
        uint32_t from, to;       /* the indices of the records that it gets */
        /* its own records, which it does not get: a chain of indices plus 1; 0 ends it */
        uint32_t own_first, own_last;
        uint32_t move_first, move_last; /* its steps into rooms and out of them: a chain of the same kind */
        bool is_apart;                  /* it does not simply get the records of one room: each record is checked */
        bool by_datagram;               /* its session must get the records in a datagram */
        bool is_served;                 /* the batch was sent to it or counted as missed, or it waits for the batch */
};

/* Events of the main loop. epoll returns the address of a watch. */
enum watch_kind {
        WATCH_INTAKE, /* frames arrived */
        WATCH_SIGNAL,
        WATCH_EXIT,    /* a member's process died */
        WATCH_INBOX,   /* a lagging member's inbox has room */
        WATCH_LENT,    /* a session that was asked for its client's connection answers */
        WATCH_CONTROL, /* a chatctl connects */
        WATCH_CLIENT,  /* a chatctl makes a request, or its connection has room: see control.h */
        WATCH_DISK,    /* the file of bans or that of tokens was written */
};

struct watch {
        struct member *member;
        enum watch_kind kind;
        bool is_armed;
};

/* The place of a member in the order of frames. It changes in this direction alone. Most members begin as PRESENT. */
enum presence {
        EXPECTED, /* it was recovered, and its HELLO is still in the queue: it gets nothing before that */
        PRESENT,
        LEAVING, /* its BYE or GONE is in the batch: it is removed when the batch is consumed */
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
 * The notes of a recovered member say how it begins: NONE or DONE. */
enum removal {
        REMOVAL_NONE,
        REMOVAL_QUEUED,
        REMOVAL_DONE,
};

/* The state of a newcomer's announcement: see arrivals.h. member_arrive() makes these changes, and no others:
 *
 *   ANNOUNCED ──▶ WAITING        too many came at once
 *   ANNOUNCED ──▶ HELD           its HELLO was quiet
 *   HELD ──▶ WAITING             its session lets it go, and too many came at once
 *   WAITING, HELD, NAMED ──▶ ANNOUNCED
 *
 * The notes of a recovered member say how it begins. Only a recovered member can be NAMED. */
enum arrival {
        ARRIVAL_ANNOUNCED,
        ARRIVAL_WAITING, /* it is announced together with all other waiting members */
        ARRIVAL_HELD,    /* its client may be no chat client: it is not announced until its session says so */
        ARRIVAL_NAMED,   /* the same, but a previous chatd may have announced its name to some members */
};

/* The state of a member's inbox. lagging.h makes these changes, and no others:
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
        uint64_t misses;      /* how many records it did not get; only in LAG_COUNTED */
        int64_t since_ms;     /* when it last began or stopped lagging, CLOCK_MONOTONIC; 0: never */
        int64_t probation_ms; /* its probation lasts so long after that; 0: chatd never waited for it in vain */
};

struct member {
        /* What each batch reads and writes of a member stands together, in few cache lines. */
        uint64_t id;
        int fd; /* connected to its inbox; -1: not connected */
        enum presence presence;
        enum life life;
        struct lag lag;
        uint64_t lines_in; /* the number of its last line that this chatd relayed */
        /* the number of its last line that was confirmed: the member knows that the line was relayed */
        uint64_t confirmed_number;
        uint64_t lines_out; /* how many lines and notices its client got; for the log */
        struct seat *seats; /* all its seats, in the order of the rooms' names; NULL: it is in no room */
        struct seat seat;   /* the only seat of a member that does not roam */
        struct share share; /* its share of the batch that is being relayed */
        struct lent lent;
        /* frames for this member alone; between batches, letters that its inbox had no room for: then it lags */
        struct letters letters;

        uint64_t key; /* names the member's inbox */
        size_t index; /* the index in roster.members */
        int pidfd;    /* -1: it is dead or not watched yet, or it is the link */
        char name[LOCAL_NAME_MAX_BYTES + 1];
        struct network network; /* the network of its address */
        struct member *alike;   /* the next member with a similar name: see naming.h */
        uint64_t since_us;      /* when it joined, in µs of CLOCK_BOOTTIME */
        uint64_t lines_total;   /* how many lines it said, as far as chatd knows; for the log */
        uint64_t lines_skipped; /* how many lines were skipped because its client was too slow; for the log */
        enum arrival arrival;
        uint8_t confinement; /* enum confinement of its session */
        /* actions of an administrator: see admin.h */
        bool is_muted; /* its lines are not relayed */
        enum removal removal;
        char *removal_reason;      /* NULL: there is none */
        int64_t mute_notice_ms;    /* when it was last told that it is muted, CLOCK_MONOTONIC; 0: never */
        bool is_renamed, is_moved; /* since it joined: then there are marks of it, see changes.h */
        bool roams;                /* it may be in several rooms, or in none; there is a mark of its rooms */
        struct todo_place todo[TODO_KINDS];
        bool is_listed[TODO_KINDS]; /* it is in the list of this kind */
        /* watches in the main loop's epoll */
        struct watch exit_watch, inbox_watch, lent_watch;
        char address[]; /* a text: it never changes, so it takes no more memory than it needs */
};

/* Returns true if the process or the inbox of `m` is gone, as far as chatd knows. */
static inline bool member_is_dead(const struct member *m)
{
        return m->life != LIFE_ALIVE;
}

/* Returns true if the inbox of `m` stayed full: nothing is relayed to `m` until its inbox has room. */
static inline bool member_lags(const struct member *m)
{
        return m->lag.state != LAG_NONE;
}

/* Returns the seat of `m` in `room`, or NULL. */
static inline struct seat *member_seat_in(const struct member *m, const struct room *room)
{
        struct seat *seat = m->seats;
        while (seat && seat->room != room)
                seat = seat->other;
        return seat;
}

/* Returns the number of rooms that `m` is in. */
static inline size_t member_rooms(const struct member *m)
{
        size_t n = 0;
        for (const struct seat *seat = m->seats; seat; seat = seat->other)
                n++;
        return n;
}

/* Returns true if the process of `m` runs, according to the kernel. */
bool member_is_running(const struct member *m);

/* Returns true if `m` is held: other members must not learn of it yet. */
bool member_is_held(const struct member *m);

/* Returns true if other members may know that `m` is here, at this place in the order. The link is never here. */
bool member_is_here(const struct member *m);

/* Changes `life` of `m`. */
void member_live(struct member *m, enum life to);

/* Changes `removal` of `m`. */
void member_expel(struct member *m, enum removal to);

/* Changes `arrival` of `m`. */
void member_arrive(struct member *m, enum arrival to);

/* Changes `presence` of `m`. */
void member_go_on(struct member *m, enum presence to);
