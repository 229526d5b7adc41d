/* chatd asks sessions for their clients' connections, and gives them back when it needs descriptors. */
#include "broker-fixture.h"
#include "descriptors.h"
#include "lending-fixture.h"

static void test_who_is_asked(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        link_hello(f);
        serve(f);
        assert_not_asked(f, ANN);
        come(f, BOB);
        struct socket_fds ann = take_lend(f, ANN);
        assert_not_asked(f, BOB); /* nothing was relayed to bob so far */
        assert_int_equal(f->chat->lending->questions, 1);
        say_to_all(f, BOB);
        assert_not_asked(f, ANN); /* chatd asks only once */
        say_to_all(f, ANN);
        struct socket_fds bob = take_lend(f, BOB);
        assert_int_equal(f->chat->lending->questions, 2);
        assert_true(strstr(inbox_read(f->inboxes[LINK]), "line bob x, line ann x") != NULL);
        assert_false(lent_is_open(&link_member(f)->lent));
        socket_close_fds(&ann);
        socket_close_fds(&bob);
        take_answers(f);
        assert_int_equal(f->chat->lending->questions, 0);
}

static void test_nobody_is_asked_without_memory_for_it(void **state)
{
        struct fixture *f = *state;
        lent_batch_free(&f->chat->batch.lent);
        come(f, ANN);
        come(f, BOB);
        say_to_all(f, ANN);
        assert_not_asked(f, ANN);
        assert_inbox(f, BOB, "welcome 2, line ann x");
}

static void test_who_was_removed(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        run_session(f, ANN);
        put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(BOB), .reason = LEAVE_KICKED});
        serve(f);
        assert_lender_got(f->lenders[ANN], "*** bob is connected\r\n*** bob was removed\r\n");
}

static void test_who_answers_is_written_to(void **state)
{
        struct fixture *f = *state;
        unsigned before = count_fds();
        come(f, ANN);
        come(f, BOB);
        run_session(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_true(member(f, ANN)->lent.client >= 0);
        say(f, BOB, "hi");
        say(f, ANN, "hi yourself");
        serve(f);
        say(f, BOB, "so long");
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "");
        assert_lender_got(f->lenders[ANN],
                          "*** bob is connected\r\nbob: hi\r\nbob: so long\r\n*** bob is disconnected\r\n");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "goodbye");
        lender_free(f->lenders[ANN]);
        close(f->inboxes[ANN]);
        close(f->inboxes[BOB]);
        f->lenders[ANN] = NULL;
        f->inboxes[ANN] = f->inboxes[BOB] = 0;
        assert_int_equal(count_fds(), before);
}

enum { CROWD = LENDING_ASKED_MAX + 5 };

static uint32_t crowd_number(int i)
{
        return (uint32_t)(SESSIONS + i);
}

/* Lets the crowd join one after the other, so that each member except the last has something relayed. */
static void crowd_comes(struct fixture *f, int inboxes[static CROWD])
{
        for (int i = 0; i < CROWD; i++) {
                char name[16];
                uint64_t id = inbox_id(crowd_number(i));
                snprintf(name, sizeof(name), "p%d", i);
                inboxes[i] = inbox_bind(f->dir, id);
                put(f, &(struct frame){.type = FRAME_HELLO,
                                       .id = id,
                                       .key = id,
                                       .name = slice_of(name),
                                       .address = slice_of("here:1")});
                serve(f);
        }
}

static void test_few_are_asked_at_once(void **state)
{
        struct fixture *f = *state;
        int inboxes[CROWD], asked[CROWD] = {0};
        crowd_comes(f, inboxes);
        for (int left = CROWD - 1; left > 0;) {
                int now = 0;
                assert_int_equal(f->chat->lending->questions, left < LENDING_ASKED_MAX ? left : LENDING_ASKED_MAX);
                for (int i = 0; i < CROWD; i++) {
                        struct socket_fds fds;
                        if (!outlet_is_asked(inboxes[i], &fds))
                                continue;
                        socket_close_fds(&fds);
                        asked[i]++;
                        now++;
                }
                assert_int_equal(now, f->chat->lending->questions);
                left -= now;
                take_answers(f);
                assert_int_equal(f->chat->lending->questions, 0);
                broker_settle(f->chat);
        }
        assert_int_equal(f->chat->lending->questions, 0);
        for (int i = 0; i < CROWD; i++) {
                assert_int_equal(asked[i], i < CROWD - 1);
                close(inboxes[i]);
        }
}

static void test_who_declines_is_asked_again_some_time_later(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        decline(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        serve(f);
        assert_not_asked(f, ANN); /* nothing more was relayed to ann */
        for (int64_t ms = 2 * LENT_ASK_AGAIN_MIN_MS; ms <= 4 * LENT_ASK_AGAIN_MAX_MS; ms *= 2) {
                say_to_all(f, BOB);
                decline(f, ANN);
                say_to_all(f, BOB);
                later_ms += clock_earlier(ms, LENT_ASK_AGAIN_MAX_MS) - LENT_ASK_AGAIN_MIN_MS;
                serve(f);
                assert_not_asked(f, ANN); /* each time the pause is twice as long, up to the longest */
                later_ms += LENT_ASK_AGAIN_MIN_MS;
        }
        serve(f);
        run_session(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_true(lent_is_open(&member(f, ANN)->lent));
}

static void test_who_does_not_answer(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        unsigned before = count_fds();
        say_to_all(f, BOB);
        later_ms += LENT_ANSWER_MS - LENT_ASK_AGAIN_MIN_MS;
        serve(f);
        assert_int_equal(f->chat->lending->questions, 1);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        serve(f);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), before - 1);
        run_session(f, ANN); /* her answer comes too late */
        assert_null(f->lenders[ANN]->loan.page);
        say_to_all(f, BOB);
        run_session(f, ANN);
        assert_true(member(f, ANN)->lent.client >= 0);
        assert_lender_got(f->lenders[ANN], "*** bob is connected\r\nbob: x\r\nbob: x\r\n");
}

