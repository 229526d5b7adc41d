/* A machine that runs the two sides of an outlet step by step, for test-outlet-model.c: memory that is as weak as C11
 * allows, a connection, an inbox, and kills.
 *
 * The steps are those of the real functions: chatd/lent.c and chat-session/loan.c are compiled here with other atomics
 * and other system calls, and chat-session/client-output.c is linked. A step is one access to the page, or one system
 * call on something that both sides share. A function that stopped at a step is called again from its beginning. Each
 * step that it took before returns the same as before. So a state needs no stack: it is a struct that can be copied and
 * compared.
 *
 * Memory. A place keeps all values that a side may still read. Each side has a view: for each place the oldest value
 * that it may read. A relaxed load returns any value from there on. A release store carries the view of its side along.
 * An acquire that reads this value joins that view to its own. A datagram and its receipt do the same. This covers the
 * store buffers of x86 and the reordering of ARM alike. A write to the connection needs a view that has all earlier
 * writes: so two writes are in order because of the turn, and not because the kernel has a lock.
 *
 * Kills. A killed process has made all of its stores up to an instruction. The compiler may have put a store behind a
 * later one. Any of these prevents that: a release, an acquire that is in front of the later one, a fence, a system
 * call. So each store that may be late may also be lost.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/frame.h>

#include "../tcp.h"

#include "test.h"

enum side {
        CHATD,
        SESSION,
        SIDES,
};

/* The places that both sides share: the fields of the page, and the number and records of the batch. */
enum place {
        TURN,
        TAKEN,
        WRITTEN,
        RELAYED,
        LINES_OUT,
        AT,
        BATCH,
        FROM,
        TO,
        BYTES,
        MS,
        ROOM,
        ROOM_BEHIND,
        NUMBER,
        RECORDS,
        PLACES_OF_LOAN,
};

enum {
        LOANS = 3, /* by one chatd after another */
        PLACES_SHARED = LOANS * PLACES_OF_LOAN,
        STREAM = PLACES_SHARED, /* the connection */
        PLACES,
        VALUES_MAX = 10, /* of a place, that can still be read */
        STEPS_MAX = 24,  /* of a function */
        LATE_MAX = 24,   /* stores that may be lost */
        INBOX_MAX = 3,
        STREAM_MAX = 64,
        SITES_MAX = 64,
        FRAMES_BYTES = 8192, /* of the functions under test */
        CERTAIN = UINT8_MAX, /* in place of an index: cannot be lost */
};

/* The descriptors of the machine. */
enum {
        FD_INBOX = 1000,
        FD_CONNECTION,
        FD_REPLY,
        FD_SESSIONS_REPLY, /* for the first loan; the numbers behind it are for the others */
        FD_PAGE = 1100,
        FD_BATCH = 1200,
};

struct memory {
        struct {
                uint8_t count;
                int16_t value[VALUES_MAX]; /* from the oldest on */
        } at[PLACES_SHARED];
        uint8_t carried[LOANS][VALUES_MAX][PLACES]; /* the views that the values of a turn carry */
        uint8_t view[SIDES][PLACES];
        uint8_t accesses; /* to the connection */
};

struct letter_in_inbox {
        uint8_t type, batch, loan;
        uint8_t view[PLACES];
};

/* The steps that a side has taken of its current function. */
struct steps {
        uint8_t count;
        int32_t result[STEPS_MAX];
};

/* Stores of chatd since its last system call. */
struct late {
        uint8_t count, fences;
        struct {
                uint8_t place, index, acquire, release, fences;
        } store[LATE_MAX];
};

struct machine {
        struct memory memory;
        struct steps steps[SIDES];
        struct late late;
        struct letter_in_inbox inbox[INBOX_MAX];
        uint8_t letters, loan, replied, session_is_dead, parts_left;
        uint8_t reply_view[PLACES];
        uint8_t sent; /* bytes on the connection */
        char stream[STREAM_MAX];
};

