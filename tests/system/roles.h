/* The people of the tests of kill points, what each of them must be shown, and the link, which the test plays.
 *
 * An action is an event, and is added to the list of events in its place. Each person must have been shown the events of
 * the others, from its own join to its own leave, once and in this order.
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

/* All people, by what happens to them in a round. At most as many frames are queued as fit if net.unix.max_dgram_qlen
 * is 10. */
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
        char got[HEARD_MAX_BYTES]; /* as a session would show it */
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
extern struct event events[EVENTS_MAX]; /* what all must be shown, in this order */
extern size_t events_count;
extern unsigned round_number;

/* ---- what must be shown ---- */

/* Adds an event of `who`, with the name and the room that it has now. */
struct event *add_event(enum role who, enum what what);

/* Writes what `who` must be shown: the events of the others, from its own join to its own leave. */
void expected_of(enum role who, char text[static HEARD_MAX_BYTES]);

bool heard_as_expected(enum role who);
void assert_heard(enum role who);

/* Takes what has come for the link. */
void link_hear(void);

/* Asserts what the link was sent. It may be sent something later than the others. */
void assert_link_heard(void);

/* Forgets all events, and what was shown. */
void forget_events(void);

/* Drops the greeting, which is not caused by others. */
void drop_greeting(struct client *c);

/* Takes what has come for the roles from `first` to before `end`. Returns true if that is all that they must be
 * shown. */
bool have_heard(int first, int end);
bool have_residents_heard(void);

/* Waits until one of these roles is shown something, the link is sent something, or a child stops or ends. Returns
 * false when the deadline has passed. */
bool wait_for_news(int first, int end, int64_t deadline);

/* Waits until these roles were shown everything, or the deadline has passed; assert_heard() shows what is missing
 * then. */
void wait_until_heard(int first, int end);

void wait_until_true(bool (*condition)(void), const char *what);

/* ---- actions ---- */

/* Returns how many datagrams are queued. Only while no chatd runs: it is the same socket, with the same offset. */
unsigned queue_length(void);

/* Waits until the next frame is in the queue, so that later frames are behind it. */
void queue_grows(unsigned *length);

/* Lets a role join. There may be no chatd, for which the greeting would wait, so have_heard() takes it. The empty line
 * is a sign of life. */
void join(enum role who);

/* Lets a role join and waits for the greeting. chatd must run. */
void join_greeted(enum role who);

/* Lets a role say a text, with the number of the round. */
void say(enum role who, const char *text);

void leave(enum role who);

/* Kills a session. Its leave is no event yet: chatd announces it after all that is queued. */
void die(enum role who);

void link_send(const void *data, size_t size);
void link_hello(void);

/* Injects two lines of Zoe's in one frame. */
void link_inject(void);

/* Injects the same lines again, which must not be shown to anybody, and asks chatd by HELLO how far it is. */
void link_ask(unsigned members);

/* Asserts that a role that left was shown what was said before, and then nothing. */
void assert_farewell(enum role who, bool in_time);

/* Lets the link ask, and each role up to `last` say a line, after which there is nothing left of the round. One after
 * the other, because they may overtake each other while the queue is full. */
void all_speak(enum role last);

/* Asserts that there is one file for each member in a folder of the run directory, and nothing else. The notes of
 * members tell the owners of the other files. */
void assert_files(const char *folder);