/* Sessions may take LEND and never answer. */
static void test_silence_does_not_keep_others_from_being_asked(void **state)
{
        struct fixture *f = *state;
        int inboxes[CROWD];
        bool asked[CROWD] = {0};
        crowd_comes(f, inboxes);
        for (int round = 0; round < CROWD / LENDING_ASKED_MAX + 1; round++) {
                for (int i = 0; i < CROWD; i++) {
                        struct socket_fds fds;
                        asked[i] |= outlet_is_asked(inboxes[i], &fds);
                        socket_close_fds(&fds); /* this is no answer: the session seems to keep the descriptors */
                }
                come(f, ANN); /* a member joins and leaves, and everybody is told */
                bye(f, ANN);
                serve(f);
                close(f->inboxes[ANN]);
                later_ms += LENT_ANSWER_MS;
                broker_settle(f->chat);
        }
        for (int i = 0; i < CROWD; i++) {
                assert_true(asked[i]);
                close(inboxes[i]);
        }
        f->inboxes[ANN] = 0;
}

static void test_who_lags_or_is_dead_is_not_asked(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        decline(f, ANN);
        say_to_all(f, BOB);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        lagging_begin_unnoted(member(f, ANN)); /* as if her inbox had been full */
        broker_settle(f->chat);
        assert_not_asked(f, ANN);
        broker_has_room(f->chat, member(f, ANN));
        member(f, ANN)->life = LIFE_DEAD;
        broker_settle(f->chat);
        assert_not_asked(f, ANN);
        member(f, ANN)->life = LIFE_ALIVE;
        broker_settle(f->chat);
        decline(f, ANN);
}

/* ---- when descriptors run out ---- */

/* Lets eve join. A member that joins takes three descriptors for a moment. */
static void eve_comes_though_descriptors_run_out(struct fixture *f, int left)
{
        struct rlimit before;
        int taken[FEW_FDS];
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(EVE));
        int n = take_descriptors(&before, taken, left);
        hello_again(f, EVE);
        serve(f);
        free_descriptors(&before, taken, n);
}

static void test_what_is_lent_is_given_back_for_who_comes(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        say_to_all(f, ANN);
        run_session(f, ANN);
        run_session(f, BOB);
        eve_comes_though_descriptors_run_out(f, 1);
        assert_inbox(f, EVE, "welcome 3");
        assert_false(lent_is_open(&member(f, ANN)->lent));
        assert_false(lent_is_open(&member(f, BOB)->lent));
        say_to_all(f, EVE); /* the lines come as datagrams now */
        run_session(f, ANN);
        run_session(f, BOB);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        say_to_all(f, EVE);
        run_session(f, ANN);
        run_session(f, BOB);
        say_to_all(f, EVE); /* the connections are lent again */
        assert_inbox(f, ANN, "");
        assert_lender_got(f->lenders[ANN],
                          "*** bob is connected\r\n*** eve is connected\r\neve: x\r\neve: x\r\neve: x\r\n");
        assert_lender_got(f->lenders[BOB], "ann: x\r\n*** eve is connected\r\neve: x\r\neve: x\r\neve: x\r\n");
}

static void test_what_is_asked_for_is_given_back_for_who_comes(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        say_to_all(f, ANN);
        assert_int_equal(f->chat->lending->questions, 2);
        eve_comes_though_descriptors_run_out(f, 1);
        assert_inbox(f, EVE, "welcome 3");
        assert_int_equal(f->chat->lending->questions, 0);
}

static void test_nothing_to_give_back(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        eve_comes_though_descriptors_run_out(f, 1);
        assert_inbox(f, EVE, "refused the chat is full");
        assert_inbox(f, ANN, "welcome 1");
}

static void test_descriptors_are_kept_for_who_comes(void **state)
{
        enum { LIMIT = 128, BELOW = LIMIT / 4 * 3 };
        struct fixture *f = *state;
        struct rlimit before;
        int taken[FEW_FDS], n = 0;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){LIMIT, before.rlim_max}), 0);
        restart_broker(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(f->chat->lending->inbox_fd_min, BELOW);
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        f->inboxes[BOB] = inbox_bind(f->dir, inbox_id(BOB));
        hello_again(f, ANN);
        serve(f);
        do
                taken[n] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        while (taken[n++] < BELOW - 1);
        unsigned fds = count_fds();
        hello_again(f, BOB);
        serve(f);
        assert_not_asked(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), fds + 2); /* bob's descriptors */
        while (n > 0)
                close(taken[--n]);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        say_to_all(f, BOB);
        run_session(f, ANN);
        assert_true(lent_is_open(&member(f, ANN)->lent));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_who_is_asked),
                TEST(test_nobody_is_asked_without_memory_for_it),
                TEST(test_who_was_removed),
                TEST(test_who_answers_is_written_to),
                TEST(test_few_are_asked_at_once),
                TEST(test_who_declines_is_asked_again_some_time_later),
                TEST(test_who_does_not_answer),
                TEST(test_silence_does_not_keep_others_from_being_asked),
                TEST(test_who_lags_or_is_dead_is_not_asked),
                TEST(test_what_is_lent_is_given_back_for_who_comes),
                TEST(test_what_is_asked_for_is_given_back_for_who_comes),
                TEST(test_nothing_to_give_back),
                TEST(test_descriptors_are_kept_for_who_comes),
        };
        return RUN_TESTS(tests);
}
