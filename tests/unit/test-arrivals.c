#include <sys/resource.h>

#include <chat/clock.h>

#include "../../chatd/notes.h"

#include "../../chatd/arrivals.h"
#include "broker-fixture.h"

/* Lets ann join. She is named, which takes the only token for a long time. */
static void begin(struct fixture *f)
{
        f->chat->arrivals->pace = (struct pace){.interval_us = INT64_C(3600) * 1000000, .burst = 1};
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1");
}

/* Lets ann join and be named; bob and eve join, and wait to be announced. */
static void begin_with_two(struct fixture *f)
{
        begin(f);
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        assert_inbox(f, BOB, "welcome 2");
        assert_inbox(f, EVE, "welcome 3");
}

static void restart(struct fixture *f)
{
        struct pace pace = f->chat->arrivals->pace;
        kill_broker(f);
        start_broker(f);
        f->chat->arrivals->pace = pace;
        assert_true(recovery_run(f->chat) >= 0);
        broker_settle(f->chat);
}

static bool exists_note(struct fixture *f, uint32_t who, const char *suffix)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/%016llx%s", f->dir, (unsigned long long)inbox_id(who), suffix);
        return lstat(path, &st) == 0;
}

static bool is_noted(struct fixture *f, uint32_t who)
{
        return exists_note(f, who, ".arriving");
}

static bool is_sealed(struct fixture *f)
{
        uint64_t number;
        size_t count;
        return note_read_seal(f->chat->roster.dir, &number, &count);
}

static void test_who_comes_behind_a_burst_is_counted(void **state)
{
        struct fixture *f = *state;
        begin(f);
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
        int64_t before = clock_ms();
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        assert_true(is_noted(f, BOB) && is_noted(f, EVE) && !is_noted(f, ANN));
        assert_in_range(arrivals_due_ms(f->chat), before + ARRIVALS_WAIT_MS, clock_ms() + ARRIVALS_WAIT_MS);
        assert_inbox(f, ANN, "");
        assert_inbox(f, BOB, "welcome 2");
        say(f, ANN, "hi");
        serve(f);
        assert_inbox(f, BOB, "line ann hi");
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
        assert_inbox(f, BOB, "notice 1 other connected");
        assert_inbox(f, EVE, "welcome 3, line ann hi, notice 1 other connected");
        assert_false(is_noted(f, BOB) || is_noted(f, EVE) || is_sealed(f));
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "leave bob");
}

static void test_one_alone_is_named(void **state)
{
        struct fixture *f = *state;
        begin(f);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "");
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "join bob");
        assert_inbox(f, BOB, "welcome 2");
        assert_false(is_noted(f, BOB) || is_sealed(f));
}

static void test_nobody_overtakes_who_waits(void **state)
{
        struct fixture *f = *state;
        begin(f);
        hello(f, BOB);
        serve(f);
        f->chat->arrivals->pace = (struct pace){0};
        hello(f, EVE);
        serve(f);
        assert_inbox(f, ANN, "");
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
}

static void test_all_are_named_without_a_pace(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        assert_inbox(f, ANN, "welcome 1, join bob, join eve");
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
}

static void test_who_speaks_is_named_before(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        say(f, BOB, "hi");
        say(f, BOB, "again");
        serve(f);
        assert_inbox(f, ANN, "join bob, line bob hi, line bob again");
        assert_inbox(f, EVE, "join bob, line bob hi, line bob again");
        assert_false(is_noted(f, BOB));
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "join eve");
        assert_inbox(f, BOB, "join eve");
}

