/* The status of the network for administrators, as network_get_status() returns it.
 *
 * Each part of the network sets its own problem, and clears it when it works again. The problem of the highest rank is
 * shown: without a connection, for example, no other problem matters. All functions may be called from any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "network-message.h"

/* The parts of the network, by rank. */
enum problem {
        PROBLEM_CONNECTION,
        PROBLEM_PERMISSION,
        PROBLEM_PAYLOAD,
        PROBLEM_STREAM,
        PROBLEM_MESSAGE_SIZE,
        PROBLEM_READING,
        PROBLEM_PUBLISHING,
        PROBLEM_SETTINGS,
        PROBLEMS,
};

struct report {
        pthread_mutex_t lock;
        struct network_status status;
        char problems[PROBLEMS][sizeof(((struct network_status *)0)->problem)];
        int wake; /* an eventfd, not owned; -1: no longer used */
};

void report_init(struct report *r, int wake);
void report_destroy(struct report *r);

/* Makes the eventfd readable. */
void report_wake(struct report *r);

/* Stops using the eventfd. */
void report_end(struct report *r);

/* Sets the problem of `part`. The text is cleaned and cut. */
void report_problem(struct report *r, enum problem part, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Clears the problem of `part`. */
void report_no_problem(struct report *r, enum problem part);

/* Notes a new connection, which has no problems so far. `server` is the name to show. NULL means no connection, and
 * therefore neither stored nor stuck. */
void report_connected(struct report *r, const char *server);
void report_stored(struct report *r, bool stored);
void report_stuck(struct report *r, bool stuck);

/* Counts an ignored message. */
void report_ignored(struct report *r);

/* Notes that another host has this host's label. `clone` is the instance under which both number their records, or
 * 0. */
void report_twin(struct report *r, uint64_t clone);

void report_get(struct report *r, struct network_status *status);