/* A change of the code under test. */
enum mutation {
        NONE,
        WEAKEN, /* a release or an acquire becomes relaxed */
        LOSE,   /* a store or a fence is not made, or an exchange does not compare */
};

/* An access in the code under test. */
struct site {
        const char *file;
        int line;
        const char *text;
        bool is_ordered, stores; /* the parts that a mutation may change: its order and its effect */
};

/* The step that is being taken. */
static struct {
        struct machine *m;
        enum side side;
        unsigned taken, left, choice; /* steps that were repeated; steps still to take; the choice in this step */
        bool no_such_choice;
        const char *wrong;
        void *stop[5]; /* see stop_step() */
        const struct site *sites[SITES_MAX];
        size_t sites_count;
        const struct site *mutant;
        enum mutation mutation;
} run;

/* Leaves the function under test. longjmp() would also make the stack usable again, but AddressSanitizer makes it ten
 * times as slow. So the caller of __builtin_setjmp() calls forget_frames(). */
__attribute__((noreturn)) static void stop_step(void)
{
        __builtin_longjmp(run.stop, 1);
}

__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *at, size_t size);

/* Makes the stack below `frame` usable again. */
static void forget_frames(char *frame)
{
        if (__asan_unpoison_memory_region)
                __asan_unpoison_memory_region(frame - FRAMES_BYTES, FRAMES_BYTES);
}

__attribute__((noreturn)) static void fail_step(const char *why)
{
        run.wrong = why;
        stop_step();
}

/* Does the same as is_repeated(), for a step that is taken together with the step before it. This leaves out no case.
 * The step accesses, without order, a place that only this side writes, so the other side may still read the earlier
 * value. A kill between the two steps equals a kill after them that loses the effect of the second. */
static bool is_repeated_silent(int32_t *result)
{
        const struct steps *s = &run.m->steps[run.side];
        if (run.taken == s->count)
                return false;
        *result = s->result[run.taken++];
        return true;
}

/* Returns true if this step was taken before, with its result. Otherwise the caller takes it and calls end_step(). */
static bool is_repeated(int32_t *result)
{
        if (is_repeated_silent(result))
                return true;
        if (run.left == 0)
                stop_step();
        run.left--;
        return false;
}

static int32_t end_step(int32_t result)
{
        struct steps *s = &run.m->steps[run.side];
        if (s->count == STEPS_MAX)
                fail_step("a function takes more steps than there is room for");
        s->result[s->count++] = result;
        run.taken++;
        return result;
}

/* Returns which of `n` possibilities happens. Each is tried. */
static unsigned choose(unsigned n)
{
        run.no_such_choice = run.choice >= n;
        if (run.no_such_choice)
                stop_step();
        return run.choice;
}

static bool is_mutant(const struct site *site, enum mutation mutation)
{
        return run.mutant == site && run.mutation == mutation;
}

static void note_site(const struct site *site)
{
        for (size_t i = 0; i < run.sites_count; i++)
                if (run.sites[i] == site)
                        return;
        if (run.sites_count == SITES_MAX)
                fail_step("there are more accesses than there is room for");
        run.sites[run.sites_count++] = site;
}

/* ---- memory ---- */

static void join(uint8_t view[static PLACES], const uint8_t other[static PLACES])
{
        for (unsigned i = 0; i < PLACES; i++)
                view[i] = other[i] > view[i] ? other[i] : view[i];
}

static uint8_t *own_view(void)
{
        return run.m->memory.view[run.side];
}

static int32_t latest(const struct machine *m, unsigned place)
{
        return m->memory.at[place].value[m->memory.at[place].count - 1];
}

