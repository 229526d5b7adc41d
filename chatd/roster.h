/* Who is here: chatd's members, and the note of each in the run directory.
 *
 * A member is a session that said HELLO. For each there is one datagram socket, connected to the session's inbox, so
 * that a session that does not read fills its own send buffer and nobody else's; and one pidfd, which becomes readable
 * when the session dies. What the session lends is a third (lent.h). The link to other hosts (LINK_ID) is a member too,
 * whose inbox is link.sock and of chatd's own user; it has no process that would matter. A member's note, a symlink
 * members/ID whose target says since when and who, lets the next chatd know a session that died while there was no
 * chatd. A symlink is written and read by one system call, never half.
 *
 * Owns the members, their descriptors and their notes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/paths.h>

#include "address.h"
#include "changes.h"
#include "lent.h"
#include "letters.h"
#include "naming.h"
#include "rooms.h"

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

/* Ids of members that left just before chatd died. */
struct departed {
        uint64_t *ids;
        size_t count;
};

struct roster {
        char dir[RUN_DIR_MAX_BYTES + 1];
        uid_t owner;             /* of every session's inbox: the session user */
        struct member **members; /* dense: the first `count` */
        size_t count, room;
        void *by_id; /* tree of struct member: tsearch(3) */
        struct naming naming;
        struct rooms rooms;
};

/* `owner` is the user that sessions run as. Returns 0 or -ENOMEM. */
int roster_init(struct roster *r, const char *dir, uid_t owner);

/* Closes and frees all members; their notes stay. */
void roster_free(struct roster *r);

/* Returns the member, or NULL. */
struct member *roster_find(const struct roster *r, uint64_t id);

/* Returns the member that has this name, whatever its case; or NULL. */
struct member *roster_find_name(const struct roster *r, struct slice name);

/* Returns a member other than `but` whose name is too similar to this one (chat/names.h), or the same; or NULL. */
struct member *roster_find_alike(const struct roster *r, struct slice name, const struct member *but);

/* Returns what may have been meant by this name, which nobody has: that of somebody who is here, or NULL. */
const char *roster_suggest(const struct roster *r, struct slice name);

/* Returns a member whose process is, or was, of this pid; or NULL. */
struct member *roster_find_process(const struct roster *r, pid_t pid);

/* How many members there are, without the link. */
size_t roster_people(const struct roster *r);

/* Adds a member without descriptors, in the first room. A name that is too similar to somebody's gets a number:
 * "ann~2". Of a name,
 * LOCAL_NAME_MAX_BYTES are taken. Returns NULL without memory. The caller has seen to it that there is no member of this
 * id. */
struct member *roster_add(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                          uint64_t since_us);

/* Calls `m` by this name, which nobody else has. Returns 0 or -ENOMEM. */
int roster_rename(struct roster *r, struct member *m, struct slice name);

/* Lets `m` be in `room`. */
void roster_move(struct roster *r, struct member *m, struct room *room);

/* Closes, forgets and frees `m`, and what it was to be told; its note stays. */
void roster_remove(struct roster *r, struct member *m);

/* Connects to the inbox of `m` and, unless it is the link, begins to watch its process. Returns 0 or a negative errno:
 * -ECONNREFUSED, -ENOENT or -ESRCH when the session is dead or the link's inbox gone, -EPERM when the inbox is no
 * socket of the session user (of the link: of our own). */
int roster_connect(struct roster *r, struct member *m);

/* Opens the inbox that is `file` in the directory `dir` (openat(2)), and writes an address of what was opened. Sessions can
 * put into their directory what they like: a symlink could lead to any socket that chatd's user may write to. Returns a
 * descriptor, to be closed when the address is not needed any more, or a negative errno: -EPERM where the file is no socket
 * of `owner`. */
int roster_open_inbox(int dir, const char *file, uid_t owner, struct sockaddr_un *address);

/* Whether the process of `m` runs. */
bool member_is_alive(const struct member *m);

/* Whether `m` is somebody who is here as of this place in the order. */
bool member_is_here(const struct member *m);

