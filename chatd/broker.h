/* What chatd does with a frame: who may send it, whom it makes a member, what the others are told.
 *
 * broker_serve() is the heart: it takes a window of frames from the intake, turns them into batches, relays each and
 * consumes it. The order of a batch's steps makes a crash between any two of them harmless:
 *
 *   1. notes of each member that joins      the next chatd knows it, also if it dies meanwhile, and announces it as
 *                                           this one would have (arrivals.h)
 *      and of each that is called otherwise  the next chatd begins with what was before (changes.h)
 *      or goes to another room
 *   2. the batch goes to every member       the next chatd relays it again; sessions drop what they have seen
 *   3. what came from other hosts is noted  everybody has it: the next chatd ignores it (remote.h)
 *      and who is not to be announced again,
 *      or muted; and what an administrator asked
 *      for
 *   4. notes of those that left are marked  everybody has been told: the next chatd ignores what it finds of them
 *   5. the frames are consumed
 *   6. marked notes are removed             there is nothing left to ignore
 *
 * A session that dies without a BYE is announced through the same queue: chatd sends itself GONE, behind whatever the
 * session still said. A GONE or BYE of somebody who is no member (any more) is ignored, so it may be sent again.
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

struct broker {
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
        size_t wake_slot;                /* a session is woken in one of WAKE_S turns, by its index */
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

enum {
        IGNORED_REPORT_MS = 5000,
        WARNING_MS = 5000, /* of the kind that anybody can bring about, there is at most one per that time */
        CONFIRM_MS = 1000, /* broker_confirm() is due that long after something is unconfirmed */
        WAKE_S = 15,
        CALL_MS = 10,         /* after a recovery, so often … */
        CALLED_MAX = 32,      /* … so many sessions are asked to answer */
        ASKED_MAX = 4,        /* a user may have few descriptors on their way, with LEND and its answer: as many as
                                 RLIMIT_NOFILE of a session says where sessions run as our own user, unix(7) */
        FINISH_MAX_MS = 1000, /* how long an ending chatd goes on relaying what comes */
};

/* Takes the intake's socket into use and draws the epoch. `dir` is the run directory. Returns 0 or a negative errno.
 * Owns neither `intake_fd`, `epoll` nor `log`. */
int broker_init(struct broker *b, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
                struct journal *log);
void broker_free(struct broker *b);

/* Relays what is in the queue, one window of it. Returns how many frames that was, or a negative errno that chatd
 * cannot go on with. */
int broker_serve(struct broker *b);

/* Nothing is left in the queue of those who had left before this chatd started: removes their notes. */
void broker_forget_departed(struct broker *b);

/* Forgets what was said in rooms that there are not any more, unless the settings keep it. */
void broker_forget_said(struct broker *b);

/* A member's watch fired. */
void broker_exited(struct broker *b, struct member *m);
void broker_has_room(struct broker *b, struct member *m);
void broker_lent(struct broker *b, struct member *m);

/* Wakes the sessions to whose clients chatd wrote by itself, each once in WAKE_S seconds, so that they see whether
 * their clients are still there. Returns when that is due next, in ms; INT64_MAX for never. */
int64_t broker_wake_sessions(struct broker *b, int64_t now);

/* Connects to a member that is not, and watches it; marks it dead if it is. The link lags where it cannot be reached.
 * Returns 0, or a negative errno: -EPERM where its inbox is none (it is dead to the chat), another where it lives but
 * cannot be reached: descriptors or memory ran out. */
int broker_connect(struct broker *b, struct member *m);

/* Sends `m` a frame that says no more than its type. A member whose inbox is gone is dead. */
void broker_tell(struct broker *b, struct member *m, enum frame_type type);

/* Logs that `m` joined. */
void broker_log_join(struct broker *b, const struct member *m);

/* Adds to the batch that `m` came (RECORD_JOIN) or left. There is room. */
void broker_announce(struct broker *b, struct member *m, enum record_kind kind);

/* Tells `m` WELCOME, with this number, and how many are here as of this place in the order; the link, at once, how many
 * of them were announced. Returns 0 or a negative errno: -ECONNREFUSED where it is dead. */
int broker_welcome(struct broker *b, struct member *m, uint64_t number);

/* Somebody cannot become a member, because descriptors, memory or space ran out, or (-EPERM) because of its inbox:
 * tells it why, where there is a way. */
void broker_turn_away(struct broker *b, uint64_t id, uint64_t key, int error);

/* Shows `m` the last `lines` of its room: to its request of this number, or 0 for who comes. Returns whether there are
 * any; who comes is told that there are none, as the next chatd may find some that came behind it. */
bool broker_show_past(struct broker *b, struct member *m, uint64_t number, unsigned lines);

/* Tells a session that cannot become a member why: `text`, and counts it. */
void broker_refuse(struct broker *b, uint64_t id, uint64_t key, enum refusal why, const char *text);

/* Takes a text that somebody says: makes `*text` what is shown of it (chat/reveal.h), where a session or host of an
 * earlier version has not done so; that is not longer, and valid until the next call. Returns false where the text is
 * not clean: it is ignored, and counted. */
bool broker_take_text(struct broker *b, struct slice *text);

/* Counts a datagram, or a record in one, that is ignored. */
void broker_ignore(struct broker *b, enum ignored why);

/* Logs a failure that anybody who connects can bring about. Each text is a kind: it is logged once per WARNING_MS at most,
 * with how often it was not. */
void broker_warn(struct broker *b, const char *what, int error);

/* Tells those who do not know it yet that their lines went to everybody. */
void broker_confirm(struct broker *b);

/* Before an orderly end: relays what is queued, for a bounded time, and tells everybody how far that went. */
void broker_finish(struct broker *b);

/* Sends a frame to ourself. Returns whether it is in the queue; where that is full, try again once something was
 * consumed. */
bool broker_send_self(struct broker *b, const struct frame *f);

/* After events were handled: calls those that a recovery found, a few at a time; sends GONE for those found dead, watches
 * those that began to lag, logs whether the link is there, asks for clients' connections. */
void broker_settle(struct broker *b);

/* Returns when broker_settle() is to call the next ones, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t broker_call_ms(const struct broker *b);

/* Logs what was ignored, once per IGNORED_REPORT_MS at most. Returns true while there is something left to log. */
bool broker_report_ignored(struct broker *b, int64_t now_ms);
