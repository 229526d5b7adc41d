#include "death.h"

#include <poll.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../chatd/broker.h"
#include "../../chatd/notes.h"
#include "../../chatd/reach.h"

static uint64_t now_ns = 1000000000000;
static unsigned steps_left;
static jmp_buf *grave;

void time_pass(uint64_t ms)
{
        now_ns += ms * 1000000;
}

void death_arm(unsigned steps, jmp_buf *where)
{
        steps_left = steps;
        grave = where;
}

static void step(void)
{
        if (steps_left > 0 && --steps_left == 0)
                longjmp(*grave, 1);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
        (void)clock;
        now_ns += 1000;
        *t = (struct timespec){(time_t)(now_ns / 1000000000), (long)(now_ns % 1000000000)};
        return 0;
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
        int r = __real_poll(fds, n, 0);
        if (r == 0 && timeout > 0)
                time_pass((uint64_t)timeout);
        return r;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
        (void)left;
        now_ns += (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;
        return 0;
}

/* The intake's window has megabytes, and mapping them would take most of the time of a run. So they stay mapped, out of
 * bounds while they are not in use. */
enum { KEPT_MIN_BYTES = 2 << 20 };

static void *kept;
static size_t kept_size;
static bool is_lent;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
        if (n * size < KEPT_MIN_BYTES || is_lent || (kept && kept_size != n * size))
                return __real_calloc(n, size);
        if (!kept)
                kept = __real_calloc(n, size);
        kept_size = n * size;
        is_lent = kept != NULL;
        ASAN_UNPOISON_MEMORY_REGION(kept, kept_size);
        return kept;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
        if (!memory || memory != kept) {
                __real_free(memory);
                return;
        }
        ASAN_POISON_MEMORY_REGION(kept, kept_size);
        is_lent = false;
}

/* A call before which death may come. */
#define MORTAL(type, name, parameters, arguments)                                                                      \
        type __real_##name parameters;                                                                                 \
        type __wrap_##name parameters;                                                                                 \
        type __wrap_##name parameters                                                                                  \
        {                                                                                                              \
                step();                                                                                                \
                return __real_##name arguments;                                                                        \
        }

/* Replaces pwrite() of libc, which other libraries call, too. */
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
        step();
        return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
        step();
        ssize_t n = __real_sendmsg(fd, msg, flags);
        step(); /* what was written to a client's connection is noted after that */
        return n;
}

MORTAL(int, recvmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout),
       (fd, msgs, n, flags, timeout))
MORTAL(int, reach_send, (const struct member *m, const struct frame *f), (m, f))
MORTAL(int, note_write, (const char *dir, const struct member *m), (dir, m))
MORTAL(void, note_departed, (const char *dir, uint64_t id), (dir, id))
MORTAL(void, note_remove_departed, (const char *dir, uint64_t id), (dir, id))
MORTAL(int, note_name, (const char *dir, const struct member *m, const char *changes), (dir, m, changes))
MORTAL(void, note_remove_name, (const char *dir, uint64_t id), (dir, id))
MORTAL(int, note_arrival, (const char *dir, uint64_t id), (dir, id))
MORTAL(int, note_named, (const char *dir, const struct member *m), (dir, m))
MORTAL(int, note_held, (const char *dir, uint64_t id), (dir, id))
MORTAL(void, note_remove_held, (const char *dir, uint64_t id), (dir, id))
MORTAL(void, note_remove_arrival, (const char *dir, uint64_t id), (dir, id))
MORTAL(int, note_seal, (const char *dir, uint64_t number, size_t count), (dir, number, count))
MORTAL(void, note_remove_seal, (const char *dir), (dir))
MORTAL(void, history_note, (struct history * h, const struct rooms *rooms, const struct relay *r), (h, rooms, r))
MORTAL(void, history_note_again, (struct history * h, const struct rooms *rooms, const struct relay *r), (h, rooms, r))
MORTAL(int, note_room, (const char *dir, const struct member *m, const char *room, const char *changes),
       (dir, m, room, changes))
MORTAL(void, note_remove_room, (const char *dir, uint64_t id), (dir, id))
MORTAL(int, rooms_set_topic, (struct room * room, const char *dir, struct slice topic), (room, dir, topic))
MORTAL(void, reach_remove_inbox, (const char *dir, uint64_t id), (dir, id))
