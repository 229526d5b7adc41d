/* chatd is killed between any two of its system calls, and no member notices.
 *
 * The test plays systemd: it holds the queue and passes it to one chatd after the other. A round fills the queue while
 * no chatd runs, or while it is stopped. Then chatd is started, traced (ptrace(2)), and killed in front of its Nth
 * system call. The next chatds may be killed in the same way. The last one runs freely. After that, all clients must
 * have been shown every event once and in order (roles.h), the link must have been sent the same, and no file of a
 * member that left may remain in the run directory.
 *
 * First, N goes from 1 to the end of chatd's work. Call 1 locks the run directory; earlier calls are those of the
 * dynamic linker. Then several chatds are killed in a row, at random points.
 *
 * The environment may have EVERY=8, which tries only every eighth N (1 to 20; SEED= decides the first N), ROUNDS=, the
 * number of random rounds, SEED=, which repeats a run, and PROGRESS=1, which prints the progress.
 */
#pragma once

#include <stdbool.h>

#include "roles.h"

enum {
        KILLS_MAX = 4,  /* in one round */
        BEHIND_DAN = 0, /* in place of a system call's number: the call after the write to Dan */
};

struct killed {
        unsigned at;
        uint64_t call; /* the number of the call; valid if `done` */
        bool done;     /* if false, chatd came to rest before that call and was killed while it waited */
};

extern unsigned seed;
extern struct killed killed[KILLS_MAX]; /* of this round */
extern unsigned killed_count;
extern bool (*is_at_rest)(void); /* returns true if all clients were shown all output of chatd */
extern unsigned direct;          /* how often the traced chatd wrote to a client */
extern bool playing;             /* a round is under way, or was when the test failed */

void start_broker(bool traced);

/* Ends chatd. Returns its status as of waitpid(2). */
int end_broker(int signal);

/* Starts chatd with the residents and the link, whose inbox this process reads. */
void start_with_residents(void);

bool is_queue_empty(void);

/* Returns the role whose connection this descriptor of chatd's is, or ROLES. */
int whose_connection(const char *fd);

/* Stops a running chatd, and traces it. Returns its status as of waitpid(2). */
int stop_broker(void);

/* Lets the traced chatd, which has stopped, run to its system call number `at`, counted from `first` on (-1: any), and
 * kills it in front of that. Returns false if it came to rest before that; then it is killed while it waits. */
bool kill_at(unsigned at, int first, int status);

/* Starts chatd and kills it in front of its system call number `at`. Returns the same as kill_at(). */
bool run_and_kill(unsigned at);

/* Ends a gathering, in which all members are there and have spoken. */
void end_gathering(void);

/* Returns true if a member has a mark beside its note that begins with `mark`. */
bool is_anybody_marked(const char *mark);

/* Returns true if no newcomer is held until its session says that it may be announced, or is being named. */
bool is_nobody_held(void);

/* The points at which chatd is killed, one in a round. Begins as {0}. */
struct points {
        unsigned at;    /* the system call of the next round */
        unsigned calls; /* the last call that a chatd reached */
};

/* Goes to the next point. Returns false if no chatd reaches it any more. */
bool next_point(struct points *p);

/* Print the number of system calls: show_progress() now and then, show_points() at the end. `of` is the number of
 * rounds, or 0 if it is unknown. */
void show_progress(const char *what, unsigned of);
void show_points(unsigned calls, const char *when);

/* Returns the number in the environment under this name, or `otherwise` if there is none. */
unsigned number_from(const char *name, unsigned otherwise);

int killing_set_up(void **state);
int killing_tear_down(void **state);

#define KILLING_TEST(name) cmocka_unit_test_setup_teardown(name, killing_set_up, killing_tear_down)
