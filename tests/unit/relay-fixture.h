/* A relay and its members. This process has their inboxes and clients, and plays the clock and the waits of chatd. */
#pragma once

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>

#include "../../chatd/reach.h"
#include "../../chatd/relay.h"
#include "../clock-call.h"

#include "inbox-fixture.h"
#include "outlet-fixture.h"

enum {
        MEMBERS = 3,
        WRITTEN_MAX = 12, /* records of a random batch */
        ROUNDS = 400,
        HEARD_MAX_BYTES = 512,
        KIND_OF_LATER = 99,
};

struct fixture {
        char *dir;
        int lock;
        struct roster roster;
        struct batch batch;
        struct relay relay;
        struct member *members[MEMBERS];
        int inboxes[MEMBERS];
        struct lender *lenders[MEMBERS]; /* NULL: it lends nothing */
        bool with_styles;                /* some lines are notices, or have formatting */
};

/* Time passes only while chatd waits, or if a test changes this. */
static int64_t now_ms;
static int room_at; /* the inbox that is read while chatd waits, or -1 */
static int room_ms; /* the delay until the inbox is read */

static long now_ns;         /* the part of the time below a ms */
static struct lender *late; /* a session that empties its inbox while chatd sleeps, or NULL */
static int late_inbox;      /* the inbox of the late session */
static int64_t late_ms;     /* when the late session does that */

/* Replaces clock_gettime() of libc. The functions below replace others. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
        if (clock != CLOCK_MONOTONIC)
                return clock_call(clock, t);
        *t = clock_timespec(now_ms);
        return 0;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
        struct timespec none = {0};
        int ready = (int)syscall(SYS_ppoll, fds, n, &none, NULL, 0);
        if (ready != 0 || timeout <= 0)
                return ready;
        if (room_at < 0 || room_ms > timeout) {
                now_ms += timeout;
                return 0;
        }
        now_ms += room_ms;
        inbox_empty(room_at);
        room_at = -1;
        return (int)syscall(SYS_ppoll, fds, n, &none, NULL, 0);
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
        (void)left;
        now_ns += t->tv_nsec;
        now_ms += t->tv_sec * 1000 + now_ns / 1000000;
        now_ns %= 1000000;
        if (late && now_ms >= late_ms) {
                lender_take(late, late_inbox);
                lender_write(late);
                late = NULL;
        }
        return 0;
}

/* Adds member number `i`, whose inbox this process has. */
static inline struct member *add_member(struct fixture *f, uint32_t i, const char *name, int *inbox)
{
        *inbox = inbox_bind(f->dir, inbox_id(i));
        struct member *m = roster_add(&f->roster, inbox_id(i), inbox_id(i), slice_of(name), slice_of("a"), 1);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), 0);
        return m;
}

static inline int setup(void **state)
{
        static const char *const names[MEMBERS] = {"ann", "bob", "eve"};
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->relay.epoch = 1;
        now_ms = 1000;
        now_ns = 0;
        room_at = -1;
        late = NULL;
        roster_init(&f->roster, f->dir, getuid());
        for (uint32_t i = 0; i < MEMBERS; i++)
                f->members[i] = add_member(f, i, names[i], &f->inboxes[i]);
        *state = f;
        return 0;
}

static inline int teardown(void **state)
{
        struct fixture *f = *state;
        roster_free(&f->roster);
        lent_batch_free(&f->batch.lent);
        for (int i = 0; i < MEMBERS; i++) {
                if (f->lenders[i])
                        lender_free(f->lenders[i]);
                close(f->inboxes[i]);
        }
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

/* Adds a line to the batch. Returns false if there is no room. */
static inline bool add(struct fixture *f, int from, const char *text)
{
        struct record rec = {.kind = RECORD_LINE,
                             .id = f->members[from]->id,
                             .number = 1,
                             .name = slice_of(f->members[from]->name),
                             .text = slice_of(text)};
        if (!batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + rec.name.len + rec.text.len))
                return false;
        batch_add(&f->batch, f->members[from], f->members[from]->seat.room, &rec);
        return true;
}

static inline void fill(struct fixture *f, int who)
{
        while (send(f->members[who]->fd, "x", 1, MSG_DONTWAIT) >= 0)
                ;
        assert_int_equal(errno, EAGAIN);
}

