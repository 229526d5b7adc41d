/* One client's visit, from the greeting to the last byte: ties the client, its input (input.h) and the uplink together in
 * one poll() loop. With `echo` there is no uplink: the client gets its own lines back.
 */
#pragma once

#include <signal.h>

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
        LEAVE_HANDOVER_MS = 5000, /* how long a leaving session tries to hand over what its client typed */
        LEAVE_GOODBYE_MS = 2000,  /* how long it then waits for what was said before its BYE */
        LEAVE_FLUSH_MS = 5000,    /* how long it waits for its client to take the rest */
        CLIENT_CHECK_MS = 30000,  /* how often it looks whether the client acknowledges what was sent */
        /* How long a client whose name somebody asks for may acknowledge nothing. What was lost on the way is sent again
         * after 0.2, 0.6 … 12.6 and 25.4 s, so who was cut off for 25 s stays. */
        PROBE_MS = 30000,
        PROBE_AGAIN_MS = 60000,  /* it is told so that often at most */
        GREET_MS = 1000,         /* how long a greeting waits for what chatd says */
        PROXY_SILENT_MS = 30000, /* so long a proxy's own connection may be silent */
        ARRIVE_MS = 300,         /* behind the greeting: who typed nothing until then is announced all the same */
};

enum { EDITING_HELD_MAX = 64 }; /* keys that wait for what TAB waits for, see editing.h */

enum session_state {
        SESSION_TALKING,
        SESSION_LEAVING,  /* nothing more is read from the client; BYE is in the uplink's queue */
        SESSION_FLUSHING, /* only output is left */
        SESSION_DONE,
};

struct session_options {
        const char *dir; /* the run directory */
        bool echo;
        bool proxied; /* the client is behind a proxy, which says who it is, peer.h */
        enum confinement confinement;
        struct pace pace;      /* of what the client says */
        int client_timeout_ms; /* a client that acknowledges nothing for so long has vanished; 0: wait for ever */
        enum settings_editing editing;
        struct zone zone;              /* of this host */
        const struct charset *charset; /* of the client; NULL: UTF-8 */
};

struct session {
        const struct session_options *options;
        enum session_state state;
        bool echo;
        bool terminated;   /* it was told to stop */
        bool kicked;       /* an administrator removed it */
        bool waiting_told; /* it leaves, and was told how many of its lines are still on their way */
        bool away_told;    /* the client was told that there is no broker */
        bool welcomed;     /* chatd took it as a member */
        bool alive;        /* the client typed something that a person types */
        bool edits;        /* what the client types goes to the editor, editing.h */
        int client_timeout_ms;
        int64_t check_at; /* when to look whether the client acknowledges, ms of CLOCK_MONOTONIC; 0: nothing was sent */
        int64_t checked_from; /* when something was sent to it after all was acknowledged */
        int64_t probe_at;     /* when to look whether it acknowledged that it was told so; 0: it was not */
        int64_t probe_again_at;
        int64_t greet_at;      /* when to greet the client, whatever chatd says; 0: it was */
        int64_t arrive_at;     /* when it is announced, whatever it types; 0: it was, or is not to be yet */
        int64_t gone_at;       /* when to give up a client that is gone, while there is no broker; 0: neither */
        uint64_t past;         /* what was said before was shown to its request of this number less one */
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
        /* in pages that are written to only where they are wanted */
        uint64_t answered;               /* the number of the last request that was */
        uint64_t text_shown;             /* … and of the last TEXT */
        uint64_t writer_id;              /* who said something to the client alone … */
        char writer[NAME_MAX_BYTES + 1]; /* … and is called so; empty: nobody yet */
        struct view view;
        char cleaned[TEXT_MAX_BYTES]; /* of a line that is not clean as it was typed */
        char shown[TEXT_MAX_BYTES];   /* of the last line that was said (chat/reveal.h) */
        struct names names;           /* while it edits */
        uint64_t completing;          /* the number of the request for names that TAB waits for; 0: it waits for none */
        int64_t complete_by;          /* how long: ms of CLOCK_MONOTONIC */
        size_t held_len;              /* what is typed meanwhile: keys that wait, too */
        uint8_t held[EDITING_HELD_MAX];
        struct editor editor;
};

/* Takes the client at `in` and `out`, and finds out its name, unless a proxy is to say it. Reads nothing from it yet;
 * keeps no other descriptor open but its uplink's socket. `s` begins as all zeros; `o` is to last as long. What is to be
 * done before the session gives up what it does not need (sandbox.h) is done here. */
void session_begin(struct session *s, int in, int out, const struct session_options *o);

/* Tells the client why it cannot join, in place of session_run(). Reads nothing that would be looked at. */
void session_refuse(struct session *s, const char *why);

/* Tells the client and chatd that the session could not enter its sandbox, in place of session_run(). `error` is an
 * errno. */
void session_refuse_unconfined(struct session *s, int error);

/* Shows the client a line of ours: in several rows, broken at words, where its window is known to be narrower. */
void session_notice(struct session *s, struct slice text);

/* … whose rows behind the first one begin with `indent` blanks. */
void session_notice_indented(struct session *s, struct slice text, size_t indent);

/* The client typed something that a person types: it may be announced. */
void session_arrive(struct session *s);

/* Begins to leave, if it does not do so already. */
void session_leave(struct session *s, enum leave_reason reason);

/* Serves the client until it leaves, the connection breaks or `*stop` becomes true; signals in `unblocked`'s
 * complement are delivered only while the session waits. */
void session_run(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop);