/* Adds a value to a place. Returns the view that the value carries, or NULL for a place other than a turn. */
static uint8_t *add_value(unsigned place, int32_t value, bool acquire, bool release)
{
        struct memory *mem = &run.m->memory;
        struct late *late = &run.m->late;
        uint8_t index = mem->at[place].count++;
        if (index == VALUES_MAX)
                fail_step("a place has more values than there is room for");
        mem->at[place].value[index] = (int16_t)value;
        own_view()[place] = index;
        if (run.side == CHATD) {
                if (late->count == LATE_MAX)
                        fail_step("more stores may be lost than there is room for");
                late->store[late->count].place = (uint8_t)place;
                late->store[late->count].index = index;
                late->store[late->count].acquire = acquire;
                late->store[late->count].release = release;
                late->store[late->count++].fences = late->fences;
        }
        if (place % PLACES_OF_LOAN != TURN)
                return NULL;
        uint8_t *carried = mem->carried[place / PLACES_OF_LOAN][index];
        memset(carried, 0, PLACES);
        if (release)
                memcpy(carried, own_view(), PLACES);
        return carried;
}

/* A system call, after which no earlier store can be late. */
static void be_in_order(void)
{
        if (run.side == CHATD)
                memset(&run.m->late, 0, sizeof(run.m->late));
}

static unsigned place_of(const volatile void *at);

/* Returns true if only this side writes to the place. */
static bool is_own(unsigned place)
{
        unsigned field = place % PLACES_OF_LOAN;
        return field != TURN && (run.side == SESSION) == (field == TAKEN || field == WRITTEN);
}

static int32_t machine_load(const volatile void *at, memory_order order, const struct site *site)
{
        int32_t result;
        struct memory *mem = &run.m->memory;
        unsigned place = place_of(at);
        if (is_own(place) ? is_repeated_silent(&result) : is_repeated(&result))
                return result;
        if (order != memory_order_relaxed)
                fail_step("the machine knows relaxed loads alone");
        note_site(site);
        unsigned index = mem->at[place].count - 1u;
        index -= is_own(place) ? 0 : choose(mem->at[place].count - (unsigned)own_view()[place]);
        own_view()[place] = (uint8_t)index;
        return end_step(mem->at[place].value[index]);
}

static void machine_store(const volatile void *at, uint64_t value, memory_order order, const struct site *site)
{
        int32_t result;
        unsigned place = place_of(at);
        if (is_own(place) ? is_repeated_silent(&result) : is_repeated(&result))
                return;
        if (order != memory_order_relaxed && order != memory_order_release)
                fail_step("the machine knows relaxed and release stores alone");
        if (!is_own(place))
                choose(1);
        note_site(site);
        if (!is_mutant(site, LOSE))
                add_value(place, (int32_t)value, false, order == memory_order_release && !is_mutant(site, WEAKEN));
        end_step(0);
}

static bool machine_exchange(const volatile void *at, uint32_t *expected, uint32_t desired, memory_order order,
                             const struct site *site)
{
        int32_t result;
        if (is_repeated(&result)) {
                *expected = (uint32_t)result >> 1;
                return result & 1;
        }
        if (order != memory_order_acquire)
                fail_step("the machine knows exchanges that acquire alone");
        choose(1);
        note_site(site);
        struct memory *mem = &run.m->memory;
        unsigned place = place_of(at), index = mem->at[place].count - 1u;
        int32_t found = mem->at[place].value[index];
        bool equal = (uint32_t)found == *expected || is_mutant(site, LOSE);
        bool acquire = equal && !is_mutant(site, WEAKEN);
        uint8_t *carried = mem->carried[place / PLACES_OF_LOAN][index];
        own_view()[place] = (uint8_t)index;
        if (acquire)
                join(own_view(), carried);
        if (equal) { /* a release sequence: the new value carries the view of the old one */
                uint8_t *mine = add_value(place, (int32_t)desired, acquire, false);
                join(mine, carried);
        }
        *expected = (uint32_t)found;
        return end_step((int32_t)((uint32_t)found << 1 | equal)) & 1;
}

static void machine_fence(const struct site *site)
{
        note_site(site);
        if (run.side == CHATD && run.taken == run.m->steps[CHATD].count && !is_mutant(site, LOSE))
                run.m->late.fences++;
}

/* ---- system calls ---- */

