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
};

/* ---- time: it passes only while chatd waits, and where a test says so ---- */

static int64_t now_ms;
static int room_at; /* the inbox that is read while chatd waits, or -1 */
static int room_ms; /* after how long the inbox is read */

static long now_ns;         /* the part below a ms */
static struct lender *late; /* a session that takes what is in its inbox while chatd sleeps, or NULL */
static int late_inbox;      /* the inbox of the late session */
static int64_t late_ms;     /* when the late session takes it */

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

static int setup(void **state)
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
        for (uint32_t i = 0; i < MEMBERS; i++) {
                f->inboxes[i] = inbox_bind(f->dir, inbox_id(i));
                f->members[i] = roster_add(&f->roster, inbox_id(i), inbox_id(i), slice_of(names[i]), slice_of("a"), 1);
                assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, f->members[i]), 0);
        }
        *state = f;
        return 0;
}

static int teardown(void **state)
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

/* Returns the number in the header of the next datagram. */
static uint64_t inbox_number(int fd)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct frame frame;
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(n > 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        return frame.number;
}

/* Adds a line to the batch. Returns false if there is no room. */
static bool add(struct fixture *f, int from, const char *text)
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

static void test_everyone_but_the_sender(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "1");
        add(f, 1, "2");
        add(f, 0, "3");
        add(f, 0, "4");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line bob 2");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann 1, line ann 3, line ann 4");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann 1, line bob 2, line ann 3, line ann 4");
        assert_int_equal(f->members[2]->lines_out, 4);
        assert_int_equal(f->members[0]->lines_out, 1);

        batch_begin(&f->batch, f->relay.epoch); /* nothing of the last batch is left */
        add(f, 2, "5");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve 5");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

static void test_joining_and_leaving_within_a_batch(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "before");
        add(f, 2, "own before"); /* as from a session that sends HERE late */
        batch_joins(&f->batch, f->members[2]);
        add(f, 0, "between");
        add(f, 1, "last words");
        batch_leaves(&f->batch, f->members[1]);
        add(f, 2, "after");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve own before, line bob last words, line eve after");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann before, line eve own before, line ann between");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann between, line bob last words");
}

static void test_a_batch_is_bounded(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        int n = 0;
        batch_begin(&f->batch, f->relay.epoch);
        while (add(f, 0, "x"))
                n++;
        assert_int_equal(n, BATCH_MAX_RECORDS);
        assert_false(batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES));
        batch_begin(&f->batch, f->relay.epoch);
        memset(text, 'x', TEXT_MAX_BYTES);
        for (n = 0; add(f, 0, text); n++)
                ;
        assert_in_range(n, 14, 15); /* 64 KiB */
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(f->members[1]->lines_out, n);
}

static void test_room_for_several_records(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(batch_has_room_for(&f->batch, BATCH_MAX_RECORDS, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES));
        assert_false(batch_has_room_for(&f->batch, BATCH_MAX_RECORDS + 1, 0));
        assert_false(batch_has_room_for(&f->batch, 1, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES + 1));
        static char text[TEXT_MAX_BYTES + 1];
        memset(text, 'x', TEXT_MAX_BYTES);
        while (add(f, 0, text))
                ;
        /* too little room for any record, and the exact room for small ones */
        assert_false(batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES));
        size_t each = RECORD_HEADER_BYTES + 4, left = DATAGRAM_MAX_BYTES - f->batch.size, n = left / each;
        assert_true(batch_has_room_for(&f->batch, n, n * each));
        assert_false(batch_has_room_for(&f->batch, n + 1, (n + 1) * each));
        while (n-- > 0)
                assert_true(add(f, 0, "x"));
        assert_false(add(f, 0, "x"));
}

/* A lost line would be lost silently, and a chatd that dies leaves the frames to the next one. */
static void test_a_record_without_room_ends_chatd(void **state)
{
        struct fixture *f = *state;
        const struct record rec = {.kind = RECORD_LINE, .id = 1, .number = 1, .name = slice_of("a"), .text = {"", 0}};
        int status;
        batch_begin(&f->batch, f->relay.epoch);
        while (add(f, 0, "x"))
                ;
        pid_t child = fork();
        if (child == 0) {
                close(STDERR_FILENO);
                signal(SIGABRT, SIG_DFL);
                batch_add_notice(&f->batch, NULL, &rec);
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_a_dead_member_is_found(void **state)
{
        struct fixture *f = *state;
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "hi");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_true(f->members[1]->dead);
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann hi");
}

static void test_a_member_that_does_not_read_lags_alone(void **state)
{
        struct fixture *f = *state;
        unsigned sent = 0, missed_after = 0;
        while (!f->members[1]->lagging) {
                batch_begin(&f->batch, f->relay.epoch);
                add(f, 0, "x");
                relay_send(&f->relay, &f->batch, &f->roster);
                sent++;
                assert_string_equal(inbox_read(f->inboxes[2]), "line ann x");
                assert_in_range(sent, 1, 10000);
        }
        for (; missed_after < 5; missed_after++) {
                batch_begin(&f->batch, f->relay.epoch);
                add(f, 0, "missed");
                add(f, 1, "own, not missed");
                relay_send(&f->relay, &f->batch, &f->roster);
        }
        assert_int_equal(f->members[1]->lines_out, sent - 1);
        assert_int_equal(f->members[1]->missed, 1 + missed_after);

        relay_resume(&f->relay, &f->roster, f->members[1]); /* still full */
        assert_true(f->members[1]->lagging);
        inbox_read(f->inboxes[1]);
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_false(f->members[1]->lagging);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "again");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[1]), "missed 6, line ann again");
}

