/* The chat as a whole: members, rooms, the present batch, settings and counters; and functions that all handlers of
 * frames need.
 *
 * Owns its objects, but not the intake's socket, the epoll and the log. It does not call handlers of frames: see
 * dispatch.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/answer.h>
#include <chat/settings.h>

#include "bans.h"
#include "batch.h"
#include "changes.h"
#include "complaints.h"
#include "departures.h"
#include "eventlog.h"
#include "floods.h"
#include "guests.h"
#include "history.h"
#include "intake.h"
#include "motd.h"
#include "order.h"
#include "relay.h"
#include "roster.h"
#include "tokens.h"

/* Reasons to refuse a session. */
enum refusal {
        REFUSED_BANNED,
        REFUSED_CROWDED, /* the network or user has as many members as it may have */
        REFUSED_FULL,    /* descriptors, memory or space ran out */
        REFUSALS,
};

struct admin;
struct arrivals;
struct ban_check;
struct confinements;
struct contact;
struct control;
struct deeds;
struct lending;
struct limits;
struct membership;
struct remote;
struct webhook;

struct chat {
        uid_t own_user;
        uid_t session_user; /* frames of sessions are taken from this user, and from chatd's own user */
        uid_t link_user;    /* frames of the link are taken from this user alone */
        bool shares_pids;   /* one process may have many members: for tests that simulate sessions */
        int epoll;          /* members' watches are added here */
        int self;           /* connected to chatd's own intake, for GONE */
        int spare;          /* closed when descriptors have run out, so that a newcomer can be told */
        int64_t start_ms;   /* when this chatd started, CLOCK_MONOTONIC */
        int64_t start_time; /* the same in seconds since 1970 */
        struct journal *log;
        struct settings settings; /* all zeros until the caller sets them */
        struct motd motd;
        struct history history;
        struct intake intake;
        struct roster roster;
        struct batch batch;
        struct relay relay;
        struct bans bans;     /* empty until the caller reads a file */
        struct tokens tokens; /* the same */
        struct floods floods;
        struct guests guests; /* has a key if the settings need one */
        /* the memory of `contact` to `control`, owned by broker.c; each is for the file of its name */
        struct deeds *deeds;
        struct contact *contact;
        struct lending *lending;
        struct membership *membership;
        struct remote *remote;
        struct arrivals *arrivals;
        struct admin *admin;
        struct ban_check *ban_check;
        struct limits *limits;
        struct confinements *confinements;
        struct webhook *webhook;
        struct control *control;
        struct order order;           /* the order of the steps of a round */
        struct changes changes;       /* changes of names and rooms in the batch */
        struct departures departures; /* members that left just before the last chatd died */
        struct complaints complaints;
        char shown_text[TEXT_MAX_BYTES]; /* the cleaned form of the last text */
        uint64_t lines;                  /* relayed since the start */
        uint64_t refusals[REFUSALS];     /* connections that did not become members, since the start */
};

/* Takes the intake's socket into use and draws the epoch. Returns 0 or a negative errno. `dir` is the run directory.
 * Does not own `intake_fd`, `epoll` or `log`. */
int chat_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
              struct journal *log);
void chat_free(struct chat *chat);

/* Adds a watch of the member `m` to the epoll. */
void chat_watch(struct chat *chat, struct watch *w, enum watch_kind kind, struct member *m, int fd, uint32_t events);

/* Sends a frame to chatd itself. Returns false if the queue is full: the caller tries again after frames were
 * consumed. */
bool chat_send_self(struct chat *chat, const struct frame *f);

/* Sends `m` a frame that has only a type. If its inbox is gone, marks `m` dead. */
void chat_tell(struct chat *chat, struct member *m, enum frame_type type);

/* Notes that the frame `number` of `m` is in the batch, so that `m` is told when it was relayed. */
void chat_take_number(struct chat *chat, struct member *m, uint64_t number);

/* Sends WELCOME to `m`, with this number, and with the number of members at this place in the order. The link gets it
 * at once, and with the number of announced members. Returns 0 or a negative errno: -ECONNREFUSED if the member is
 * dead. */
int chat_welcome(struct chat *chat, struct member *m, uint64_t number);

/* Shows `m` the last `lines` of `room`. `number` is that of its request, or 0 for a newcomer. Returns true if there
 * are any lines. A newcomer is also told if there are none: if the next chatd takes the HELLO again, it may find lines
 * that were said after the newcomer came. */
bool chat_show_past(struct chat *chat, struct member *m, const struct room *room, uint64_t number, uint64_t lines);

/* Tells a session why it cannot become a member, and counts the refusal. */
void chat_refuse(struct chat *chat, uint64_t id, uint64_t key, enum refusal why, const struct answer *a);

/* Sends `m` a frame with an answer that it did not ask for. */
void chat_tell_answer(struct chat *chat, struct member *m, struct frame f, const struct answer *a);

/* Adds a JOIN of `m`, whose `text` is empty, or a LEAVE of `m`, whose `text` is from leave_word(): for its rooms, or for
 * the link alone if it is in none. The batch must have room. */
void chat_announce(struct chat *chat, struct member *m, enum record_kind kind, struct slice text);

/* Replaces the text of a member by the form that is shown (chat/reveal.h), because a session or host of an earlier
 * version has not done that. Returns false if the text is not clean: then it is counted as ignored. The shown form is
 * not longer than the text, and valid until the next call. */
bool chat_take_text(struct chat *chat, struct slice *text);

/* Returns the description of `m` for the journal. The strings belong to `m`. */
struct eventlog_member chat_describe(const struct chat *chat, const struct member *m);

/* Logs that `m` joined. */
void chat_log_join(struct chat *chat, const struct member *m);

/* Removes the notes of members that had left before this chatd started. None of their frames may be left in the
 * queue. */
void chat_forget_departures(struct chat *chat);

/* Forgets the history of rooms that do not exist any more, unless the settings keep it. */
void chat_forget_said(struct chat *chat);
