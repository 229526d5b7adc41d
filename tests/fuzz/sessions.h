/* The sessions of the broker's target and the link to other hosts, all played by this process: what they send, and what
 * must reach them.
 *
 * A session is `once` as long as it does what chat-session does: one HELLO from a bound inbox, lines, one BYE. It is
 * `attentive` as long as, besides, its inbox takes everything. Promises:
 *   - whatever it does, a session gets whole, clean datagrams of a known chatd, the epochs in the order of their
 *     chatds; no record of its own, nor of another process; of each epoch, lines in the order in which they were sent,
 *     and none twice; and across epochs none twice that chat-session would show (chat/seen.h);
 *   - one that is once gets no line from before its HELLO or behind its BYE;
 *   - one that is attentive, too, gets each sender's records with rising numbers; and of a sender that is once, under
 *     the sender's name, every line, and exactly once that it came and left, wherever chatd died. That it came is a
 *     JOIN, or a notice about several, which the link does not get; of who left before that, nobody is told that it
 *     came or left. Of a line, that holds for who is in the sender's room when it is taken, and for the link; nobody
 *     else gets it. Where anybody went to another room, who is told of coming and going is not promised, but that it
 *     is told once at most.
 *   - who is shown a line or a new name sees the same name as all others; where nobody went to another room, it is the
 *     one that it was told last; and a request for a name is granted or refused, whichever chatd takes it;
 *   - what was said before, which it is shown when it comes, is in the order in which it was sent, each line once, and
 *     none is shown again as one that is said now;
 *   - one that lends its client's connection gets those lines there, each once, whole and in order, whoever writes
 *     them.
 * The link is `once` as long as it says nothing but what chat-link does, and its inbox was there until it was welcome.
 * Nobody is told that it comes or goes. For what it injects the same is promised as for a session's lines, also where
 * it injects something again; and, to everybody, rising numbers. WELCOME says no number that it did not inject yet,
 * and none below one that it said before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/seen.h>

enum {
        WITNESS, /* is always there, and attentive unless the queue itself is lost */
        SESSIONS = 5,
        LINK = SESSIONS, /* among the players */
        PLAYERS,
        LINES_MAX = 2048, /* in one run */
        EPOCHS_MAX = 64,
        GROUPS_MAX = 1024,
        NICKS = 8, /* names that sessions ask for */
        ROOMS = 6, /* … and of rooms */
        MOVES_MAX = 64,
        ANSWERS_MAX = 256,
        RENAMES_MAX = 512,
};

struct session {
        uint64_t id;
        struct lender *lender; /* NULL: it lends nothing */
        bool spoilt;           /* … and what its client gets may be anything */
        size_t last_text;      /* the last line that its client got */
        size_t text_size;      /* of the line whose end its client has not got yet */
        char text[NAME_MAX_BYTES + TEXT_MAX_BYTES + 16];
        int inbox; /* -1: closed */
        bool reads;
        bool once, attentive;
        uint64_t number; /* of the last line or request, or, of the link, record */
        unsigned nicks;  /* names that it asked for: a bit for each */
        struct {
                uint64_t at;
                int room;
        } moves[MOVES_MAX]; /* to other rooms, as far as it was a member then */
        size_t moves_count;
        unsigned hellos;
        uint64_t hello_at, bye_at, closed_at; /* in order of sending; 0: not yet */
        uint64_t adrift_at; /* when it asked for another room behind its closed inbox; 0: it did not */
        /* what it got */
        struct seen seen;
        size_t epoch;
        size_t last_line;       /* in this epoch */
        uint64_t next[PLAYERS]; /* in this epoch: the smallest number that may come from each sender */
        bool ended[SESSIONS];   /* in this epoch: its LEAVE came */
        unsigned told[SESSIONS], leaves[SESSIONS]; /* that each came: by name, or in a notice; and left */
        uint64_t last_group;
        uint8_t shown[LINES_MAX];
        uint64_t past_number; /* of the next PAST that is shown */
        bool past[LINES_MAX];
        char called[SESSIONS][NAME_MAX_BYTES + 1]; /* each, by what it was shown last */
        struct {
                uint64_t number; /* of a request; 0: none */
                bool granted;    /* it has that name now */
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
                uint8_t to; /* whom it is for alone; PLAYERS: everybody */
                bool due;   /* to everybody attentive who is there */
                uint64_t at;
                char name[NAME_MAX_BYTES + 1]; /* of who said it, as the first saw it who was shown it */
        } lines[LINES_MAX];
        size_t lines_count; /* line 0 is none */
        struct {
                uint64_t id, number;
                char name[NAME_MAX_BYTES + 1], text[NAME_MAX_BYTES + 1];
        } renames[RENAMES_MAX]; /* that anybody was shown */
        size_t renames_count;
        uint64_t epochs[EPOCHS_MAX];
        size_t epochs_count;
        bool merges; /* chatd may let who comes wait, to be announced with others */
        bool quiet;  /* from now on each HELLO is */
        struct {
                uint64_t number; /* of the notice about them */
                unsigned who;    /* a bit for each session */
        } groups[GROUPS_MAX];
        size_t groups_count;
};