/* ---- patience ---- */

static void fill(struct fixture *f, int who)
{
        while (send(f->members[who]->fd, "x", 1, MSG_DONTWAIT) >= 0)
                ;
        assert_int_equal(errno, EAGAIN);
}

/* Relays a line. Returns how many ms chatd waited for members with a full inbox. */
static int say(struct fixture *f)
{
        int64_t begin = now_ms;
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(add(f, 0, "x"));
        relay_send(&f->relay, &f->batch, &f->roster);
        return (int)(now_ms - begin);
}

/* Fills a member's inbox for a line, and empties it afterwards. Returns how many ms chatd waited for it. */
static int lag(struct fixture *f, int who)
{
        fill(f, who);
        int waited = say(f);
        assert_true(f->members[who]->lagging);
        inbox_empty(f->inboxes[who]);
        relay_resume(&f->relay, &f->roster, f->members[who]);
        assert_false(f->members[who]->lagging);
        inbox_empty(f->inboxes[1]);
        inbox_empty(f->inboxes[2]);
        return waited;
}

static void test_who_lags_again_is_waited_for_less_often(void **state)
{
        struct fixture *f = *state;
        int64_t probation = RELAY_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
        for (int i = 0; i < 8; i++) {
                now_ms += probation - 1;
                assert_int_equal(lag(f, 1), 0); /* the probation begins anew, no longer than before */
                now_ms += probation;
                assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
                probation = 2 * probation < RELAY_PROBATION_MAX_MS ? 2 * probation : RELAY_PROBATION_MAX_MS;
        }
        assert_int_equal(probation, RELAY_PROBATION_MAX_MS);
}

static void test_who_did_not_lag_for_long_is_forgiven(void **state)
{
        struct fixture *f = *state;
        lag(f, 1);
        now_ms += RELAY_FORGIVEN_MS - 1;
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
        now_ms += RELAY_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), 0); /* not forgiven yet */
        now_ms += RELAY_FORGIVEN_MS;
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
        now_ms += RELAY_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
}

/* Whatever one member does, it costs less than 50 ms in every 10 s. */
static void test_no_rhythm_of_lagging_costs_much(void **state)
{
        struct fixture *f = *state;
        for (int64_t pause = 1000; pause <= 2 * RELAY_FORGIVEN_MS; pause += 1000 + pause / 8) {
                int64_t waited = 0, begin = now_ms;
                enum { TIMES = 200 };
                f->members[1]->lagged_ms = f->members[1]->probation_ms = 0;
                for (int i = 0; i < TIMES || now_ms - begin < 10 * RELAY_FORGIVEN_MS; i++) {
                        waited += lag(f, 1);
                        now_ms += pause;
                }
                assert_in_range(waited * 1000 / (now_ms - begin), 0, 4); /* per mille */
        }
}

static void test_members_that_lag_together_are_waited_for_together(void **state)
{
        struct fixture *f = *state;
        fill(f, 1);
        fill(f, 2);
        room_at = f->inboxes[2];
        room_ms = RELAY_PATIENCE_MS - 1;
        assert_int_equal(say(f), RELAY_PATIENCE_MS);
        assert_true(f->members[1]->lagging);
        assert_false(f->members[2]->lagging);
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann x");
}

static void test_members_that_lag_in_turn_share_the_patience(void **state)
{
        struct fixture *f = *state;
        enum { SHARED_MS = RELAY_PATIENCE_MS - RELAY_FREE_MS };
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
        assert_int_equal(lag(f, 2), RELAY_FREE_MS);
        f->members[2]->lagged_ms = f->members[2]->probation_ms = 0; /* as of a new member */
        now_ms += SHARED_MS * RELAY_PATIENCE_SHARE / 2 - RELAY_FREE_MS;
        assert_int_equal(lag(f, 2), RELAY_FREE_MS + SHARED_MS / 2);
        f->members[2]->lagged_ms = f->members[2]->probation_ms = 0;
        now_ms += SHARED_MS * RELAY_PATIENCE_SHARE;
        assert_int_equal(lag(f, 2), RELAY_PATIENCE_MS);

        int64_t waited = 0, begin = now_ms;
        enum { TIMES = 1000 };
        for (int i = 0; i < TIMES; i++) {
                f->members[1]->lagged_ms = f->members[1]->probation_ms = 0;
                waited += lag(f, 1) - RELAY_FREE_MS;
                now_ms += 500;
        }
        /* a tenth of the time, and hardly less */
        assert_in_range(waited, (now_ms - begin) / 11, (now_ms - begin) / 10 + RELAY_PATIENCE_MS);
}

