/* Members that do not read: how long chatd waits for them, and what they miss. */
#include "relay-fixture.h"

static void test_a_member_that_does_not_read_lags_alone(void **state)
{
        struct fixture *f = *state;
        unsigned sent = 0, missed_after = 0;
        while (!member_lags(f->members[1])) {
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
        assert_int_equal(lagging_missed(f->members[1]), 1 + missed_after);

        relay_resume(&f->relay, &f->roster, f->members[1]); /* still full */
        assert_true(member_lags(f->members[1]));
        inbox_read(f->inboxes[1]);
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_false(member_lags(f->members[1]));
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "again");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[1]), "missed 6, line ann again");
}

/* Fills a member's inbox for a line, and empties it afterwards. Returns how many ms chatd waited for it. */
static int lag(struct fixture *f, int who)
{
        fill(f, who);
        int waited = say(f);
        assert_true(member_lags(f->members[who]));
        inbox_empty(f->inboxes[who]);
        relay_resume(&f->relay, &f->roster, f->members[who]);
        assert_false(member_lags(f->members[who]));
        inbox_empty(f->inboxes[1]);
        inbox_empty(f->inboxes[2]);
        return waited;
}

static void test_who_lags_again_is_waited_for_less_often(void **state)
{
        struct fixture *f = *state;
        int64_t probation = LAGGING_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), LAGGING_PATIENCE_MS);
        for (int i = 0; i < 8; i++) {
                now_ms += probation - 1;
                assert_int_equal(lag(f, 1), 0); /* the probation begins anew, no longer than before */
                now_ms += probation;
                assert_int_equal(lag(f, 1), LAGGING_PATIENCE_MS);
                probation = 2 * probation < LAGGING_PROBATION_MAX_MS ? 2 * probation : LAGGING_PROBATION_MAX_MS;
        }
        assert_int_equal(probation, LAGGING_PROBATION_MAX_MS);
}

static void test_who_did_not_lag_for_long_is_forgiven(void **state)
{
        struct fixture *f = *state;
        lag(f, 1);
        now_ms += LAGGING_FORGIVEN_MS - 1;
        assert_int_equal(lag(f, 1), LAGGING_PATIENCE_MS);
        now_ms += LAGGING_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), 0); /* not forgiven yet */
        now_ms += LAGGING_FORGIVEN_MS;
        assert_int_equal(lag(f, 1), LAGGING_PATIENCE_MS);
        now_ms += LAGGING_PROBATION_MIN_MS;
        assert_int_equal(lag(f, 1), LAGGING_PATIENCE_MS);
}

/* One member may lag in any rhythm: it costs less than 50 ms in every 10 s. */
static void test_no_rhythm_of_lagging_costs_much(void **state)
{
        struct fixture *f = *state;
        for (int64_t pause = 1000; pause <= 2 * LAGGING_FORGIVEN_MS; pause += 1000 + pause / 8) {
                int64_t waited = 0, begin = now_ms;
                enum { TIMES = 200 };
                f->members[1]->lag.since_ms = f->members[1]->lag.probation_ms = 0;
                for (int i = 0; i < TIMES || now_ms - begin < 10 * LAGGING_FORGIVEN_MS; i++) {
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
        room_ms = LAGGING_PATIENCE_MS - 1;
        assert_int_equal(say(f), LAGGING_PATIENCE_MS);
        assert_true(member_lags(f->members[1]));
        assert_false(member_lags(f->members[2]));
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann x");
}

static void test_members_that_lag_in_turn_share_the_patience(void **state)
{
        struct fixture *f = *state;
        enum { SHARED_MS = LAGGING_PATIENCE_MS - LAGGING_FREE_MS };
        assert_int_equal(lag(f, 1), LAGGING_PATIENCE_MS);
        assert_int_equal(lag(f, 2), LAGGING_FREE_MS);
        f->members[2]->lag.since_ms = f->members[2]->lag.probation_ms = 0; /* as of a new member */
        now_ms += SHARED_MS * LAGGING_PATIENCE_SHARE / 2 - LAGGING_FREE_MS;
        assert_int_equal(lag(f, 2), LAGGING_FREE_MS + SHARED_MS / 2);
        f->members[2]->lag.since_ms = f->members[2]->lag.probation_ms = 0;
        now_ms += SHARED_MS * LAGGING_PATIENCE_SHARE;
        assert_int_equal(lag(f, 2), LAGGING_PATIENCE_MS);

        int64_t waited = 0, begin = now_ms;
        enum { TIMES = 1000 };
        for (int i = 0; i < TIMES; i++) {
                f->members[1]->lag.since_ms = f->members[1]->lag.probation_ms = 0;
                waited += lag(f, 1) - LAGGING_FREE_MS;
                now_ms += 500;
        }
        /* a tenth of the time, and hardly less */
        assert_in_range(waited, (now_ms - begin) / 11, (now_ms - begin) / 10 + LAGGING_PATIENCE_MS);
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
                assert_int_equal(say_to_slow_bob(f, LAGGING_FREE_MS), LAGGING_FREE_MS);
        assert_int_equal(say_to_slow_bob(f, LAGGING_PATIENCE_MS), LAGGING_PATIENCE_MS);
        assert_false(member_lags(f->members[1]));
        assert_in_range(say_to_slow_bob(f, LAGGING_PATIENCE_MS), LAGGING_FREE_MS,
                        2 * LAGGING_FREE_MS); /* the rest of the patience */
        assert_true(member_lags(f->members[1]));
}

static void test_a_lagging_member_that_closes_its_inbox_is_dead(void **state)
{
        struct fixture *f = *state;
        lagging_begin_unnoted(f->members[1]);
        lagging_miss(f->members[1], 1);
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_true(member_is_dead(f->members[1]));
        assert_false(member_lags(f->members[1]));
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
                assert_true(member_lags(m));
        }
        assert_int_equal(lagging_missed(m), 3);
        relay_resume(&f->relay, &f->roster, m); /* there is no inbox yet */
        assert_true(member_lags(m));
        assert_int_equal(lagging_missed(m), 3);

        path_link(&address, f->dir);
        unlink(address.sun_path);
        inbox = inbox_bind_link(f->dir);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), 0);
        m->life = LIFE_ALIVE;
        relay_resume(&f->relay, &f->roster, m);
        assert_false(member_lags(m));
        assert_string_equal(inbox_read(inbox), "missed 3");
        close(inbox);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_member_that_does_not_read_lags_alone),
                TEST(test_who_lags_again_is_waited_for_less_often),
                TEST(test_who_did_not_lag_for_long_is_forgiven),
                TEST(test_no_rhythm_of_lagging_costs_much),
                TEST(test_members_that_lag_together_are_waited_for_together),
                TEST(test_members_that_lag_in_turn_share_the_patience),
                TEST(test_slow_members_may_use_up_the_patience),
                TEST(test_a_lagging_member_that_closes_its_inbox_is_dead),
                TEST(test_a_link_without_an_inbox_lags),
        };
        return RUN_TESTS(tests);
}