/* The name goes with the line even if the batch has room for the lines only. */
static void test_a_name_and_a_line_go_together(void **state)
{
        struct fixture *f = *state;
        char text[FRAME_LINES_MAX];
        unsigned got = 0;
        memset(text, '\n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        begin_with_two(f);
        for (int frames = BATCH_MAX_RECORDS / FRAME_LINES_MAX; frames > 1; frames--) {
                say(f, ANN, text);
                f->numbers[ANN] += FRAME_LINES_MAX - 1;
        }
        say(f, BOB, text);
        assert_true(broker_serve(f->chat) >= 0);
        const char *told = inbox_read(f->inboxes[EVE]), *join = strstr(told, "join bob"),
                   *line = strstr(told, "line bob");
        assert_true(join && line > join);
        for (; line; line = strstr(line + 1, "line bob"))
                got++;
        assert_int_equal(got, FRAME_LINES_MAX);
}

static void test_who_leaves_before_was_never_here(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "");
        assert_inbox(f, BOB, "goodbye");
        assert_false(is_noted(f, BOB) || exists(f, "members", BOB));
        bye(f, EVE);
        serve(f);
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "");
}

static void test_the_link_is_told_each(void **state)
{
        struct fixture *f = *state;
        begin(f);
        link_hello(f);
        serve(f);
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "welcome 1, welcome 1");
        arrivals_announce(f->chat);
        assert_inbox(f, LINK, "join bob, join eve");
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "welcome 3");
}

/* Lets a newcomer join whose inbox is not read. Returns the inbox's descriptor. */
static int come(struct fixture *f, uint32_t n)
{
        char name[16];
        int inbox = inbox_bind(f->dir, inbox_id(n));
        snprintf(name, sizeof(name), "p%u", n);
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(n),
                               .key = inbox_id(n),
                               .name = slice_of(name),
                               .address = slice_of("here:1")});
        return inbox;
}

static void test_a_notice_is_full(void **state)
{
        struct fixture *f = *state;
        enum { COME = ARRIVALS_MAX + 2 };
        static int inboxes[COME];
        struct rlimit limit;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        if (limit.rlim_max < 4 * COME)
                skip();
        limit.rlim_cur = limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        begin(f);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        for (uint32_t n = 0; n < COME; n++) {
                inboxes[n] = come(f, SESSIONS + n);
                if (n == ARRIVALS_MAX - 2 || n > ARRIVALS_MAX)
                        continue; /* chatd serves this HELLO together with the next one */
                if (n == ARRIVALS_MAX - 1)
                        assert_inbox(f, ANN, "");
                serve(f);
        }
        assert_inbox(f, ANN, "notice 510 people connected"); /* announced while the batch was served */
        assert_int_equal(f->chat->arrivals->waiting_count, 1);
        serve(f);
        unsigned joins = 0;
        for (const char *at = inbox_read(f->inboxes[LINK]); (at = strstr(at, "join p")); at++)
                joins++;
        assert_int_equal(joins, ARRIVALS_MAX);
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
        for (uint32_t n = 0; n < COME; n++)
                close(inboxes[n]);
}

