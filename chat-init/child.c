#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/clock.h>

enum { FIRST_FD = 3 }; /* the first passed descriptor: sd_listen_fds(3) */

/* Moves the sockets to the numbers from FIRST_FD on, and sets the variables that name them. Returns 0 or a negative
 * errno. */
static int child_pass_sockets(const struct child *c)
{
        int aside[CHILD_FDS_MAX];
        char number[16];
        assert(c->count <= CHILD_FDS_MAX);
        for (size_t i = 0; i < c->count; i++) { /* moved aside first, so that no socket overwrites another */
                aside[i] = fcntl(c->fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)c->count);
                if (aside[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < c->count; i++)
                if (dup2(aside[i], FIRST_FD + (int)i) < 0)
                        return -errno;
        snprintf(number, sizeof(number), "%zu", c->count);
        if (setenv("LISTEN_FDS", number, 1) < 0)
                return -errno;
        snprintf(number, sizeof(number), "%d", (int)getpid());
        return setenv("LISTEN_PID", number, 1) < 0 ? -errno : 0;
}

/* Becomes this user, unless it is NULL. Returns 0 or a negative errno. */
static int child_become(const struct owner *user)
{
        if (!user)
                return 0;
        if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
            setresuid(user->uid, user->uid, user->uid) < 0)
                return -errno;
        return 0;
}

/* Enters the process group of the program that ran before, if that still has processes, so that a signal reaches all of
 * them. Otherwise begins a new group. */
static void child_enter_group(const struct child *c)
{
        if (c->group == 0 || setpgid(0, c->group) < 0)
                setpgid(0, 0);
}

__attribute__((noreturn)) static void child_run(const struct child *c)
{
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        child_enter_group(c);
        int r = child_pass_sockets(c);
        if (r == 0)
                r = child_become(c->user);
        if (r == 0) {
                execvp(c->argv[0], c->argv);
                r = -errno;
        }
        fprintf(stderr, "chat-init: cannot run %s: %s\n", c->argv[0], strerror(-r));
        _exit(CHILD_MISSING);
}

int child_start(struct child *c, int64_t now)
{
        pid_t pid = fork();
        if (pid < 0) {
                c->start_ms = now + CHILD_AGAIN_SOON_MS;
                return -errno;
        }
        if (pid == 0)
                child_run(c);
        if (c->group == 0 || setpgid(pid, c->group) < 0) /* the child makes the same call, and either may be first */
                setpgid(pid, pid);
        pid_t group = getpgid(pid);
        c->group = group > 0 ? group : c->group;
        c->pid = pid;
        c->start_ms = now;
        return 0;
}

bool child_ended(struct child *c, pid_t pid, int64_t now)
{
        if (c->pid != pid)
                return false;
        c->pid = 0;
        c->start_ms = now + (now - c->start_ms < CHILD_AGAIN_SOON_MS ? CHILD_AGAIN_SOON_MS : CHILD_AGAIN_MS);
        return true;
}
