/* Questions of members, and the place of answers among the lines. */
#include "requests-fixture.h"

static void test_who(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        who_is_here(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer You are alone here: ann (you)");
        hello(f, BOB);
        hello(f, EVE);
        bye(f, BOB);
        who_is_here(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "join bob, join eve, leave bob, answer 2 people are here: ann (you), eve");
}

static void test_many_are_here(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        for (uint32_t i = 0; i < 2000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                assert_non_null(roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0));
        }
        who_is_here(f, ANN);
        assert_true(broker_serve(f->chat) >= 0);
        const char *answer = inbox_read(f->inboxes[ANN]);
        assert_non_null(strstr(answer, "2001 people are here: ann (you), member-0, "));
        assert_non_null(strstr(answer, " and 1"));
        assert_string_equal(answer + strlen(answer) - 5, " more");
        assert_true(strlen(answer) < TEXT_MAX_BYTES);
        size_t column = 0;
        for (const char *at = answer; *at; at++) {
                column = *at == '\n' ? 0 : column + 1;
                assert_true(column <= 110);
        }
}

static void test_an_answer_has_its_place(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        say(f, ANN, "before");
        who_is_here(f, BOB);
        say(f, BOB, "mine");
        say(f, ANN, "behind");
        set_topic(f, BOB, "");
        serve(f);
        assert_inbox(f, BOB,
                     "line ann before, answer 3 people are here: ann, bob (you), eve, line ann behind, "
                     "answer lobby has no topic; /topic TEXT sets one");
        assert_inbox(f, EVE, "line ann before, line bob mine, line ann behind");
        who_is_here(f, BOB);
        serve(f); /* a batch of the answer alone */
        assert_inbox(f, BOB, "answer 3 people are here: ann, bob (you), eve");
        assert_inbox(f, EVE, "");
}

/* An answer keeps its place if the member gets lines without its session. */
static void test_an_answer_to_a_lender(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        say(f, ANN, "hello");
        serve(f);
        run_session(f, BOB);
        say(f, ANN, "before");
        who_is_here(f, BOB);
        say(f, ANN, "behind");
        serve(f);
        assert_inbox(f, BOB, "line ann before, answer 3 people are here: ann, bob (you), eve, line ann behind");
}

static void test_an_answer_waits_for_room(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        fill_inbox(f, BOB);
        say(f, ANN, "before");
        who_is_here(f, BOB);
        say(f, ANN, "behind");
        nick(f, ANN, "bob");
        serve(f);
        assert_string_equal(after_lagging(f, BOB), "missed 2, answer 3 people are here: ann, bob (you), eve, "
                                                   "probe ann asked for your name, bob");
        say(f, ANN, "again");
        serve(f);
        assert_inbox(f, BOB, "line ann again");
}

/* A member that asks again and again, and reads nothing, uses only a bounded amount of memory. */
static void test_answers_that_wait_are_bounded(void **state)
{
        struct fixture *f = *state;
        static char topic[TOPIC_MAX_BYTES + 1];
        join_all(f);
        memset(topic, 't', TOPIC_MAX_BYTES);
        set_topic(f, ANN, topic);
        serve(f);
        fill_inbox(f, BOB);
        size_t asked = 0;
        for (; lagging_missed(member(f, BOB)) == 0 || !member_lags(member(f, BOB)); asked++) {
                assert_in_range(asked, 0, BATCH_LETTERS_MAX_BYTES / TOPIC_MAX_BYTES);
                set_topic(f, BOB, "");
                serve(f);
        }
        assert_in_range(member(f, BOB)->letters.bytes, BATCH_LETTERS_MAX_BYTES / 2, BATCH_LETTERS_MAX_BYTES);
        bye(f, BOB);
        serve(f);
        assert_null(member(f, BOB));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_who),
                TEST(test_many_are_here),
                TEST(test_an_answer_has_its_place),
                TEST(test_an_answer_to_a_lender),
                TEST(test_an_answer_waits_for_room),
                TEST(test_answers_that_wait_are_bounded),
        };
        return RUN_TESTS(tests);
}
