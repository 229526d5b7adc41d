#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../chatd/relay.h"

#include "inbox-fixture.h"

enum { MEMBERS = 3 };

struct fixture {
        char *dir;
        int lock;
        struct roster roster;
        struct relay relay;
        struct member *members[MEMBERS];
        int inboxes[MEMBERS];
};

/* ---- time: it passes only while chatd waits, and where a test says so ---- */

static int64_t now_ms;
static int room_at; /* the inbox that is read while chatd waits, or -1 … */
static int room_ms; /* … and after how long */

static void inbox_empty(int fd)
{
        uint8_t byte;
        while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
                ;
}

/* In place of libc's, as is what follows. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
        if (clock != CLOCK_MONOTONIC)
                return (int)syscall(SYS_clock_gettime, clock, t);
        *t = (struct timespec){now_ms / 1000, now_ms % 1000 * 1000000};
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

static int setup(void **state)
{
        static const char *const names[MEMBERS] = {"ann", "bob", "eve"};
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->relay.epoch = 1;
        now_ms = 1000;
        room_at = -1;
        roster_init(&f->roster, f->dir, getuid());
        for (uint32_t i = 0; i < MEMBERS; i++) {
                f->inboxes[i] = inbox_bind(f->dir, inbox_id(i));
                f->members[i] = roster_add(&f->roster, inbox_id(i), inbox_id(i), slice_of(names[i]), slice_of("a"), 1);
                assert_int_equal(roster_connect(&f->roster, f->members[i]), 0);
        }
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        roster_free(&f->roster);
        for (int i = 0; i < MEMBERS; i++)
                close(f->inboxes[i]);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

/* The number in the header of the next datagram. */
static uint64_t inbox_number(int fd)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct frame frame;
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(n > 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        return frame.number;
}

static int add(struct fixture *f, int from, const char *text)
{
        struct record rec = {.kind = RECORD_LINE,
                             .id = f->members[from]->id,
                             .number = 1,
                             .name = slice_of(f->members[from]->name),
                             .text = slice_of(text)};
        return relay_add(&f->relay, f->members[from], &rec);
}

static void test_everyone_but_the_sender(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "1");
        add(f, 1, "2");
        add(f, 0, "3");
        add(f, 0, "4");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line bob 2");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann 1, line ann 3, line ann 4");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann 1, line bob 2, line ann 3, line ann 4");
        assert_int_equal(f->members[2]->lines_out, 4);
        assert_int_equal(f->members[0]->lines_out, 1);

        relay_begin(&f->relay, &f->roster); /* nothing of the last one is left */
        add(f, 2, "5");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve 5");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

static void test_joining_and_leaving_within_a_batch(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "before");
        add(f, 2, "own before"); /* as of a session that says HERE late */
        relay_joins(&f->relay, f->members[2]);
        add(f, 0, "between");
        add(f, 1, "last words");
        relay_leaves(&f->relay, f->members[1]);
        add(f, 2, "after");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve own before, line bob last words, line eve after");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann before, line eve own before, line ann between");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann between, line bob last words");
}

static void test_a_batch_is_bounded(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        int n = 0;
        relay_begin(&f->relay, &f->roster);
        while (add(f, 0, "x") == 0)
                n++;
        assert_int_equal(n, BATCH_MAX_RECORDS);
        assert_false(relay_has_room_for(&f->relay, 1, RECORD_HEADER_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES));
        relay_begin(&f->relay, &f->roster);
        memset(text, 'x', TEXT_MAX_BYTES);
        for (n = 0; add(f, 0, text) == 0; n++)
                ;
        assert_in_range(n, 14, 15); /* 64 KiB */
        relay_send(&f->relay, &f->roster);
        assert_int_equal(f->members[1]->lines_out, n);
}

static void test_room_for_several_records(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        assert_true(relay_has_room_for(&f->relay, BATCH_MAX_RECORDS, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES));
        assert_false(relay_has_room_for(&f->relay, BATCH_MAX_RECORDS + 1, 0));
        assert_false(relay_has_room_for(&f->relay, 1, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES + 1));
        static char text[TEXT_MAX_BYTES + 1];
        memset(text, 'x', TEXT_MAX_BYTES);
        while (add(f, 0, text) == 0)
                ;
        /* too little room for any record, and as much as there is for small ones */
        assert_false(relay_has_room_for(&f->relay, 1, RECORD_HEADER_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES));
        size_t each = RECORD_HEADER_BYTES + 4, left = DATAGRAM_MAX_BYTES - f->relay.size, n = left / each;
        assert_true(relay_has_room_for(&f->relay, n, n * each));
        assert_false(relay_has_room_for(&f->relay, n + 1, (n + 1) * each));
        while (n-- > 0)
                assert_int_equal(add(f, 0, "x"), 0);
        assert_int_equal(add(f, 0, "x"), -ENOBUFS);
}

