/* A program that chat-init keeps running, with its sockets and its user. It is started again whenever it ends. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "listen.h"

enum {
        CHILD_FDS_MAX = 8,
        CHILD_AGAIN_MS = 100,       /* between its end and its next start */
        CHILD_AGAIN_SOON_MS = 1000, /* the same for a program that ran for a shorter time than this */
        CHILD_MISSING = 127,        /* its exit status if it could not be run, as in a shell */
};

struct child {
        char *const *argv;        /* argv[0] is searched in PATH */
        const int *fds;           /* passed to the program in the way of sd_listen_fds(3) */
        size_t count;             /* of the descriptors */
        const struct owner *user; /* it runs as this user; NULL: as our user */
        pid_t pid;                /* 0: it does not run */
        pid_t group;              /* the process group of it and all that it starts; 0: there was none yet */
        int64_t start_ms; /* the time of the next start, or of the last one while it runs; ms of CLOCK_MONOTONIC */
};

/* Starts the program. Returns 0 or a negative errno. A program that cannot be run ends with CHILD_MISSING, and standard
 * error states the reason. */
int child_start(struct child *c, int64_t now);

/* Notes that process `pid` ended. Returns true if this program was that process; it is then due for another start. */
bool child_ended(struct child *c, pid_t pid, int64_t now);