/* Sends one frame that is no batch to `m`. Returns 0 or a negative errno. */
int roster_send(struct member *m, const struct frame *f);

/* Sends a frame that is followed by `size` bytes of records. */
int roster_send_records(struct member *m, const struct frame *f, const uint8_t *records, size_t size);

/* … to the inbox `key` of a session that is no member, or with LINK_ID to that of the link, from the unconnected socket
 * `fd`. */
int roster_send_stranger(const struct roster *r, int fd, uint64_t id, uint64_t key, const struct frame *f);

/* Writes the note of `m`. Returns 0 or a negative errno. */
int roster_note(const struct roster *r, const struct member *m);

/* Writes into the note what `m` is called now, and beside it a list of changes (changes.h): that first, so that the next
 * chatd knows it wherever it knows the new name. Returns 0, or a negative errno: then the note says what it said. */
int roster_note_name(const struct roster *r, const struct member *m, const char *changes);
void roster_remove_name_mark(const struct roster *r, uint64_t id);

/* Writes beside the note that `m` is in `room` now, and such a list. Returns 0, or a negative errno: then what was written
 * before is there. */
int roster_note_room(const struct roster *r, const struct member *m, const char *room, const char *changes);
void roster_remove_room_mark(const struct roster *r, uint64_t id);

/* Marks the note of a member that left, when everybody has been told; and removes it, when its last frame is consumed.
 * In between, what a crash leaves in the queue of this member is to be ignored. */
void roster_mark_departed(const struct roster *r, uint64_t id);
void roster_remove_note(const struct roster *r, uint64_t id);

/* Notes that a member lags, so that it is told that it missed something also if chatd dies before it has room. */
void roster_note_lag(const struct roster *r, uint64_t id);
void roster_remove_lag(const struct roster *r, uint64_t id);

/* Sees to it that roster_note_mute() needs no more space. Returns 0 or a negative errno. */
int roster_reserve_mute(const struct roster *r, uint64_t id);

/* Notes that what a member says is not relayed; or that, and that it was removed, and why. Returns 0 or a negative errno.
 * roster_remove_mute() removes what was reserved, too. */
int roster_note_mute(const struct roster *r, uint64_t id);
int roster_note_removal(const struct roster *r, const struct member *m);
void roster_remove_mute(const struct roster *r, uint64_t id);

/* Notes that a member waits to be announced, or is held until its session says that it may be (arrivals.h). Returns 0 or a
 * negative errno. roster_remove_arrival() removes both notes. */
int roster_note_arrival(const struct roster *r, uint64_t id);
int roster_note_held(const struct roster *r, uint64_t id);
int roster_note_named(const struct roster *r, const struct member *m); /* who is held, or waits, is being named */
void roster_remove_arrival(const struct roster *r, uint64_t id);
void roster_remove_held(const struct roster *r, uint64_t id);

/* Notes which notice is being sent about those who wait: its number, and how many people they are. Returns 0 or a
 * negative errno. There is no such note yet. */
int roster_seal(const struct roster *r, uint64_t number, size_t count);

/* Reads that note. Returns whether there is one. */
bool roster_read_seal(const struct roster *r, uint64_t *number, size_t *count);
void roster_remove_seal(const struct roster *r);

/* Opens the file beside the note that keeps, for the link, the number of the last record that was relayed; makes it
 * where there is none. Returns its descriptor or a negative errno. */
int roster_open_relayed(const struct roster *r, uint64_t id);

/* Removes the file of the inbox `key`, of a session that left or died. */
void roster_remove_inbox(const struct roster *r, uint64_t key);

/* Adds a member for each note there is, called and placed as it was before what is in the queue; and the ids of marked
 * ones to `departed`. Returns 0 or a negative errno. */
int roster_read_notes(struct roster *r, struct departed *departed, const struct queued *queued);

/* Frees the ids. */
void departed_clear(struct departed *d);

bool departed_has(const struct departed *d, uint64_t id);
