/* The state of a session, and its steps. Only the session's own files use it; a kind of client (kind.h) uses talk.h.
 * The loop is in visit.h.
 */
#pragma once

#include <chat/pace.h>
#include <chat/seen.h>

#include "client.h"
#include "kind.h"
#include "loan.h"
#include "peer.h"
#include "uplink.h"

enum {
        LEAVE_HANDOVER_MS = 5000, /* how long a leaving session tries to hand over the lines of its client */
        LEAVE_FLUSH_MS = 5000,    /* how long it waits until its client has taken the rest */
        ARRIVE_MS = 300,          /* how long after the greeting a newcomer who types nothing is announced */
};

/* How far the visit is.
 *
 * | from                         | to        | when                                                             |
 * |------------------------------|-----------|------------------------------------------------------------------|
 * | TALKING                      | LEAVING   | the client leaves, or must                                       |
 * | LEAVING                      | LINGERING | its lines must wait for their turn                               |
 * | TALKING, LEAVING, LINGERING  | REMOVED   | an administrator removes the client                              |
 * | any of these                 | FLUSHING  | chatd took all and said goodbye, or it takes too long; from      |
 * |                              |           | TALKING: chatd refuses the client, or is not to be told          |
 * | any                          | DONE      | the client took all, or cannot                                   |
 */
enum session_state {
        SESSION_TALKING,
        SESSION_LEAVING,   /* nothing more is read from the client; BYE is in the uplink's queue */
        SESSION_LINGERING, /* as LEAVING, and the client knows why it takes so long */
        SESSION_REMOVED,   /* as LEAVING, and the client's lines were discarded */
        SESSION_FLUSHING,  /* only output is left */
        SESSION_DONE,
};

/* What chatd knows of the client.
 *
 * | from       | to         | when                                                                      |
 * |------------|------------|---------------------------------------------------------------------------|
 * | STRANGER   | INTRODUCED | the client has a name: talk_introduce()                                   |
 * | INTRODUCED | LIVELY     | the client sends what a person sends: talk_arrive()                       |
 * | INTRODUCED | QUIET      | WELCOME comes                                                             |
 * | LIVELY     | ARRIVED    | WELCOME comes, and the client has not left                                |
 * | QUIET      | ARRIVED    | the client sends something, or nothing for ARRIVE_MS. If it joined later, |
 * |            |            | its kind alone decides (kind.h)                                           |
 * | ARRIVED    | QUIET      | WELCOME comes again, for a client that joined later: chatd had forgotten  |
 * |            |            | it, and takes it for a newcomer                                           |
 */
enum session_presence {
        SESSION_STRANGER,
        SESSION_INTRODUCED, /* HELLO is in the uplink's queue, or was */
        SESSION_LIVELY,     /* as INTRODUCED, and the client may be announced at once */
        SESSION_QUIET,      /* the client is a member, and is announced at `arrive_at` */
        SESSION_ARRIVED,    /* chatd may announce the client */
};

struct session_options {
        const char *dir; /* the run directory */
        bool is_proxied; /* the client is behind a proxy, which names it, peer.h */
        enum confinement confinement;
        struct pace pace;      /* of the client's lines */
        int client_timeout_ms; /* how long a client may acknowledge nothing before it counts as gone; 0: for ever */
};

/* Only the middle of this struct is in constant use, and takes one or two pages. An idle session gives back
 * the pages of `client.buffer` and of all that follows it (idle.h). */
struct session {
        struct seen seen; /* its ring is used from its end */
        const struct session_options *options;
        const struct kind *kind;
        void *me; /* the kind's own state */
        enum session_state state;
        enum session_presence presence;
        bool away; /* the kind was told that chatd is gone */
        /* times in ms of CLOCK_MONOTONIC */
        int64_t now, deadline; /* the deadline counts from SESSION_LEAVING on */
        int64_t arrive_at;
        struct {
                int64_t check_at;             /* when to check whether the client acknowledges; 0: nothing was sent */
                int64_t unacknowledged_since; /* when something was sent after the client had acknowledged all */
                int64_t look_at;       /* when to look if chatd wrote to the client; 0: the connection is not lent */
                int64_t probe_at;      /* when to check whether the client acknowledged a probe; 0: there was none */
                int64_t next_probe_at; /* when the next probe may come */
                int64_t give_up_at;    /* when to give up a client that left while chatd is gone; 0: no such case */
        } liveness;
        uint64_t past_number;   /* 1 + the number of the last request whose past lines were shown; 0: none were shown */
        uint64_t answer_number; /* the number of the last request that has its answer */
        uint64_t text_number;   /* the number of the last TEXT that was shown */
        struct peer peer;
        struct loan loan;
        struct uplink uplink;
        int64_t idle_at;      /* when the session counts as idle; 0: it gave memory back, and nothing happened since */
        struct client client; /* its last field is its buffer */
        /* large buffers, whose content means nothing between two turns of the loop if the queue is empty */
        struct uplink_queue queue;
        uint8_t datagram[DATAGRAM_MAX_BYTES]; /* from chatd; or bytes from the client */
        char line[OUTLET_LINE_MAX_BYTES];     /* a record that chatd may have begun to write */
};

/* Moves on. A step that is not in the tables above aborts the session; chatd notices and announces the end. */
void session_become(struct session *s, enum session_state state);
void session_be(struct session *s, enum session_presence presence);

/* Returns true while the session waits for chatd to take the client's lines and to say goodbye. */
bool session_is_leaving(const struct session *s);

/* Returns true if chatd was told of the client, or will be. */
bool session_has_uplink(const struct session *s);

/* Shows the client a sentence. */
void session_tell(struct session *s, const struct answer *a);

/* Joins the chat under the client's name (peer.h). */
void session_introduce(struct session *s);

/* Lets chatd announce the client. */
void session_arrive(struct session *s);

/* Takes the name that others see, unless it is empty or too long. */
void session_be_called(struct session *s, struct slice name);

/* Begins to leave, unless the session is leaving already. `text` is for the journal. */
void session_leave(struct session *s, enum leave_reason reason, struct slice text);

/* Begins to leave because an administrator removed the client. Discards the lines that chatd has not got. */
void session_remove(struct session *s);

/* Begins to end: only output is left. */
void session_flush_and_end(struct session *s);

/* Ends a line whose rest will not come, because other output comes in its place. */
void session_give_up_rest(struct session *s);

/* Returns how many lines and notices the client was shown, by the session and by chatd. */
uint64_t session_lines_out(const struct session *s);
