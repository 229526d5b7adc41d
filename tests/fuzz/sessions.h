/* The sessions of the broker's target and the link to other hosts: the frames that they send, and the frames that they
 * must get. This process plays all of them.
 *
 * A session is `once` as long as it does what chat-session does: one HELLO from a bound inbox, lines, one BYE. It is
 * `attentive` as long as its inbox takes everything, too. Promises:
 * - Every session gets whole, clean datagrams of a known chatd. The epochs come in the order of their chatds. A session
 *   gets no record of its own, and none of another process. Within an epoch, lines come in the order of sending, and
 *   none twice. Across epochs, no line comes twice that chat-session would show (chat/seen.h).
 * - A session that is once gets no line from before its HELLO or behind its BYE.
 * - A session that roams is told once of a new name or a leave, however many rooms it shares with the other. The link is
 *   told once for each room.
 * - A session that is once and attentive gets each sender's records with rising numbers. Of a sender that is once it
 *   gets every line, under the sender's name. It gets the sender's join and leave exactly once, wherever chatd died. A
 *   join is a JOIN, or a notice about several, which the link does not get. If a newcomer left before it was announced,
 *   nobody is told of its join or leave. Lines are promised to the sessions in the sender's room when the line is
 *   taken, and to the link; no other session gets them. If any session went to another room, the only promise about
 *   joins and leaves is that they are told once at most.
 * - All sessions that are shown a line or a new name see the same name. If no session went to another room, it is the
 *   name that the session was told last. A request for a name is granted or refused, the same by any chatd.
 * - The past lines that a newcomer is shown are in the order of sending, each once. None is shown again as a new line.
 * - The client of a session that lends its connection gets those lines there, each once, whole and in order. Either
 *   side may write them.
 *
 * The link is `once` as long as it sends only what chat-link sends, and its inbox was there until it got WELCOME. No
 * session is told of its join or leave. Its records have the same promises as a session's lines, even if it injects
 * something again. Their numbers also rise, for all sessions. WELCOME states no number that the link did not inject
 * yet, and none below an earlier one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/seen.h>

enum {
        WITNESS, /* always there, and attentive unless the queue itself is lost */
        SESSIONS = 5,
        SESSION_BEFORE = SESSIONS - 1, /* of an early version */
        ROAMER = SESSIONS - 2,         /* may be in several rooms, if the input says so */
        SENTENCES_VERSION = 5,         /* that version: the last one whose sessions get sentences */
        LINK = SESSIONS,               /* one of the players */
        PLAYERS,
        LINES_MAX = 2048, /* in one run */
        EPOCHS_MAX = 64,
        GROUPS_MAX = 1024,
        NICKS = 8, /* names that sessions ask for */
        ROOMS = 6, /* rooms that sessions ask for */
        MOVES_MAX = 64,
        ANSWERS_MAX = 256,
        RENAMES_MAX = 512,
};

struct session {
        uint64_t id;
        struct lender *lender; /* NULL: the session lends nothing */
        bool spoilt;           /* the client of the lent connection may get anything */
        size_t last_text;      /* the last line that its client got */
        size_t text_size;      /* of the line whose end its client has not got yet */
        char text[NAME_MAX_BYTES + TEXT_MAX_BYTES + 16];
        int inbox; /* -1: closed */
        bool reads;
        bool once, attentive;
        uint64_t number; /* of the last line or request; for the link, of the last record */
        unsigned nicks;  /* the names that it asked for: a bit for each */
        bool roams;
        struct {
                uint64_t at;
                int room;
                bool exits; /* only a session that roams leaves a room without going to another one */
        } moves[MOVES_MAX]; /* changes of room while it was a member */
        size_t moves_count;
        unsigned hellos;
        uint64_t hello_at, bye_at, closed_at; /* in order of sending; 0: not yet */
        uint64_t adrift_at;                   /* when it asked for another room after its inbox was closed; 0: never */
        /* the frames that it got: */
        struct seen seen;
        size_t epoch;
        size_t last_line;       /* in this epoch */
        uint64_t next[PLAYERS]; /* in this epoch: the smallest number that may come from each sender */
        bool ended[SESSIONS];   /* in this epoch: the LEAVE of each came */
        /* how often the session was told of each join (by name, or in a notice), and of each leave */
        unsigned told[SESSIONS], leaves[SESSIONS];
        uint64_t last_group;
        uint8_t shown[LINES_MAX];
        uint64_t past_number; /* of the next PAST that is shown */
        bool past[LINES_MAX];
        char called[SESSIONS][NAME_MAX_BYTES + 1]; /* the name of each, as it was shown last */
        struct {
                uint64_t number; /* of a request; 0: none */
                bool granted;    /* the name was given to it */
        } answers[ANSWERS_MAX];
        bool welcome; /* it is a member */
        uint64_t welcome_number, welcome_members;
};