/* Relays a line while bob's inbox is full; he reads after `ms`. Returns how many ms chatd waited. */
static int say_to_slow_bob(struct fixture *f, int ms)
{
        fill(f, 1);
        room_at = f->inboxes[1];
        room_ms = ms;
        int waited = say(f);
        room_at = -1;
        inbox_empty(f->inboxes[1]);
        inbox_empty(f->inboxes[2]);
        return waited;
}

static void test_slow_members_may_use_up_the_patience(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 100; i++)
                assert_int_equal(say_to_slow_bob(f, RELAY_FREE_MS), RELAY_FREE_MS);
        assert_int_equal(say_to_slow_bob(f, RELAY_PATIENCE_MS), RELAY_PATIENCE_MS);
        assert_false(f->members[1]->lagging);
        assert_in_range(say_to_slow_bob(f, RELAY_PATIENCE_MS), RELAY_FREE_MS, 2 * RELAY_FREE_MS); /* what was left */
        assert_true(f->members[1]->lagging);
}

static void test_members_learn_how_far_their_lines_went(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        batch_take_number(&f->batch, f->members[0], 7);
        add(f, 0, "x");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[1]), 0);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 1, "y");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[0]), 7); /* with the lines of others */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "");
        batch_take_number(&f->batch, f->members[0], 8);
        relay_confirm(&f->relay, f->members[0]); /* or in a datagram of its own */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "relayed 8");
}

static void test_a_lagging_member_that_closes_its_inbox_is_dead(void **state)
{
        struct fixture *f = *state;
        f->members[1]->lagging = true;
        f->members[1]->missed = 1;
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_true(f->members[1]->dead);
        assert_false(f->members[1]->lagging);
}

/* The link is a member that is never dead. */
static void test_a_link_without_an_inbox_lags(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un address;
        int inbox = inbox_bind_link(f->dir);
        struct member *m = roster_add(&f->roster, LINK_ID, 0, slice_of("@link"), slice_of("a"), 1);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), 0);
        close(inbox);
        for (int i = 0; i < 3; i++) {
                batch_begin(&f->batch, f->relay.epoch);
                add(f, 0, "missed");
                struct record own = {
                        .kind = RECORD_LINE, .id = LINK_ID, .number = 1, .name = slice_of("zoe@b"), .text = {"", 0}};
                batch_add(&f->batch, m, NULL, &own);
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_true(m->lagging);
        }
        assert_int_equal(m->missed, 3);
        relay_resume(&f->relay, &f->roster, m); /* there is no inbox yet */
        assert_true(m->lagging);
        assert_int_equal(m->missed, 3);

        path_link(&address, f->dir);
        unlink(address.sun_path);
        inbox = inbox_bind_link(f->dir);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), 0);
        m->dead = false;
        relay_resume(&f->relay, &f->roster, m);
        assert_false(m->lagging);
        assert_string_equal(inbox_read(inbox), "missed 3");
        close(inbox);
}

/* ---- members that lent their clients' connections ---- */

static void lend(struct fixture *f, int who)
{
        struct member *m = f->members[who];
        if (!f->batch.lent.shared)
                assert_int_equal(lent_batch_init(&f->batch.lent), 0);
        f->lenders[who] = lender_make(m->id);
        assert_int_equal(lent_ask(&m->lent, m->fd, f->relay.epoch, &f->batch.lent, now_ms), 0);
        assert_int_equal(lender_take(f->lenders[who], f->inboxes[who]), 1);
        assert_true(lent_answer(&m->lent));
        lender_write(f->lenders[who]);
}

/* Runs the session: its client gets what came as datagrams. */
static void wake(struct fixture *f, int who)
{
        lender_take(f->lenders[who], f->inboxes[who]);
        lender_write(f->lenders[who]);
}

/* Returns the datagrams in an inbox as people see them. */
static const char *inbox_as_text(int fd)
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

static void test_who_lent_gets_text_and_no_datagram(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "1");
        add(f, 1, "2");
        add(f, 0, "3");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_lender_got(f->lenders[1], "ann: 1\r\nann: 3\r\n");
        assert_string_equal(inbox_read(f->inboxes[0]), "line bob 2");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann 1, line bob 2, line ann 3");
        assert_int_equal(f->members[1]->lines_out, 2);
        assert_int_equal(outlet_lines_out(&f->lenders[1]->outlet), 2);
        assert_false(f->members[1]->lent.due); /* nothing of this makes it worth asking again */
}