void sessions_init(struct sessions *s, const char *dir);
void sessions_free(struct sessions *s);

/* A new chatd has drawn this epoch. */
void sessions_epoch(struct sessions *s, uint64_t epoch);

/* If chatd sends a notice of this number, it is about those whose bits are set. */
void sessions_group(struct sessions *s, uint64_t number, unsigned who);

/* (Re)connects to the intake. */
void sessions_connect(struct sessions *s);

/* Each sends one frame of session `k`. Returns false where the queue is full: then nothing happened. */
bool session_hello(struct sessions *s, unsigned k);
bool session_arrive(struct sessions *s, unsigned k);
bool session_here(struct sessions *s, unsigned k);
bool session_lines(struct sessions *s, unsigned k, size_t size, size_t count);
bool session_bye(struct sessions *s, unsigned k);

/* … a request: for the name `what`, for who is here, that it does something, a word to player `what` alone, to go to room
 * `what`, for a topic, which rooms there are, or the last `what` lines. */
bool session_nick(struct sessions *s, unsigned k, unsigned what);
bool session_who(struct sessions *s, unsigned k);
bool session_acts(struct sessions *s, unsigned k);
bool session_private(struct sessions *s, unsigned k, unsigned what);
bool session_room(struct sessions *s, unsigned k, unsigned what);
bool session_topic(struct sessions *s, unsigned k);
bool session_rooms(struct sessions *s, unsigned k);
bool session_history(struct sessions *s, unsigned k, unsigned what);

/* … of the link: `count` records, lines, or where `come_and_go` alternating JOIN and LEAVE; the last INJECT once more;
 * a NOTICE. Its HELLO is a session_hello() of LINK. */
bool link_inject(struct sessions *s, size_t count, size_t size, bool come_and_go);
bool link_inject_again(struct sessions *s);
bool link_notice(struct sessions *s);

/* From now on it lends its client's connection when it is asked, and is judged by what its client gets. */
void session_lends(struct sessions *s, unsigned k);

/* Spoils a byte of the page that it shares with chatd: from now on nothing is promised to its client. */
void session_spoil(struct sessions *s, unsigned k, size_t at, uint8_t value);

/* Sends any bytes. */
void session_raw(struct sessions *s, uint8_t *data, size_t size);

/* Dies, as far as one process can play that: its inbox is gone. That of the link may come back. */
void session_close(struct sessions *s, unsigned k);

/* Puts datagrams into its inbox until that takes no more. */
void session_fill(struct sessions *s, unsigned k);

/* Reads and checks what is in its inbox. */
void session_read(struct sessions *s, unsigned k);

/* Nothing is on the way any more but on the clients' connections: everything must have arrived. */
void sessions_check(struct sessions *s);
