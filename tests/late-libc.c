/* A libc that does things late, preloaded. It always does what some libc does at a function's first use, or on some
 * machine: getrandom(3), malloc(3) and functions that read files map memory, and the clocks are system calls. The
 * sandbox of a session does not allow such mappings, so a session that calls one of these functions in the sandbox ends
 * by SIGSYS. */
#include <dlfcn.h>
#include <iconv.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "clock-call.h"

enum { PAGE_BYTES = 4096 };

static void *map(size_t size)
{
        void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mapped == MAP_FAILED ? NULL : mapped;
}

ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
        static void *state; /* glibc 2.41: for the random numbers of the vDSO */
        if (!state)
                state = map(PAGE_BYTES);
        return syscall(SYS_getrandom, buffer, size, flags);
}

/* ---- clocks, on a machine where the vDSO has none ---- */

int clock_gettime(clockid_t clock, struct timespec *t)
{
        return clock_call(clock, t);
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
        return (int)syscall(SYS_gettimeofday, t, zone);
}

time_t time(time_t *seconds)
{
#ifdef SYS_time
        return syscall(SYS_time, seconds);
#else
        struct timeval t = {0};
        gettimeofday(&t, NULL);
        if (seconds)
                *seconds = t.tv_sec;
        return t.tv_sec;
#endif
}

/* ---- memory: each piece is a mapping of its own, with its size in front ---- */

union header {
        size_t size;
        max_align_t alignment;
};

void *malloc(size_t size)
{
        union header *h = map(sizeof(*h) + size);
        if (!h)
                return NULL;
        h->size = size;
        return h + 1;
}

void free(void *memory)
{
        union header *h = memory;
        if (h)
                munmap(h - 1, sizeof(*h) + h[-1].size);
}

void *calloc(size_t n, size_t size)
{
        size_t bytes;
        return __builtin_mul_overflow(n, size, &bytes) ? NULL : malloc(bytes);
}

void *realloc(void *memory, size_t size)
{
        void *moved = malloc(size);
        if (!moved || !memory)
                return moved;
        size_t had = ((union header *)memory)[-1].size;
        memcpy(moved, memory, had < size ? had : size);
        free(memory);
        return moved;
}

/* ---- functions that read files, such as modules and locales, or fill buffers that they have to get first ---- */

#define LATE(type, name, parameters, arguments)                                                                        \
        type name parameters                                                                                           \
        {                                                                                                              \
                void *found = dlsym(RTLD_NEXT, #name);                                                                 \
                type(*real) parameters;                                                                                \
                memcpy(&real, &found, sizeof(real));                                                                   \
                map(PAGE_BYTES);                                                                                       \
                return real arguments;                                                                                 \
        }

LATE(iconv_t, iconv_open, (const char *to, const char *from), (to, from))
LATE(size_t, iconv, (iconv_t set, char **in, size_t *in_left, char **out, size_t *out_left),
     (set, in, in_left, out, out_left))
LATE(int, iconv_close, (iconv_t set), (set))
LATE(struct passwd *, getpwuid, (uid_t uid), (uid))
LATE(char *, strerror, (int error), (error))
LATE(int, puts, (const char *text), (text))
LATE(size_t, fwrite, (const void *restrict data, size_t size, size_t n, FILE *restrict file), (data, size, n, file))