static unsigned draw(unsigned below)
{
        static uint64_t state = 1;
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(state >> 33) % below;
}

struct drawn {
        enum { SAYS, JOINS, LEAVES } what;
        unsigned who, room; /* rooms: 0: the author's room; 1: everybody; otherwise one of the rooms */
        struct record record;
        char text[48];
};

/* Puts the members into one room, or into several. */
static void draw_rooms(struct fixture *f)
{
        static const char *const rooms[] = {FIRST_ROOM, "kitchen", "garden"};
        unsigned spread = draw(4);
        for (int i = 0; i < MEMBERS; i++)
                roster_move(&f->roster, f->members[i],
                            rooms_get(&f->roster.rooms, slice_of(rooms[spread > 0 ? draw(spread) : 0])));
}

/* Returns the room of a record, or NULL for everybody. */
static struct room *room_of(const struct fixture *f, const struct drawn *d)
{
        const struct rooms *rooms = &f->roster.rooms;
        if (d->room == 0)
                return f->members[d->who]->seat.room;
        return d->room == 1 ? NULL : rooms->all[d->room % rooms->count];
}

static void draw_batch(const struct fixture *f, struct drawn *all, size_t n)
{
        static const uint8_t kinds[] = {RECORD_LINE,  RECORD_LINE,   RECORD_JOIN,
                                        RECORD_LEAVE, RECORD_NOTICE, KIND_OF_LATER};
        for (size_t i = 0; i < n; i++) {
                struct drawn *d = &all[i];
                unsigned dice = draw(8);
                d->what = dice == 0 ? JOINS : dice == 1 ? LEAVES : SAYS;
                d->who = draw(MEMBERS);
                d->room = draw(4);
                snprintf(d->text, sizeof(d->text), "%.*s%zu", (int)draw(20), "abcdefghijklmnopqrst", i);
                d->record = (struct record){
                        .kind = kinds[draw(sizeof(kinds))],
                        .id = f->members[d->who]->id,
                        .number = i,
                        .name = slice_of(f->members[d->who]->name),
                        .text = slice_of(d->text),
                };
                if (d->record.kind == RECORD_NOTICE)
                        d->record.id = ARRIVALS_ID;
        }
}

/* Asserts that the notes for the session tell which records `text` was. */
static void assert_noted(const struct fixture *f, int who, const char *text)
{
        const struct outlet_batch *shared = f->lenders[who]->outlet.batch;
        const struct outlet_page *page = f->lenders[who]->outlet.page;
        size_t bytes = 0;
        assert_int_equal(atomic_load(&page->room), f->members[who]->seat.room->number);
        for (uint32_t i = atomic_load(&page->from); i < atomic_load(&page->to); i++) {
                const struct outlet_record *r = &shared->records[i];
                bool not_for_it = r->id == f->lenders[who]->id || (r->room != 0 && r->room != atomic_load(&page->room));
                bytes += not_for_it ? 0 : r->bytes;
        }
        assert_int_equal(bytes, strlen(text));
        assert_int_equal(atomic_load(&page->bytes), bytes);
        assert_int_equal(atomic_load(&page->batch), shared->number);
}

/* Puts the records into a batch. The shared memory describes the batch, but only once it is complete. */
static void relay_drawn(struct fixture *f, const struct drawn *all, size_t n)
{
        const struct outlet_batch *shared = f->batch.lent.shared;
        const struct outlet_record *seen = shared->records;
        batch_begin(&f->batch, f->relay.epoch);
        for (size_t i = 0; i < n; i++) {
                struct member *m = f->members[all[i].who];
                if (all[i].what == JOINS)
                        batch_joins(&f->batch, m);
                else if (all[i].what == LEAVES)
                        batch_leaves(&f->batch, m);
                else if (all[i].record.kind == RECORD_NOTICE)
                        batch_add_notice(&f->batch, room_of(f, &all[i]), &all[i].record);
                else
                        batch_add(&f->batch, m, room_of(f, &all[i]), &all[i].record);
                assert_int_equal(atomic_load(&shared->number), 0);
        }
        relay_send(&f->relay, &f->batch, &f->roster);
        for (size_t i = 0; i < n; i++) {
                if (all[i].what != SAYS)
                        continue;
                assert_int_equal(seen->id, all[i].record.id);
                assert_int_equal(seen->number, all[i].record.number);
                assert_int_equal(seen->bytes, display_bytes(&all[i].record));
                seen++;
        }
        assert_int_equal(seen - shared->records, f->batch.count);
        assert_int_equal(atomic_load(&shared->number), f->batch.count > 0 ? f->relay.batches : 0);
}

