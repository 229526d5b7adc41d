/* Actions and private messages. */
#include "requests-fixture.h"

static void test_an_action(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        act(f, ANN, "waves");
        act(f, ANN, "w\x1bves");
        serve(f);
        assert_inbox(f, BOB, "action ann waves");
        assert_inbox(f, ANN, "");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);
        assert_int_equal(f->chat->lines, 1);
}

static void test_a_private_word(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        say(f, ANN, "one");
        msg(f, ANN, "BOB", "psst");
        say(f, ANN, "two");
        msg(f, ANN, "nobody", "psst");
        msg(f, ANN, "ann", "hello me");
        msg(f, ANN, "bob", "p\x1bsst");
        msg(f, ANN, "zoe@b", "psst");
        say(f, EVE, "three");
        serve(f);
        assert_inbox(f, BOB, "line ann one, private ann psst, line ann two, line eve three");
        assert_inbox(f, EVE, "line ann one, line ann two");
        assert_inbox(f, ANN,
                     "sent bob psst, answer There is nobody called nobody here; /who lists who is here, answer That is "
                     "you; the "
                     "message went to nobody, "
                     "answer This chat is not linked to other hosts, line eve three");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);
}

static void test_a_reply(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        struct frame frame = numbered(f, BOB, FRAME_PRIVATE);
        frame.key = inbox_id(ANN);
        frame.text = slice_of("yes?");
        nick(f, ANN, "Zoe");
        put(f, &frame);
        serve(f);
        assert_inbox(f, ANN, "answer You are now called Zoe, private bob yes?");
        bye(f, ANN);
        frame.number = ++f->numbers[BOB];
        put(f, &frame);
        serve(f);
        assert_inbox(f, BOB,
                     "rename ann Zoe, sent Zoe yes?, leave Zoe, answer That person has left; /who lists who is here");
}

/* Clients of lent connections see the right lines around a private message, and the right number of missed lines. */
static void test_a_private_word_among_lenders(void **state)
{
        struct fixture *f = *state;
        for (uint32_t who = ANN; who < SESSIONS; who++)
                hello(f, who);
        serve(f);
        for (int i = 0; i < 2; i++) { /* chatd asks for their connections when something was relayed to them */
                run_session(f, BOB);
                run_session(f, EVE);
                say(f, ANN, "before");
                serve(f);
        }
        assert_true(member(f, BOB)->lent.client >= 0 && member(f, EVE)->lent.client >= 0);
        say(f, ANN, "by chatd");
        serve(f);
        msg(f, ANN, "bob", "psst");
        say(f, ANN, "after");
        serve(f);
        run_session(f, BOB);
        run_session(f, EVE);
        say(f, ANN, "at last");
        serve(f);
        assert_lender_got(
                f->lenders[BOB],
                "*** eve is connected\r\nann: before\r\nann: before\r\nann: by chatd\r\nann (to you): psst\r\n"
                "ann: after\r\nann: at last\r\n");
        assert_lender_got(f->lenders[EVE],
                          "ann: before\r\nann: before\r\nann: by chatd\r\nann: after\r\nann: at last\r\n");
}

/* A session of an earlier version does not know that a message was sent. */
static void test_a_private_word_of_an_older_session(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        struct frame frame = numbered(f, ANN, FRAME_PRIVATE);
        frame.name = slice_of("bob");
        frame.text = slice_of("psst");
        put_of(f, &frame, 3);
        serve(f);
        assert_inbox(f, BOB, "private ann psst");
        assert_inbox(f, ANN, "");
}

/* The notice comes once. It comes again only after somebody else was here. */
static void test_nobody_hears_it(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        say(f, ANN, "one");
        say(f, ANN, "two");
        act(f, ANN, "waves");
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer Nobody hears you: nobody else is here");
        hello(f, BOB);
        say(f, ANN, "three");
        bye(f, BOB);
        act(f, ANN, "waves");
        serve(f);
        assert_inbox(f, ANN, "join bob, leave bob, answer Nobody hears you: nobody else is here");
        join(f, ANN, "kitchen");
        say(f, ANN, "four");
        serve(f);
        assert_inbox(f, ANN, "answer You are now in kitchen, alone, answer Nobody hears you: nobody else is here");
}

/* chatd ignores requests of strangers, requests with a number that was there before, and requests under another
 * member's name. */
static void test_what_is_ignored(void **state)
{
        struct fixture *f = *state;
        who_is_here(f, ANN);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_STRANGER], 1);
        join_all(f);
        f->numbers[ANN] = 0;
        who_is_here(f, ANN);
        serve(f);
        f->numbers[ANN] = 0;
        nick(f, ANN, "Zoe");
        f->numbers[ANN] = UINT64_MAX - 1;
        nick(f, ANN, "Zoe");
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_REPEATED], 2);
        assert_string_equal(member(f, ANN)->name, "ann");
}

static void test_to_oneself(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        join_all(f);
        text[0] = 'x';
        for (int i = 0; i < 2040; i++)
                memcpy(text + 1 + 2 * i, "\xc3\xa4", 2);
        msg(f, ANN, "ann", text);
        serve(f);
        const char *got = inbox_read(f->inboxes[ANN]);
        assert_int_equal(strncmp(got, "answer ", 7), 0);
        assert_true(text_is_clean(got + 7, strlen(got) - 7));
}

static void test_muted_speaks(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        member(f, ANN)->is_muted = true;
        nick(f, ANN, "bob-is-an-ass");
        join(f, ANN, "bob-go-home");
        serve(f);
        assert_inbox(f, BOB, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_an_action),
                TEST(test_a_private_word),
                TEST(test_a_reply),
                TEST(test_a_private_word_among_lenders),
                TEST(test_to_oneself),
                TEST(test_muted_speaks),
                TEST(test_a_private_word_of_an_older_session),
                TEST(test_nobody_hears_it),
                TEST(test_what_is_ignored),
        };
        return RUN_TESTS(tests);
}
