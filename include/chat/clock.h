/* The clocks that the programs read. */
#pragma once

#include <stdint.h>
#include <time.h>

/* ms of CLOCK_MONOTONIC: for deadlines. */
static inline int64_t clock_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* s of CLOCK_REALTIME: the time of day. In place of time(2), which is a system call of its own where the kernel gives
 * processes no clock to read (vdso(7)), and the sandbox of a session would have to allow it. */
static inline int64_t clock_realtime_s(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec;
}

/* A duration or time of `ms`, 0 or more, for system calls. */
static inline struct timespec clock_timespec(int64_t ms)
{
        return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};
}

/* The earlier of two times, or the shorter of two durations. */
static inline int64_t clock_earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* µs of CLOCK_BOOTTIME: for how long a membership lasts, which may be longer than one chatd. */
static inline uint64_t clock_boottime_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
