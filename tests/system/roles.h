/* The people in the tests of kill points, the events that each must be shown, and the link, which the test plays.
 *
 * Each action adds an event to the list of events. Each person must have been shown the events of the others, from its
 * own join to its own leave, once and in the order of the list.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>
#include <chat/names.h>
#include <chat/seen.h>

#include "harness.h"

enum {
        EVENTS_MAX = 24,
        TEXT_BYTES = TEXT_MAX_BYTES,
        HEARD_MAX_BYTES = 16 * 1024,
};

/* All people, by their part in a round. A round queues as many frames as fit if net.unix.max_dgram_qlen is 10. */
enum role {
        ANN,
        BOB,
        CAT, /* the three that stay */
        RESIDENTS,
        DAN = RESIDENTS, /* is a member, and is killed, or does not read */
        EVE,             /* is a member, and leaves */
        MEMBERS,
        FAY = MEMBERS, /* joins and leaves */
        GUS,           /* joins and is killed */
        HAL,           /* joins after a chatd was killed, and is Dan in the next round */
        ZOE,           /* is on another host */
        ROLES,
};

extern const char *const role_names[ROLES];

struct person {
        struct client *client;
        pid_t session;
        char name[64];
        char room[32];
        char inbox[20];   /* the name of its file */
        ino_t connection; /* the session's end; only if it is lent to chatd */
        bool on_irc;      /* a client of IRC in #lobby */
};

enum what {
        JOINS,
        SAYS,
        LEAVES,
        ACTS,
        WHISPERS,
        BECOMES,   /* takes the name `text` */
        GOES,      /* goes to the room `text` */
        ANNOUNCED, /* `text`, to everybody */
        TOLD,      /* `text`, to `who` alone */
};

struct event {
        enum role who, to; /* WHISPERS: the receiver */
        enum what what;
        char name[64]; /* the name of `who` at that time */
        char room[32]; /* the room of `who` at that time */
        char text[TEXT_BYTES];
        char with[64]; /* GOES: the members there; WHISPERS: the name of `to` */
};

/* The link, which the test plays. Its inbox is read before it can fill up. */
struct played_link {
        int inbox, sender;
        struct seen seen;
        char got[HEARD_MAX_BYTES]; /* the text as a session would show it */
        size_t len;
        uint64_t number; /* of the last record it injected */
        uint8_t injected[FRAME_MAX_BYTES];
        size_t injected_size;
        bool welcome;
        struct frame welcome_frame;
};

extern struct chat *chat;
extern struct played_link played;
extern int child_signals; /* a signalfd of SIGCHLD */
extern struct person persons[ROLES];
extern struct event events[EVENTS_MAX]; /* the events that all must be shown, in this order */
extern size_t events_count;
extern unsigned round_number;

/* ---- what must be shown ---- */

/* Returns the name of the server of IRC. */
const char *irc_server(void);

/* Adds an event of `who`, with the name and the room that it has now. */
struct event *add_event(enum role who, enum what what);

/* Writes the events that `who` must be shown: those of the others, from its own join to its own leave. */
void expected_of(enum role who, char text[static HEARD_MAX_BYTES]);

bool heard_as_expected(enum role who);
void assert_heard(enum role who);

/* Takes the datagrams that have come for the link. */
void link_hear(void);

/* Asserts that the link was sent all events. It may get them later than the others. */
void assert_link_heard(void);

/* Forgets all events and all output. */
void forget_events(void);

/* Drops the greeting, which is not caused by others. */
void drop_greeting(struct client *c);

/* Takes the output to the roles from `first` to before `end`. Returns true if it is complete. */
bool have_heard(int first, int end);
bool have_residents_heard(void);

/* Waits until one of these roles gets output, the link gets a datagram, or a child stops or ends. Returns false when
 * the deadline has passed. */
bool wait_for_news(int first, int end, int64_t deadline);

/* Waits until these roles were shown all events, or the deadline has passed. assert_heard() then shows the missing
 * events. */
void wait_until_heard(int first, int end);

void wait_until_true(bool (*condition)(void), const char *what);

/* ---- actions ---- */

/* Returns how many datagrams are queued. Only to be called while no chatd runs, because the socket and its offset are
 * the same. */
unsigned queue_length(void);

/* Waits until the next frame is in the queue, so that later frames are behind it. */
void queue_grows(unsigned *length);

/* Lets a role join. The greeting waits if there is no chatd, so have_heard() takes it. The empty line is a sign of
 * life. */
void join(enum role who);

/* Lets a role join and waits for the greeting. chatd must run. */
void join_greeted(enum role who);

/* Lets a role say a text, with the number of the round. */
void say(enum role who, const char *text);

void leave(enum role who);

/* Kills a session. Its leave is no event yet, because chatd announces it after all queued frames. */
void die(enum role who);

void link_send(const void *data, size_t size);
void link_hello(void);

/* Injects two lines of Zoe's in one frame. */
void link_inject(void);

/* Injects the same lines again, which nobody must be shown, and asks chatd by HELLO for its progress. */
void link_ask(unsigned members);

/* Asserts that a role that left was shown the lines said before, and then no more. */
void assert_farewell(enum role who, bool in_time);

/* Lets the link ask, and each role up to `last` say a line. After that, no frame of the round is left. The roles speak
 * one after the other, because they may overtake each other while the queue is full. */
void all_speak(enum role last);

/* Asserts that a folder of the run directory has one file for each member, and no other file. The owners of the files
 * are read from the notes of members. */
void assert_files(const char *folder);