static void use_connection(void)
{
        if (own_view()[STREAM] != run.m->memory.accesses)
                fail_step("two sides use the connection, and nothing orders them");
        own_view()[STREAM] = ++run.m->memory.accesses;
        be_in_order();
}

/* Writes to the connection, which takes all of it, none of it or a part. */
static ssize_t write_some(const struct iovec *iov, size_t n, size_t size)
{
        static const size_t parts[] = {SIZE_MAX, 0, 3, 6, 9};
        int32_t result;
        if (is_repeated(&result)) {
                errno = EAGAIN;
                return result;
        }
        size_t part = parts[choose(run.m->parts_left > 0 ? 5 : 1)], left;
        if (part != SIZE_MAX && part >= size) {
                run.no_such_choice = true;
                stop_step();
        }
        use_connection();
        if (part != SIZE_MAX)
                run.m->parts_left--;
        left = part < size ? part : size;
        for (size_t i = 0; i < n; i++) {
                size_t most = left < iov[i].iov_len ? left : iov[i].iov_len;
                if (run.m->sent + most > STREAM_MAX)
                        fail_step("the client gets more than there is");
                memcpy(run.m->stream + run.m->sent, iov[i].iov_base, most);
                run.m->sent += (uint8_t)most;
                left -= most;
        }
        errno = EAGAIN;
        return end_step(part == 0 ? -1 : (int32_t)(part < size ? part : size));
}

/* Replace the functions of libc for chat-session/client-output.c. */
ssize_t send(int fd, const void *at, size_t size, int flags)
{
        (void)fd;
        (void)flags;
        return write_some(&(struct iovec){(void *)at, size}, 1, size);
}

/* Sends a datagram. Returns false if the session is dead. */
static bool machine_post(uint8_t type, uint8_t batch)
{
        int32_t result;
        if (is_repeated(&result))
                return result;
        choose(1);
        be_in_order();
        if (run.m->session_is_dead)
                return end_step(false);
        struct letter_in_inbox *l = &run.m->inbox[run.m->letters++];
        l->type = type;
        l->batch = batch;
        l->loan = run.m->loan;
        memcpy(l->view, own_view(), PLACES);
        return end_step(true);
}

enum { POST_LEND = 1, POST_BATCH, POST_TELL, POST_MISSED };

static ssize_t machine_sendmsg(int fd, const struct msghdr *msg)
{
        int32_t result;
        size_t size = 0;
        for (size_t i = 0; i < msg->msg_iovlen; i++)
                size += msg->msg_iov[i].iov_len;
        if (fd == FD_CONNECTION)
                return write_some(msg->msg_iov, msg->msg_iovlen, size);
        if (fd == FD_INBOX) {
                errno = ECONNREFUSED;
                return machine_post(POST_LEND, 0) ? (ssize_t)size : -1;
        }
        if (!is_repeated(&result)) { /* the session answers */
                choose(1);
                run.m->replied = (uint8_t)(fd - FD_SESSIONS_REPLY + 1);
                memcpy(run.m->reply_view, own_view(), PLACES);
                end_step(0);
        }
        return (ssize_t)size;
}

