/* Kills a process right after a certain write, by ptrace(2). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum tracer_when {
        TRACER_WHOLE, /* after a write */
        TRACER_CUT,   /* after a write that the receiver took only in part */
};

/* Returns true if children may be traced, or false if this process lacks the permission. Fails the test for any other
 * reason. */
bool tracer_may_trace(void);

/* Lets a child go on, which may be stopped (SIGSTOP), and kills it after its next sendmsg(2) of bytes that contain
 * `text`. Returns when the child is dead. Fails the test if the child ends first, or makes no such call within
 * DEADLINE_MS. */
void tracer_kill_behind(pid_t pid, const char *text, enum tracer_when when);
