/* The state of a session, and what all its parts may do: show a notice, greet the client, begin to leave.
 *
 * visit.h is the loop that ties the parts together. With `echo` there is no uplink: the client gets its own lines back.
 */
#pragma once

#include <chat/seen.h>
#include <chat/settings.h>

#include "client.h"
#include "completion.h"
#include "editor.h"
#include "input.h"
#include "lines.h"
#include "outlet.h"
#include "peer.h"
#include "telnet.h"
#include "uplink.h"
#include "view.h"

enum {
        LEAVE_HANDOVER_MS = 5000, /* how long a leaving session tries to hand over the lines of its client */
        LEAVE_FLUSH_MS = 5000,    /* how long it waits for its client to take the rest */
};

enum { EDITING_HELD_MAX = 64 }; /* keys that wait for the answer that TAB waits for, see editing.h */

enum session_state {
        SESSION_TALKING,
        SESSION_LEAVING,  /* nothing more is read from the client; BYE is in the uplink's queue */
        SESSION_FLUSHING, /* only output is left */
        SESSION_DONE,
};

struct session_options {
        const char *dir; /* the run directory */
        bool echo;
        bool proxied; /* the client is behind a proxy, which names it, peer.h */
        enum confinement confinement;
        struct pace pace;      /* of the client's lines */
        int client_timeout_ms; /* a client that acknowledges nothing for so long counts as gone; 0: wait for ever */
        enum settings_editing editing;
        struct zone zone;              /* of this host */
        const struct charset *charset; /* of the client; NULL: UTF-8 */
};

struct session {
        const struct session_options *options;
        enum session_state state;
        bool echo;
        bool terminated;   /* the session was told to stop */
        bool kicked;       /* an administrator removed the client */
        bool waiting_told; /* the client leaves, and was told how many of its lines are still being sent */
        bool away_told;    /* the client was told that chatd is gone */
        bool welcomed;     /* chatd took the client as a member */
        bool alive;        /* the client sent input that a person types */
        bool edits;        /* the client's input goes to the editor, editing.h */
        int client_timeout_ms;
        /* when to check whether the client acknowledges, ms of CLOCK_MONOTONIC; 0: nothing was sent */
        int64_t check_at;
        int64_t checked_from; /* when something was sent after the client had acknowledged all */
        int64_t probe_at; /* when to check whether the client acknowledged the notice of a probe; 0: there was none */
        int64_t probe_again_at;
        int64_t greet_at;      /* when to greet the client at the latest; 0: it was greeted */
        int64_t arrive_at;     /* when the client is announced at the latest; 0: it was, or it is too early */
        int64_t gone_at;       /* when to give up a client that left while chatd is gone; 0: no such case */
        uint64_t past;         /* past lines were shown for the request of this number less one */
        int64_t now, deadline; /* ms of CLOCK_MONOTONIC; the deadline counts from SESSION_LEAVING on */
        struct peer peer;
        struct client client;
        struct telnet telnet;
        struct lines lines;
        struct input input;
        struct seen seen;
        struct outlet outlet;
        struct uplink uplink;
        uint8_t datagram[DATAGRAM_MAX_BYTES];
        /* in pages that are written to only if needed */
        uint64_t answered;               /* the number of the last request that was answered */
        uint64_t text_shown;             /* the number of the last TEXT that was shown */
        uint64_t writer_id;              /* the sender of the client's last private message */
        char writer[NAME_MAX_BYTES + 1]; /* the sender's name; empty: there was no such message */
        struct view view;
        char cleaned[TEXT_MAX_BYTES]; /* of a line that is not clean as it was typed */
        char shown[TEXT_MAX_BYTES];   /* of the last line that was said (chat/reveal.h) */
        struct names names;           /* while the line is edited */
        uint64_t completing;          /* the number of the request for names that TAB waits for; 0: none */
        int64_t complete_by;          /* how long TAB waits: ms of CLOCK_MONOTONIC */
        size_t held_len;              /* keys that were typed in the meantime and wait, too */
        uint8_t held[EDITING_HELD_MAX];
        struct editor editor;
};

/* Shows the client a notice: in several rows, broken at words, if its window is known to be narrower. */
void session_notice(struct session *s, struct slice text);

/* Shows the client a notice. */
void session_tell(struct session *s, const char *text);

/* Shows the client a notice. All rows except the first begin with `indent` blanks. */
void session_notice_indented(struct session *s, struct slice text, size_t indent);

/* Greets the client once. `people` is how many are here, or 0 if chatd has not said so in time. */
void session_greet(struct session *s, uint64_t people);

/* Notes that the client sent input that a person types: it may be announced. */
void session_arrive(struct session *s);

/* Begins to leave, unless the session is leaving already. */
void session_leave(struct session *s, enum leave_reason reason);

/* Tells the client that it cannot join, and begins to end. */
void session_turn_away(struct session *s, struct slice why);

/* Begins to end: only output is left. */
void session_flush_and_end(struct session *s);

/* Ends a line whose rest will not come, because other output comes in its place. */
void session_give_up_rest(struct session *s);

/* Returns how many lines and notices the client was shown, by the session and by chatd. */
uint64_t session_lines_out(const struct session *s);
