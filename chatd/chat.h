/* The chat as a whole: members, rooms, the batch that is being made, settings, counters; and what everything that a frame
 * does needs of it.
 *
 * Owns all but the intake's socket, the epoll and the log. It calls nothing of what a frame does: see broker.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/settings.h>

#include "admin.h"
#include "arrivals.h"
#include "bans.h"
#include "changes.h"
#include "confinement.h"
#include "control.h"
#include "departed.h"
#include "eventlog.h"
#include "floods.h"
#include "guests.h"
#include "history.h"
#include "intake.h"
#include "limits.h"
#include "motd.h"
#include "relay.h"
#include "remote.h"
#include "requests.h"
#include "roster.h"

enum {
        WARNINGS_MAX = 12, /* kinds: more than there are */
        WARNING_MAX_BYTES = 64,
};

/* Something that may happen with each frame. */
struct warning {
        char what[WARNING_MAX_BYTES]; /* empty: it has not happened */
        int64_t logged_ms;            /* when it was logged last, CLOCK_MONOTONIC */
        uint64_t unlogged;            /* how often it has happened since */
};

/* Why a datagram was ignored. */
enum ignored {
        IGNORED_MALFORMED, /* short, long, with a tail */
        IGNORED_VERSION,
        IGNORED_TYPE,     /* of a later version, or not one that its sender may send */
        IGNORED_USER,     /* from a user who may not */
        IGNORED_FORGED,   /* with an id that is not its sender's */
        IGNORED_STRANGER, /* from a session, or the link, that did not say HELLO */
        IGNORED_REPEATED, /* HELLO twice, or a line's number that is not above the last or is the last there is */
        IGNORED_SECOND,   /* HELLO of a process that is a member already, under another id */
        IGNORED_INBOX,    /* HELLO with an inbox that is no socket of the session user's, or, of the link, of our own */
        IGNORED_UNCLEAN,  /* text that a terminal must not get, or a name that is none */
        IGNORED_KINDS,
};

/* Why somebody was not let in. */
enum refusal {
        REFUSED_BANNED,
        REFUSED_CROWDED, /* as many as are allowed are here from the same network or user */
        REFUSED_FULL,    /* descriptors, memory or space ran out */
        REFUSALS,
};

struct chat {
        uid_t own_user;
        uid_t session_user; /* whose frames are taken, besides our own user's */
        uid_t link_user;    /* … and this one's, as those of the link alone */
        bool shares_pids;   /* one process may be many members: for tests that play sessions */
        int epoll;          /* members' watches are added here */
        int self;           /* connected to our own intake, for GONE */
        int spare;          /* a descriptor to close when they have run out, so that a newcomer can be told */
        struct journal *log;
        struct settings settings; /* all zeros unless who has some says so */
        struct motd motd;
        struct history history;
        struct intake intake;
        struct roster roster;
        struct relay relay;
        struct remote remote;
        struct arrivals arrivals; /* its pace is set by who wants one */
        struct admin admin;
        struct bans bans; /* read by who has a file of them */
        struct limits limits;
        struct confinements confinements;
        struct floods floods;
        struct guests guests; /* has a key where the settings want one */
        struct control control;
        bool begun;                 /* the batch has frames */
        bool alone;                 /* … of which no other may be in it */
        bool crossed;               /* … and somebody came or left in it … */
        bool changed;               /* … or asked for another name or room, which is never in one batch */
        struct changes changes;     /* of names and rooms, in the batch */
        bool unconsumed;            /* the queue may begin with frames that were relayed, to some or to all */
        char shown[TEXT_MAX_BYTES]; /* of the text that was taken last */
        struct member *leavers[BATCH_MAX_RECORDS]; /* of the batch */
        size_t leavers_count;
        struct departed departed;        /* who left just before the last chatd died … */
        size_t old_frames;               /* … and how much of the queue is from that time */
        uint64_t lines;                  /* relayed since the start */
        size_t asked;                    /* members whose answer to LEND is to come */
        size_t wake_slot;                /* a session is woken in one of LENDING_WAKE_S turns, by its index */
        int wakes_left;                  /* turns until everybody was woken to whose client chatd wrote */
        int64_t wake_at_ms;              /* when the next one is due */
        bool calls;                      /* some members are uncalled … */
        int64_t call_at_ms;              /* … and the next of them are called then, CLOCK_MONOTONIC */
        int lend_below;                  /* descriptors from here on are for members' inboxes, not for what they lend */
        bool unconfirmed;                /* some members may not know yet how far their lines went */
        uint64_t ignored[IGNORED_KINDS]; /* since that was logged last … */
        uint64_t ignored_all;            /* … and since the start */
        uint64_t joined;                 /* sessions that became members, since the start */
        uint64_t refused[REFUSALS];      /* connections that did not, since the start … */
        uint64_t not_chat;               /* … and those that spoke another protocol */
        uint64_t not_chat_unlogged;      /* … since that was logged last … */
        int64_t not_chat_logged_ms;      /* … then, CLOCK_MONOTONIC; 0: never */
        int64_t ignored_reported_ms;
        struct warning warnings[WARNINGS_MAX]; /* the first ones are in use; the last one is for any kind */
};