static void test_a_dead_member_is_found(void **state)
{
        struct fixture *f = *state;
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "hi");
        relay_send(&f->relay, &f->roster);
        assert_true(f->members[1]->dead);
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann hi");
}

static void test_a_member_that_does_not_read_lags_alone(void **state)
{
        struct fixture *f = *state;
        unsigned sent = 0, missed_after = 0;
        while (!f->members[1]->lagging) {
                relay_begin(&f->relay, &f->roster);
                add(f, 0, "x");
                relay_send(&f->relay, &f->roster);
                sent++;
                assert_string_equal(inbox_read(f->inboxes[2]), "line ann x");
                assert_in_range(sent, 1, 10000);
        }
        for (; missed_after < 5; missed_after++) {
                relay_begin(&f->relay, &f->roster);
                add(f, 0, "missed");
                add(f, 1, "own, not missed");
                relay_send(&f->relay, &f->roster);
        }
        assert_int_equal(f->members[1]->lines_out, sent - 1);
        assert_int_equal(f->members[1]->missed, 1 + missed_after);

        relay_resume(&f->relay, &f->roster, f->members[1]); /* still full */
        assert_true(f->members[1]->lagging);
        inbox_read(f->inboxes[1]);
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_false(f->members[1]->lagging);
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "again");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[1]), "missed 6, line ann again");
}

/* ---- patience ---- */

static void fill(struct fixture *f, int who)
{
        while (send(f->members[who]->fd, "x", 1, MSG_DONTWAIT) >= 0)
                ;
        assert_int_equal(errno, EAGAIN);
}

/* Says something. Returns how many ms chatd waited for those whose inbox was full. */
static int say(struct fixture *f)
{
        int64_t begin = now_ms;
        relay_begin(&f->relay, &f->roster);
        assert_int_equal(add(f, 0, "x"), 0);
        relay_send(&f->relay, &f->roster);
        return (int)(now_ms - begin);
}

/* A member's inbox stays full, and later it reads again. Returns how many ms it was waited for. */
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
                assert_int_equal(lag(f, 1), 0); /* and it begins anew, no longer than it was */
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
        assert_int_equal(lag(f, 1), 0); /* it was not yet */
        now_ms += RELAY_FORGIVEN_MS;
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
        now_ms += RELAY_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), RELAY_PATIENCE_MS);
}

/* Whatever one of them does, it costs less than 50 ms in every 10 s. */
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
        f->members[2]->lagged_ms = f->members[2]->probation_ms = 0; /* as of somebody new */
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

/* Bob is full, and reads after so many ms. */
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
        relay_begin(&f->relay, &f->roster);
        f->members[0]->lines_in = 7;
        add(f, 0, "x");
        relay_send(&f->relay, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[1]), 0);
        relay_begin(&f->relay, &f->roster);
        add(f, 1, "y");
        relay_send(&f->relay, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[0]), 7); /* with what the others say … */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "");
        f->members[0]->lines_in = 8;
        relay_confirm(&f->relay, f->members[0]); /* … or alone */
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
        assert_int_equal(roster_connect(&f->roster, m), 0);
        close(inbox);
        for (int i = 0; i < 3; i++) {
                relay_begin(&f->relay, &f->roster);
                add(f, 0, "missed");
                struct record own = {
                        .kind = RECORD_LINE, .id = LINK_ID, .number = 1, .name = slice_of("zoe@b"), .text = {"", 0}};
                assert_int_equal(relay_add(&f->relay, m, &own), 0);
                relay_send(&f->relay, &f->roster);
                assert_true(m->lagging);
        }
        assert_int_equal(m->missed, 3);
        relay_resume(&f->relay, &f->roster, m); /* there is none yet */
        assert_true(m->lagging);
        assert_int_equal(m->missed, 3);

        path_link(&address, f->dir);
        unlink(address.sun_path);
        inbox = inbox_bind_link(f->dir);
        assert_int_equal(roster_connect(&f->roster, m), 0);
        m->dead = false;
        relay_resume(&f->relay, &f->roster, m);
        assert_false(m->lagging);
        assert_string_equal(inbox_read(inbox), "missed 3");
        close(inbox);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_everyone_but_the_sender),
                TEST(test_joining_and_leaving_within_a_batch),
                TEST(test_a_batch_is_bounded),
                TEST(test_room_for_several_records),
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
        };
        return RUN_TESTS(tests);
}
