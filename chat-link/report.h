/* What chat-link's user has to know about the network, as network_get_status() tells it.
 *
 * Every part of the network has a line of its own for what is in its way, and clears it when it works again. The first
 * one counts: without a connection, say, nothing else is of interest. All functions may be called from any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "network.h"

/* By rank. */
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
        int wake; /* an eventfd, not owned; -1: nobody is to be woken any more */
};

void report_init(struct report *r, int wake);
void report_destroy(struct report *r);

/* Makes the eventfd readable. */
void report_wake(struct report *r);

/* From now on the eventfd is not used. */
void report_end(struct report *r);

/* Says what is in the way of `part`. The text is cleaned and cut. */
void report_problem(struct report *r, enum problem part, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Nothing is in its way any more. */
void report_no_problem(struct report *r, enum problem part);

/* `server` as it may be shown: a new connection, with which nothing is in the way so far. NULL: not connected, and
 * therefore neither stored nor stuck. */
void report_connected(struct report *r, const char *server);
void report_stored(struct report *r, bool stored);
void report_stuck(struct report *r, bool stuck);

/* One more. */
void report_ignored(struct report *r);

/* Another host has our label. `clone` is the instance under which both number their records, or 0. */
void report_twin(struct report *r, uint64_t clone);

void report_get(struct report *r, struct network_status *status);
