/* Kills a process behind what it writes, ptrace(2). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum tracer_when {
        TRACER_WHOLE, /* behind a write */
        TRACER_CUT,   /* behind a write of which the receiver took a part only */
};

/* Returns true where children may be traced. Without the permission it returns false; fails the test for any other
 * reason. */
bool tracer_may_trace(void);

/* Lets a child go on, which may have been stopped (SIGSTOP), and kills it behind its next sendmsg(2) of bytes that have
 * `text` in them. Returns when it is dead. Fails the test where it makes no such call within DEADLINE_MS, or ends. */
void tracer_kill_behind(pid_t pid, const char *text, enum tracer_when when);