struct sessions {
        const char *dir;
        int sender;
        uint64_t now; /* counts what was sent */
        struct session all[PLAYERS];
        uint8_t injected[FRAME_MAX_BYTES]; /* the last INJECT */
        size_t injected_size;
        struct {
                uint8_t from;
                uint8_t to; /* the only reader; PLAYERS: everybody in the room */
                int room;   /* the number of the room */
                bool is_notice, is_styled;
                bool due; /* due to all attentive members */
                uint64_t at;
                /* the author's name, as the first session saw it that was shown the line */
                char name[NAME_MAX_BYTES + 1];
        } lines[LINES_MAX];
        size_t lines_count; /* line 0 is none */
        struct {
                uint64_t id, number;
                char name[NAME_MAX_BYTES + 1], text[NAME_MAX_BYTES + 1];
        } renames[RENAMES_MAX]; /* changes of name that any session was shown */
        size_t renames_count;
        uint64_t epochs[EPOCHS_MAX];
        size_t epochs_count;
        bool merges; /* chatd may let newcomers wait and announce them together */
        bool quiet;  /* from now on each HELLO is quiet */
        bool roams;  /* the first HELLO of ROAMER says that it roams, from now on */
        struct {
                uint64_t number; /* of the notice about them */
                unsigned who;    /* a bit for each session */
        } groups[GROUPS_MAX];
        size_t groups_count;
};

void sessions_init(struct sessions *s, const char *dir);
void sessions_free(struct sessions *s);

/* Notes that a new chatd has drawn this epoch. */
void sessions_epoch(struct sessions *s, uint64_t epoch);

/* Notes the sessions (a bit for each) that a notice of this number is about, if chatd sends one. */
void sessions_group(struct sessions *s, uint64_t number, unsigned who);

/* Connects to the intake, for the first time or again. */
void sessions_connect(struct sessions *s);

/* Send one frame of session `k`. Return false and do nothing if the queue is full. */
bool session_hello(struct sessions *s, unsigned k);
bool session_arrive(struct sessions *s, unsigned k);
bool session_here(struct sessions *s, unsigned k);
bool session_lines(struct sessions *s, unsigned k, size_t size, size_t count);
bool session_bye(struct sessions *s, unsigned k);

/* Send a request of session `k`: for the name `what`, for the members, an action, a private message to player `what`,
 * to go to room `what`, for a topic, for the rooms, or for the last `what` lines. Return false and do nothing if the
 * queue is full. */
bool session_nick(struct sessions *s, unsigned k, unsigned what);
bool session_who(struct sessions *s, unsigned k);
bool session_acts(struct sessions *s, unsigned k);
bool session_private(struct sessions *s, unsigned k, unsigned what);
bool session_room(struct sessions *s, unsigned k, unsigned what);
bool session_topic(struct sessions *s, unsigned k);
bool session_rooms(struct sessions *s, unsigned k);
bool session_history(struct sessions *s, unsigned k, unsigned what);

/* Send one frame of the link: `count` records, which are lines, or JOIN and LEAVE in turn if `come_and_go`; the last
 * INJECT again; a NOTICE. Return false and do nothing if the queue is full. session_hello() of LINK sends its HELLO. */
bool link_inject(struct sessions *s, size_t count, size_t size, bool come_and_go);
bool link_inject_again(struct sessions *s);
bool link_notice(struct sessions *s);

/* Lets session `k` lend its client's connection when chatd asks. The output to the client is checked from then on. */
void session_lends(struct sessions *s, unsigned k);

/* Spoils a byte of the page that session `k` shares with chatd. Nothing is promised to its client from then on. */
void session_spoil(struct sessions *s, unsigned k, size_t at, uint8_t value);

/* Sends these bytes as a datagram. */
void session_raw(struct sessions *s, uint8_t *data, size_t size);

/* Removes the inbox of session `k`, as if the session had died. The inbox of the link may come back. */
void session_close(struct sessions *s, unsigned k);

/* Puts datagrams into the inbox of session `k` until it takes no more. */
void session_fill(struct sessions *s, unsigned k);

/* Reads and checks what is in the inbox of session `k`. */
void session_read(struct sessions *s, unsigned k);

/* Checks that everything has arrived. No datagram may be on the way, but bytes may be on clients' connections. */
void sessions_check(struct sessions *s);