/* Each batch goes out twice, as datagrams to all and as text to all. */
static void test_text_is_what_datagrams_are_to_people(void **state)
{
        struct fixture *f = *state;
        struct drawn all[WRITTEN_MAX];
        unsigned ends = 0, nothing = 0;
        for (int i = 0; i < MEMBERS; i++)
                lend(f, i);
        for (int round = 0; round < ROUNDS; round++) {
                size_t n = draw(WRITTEN_MAX + 1);
                struct lent lent[MEMBERS];
                char *expected[MEMBERS];
                uint64_t before[MEMBERS], lines[MEMBERS];
                draw_rooms(f);
                draw_batch(f, all, n);
                for (int i = 0; i < MEMBERS; i++) {
                        lent[i] = f->members[i]->lent;
                        lent_init(&f->members[i]->lent);
                        before[i] = f->members[i]->lines_out;
                }
                relay_drawn(f, all, n);
                for (int i = 0; i < MEMBERS; i++) {
                        expected[i] = strdup(inbox_as_text(f->inboxes[i]));
                        lines[i] = f->members[i]->lines_out - before[i];
                        f->members[i]->lent = lent[i];
                        ends += f->members[i]->share.from > 0 || f->members[i]->share.to < f->batch.count;
                        nothing += lines[i] == 0;
                }
                relay_drawn(f, all, n);
                for (int i = 0; i < MEMBERS; i++) {
                        assert_lender_got(f->lenders[i], expected[i]);
                        assert_string_equal(inbox_read(f->inboxes[i]), "");
                        assert_int_equal(f->members[i]->lines_out - before[i], 2 * lines[i]);
                        if (lines[i] > 0)
                                assert_noted(f, i, expected[i]);
                        free(expected[i]);
                }
        }
        assert_in_range(ends, ROUNDS / 4, MEMBERS * ROUNDS); /* there were some of each */
        assert_in_range(nothing, ROUNDS / 4, MEMBERS * ROUNDS);
}

/* No record grows more as text than LEAVE. */
static void test_text_has_room_for_a_full_batch(void **state)
{
        static const uint8_t kinds[] = {RECORD_LEAVE, RECORD_JOIN, RECORD_LINE, RECORD_NOTICE};
        struct fixture *f = *state;
        struct record rec = {.id = 9, .name = {"", 0}, .text = {"", 0}};
        lend(f, 1);
        for (size_t i = 0; i < sizeof(kinds); i++) {
                rec.kind = kinds[i];
                batch_begin(&f->batch, f->relay.epoch);
                while (batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES))
                        batch_add_notice(&f->batch, NULL, &rec);
                assert_int_equal(f->batch.count, BATCH_MAX_RECORDS);
                assert_int_equal(f->batch.text_size, BATCH_MAX_RECORDS * display_bytes(&rec));
                assert_in_range(display_bytes(&rec), 0, RECORD_HEADER_BYTES + BATCH_TEXT_MORE_BYTES);
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_string_equal(inbox_as_text(f->inboxes[0]), inbox_as_text(f->inboxes[2]));
        }
}

/* Adds one more line to the batch. It is for the members in the author's room at that moment. */
static void say_in_room(struct fixture *f, unsigned who, size_t number, char expected[MEMBERS][HEARD_MAX_BYTES])
{
        char text[16];
        struct member *m = f->members[who];
        snprintf(text, sizeof(text), "%zu", number);
        struct record rec = {
                .kind = RECORD_LINE,
                .id = m->id,
                .number = number,
                .name = slice_of(m->name),
                .text = slice_of(text),
        };
        batch_add(&f->batch, m, m->seat.room, &rec);
        for (unsigned i = 0; i < MEMBERS; i++)
                if (i != who && f->members[i]->seat.room == m->seat.room)
                        snprintf(expected[i] + strlen(expected[i]), HEARD_MAX_BYTES - strlen(expected[i]), "%s: %s\r\n",
                                 m->name, text);
}

/* Members that change rooms within a batch get the lines of each room as long as they are there, even if they are sent
 * something in between. */
static void test_rooms_within_a_batch(void **state)
{
        static const char *const rooms[] = {FIRST_ROOM, "kitchen", "garden"};
        struct fixture *f = *state;
        unsigned moves = 0;
        for (int round = 0; round < ROUNDS; round++) {
                char expected[MEMBERS][HEARD_MAX_BYTES] = {""};
                draw_rooms(f);
                batch_begin(&f->batch, f->relay.epoch);
                for (size_t n = draw(WRITTEN_MAX + 1); n > 0; n--) {
                        struct member *m = f->members[draw(MEMBERS)];
                        unsigned dice = draw(8);
                        if (dice < 2) {
                                batch_moves(&f->batch, m);
                                roster_move(&f->roster, m, rooms_get(&f->roster.rooms, slice_of(rooms[draw(3)])));
                                moves++;
                        } else if (dice == 2) {
                                batch_tell(&f->batch, m, &(struct frame){.type = FRAME_PROBE, .text = slice_of("?")});
                        } else {
                                say_in_room(f, draw(MEMBERS), WRITTEN_MAX - n, expected);
                        }
                }
                relay_send(&f->relay, &f->batch, &f->roster);
                for (int i = 0; i < MEMBERS; i++)
                        assert_string_equal(inbox_as_text(f->inboxes[i]), expected[i]);
        }
        assert_in_range(moves, ROUNDS, WRITTEN_MAX * ROUNDS);
}

