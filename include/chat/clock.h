/* The clocks that the programs read. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Returns CLOCK_MONOTONIC in ms, for deadlines. */
static inline int64_t clock_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Returns CLOCK_REALTIME in s, the time of day. It does not use time(2): if the kernel gives processes no clock to read
 * (vdso(7)), time(2) is a separate system call, which the sandbox of a session would have to allow. */
static inline int64_t clock_realtime_s(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec;
}

/* Returns the same in ms. */
static inline int64_t clock_realtime_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Converts `ms`, a duration or a time of 0 or more, into the form that system calls take. */
static inline struct timespec clock_timespec(int64_t ms)
{
        return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};
}

/* Returns the earlier of two times, or the shorter of two durations. */
static inline int64_t clock_earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* Returns CLOCK_BOOTTIME in µs. It measures how long a membership lasts, which may be longer than one chatd. */
static inline uint64_t clock_boottime_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