static void test_an_ending_chatd_announces_all(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        broker_finish(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
        assert_false(is_noted(f, BOB) || is_noted(f, EVE) || is_sealed(f));
}

/* ---- chatd dies ---- */

static void test_who_waits_waits_on(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        restart(f);
        assert_inbox(f, ANN, "rollcall");
        assert_true(arrivals_due_ms(f->chat) <= clock_ms());
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
        assert_inbox(f, BOB, "rollcall, notice 1 other connected");
        restart(f);
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
}

static void test_a_hello_met_again_is_decided_as_before(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        hello_again(f, ANN);
        hello_again(f, BOB);
        inbox_read(f->inboxes[BOB]);
        restart(f);
        assert_int_equal(f->chat->arrivals->waiting_count, 1); /* eve */
        serve(f);
        assert_int_equal(f->chat->arrivals->waiting_count, 2);
        assert_inbox(f, EVE, "rollcall, join ann");
        assert_inbox(f, ANN, "rollcall, welcome 2");
        assert_inbox(f, BOB, "rollcall, welcome 3");
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
}

/* The batch in the queue may have reached some members and not others. */
static void test_a_notice_does_not_overtake_a_batch(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        say(f, ANN, "half way");
        restart(f);
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
        arrivals_announce(f->chat);
        assert_inbox(f, BOB, "rollcall");
        serve(f);
        arrivals_announce(f->chat);
        assert_inbox(f, BOB, "line ann half way, notice 1 other connected");
        assert_inbox(f, ANN, "rollcall, notice 2 people connected");
        send(f->sender, "", 0, 0); /* a datagram that is not shown when it is peeked again */
        restart(f);
        assert_int_equal(f->chat->order.step, STEP_UNKNOWN);
        serve(f);
        assert_int_equal(f->chat->order.step, STEP_OVER);
}

/* The earlier chatd died after it had sealed the notice, and before any member got it. */
static void test_a_sealed_notice_is_said_again_first(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        assert_int_equal(note_seal(f->chat->roster.dir, 77, 2), 0);
        hello_again(f, EVE); /* not consumed: eve must get the notice all the same */
        restart(f);
        assert_inbox(f, ANN, "notice 2 people connected, rollcall");
        assert_inbox(f, BOB, "notice 1 other connected, rollcall");
        assert_false(is_noted(f, BOB) || is_noted(f, EVE) || is_sealed(f));
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
}

/* The earlier chatd died when every member had the notice, and before it had removed all notes. */
static void test_a_notice_that_is_said_again_is_shown_once(void **state)
{
        struct fixture *f = *state;
        struct seen seen[SESSIONS] = {0};
        begin_with_two(f);
        link_hello(f);
        serve(f);
        arrivals_announce(f->chat);
        for (uint32_t who = LINK; who <= EVE; who++)
                assert_true(strlen(inbox_read_new(f->inboxes[who], &seen[who])) > 0);
        assert_int_equal(note_seal(f->chat->roster.dir, f->chat->arrivals->number, 2), 0);
        assert_int_equal(note_arrival(f->chat->roster.dir, inbox_id(EVE)), 0);
        restart(f);
        for (uint32_t who = LINK; who <= EVE; who++)
                assert_string_equal(inbox_read_new(f->inboxes[who], &seen[who]), "rollcall");
        assert_false(is_noted(f, EVE) || is_sealed(f));
}

/* The earlier chatd died after it had sealed the announcement of a name. */
static void test_a_sealed_name_is_said_again(void **state)
{
        struct fixture *f = *state;
        begin(f);
        hello(f, BOB);
        serve(f);
        assert_int_equal(note_seal(f->chat->roster.dir, 77, 1), 0);
        restart(f);
        assert_inbox(f, ANN, "join bob, rollcall");
        assert_inbox(f, BOB, "welcome 2, rollcall");
        assert_int_equal(note_seal(f->chat->roster.dir, 77, 1), 0);
        restart(f); /* the chatd that died had removed the note already */
        assert_inbox(f, ANN, "rollcall");
}

static void test_the_numbers_of_notices_rise(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        uint64_t before = clock_boottime_us();
        arrivals_announce(f->chat);
        uint64_t first = f->chat->arrivals->number;
        assert_in_range(first, before, clock_boottime_us());
        f->chat->arrivals->number = first + 1000000000; /* two notices at the same time */
        bye(f, BOB);
        serve(f);
        close(f->inboxes[BOB]);
        hello(f, BOB);
        serve(f);
        arrivals_announce(f->chat);
        assert_int_equal(f->chat->arrivals->number, first + 1000000001);
}

static void test_the_note_of_who_is_gone_is_removed(void **state)
{
        struct fixture *f = *state;
        begin(f);
        assert_int_equal(note_arrival(f->chat->roster.dir, inbox_id(EVE)), 0);
        restart(f);
        assert_false(is_noted(f, EVE));
        assert_int_equal(f->chat->arrivals->waiting_count, 0);
}

/* Sends a quiet HELLO: the session does not know yet whether its client speaks chat. */
static void hello_quietly(struct fixture *f, uint32_t who)
{
        if (f->inboxes[who] < 0)
                f->inboxes[who] = inbox_bind(f->dir, inbox_id(who));
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(who),
                               .key = inbox_id(who),
                               .name = slice_of(names[who]),
                               .address = slice_of("here:1"),
                               .quiet = true});
}