/* Relays a line. Returns how many ms chatd waited for members with a full inbox. */
static inline int say(struct fixture *f)
{
        int64_t begin = now_ms;
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(add(f, 0, "x"));
        relay_send(&f->relay, &f->batch, &f->roster);
        return (int)(now_ms - begin);
}

/* Lets the session of `m` lend its client's connection. */
static inline void lend_from(struct fixture *f, struct member *m, struct lender *l, int inbox)
{
        assert_int_equal(lent_ask(&m->lent, m->fd, f->relay.epoch, &f->batch.lent, now_ms), 0);
        assert_int_equal(lender_take(l, inbox), 1);
        assert_true(lent_answer(&m->lent));
        lender_write(l);
}

/* Lets a session lend its client's connection once more. */
static inline void lend_again(struct fixture *f, int who)
{
        lent_close(&f->members[who]->lent);
        lend_from(f, f->members[who], f->lenders[who], f->inboxes[who]);
}

/* Lets a member have a session with a client that wants lines in this look, and lend its connection. */
static inline void lend_in_look(struct fixture *f, int who, enum outlet_look look)
{
        stpcpy(f->batch.lent.server, LENDER_SERVER);
        if (!f->batch.lent.outlet)
                assert_int_equal(lent_batch_init(&f->batch.lent), 0);
        f->lenders[who] = lender_make(f->members[who]->id);
        f->lenders[who]->look = look;
        lend_again(f, who);
}

static inline void lend(struct fixture *f, int who)
{
        lend_in_look(f, who, OUTLET_TEXT);
}

/* Runs the session: its client gets what came as datagrams. */
static inline void wake(struct fixture *f, int who)
{
        lender_take(f->lenders[who], f->inboxes[who]);
        lender_write(f->lenders[who]);
}

/* Takes everything out of the connection, and stores it behind `len` bytes. Returns the new length. */
static inline size_t collect(struct lender *l, char *into, size_t size, size_t len)
{
        for (int left = 1; left > 0;) {
                assert_int_equal(ioctl(l->client.out, SIOCOUTQ, &left), 0);
                for (ssize_t n; (n = recv(l->peer, into + len, size - len, MSG_DONTWAIT)) > 0;)
                        len += (size_t)n;
        }
        return len;
}

/* Lets the session write all that waits for its client, and collects it. */
static inline size_t collect_all(struct lender *l, char *into, size_t size, size_t len)
{
        do {
                lender_write(l);
                len = collect(l, into, size, len);
        } while (client_waits(&l->client));
        lender_write(l);
        return len;
}

/* Fills the connection of the session's client, and takes `room` bytes out of it. Returns how many are left in it. */
static inline size_t leave_room(struct lender *l, size_t room)
{
        static char junk[1 << 16];
        assert_true(loan_claim(&l->loan));
        size_t left = outlet_fill(&l->client);
        loan_release(&l->loan, &l->client, l->taken);
        while (room > 0) {
                ssize_t n = recv(l->peer, junk, room < sizeof(junk) ? room : sizeof(junk), MSG_DONTWAIT);
                if (n <= 0)
                        break;
                room -= (size_t)n;
                left -= (size_t)n;
        }
        return left;
}

/* Returns the datagrams in an inbox as people see them. */
static inline const char *inbox_as_text(int fd)
{
        static char text[256 * 1024];
        char *at = text;
        struct frame frame;
        struct record r;
        for (struct socket_fds fds; outlet_receive(fd, &frame, &fds);)
                while (record_next(&frame.records, &r) > 0) {
                        struct slice parts[DISPLAY_PARTS_MAX];
                        size_t n = display_parts(&r, parts);
                        if (n > 0)
                                at = display_write(at, parts, n);
                }
        *at = '\0';
        return text;
}

static uint64_t draw_state = 1;

static inline unsigned draw(unsigned below)
{
        draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(draw_state >> 33) % below;
}

/* Puts the members into one room, or into several. */
static inline void draw_rooms(struct fixture *f)
{
        static const char *const rooms[] = {FIRST_ROOM, "kitchen", "garden"};
        unsigned spread = draw(4);
        for (int i = 0; i < MEMBERS; i++)
                if (!f->members[i]->roams)
                        roster_move(&f->roster, f->members[i],
                                    rooms_get(&f->roster.rooms, slice_of(rooms[spread > 0 ? draw(spread) : 0])));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
