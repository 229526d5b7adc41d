/* Kills a process right after a certain write, ptrace(2). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum tracer_when {
        TRACER_WHOLE, /* after a write */
        TRACER_CUT,   /* after a write of which the receiver took only a part */
};

/* Returns true if children may be traced, false without the permission for that. Fails the test for any other
 * reason. */
bool tracer_may_trace(void);

/* Lets a child go on, which may have been stopped (SIGSTOP), and kills it after its next sendmsg(2) of bytes with
 * `text` in them. Returns when it is dead. Fails the test if the child makes no such call within DEADLINE_MS, or
 * ends. */
void tracer_kill_behind(pid_t pid, const char *text, enum tracer_when when);
