/* Reads the clock for tests that replace clock_gettime(). */
#pragma once

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Calls clock_gettime(2) by its system call. struct timespec has 64 bits for the seconds everywhere: the Makefile asks
 * for it. */
static inline int clock_call(clockid_t clock, struct timespec *t)
{
#ifdef SYS_clock_gettime64
        return (int)syscall(SYS_clock_gettime64, clock, t);
#else
        return (int)syscall(SYS_clock_gettime, clock, t);
#endif
}