/* Takes the session's answer, which has its connection. */
static ssize_t machine_recvmsg(struct msghdr *msg)
{
        int32_t result;
        if (!is_repeated(&result)) {
                choose(1);
                join(own_view(), run.m->reply_view);
                be_in_order();
                end_step(0);
        }
        int fd = FD_CONNECTION;
        struct cmsghdr *c = CMSG_FIRSTHDR(msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        msg->msg_controllen = CMSG_SPACE(sizeof(int));
        return (ssize_t)frame_encode(msg->msg_iov->iov_base, msg->msg_iov->iov_len,
                                     &(struct frame){.type = FRAME_OUTLET});
}

/* Reports how many bytes wait on the connection. These are all written bytes, because the client acknowledges none. */
int ioctl(int fd, unsigned long request, ...)
{
        va_list args;
        va_start(args, request);
        int *waiting = va_arg(args, int *);
        va_end(args);
        (void)fd;
        if (!is_repeated_silent(waiting)) {
                use_connection();
                *waiting = end_step(run.m->sent);
        }
        return 0;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
        (void)fd;
        if (level == SOL_SOCKET)
                *(int *)value = option == SO_DOMAIN ? AF_INET : IPPROTO_TCP;
        else if (option == TCP_ULP)
                *size = 0;
        else
                memset(value, 0, *size);
        return 0;
}

/* ---- the code under test, on the machine ---- */

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_load
#undef atomic_store
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_strong_explicit
#undef atomic_signal_fence
#define SITE(text, is_ordered, stores)                                                                                 \
        ({                                                                                                             \
                static const struct site site = {__FILE__, __LINE__, text, is_ordered, stores};                        \
                &site;                                                                                                 \
        })
#define atomic_load_explicit(at, order)                                                                                \
        ((__typeof__((void)0, *(at)))machine_load((at), (order), SITE(#at, false, false)))
#define atomic_store_explicit(at, value, order)                                                                        \
        machine_store((at), (value), (order), SITE(#at " = " #value, order == memory_order_release, true))
#define atomic_compare_exchange_strong_explicit(at, expected, desired, order, failure)                                 \
        machine_exchange((at), (expected), (desired), (order), SITE(#at ", " #desired, true, true))
#define atomic_signal_fence(order) machine_fence(SITE("a fence", false, true))
#define sendmsg(fd, msg, flags) machine_sendmsg((fd), (msg))
#define recvmsg(fd, msg, flags) machine_recvmsg(msg)
#define setsockopt(fd, level, option, value, size) ((void)(value))
#define memfd_create(name, flags) ((void)(name), FD_PAGE + run.m->loan)
#define ftruncate(fd, size) 0
#define fcntl(...) 0
#define mmap(at, size, protection, flags, fd, offset) machine_map((fd), (size), (protection))
#define munmap(at, size) machine_close(-1)
#define socketpair(domain, type, protocol, fds) ((fds)[0] = FD_REPLY, (fds)[1] = FD_SESSIONS_REPLY, 0)
#define close(fd) machine_close(fd)

static void *machine_map(int fd, size_t size, int protection);

static int machine_close(int fd)
{
        (void)fd;
        return 0;
}

#include "../../chat-session/loan.c" /* NOLINT(bugprone-suspicious-include) */
#include "../../chatd/lent.c"        /* NOLINT(bugprone-suspicious-include): its steps are hooked */

#undef close
#undef setsockopt
#include "../lender.h"

static struct outlet_page pages[LOANS];
static struct outlet_batch batches[LOANS];

static void *machine_map(int fd, size_t size, int protection)
{
        (void)size;
        (void)protection;
        return fd >= FD_BATCH ? (void *)&batches[fd - FD_BATCH] : (void *)&pages[fd - FD_PAGE];
}

static unsigned place_of(const volatile void *at)
{
        static const size_t offsets[] = {
                offsetof(struct outlet_page, turn),
                offsetof(struct outlet_page, datagrams),
                offsetof(struct outlet_page, session_bytes),
                offsetof(struct outlet_page, relayed_number),
                offsetof(struct outlet_page, lines_out),
                offsetof(struct outlet_page, at),
                offsetof(struct outlet_page, batch),
                offsetof(struct outlet_page, from),
                offsetof(struct outlet_page, to),
                offsetof(struct outlet_page, bytes),
                offsetof(struct outlet_page, ms),
                offsetof(struct outlet_page, rooms[0]),
                offsetof(struct outlet_page, rooms[1]),
        };
        for (unsigned loan = 0; loan < LOANS; loan++) {
                if (at == &batches[loan].number)
                        return loan * PLACES_OF_LOAN + NUMBER;
                for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
                        if (at == (char *)&pages[loan] + offsets[i])
                                return loan * PLACES_OF_LOAN + i;
        }
        fail_step("there is no such place");
}
