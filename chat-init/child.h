/* A program that is to run, with its sockets and its user. It is started again when it ends. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "listen.h"

enum {
        CHILD_AGAIN_MS = 100,       /* between its end and its next start */
        CHILD_AGAIN_SOON_MS = 1000, /* the same for a program that did not run for as long as this */
        CHILD_MISSING = 127,        /* its exit status if it could not be run, as of a shell */
};

struct child {
        char *const *argv;        /* argv[0] is looked for in PATH */
        const int *fds;           /* passed as sd_listen_fds(3) finds them */
        size_t count;             /* of those */
        const struct owner *user; /* it runs as this user; NULL: as ours */
        pid_t pid;                /* 0: it does not run */
        pid_t group;              /* of processes: it, and all that it starts; 0: there was none yet */
        int64_t due_ms;           /* when it starts next, or started last, CLOCK_MONOTONIC */
};

/* Starts it. Returns 0 or a negative errno. A program that cannot be run ends with CHILD_MISSING, and standard error says why. */
int child_start(struct child *c, int64_t now);

/* Takes note that `pid` ended. Returns true if that was this program: it is due again. */
bool child_ended(struct child *c, pid_t pid, int64_t now);