static void arrive(struct fixture *f, uint32_t who)
{
        put(f, &(struct frame){.type = FRAME_ARRIVE, .id = inbox_id(who)});
}

static void begin_with_one_held(struct fixture *f)
{
        f->inboxes[BOB] = f->inboxes[EVE] = -1;
        hello(f, ANN);
        serve(f);
        hello_quietly(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "welcome 1");
        assert_inbox(f, BOB, "welcome 2");
}

static void test_who_is_held_is_announced_by_arrive(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        say(f, ANN, "hi");
        serve(f);
        assert_inbox(f, BOB, "line ann hi");
        hello(f, EVE);
        serve(f);
        assert_inbox(f, EVE, "welcome 2"); /* bob is not announced yet */
        assert_inbox(f, ANN, "answer Nobody hears you: nobody else is here, join eve");
        arrive(f, BOB);
        arrive(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob");
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "leave bob");
}

static void test_who_is_held_and_speaks_is_named_before(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        say(f, BOB, "hi");
        arrive(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob, line bob hi");
}

static void test_who_leaves_while_held_was_never_here(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        bye(f, BOB);
        say(f, ANN, "hi");
        serve(f);
        assert_inbox(f, ANN, "answer Nobody hears you: nobody else is here");
        restart(f);
        assert_inbox(f, ANN, "rollcall");
        assert_int_equal(f->chat->roster.count, 1);
}

static void test_who_is_held_is_held_by_the_next_chatd(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        restart(f);
        assert_inbox(f, ANN, "rollcall");
        assert_int_equal(arrivals_due_ms(f->chat), INT64_MAX);
        arrive(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob");
        restart(f);
        assert_inbox(f, ANN, "rollcall");
}

/* chatd died while it sent a notice about others: a held newcomer is not counted in it. */
static void test_who_is_held_is_not_of_a_sealed_notice(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        f->chat->arrivals->pace = (struct pace){.interval_us = INT64_C(3600) * 1000000, .burst = 0};
        assert_int_equal(note_seal(f->chat->roster.dir, 77, 2), 0);
        restart(f);
        assert_inbox(f, ANN, "notice 2 people connected, rollcall");
        f->chat->arrivals->pace = (struct pace){0};
        arrive(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob");
}

/* The ARRIVE was relayed to some members, and not consumed: they have seen the name. */
static void test_who_was_being_named_is_named(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        f->chat->arrivals->pace = (struct pace){.interval_us = INT64_C(3600) * 1000000, .burst = 1};
        pace_take(&f->chat->arrivals->pace, clock_ms());
        assert_int_equal(note_named(f->chat->roster.dir, member(f, BOB)), 0);
        arrive(f, BOB);
        restart(f);
        serve(f);
        assert_inbox(f, ANN, "rollcall, join bob");
        restart(f);
        assert_int_equal(f->chat->roster.members[1]->arrival, ARRIVAL_ANNOUNCED);
}

/* chatd dies after it has told everybody bob's name, and before it removes the note of that. Its queue is lost, as if
 * the socket were its own. */
static void lose_while_bob_is_named(struct fixture *f)
{
        assert_int_equal(note_named(f->chat->roster.dir, member(f, BOB)), 0);
        restart(f);
        assert_inbox(f, ANN, "rollcall");
}

static void test_who_was_being_named_leaves(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        lose_while_bob_is_named(f);
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob, leave bob"); /* a session that has seen the first drops it */
        assert_int_equal(f->chat->roster.count, 1);
        assert_false(exists_note(f, BOB, ".named"));
}

static void test_who_waited_and_was_being_named(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        lose_while_bob_is_named(f);
        here(f, BOB, 0);
        serve(f);
        assert_inbox(f, ANN, "join bob");
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "join eve"); /* only eve was left to announce */
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "leave bob");
}

static void test_who_waited_and_was_being_named_leaves(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        lose_while_bob_is_named(f);
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob, leave bob");
}

/* The note is made before anything is sent. */
static void test_who_speaks_has_a_note_of_being_named(void **state)
{
        struct fixture *f = *state;
        begin_with_two(f);
        order_enter(&f->chat->order, STEP_TAKE);
        batch_begin(&f->chat->batch, f->chat->relay.epoch);
        arrivals_name(f->chat, member(f, BOB));
        assert_true(exists_note(f, BOB, ".named") && !is_noted(f, BOB));
        order_enter(&f->chat->order, STEP_RELAY);
        order_enter(&f->chat->order, STEP_NOTE);
        arrivals_note(f->chat);
        assert_false(exists_note(f, BOB, ".named"));
}

/* No member has seen the name, so the next chatd decides. */
static void test_an_arrive_that_is_met_first_by_the_next_chatd(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        f->chat->arrivals->pace = (struct pace){.interval_us = INT64_C(3600) * 1000000, .burst = 1};
        pace_take(&f->chat->arrivals->pace, clock_ms());
        arrive(f, BOB);
        restart(f);
        serve(f);
        assert_inbox(f, ANN, "rollcall");
        assert_true(is_noted(f, BOB));
        restart(f);
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "rollcall, join bob");
}