static void test_a_room_without_records_is_not_visited(void **state)
{
        struct fixture *f = *state;
        roster_move(&f->roster, f->members[2], rooms_get(&f->roster.rooms, slice_of("den")));
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(add(f, 0, "x"));
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_true(f->members[1]->share.batch == f->batch.number);
        assert_true(f->members[2]->share.batch != f->batch.number);
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann x");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

static void test_the_batch_before_is_nobodys_any_more(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        const struct outlet_batch *shared = f->lenders[1]->outlet.batch; /* as a session sees it */
        assert_int_equal(atomic_load(&shared->number), 0);
        for (uint64_t batch = 1; batch < 4; batch++) {
                batch_begin(&f->batch, f->relay.epoch);
                assert_int_equal(atomic_load(&shared->number), 0);
                add(f, 0, "x");
                assert_int_equal(atomic_load(&shared->number), 0);
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_int_equal(atomic_load(&shared->number), batch);
                assert_int_equal(atomic_load(&f->lenders[1]->outlet.page->batch), batch);
                assert_int_equal(shared->records[0].id, f->members[0]->id);
        }
        batch_begin(&f->batch, f->relay.epoch);
        assert_int_equal(atomic_load(&shared->number), 0);
}

static void test_a_batch_of_its_own_alone(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        batch_take_number(&f->batch, f->members[1], 7);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 1, "mine");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_lender_got(f->lenders[1], "");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_int_equal(f->members[1]->lines_out, 0);
        assert_int_equal(atomic_load(&f->lenders[1]->outlet.page->batch), 0);
        /* the client was told nothing */
        assert_int_equal(outlet_relayed(&f->lenders[1]->outlet), 0);
        assert_int_equal(f->members[1]->told, 0);
}

static void test_who_lent_learns_how_far_its_lines_went(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        const struct outlet *o = &f->lenders[1]->outlet;
        batch_begin(&f->batch, f->relay.epoch);
        batch_take_number(&f->batch, f->members[1], 7); /* in this batch, which may be relayed again */
        add(f, 0, "x");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(outlet_relayed(o), 0);
        assert_int_equal(f->members[1]->told, 0);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "y");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(outlet_relayed(o), 7);
        assert_int_equal(f->members[1]->told, 7);
        batch_take_number(&f->batch, f->members[1], 8);
        assert_true(relay_confirm(&f->relay, f->members[1]));
        assert_int_equal(outlet_relayed(o), 8);
        assert_int_equal(f->members[1]->told, 8);
        assert_string_equal(inbox_read(f->inboxes[1]), "");
}