enum { WARNING_MS = 5000 }; /* of the kind that anybody can bring about, there is at most one per that time */

/* Takes the intake's socket into use and draws the epoch. `dir` is the run directory. Returns 0 or a negative errno.
 * Owns neither `intake_fd`, `epoll` nor `log`. */
int chat_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
              struct journal *log);
void chat_free(struct chat *chat);

/* Adds a watch of the member `m` to the epoll. */
void chat_watch(struct chat *chat, struct watch *w, enum watch_kind kind, struct member *m, int fd, uint32_t events);

/* Sends a frame to ourself. Returns true if it is in the queue; where that is full, try again once something was
 * consumed. */
bool chat_send_self(struct chat *chat, const struct frame *f);

/* Sends `m` a frame that says no more than its type. A member whose inbox is gone is dead. */
void chat_tell(struct chat *chat, struct member *m, enum frame_type type);

/* Tells `m` WELCOME, with this number, and how many are here as of this place in the order; the link, at once, how many
 * of them were announced. Returns 0 or a negative errno: -ECONNREFUSED where it is dead. */
int chat_welcome(struct chat *chat, struct member *m, uint64_t number);

/* Shows `m` the last `lines` of its room: to its request of this number, or 0 for a newcomer. Returns true if there are
 * any. A newcomer is told that there are none, as the next chatd may find some that came behind it. */
bool chat_show_past(struct chat *chat, struct member *m, uint64_t number, unsigned lines);

/* Tells a session that cannot become a member why, `text`, and counts it. */
void chat_refuse(struct chat *chat, uint64_t id, uint64_t key, enum refusal why, const char *text);

/* Refuses a session, because descriptors, memory or space ran out (`error`); or ignores it, because of its inbox
 * (-EPERM). */
void chat_turn_away(struct chat *chat, uint64_t id, uint64_t key, int error);

/* Adds to the batch that `m` came (RECORD_JOIN) or left. There is room. */
void chat_announce(struct chat *chat, struct member *m, enum record_kind kind);

/* Makes `*text`, which somebody says, what is shown of it (chat/reveal.h), where a session or host of an earlier version
 * has not done so; that is not longer, and valid until the next call. Returns false where the text is not clean: then it
 * is ignored, and counted. */
bool chat_take_text(struct chat *chat, struct slice *text);

/* Counts a datagram, or a record in one, that is ignored. */
void chat_ignore(struct chat *chat, enum ignored why);

/* Returns what the journal says of `m`. The strings are those of `m`. */
struct eventlog_member chat_describe(const struct chat *chat, const struct member *m);

/* Logs that `m` joined. */
void chat_log_join(struct chat *chat, const struct member *m);

/* Logs a failure that anybody who connects can bring about. Each text is a kind: it is logged once per WARNING_MS at most,
 * with how often it was not. */
void chat_warn(struct chat *chat, const char *what, int error);

/* Removes the notes of those who had left before this chatd started. Nothing of them is left in the queue. */
void chat_forget_departed(struct chat *chat);

/* Forgets what was said in rooms that there are not any more, unless the settings keep it. */
void chat_forget_said(struct chat *chat);