static void test_who_is_released_into_a_crowd_waits(void **state)
{
        struct fixture *f = *state;
        begin_with_one_held(f);
        hello_quietly(f, EVE);
        f->chat->arrivals->pace = (struct pace){.interval_us = INT64_C(3600) * 1000000, .burst = 1};
        pace_take(&f->chat->arrivals->pace, clock_ms());
        arrive(f, BOB);
        arrive(f, EVE);
        serve(f);
        assert_true(is_noted(f, BOB) && is_noted(f, EVE));
        arrivals_announce(f->chat);
        assert_inbox(f, ANN, "notice 2 people connected");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_who_comes_behind_a_burst_is_counted),
                TEST(test_one_alone_is_named),
                TEST(test_nobody_overtakes_who_waits),
                TEST(test_all_are_named_without_a_pace),
                TEST(test_who_speaks_is_named_before),
                TEST(test_a_name_and_a_line_go_together),
                TEST(test_who_leaves_before_was_never_here),
                TEST(test_the_link_is_told_each),
                TEST(test_a_notice_is_full),
                TEST(test_an_ending_chatd_announces_all),
                TEST(test_who_waits_waits_on),
                TEST(test_a_hello_met_again_is_decided_as_before),
                TEST(test_a_notice_does_not_overtake_a_batch),
                TEST(test_a_sealed_notice_is_said_again_first),
                TEST(test_a_notice_that_is_said_again_is_shown_once),
                TEST(test_a_sealed_name_is_said_again),
                TEST(test_the_numbers_of_notices_rise),
                TEST(test_the_note_of_who_is_gone_is_removed),
                TEST(test_who_is_held_is_announced_by_arrive),
                TEST(test_who_is_held_and_speaks_is_named_before),
                TEST(test_who_leaves_while_held_was_never_here),
                TEST(test_who_is_held_is_held_by_the_next_chatd),
                TEST(test_who_is_held_is_not_of_a_sealed_notice),
                TEST(test_who_was_being_named_is_named),
                TEST(test_who_was_being_named_leaves),
                TEST(test_who_waited_and_was_being_named),
                TEST(test_who_waited_and_was_being_named_leaves),
                TEST(test_who_speaks_has_a_note_of_being_named),
                TEST(test_an_arrive_that_is_met_first_by_the_next_chatd),
                TEST(test_who_is_released_into_a_crowd_waits),
        };
        return RUN_TESTS(tests);
}