static bool has_datagram(int inbox)
{
        char byte;
        return recv(inbox, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void relay_one(struct fixture *f, int from, const char *text)
{
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(add(f, from, text));
        relay_send(&f->relay, &f->batch, &f->roster);
}

/* Takes all that was written to the connection so far out of it, and stores it behind `len` bytes. Returns the new
 * length. */
static size_t collect(struct lender *l, char *into, size_t size, size_t len)
{
        for (int left = 1; left > 0;) {
                assert_int_equal(ioctl(l->client.out, SIOCOUTQ, &left), 0);
                for (ssize_t n; (n = recv(l->peer, into + len, size - len, MSG_DONTWAIT)) > 0;)
                        len += (size_t)n;
        }
        return len;
}

/* Fills the connection of the session's client, and takes `room` bytes out of it. Returns how many are left in it. */
static size_t leave_room(struct lender *l, size_t room)
{
        static char junk[1 << 16];
        assert_true(outlet_claim(&l->outlet));
        size_t left = outlet_fill(&l->client);
        outlet_release(&l->outlet, &l->client, l->taken);
        while (room > 0) {
                ssize_t n = recv(l->peer, junk, room < sizeof(junk) ? room : sizeof(junk), MSG_DONTWAIT);
                if (n <= 0)
                        break;
                room -= (size_t)n;
                left -= (size_t)n;
        }
        return left;
}

/* The length of the batch, and the place where its client takes no more, change from round to round. */
static void test_a_client_that_does_not_take_everything(void **state)
{
        enum { LINES_MAX = 14, STEP = 331, TIMES = 200 };
        static char got[1 << 20], expected[2 * DATAGRAM_MAX_BYTES], text[TEXT_MAX_BYTES];
        struct fixture *f = *state;
        unsigned whole = 0, broken_off = 0;
        memset(text, 'y', sizeof(text) - 1);
        lend(f, 1);
        struct lender *l = f->lenders[1];
        struct member *m = f->members[1];
        for (size_t i = 0; i < TIMES; i++) {
                size_t junk = leave_room(l, i * STEP), lines = 1 + i % LINES_MAX;
                m->lines_out = l->taken = m->lent.sent = 0;
                atomic_store(&l->outlet.page->taken, 0);
                batch_begin(&f->batch, f->relay.epoch);
                add(f, 0, "short");
                add(f, 1, "its own");
                char *end = stpcpy(expected, "ann: short\r\n");
                for (size_t line = 0; line < lines; line++) {
                        assert_true(add(f, 2, text));
                        end = stpcpy(stpcpy(stpcpy(end, "eve: "), text), "\r\n");
                }
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_int_equal(m->lines_out, 1 + lines);
                assert_int_equal(m->lent.sent, has_datagram(f->inboxes[1]));
                size_t len = collect(l, got, sizeof(got), 0);
                if (m->lent.sent > 0) {
                        stpcpy(end, "ann: behind it\r\n");
                        relay_one(f, 0, "behind it"); /* the connection has room now */
                        assert_int_equal(m->lent.sent, 2);
                        assert_int_equal(lender_take(l, f->inboxes[1]), 2);
                        assert_int_equal(m->lines_out, 2 + lines);
                        broken_off += len > junk;
                } else {
                        whole++;
                }
                do {
                        lender_write(l);
                        len = collect(l, got, sizeof(got) - 1, len);
                } while (client_waits(&l->client));
                lender_write(l);
                got[len] = '\0';
                assert_string_equal(got + junk, expected);

                relay_one(f, 0, "again");
                assert_lender_got(l, "ann: again\r\n");
                inbox_empty(f->inboxes[0]);
                inbox_empty(f->inboxes[2]);
        }
        assert_in_range(whole, TIMES / 20, TIMES);
        assert_in_range(broken_off, TIMES / 20, TIMES);
}

static void test_who_was_asked_gets_datagrams_meanwhile(void **state)
{
        struct fixture *f = *state;
        struct member *m = f->members[1];
        assert_int_equal(lent_batch_init(&f->batch.lent), 0);
        f->lenders[1] = lender_make(m->id);
        relay_one(f, 0, "before");
        assert_int_equal(lent_ask(&m->lent, m->fd, f->relay.epoch, &f->batch.lent, now_ms), 0);
        relay_one(f, 0, "behind");
        assert_int_equal(lender_take(f->lenders[1], f->inboxes[1]), 3);
        assert_true(lent_answer(&m->lent));
        lender_write(f->lenders[1]);
        relay_one(f, 0, "direct");
        assert_lender_got(f->lenders[1], "ann: before\r\nann: behind\r\nann: direct\r\n");
        assert_int_equal(m->lines_out, 3);
}

static void test_who_lent_and_lags(void **state)
{
        struct fixture *f = *state;
        struct member *m = f->members[1];
        lend(f, 1);
        struct lender *l = f->lenders[1];
        fill(f, 1);
        assert_int_equal(say(f), 0); /* its inbox does not matter */
        assert_lender_got(l, "ann: x\r\n");
        assert_true(outlet_claim(&l->outlet));
        assert_int_equal(say(f), RELAY_PATIENCE_MS);
        assert_true(m->lagging);
        outlet_release(&l->outlet, &l->client, l->taken);
        say(f); /* what it missed must come first, so it must not be shown this */
        assert_lender_got(l, "");
        assert_int_equal(m->missed, 2);
        assert_int_equal(m->lines_out, 1);

        relay_resume(&f->relay, &f->roster, m);
        assert_true(m->lagging);
        inbox_empty(f->inboxes[1]);
        relay_resume(&f->relay, &f->roster, m);
        assert_false(m->lagging);
        say(f);
        assert_lender_got(l, "");
        assert_int_equal(m->lent.sent, 2);
        assert_string_equal(inbox_read(f->inboxes[1]), "missed 2, line ann x");
        l->taken = 2;
        lender_write(l);
        say(f);
        assert_lender_got(l, "ann: x\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
}

/* ---- members that are behind ---- */

/* Sends a member a datagram that it must take before chatd may write to its client. */
static void fall_behind(struct fixture *f, int who)
{
        assert_int_equal(reach_send(f->members[who], &(struct frame){.type = FRAME_RELAYED, .id = f->relay.epoch}), 0);
        assert_true(lent_is_behind(&f->members[who]->lent));
}

/* Lets a session take what is in its inbox in `ms`, if chatd sleeps then. */
static void wake_later(struct fixture *f, int who, int ms)
{
        late = f->lenders[who];
        late_inbox = f->inboxes[who];
        late_ms = now_ms + ms;
}

static void test_who_is_behind_is_waited_for(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        fall_behind(f, 1);
        wake_later(f, 1, 5);
        assert_int_equal(say(f), 5);
        assert_lender_got(f->lenders[1], "ann: x\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_false(f->members[1]->lent.vain);
        assert_int_equal(say(f), 0);
        assert_lender_got(f->lenders[1], "ann: x\r\n");
        assert_int_equal(f->relay.catch_up_ms, now_ms + (5 + 1) * RELAY_CATCH_UP_SHARE);
}

static void test_who_is_behind_is_waited_for_so_long(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        fall_behind(f, 1);
        wake_later(f, 1, RELAY_CATCH_UP_MS + 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
        assert_string_equal(inbox_read(f->inboxes[1]), "relayed 0, line ann x");
        assert_true(f->members[1]->lent.vain);
        assert_lender_got(f->lenders[1], "");
}

static void test_a_slow_client_is_not_waited_for(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        lend(f, 2);
        fall_behind(f, 1);
        assert_true(outlet_claim(&f->lenders[1]->outlet));
        outlet_is_slow(&f->lenders[1]->outlet);
        assert_int_equal(say(f), 0);
        assert_int_equal(f->relay.catch_up_ms, 0); /* it does not take the time from others either */
        fall_behind(f, 2);
        wake_later(f, 2, 3);
        assert_int_equal(say(f), 3);
        assert_lender_got(f->lenders[2], "ann: x\r\nann: x\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "relayed 0, line ann x, line ann x");
}

static void test_who_was_waited_for_in_vain_has_to_catch_up_first(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        fall_behind(f, 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
        now_ms = f->relay.catch_up_ms;
        assert_int_equal(say(f), 0);
        wake(f, 1);
        assert_int_equal(say(f), 0); /* this line is written directly */
        assert_lender_got(f->lenders[1], "ann: x\r\nann: x\r\nann: x\r\n");
        fall_behind(f, 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
}

static void test_waiting_for_those_behind_has_its_share_of_time(void **state)
{
        enum { PAUSE_MS = (RELAY_CATCH_UP_MS + 1) * RELAY_CATCH_UP_SHARE, TIMES = 300 };
        struct fixture *f = *state;
        lend(f, 1);
        lend(f, 2);
        fall_behind(f, 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
        fall_behind(f, 2); /* chatd never waited for this member, but the time for waiting is used up */
        now_ms += PAUSE_MS - 1;
        assert_int_equal(say(f), 0);
        now_ms++;
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);

        int64_t waited = 0, begin = now_ms;
        for (int i = 0; i < TIMES; i++) { /* as if it were a new member each time */
                wake(f, 1);
                f->members[1]->lent.vain = false;
                fall_behind(f, 1);
                waited += say(f);
                wake(f, 2);
                inbox_empty(f->lenders[1]->peer);
                inbox_empty(f->lenders[2]->peer);
                now_ms += 100;
        }
        assert_in_range(waited, (now_ms - begin) / RELAY_CATCH_UP_SHARE / 2, (now_ms - begin) / RELAY_CATCH_UP_SHARE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_everyone_but_the_sender),
                TEST(test_joining_and_leaving_within_a_batch),
                TEST(test_a_batch_is_bounded),
                TEST(test_room_for_several_records),
                TEST(test_a_record_without_room_ends_chatd),
                TEST(test_a_dead_member_is_found),
                TEST(test_a_member_that_does_not_read_lags_alone),
                TEST(test_who_lags_again_is_waited_for_less_often),
                TEST(test_who_did_not_lag_for_long_is_forgiven),
                TEST(test_no_rhythm_of_lagging_costs_much),
                TEST(test_members_that_lag_together_are_waited_for_together),
                TEST(test_members_that_lag_in_turn_share_the_patience),
                TEST(test_slow_members_may_use_up_the_patience),
                TEST(test_members_learn_how_far_their_lines_went),
                TEST(test_a_lagging_member_that_closes_its_inbox_is_dead),
                TEST(test_a_link_without_an_inbox_lags),
                TEST(test_who_lent_gets_text_and_no_datagram),
                TEST(test_text_is_what_datagrams_are_to_people),
                TEST(test_rooms_within_a_batch),
                TEST(test_text_has_room_for_a_full_batch),
                TEST(test_a_room_without_records_is_not_visited),
                TEST(test_the_batch_before_is_nobodys_any_more),
                TEST(test_a_batch_of_its_own_alone),
                TEST(test_who_lent_learns_how_far_its_lines_went),
                TEST(test_a_client_that_does_not_take_everything),
                TEST(test_who_was_asked_gets_datagrams_meanwhile),
                TEST(test_who_lent_and_lags),
                TEST(test_who_is_behind_is_waited_for),
                TEST(test_who_is_behind_is_waited_for_so_long),
                TEST(test_a_slow_client_is_not_waited_for),
                TEST(test_who_was_waited_for_in_vain_has_to_catch_up_first),
                TEST(test_waiting_for_those_behind_has_its_share_of_time),
        };
        return RUN_TESTS(tests);
}
