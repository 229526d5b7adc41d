/* The frames that chatd takes and ignores, and the batches that it makes of them. */
#include "broker-fixture.h"

static void test_a_chat(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1");
        hello(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob");
        assert_inbox(f, BOB, "welcome 2");
        say(f, ANN, "hi bob");
        say(f, BOB, "hi ann");
        serve(f);
        assert_inbox(f, ANN, "line bob hi ann");
        assert_inbox(f, BOB, "line ann hi bob");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "goodbye");
        assert_inbox(f, BOB, "leave ann");
        assert_int_equal(f->chat->roster.count, 1);
        assert_false(exists(f, "members", ANN));
        assert_int_equal(f->chat->lines, 2);
}

static void test_all_of_it_in_one_batch(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        say(f, ANN, "alone");
        hello(f, BOB);
        say(f, ANN, "two");
        hello(f, EVE);
        bye(f, ANN);
        say(f, BOB, "three");
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer Nobody hears you: nobody else is here, join bob, join eve, goodbye");
        assert_inbox(f, BOB, "welcome 2, line ann two, join eve, leave ann");
        assert_inbox(f, EVE, "welcome 3, leave ann, line bob three");
}

static void test_more_than_one_batch_in_a_window(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        unsigned got = 0, sent = 0;
        memset(text, 'x', TEXT_MAX_BYTES);
        join_ann_and_bob(f);
        for (; sent < 9; sent++) /* 9 × 4 KiB: the queue takes 10 datagrams unless its length was raised */
                say(f, ANN, text);
        assert_true(broker_serve(f->chat) >= 0);
        for (const char *at = inbox_read(f->inboxes[BOB]); (at = strstr(at, "line ann x")); at++)
                got++;
        assert_int_equal(got, sent);
}

/* Each line of a frame is a record with its own number; a line that is not clean does not affect the others. */
static void test_a_frame_of_many_lines(void **state)
{
        struct fixture *f = *state;
        char many[FRAME_LINES_MAX + 1];
        join_ann_and_bob(f);
        say(f, ANN, "one\n\nt\x1bree\nfour");
        f->numbers[ANN] += 3;
        serve(f);
        assert_inbox(f, BOB, "line ann one, line ann, line ann four");
        assert_int_equal(roster_find(&f->chat->roster, inbox_id(ANN))->lines_in, 4);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);
        f->numbers[ANN] -= 2;
        say(f, ANN, "three\nfour\nfive"); /* the first two were there before */
        f->numbers[ANN] += 2;
        serve(f);
        assert_inbox(f, BOB, "line ann five");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_REPEATED], 2);
        memset(many, '\n', sizeof(many) - 1);
        many[sizeof(many) - 1] = '\0'; /* there is one LF less than lines */
        say(f, ANN, many);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_MALFORMED], 1);
        assert_inbox(f, BOB, "");
}

/* A session of an earlier version sends text with hidden characters. Each of them becomes a "?", and long runs of
 * blanks become shorter. So the text becomes no longer. */
static void test_what_hides_is_shown(void **state)
{
        struct fixture *f = *state;
        join_ann_and_bob(f);
        say(f, ANN, "a\u200bb\n\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad          .\nhm                    *** x");
        serve(f);
        assert_inbox(f, BOB, "line ann a?b, line ann ??????        ., line ann hm        *** x");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 0);
}

/* A frame that does not fit into a batch as a whole begins the next one. */
static void test_frames_fill_batches(void **state)
{
        struct fixture *f = *state;
        char text[FRAME_LINES_MAX];
        unsigned got = 0, sent = 0;
        memset(text, '\n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        join_ann_and_bob(f);
        for (int frames = 0; frames < 9; frames++, sent += FRAME_LINES_MAX) { /* 576 lines: a batch has 512 */
                say(f, ANN, text);
                f->numbers[ANN] += FRAME_LINES_MAX - 1;
        }
        assert_true(broker_serve(f->chat) >= 0);
        for (const char *at = inbox_read(f->inboxes[BOB]); (at = strstr(at, "line ann")); at++)
                got++;
        assert_int_equal(got, sent);
}

static void test_frames_that_are_ignored(void **state)
{
        struct fixture *f = *state;
        const uint64_t *ignored = f->chat->complaints.ignored_counts;
        uint8_t raw[FRAME_MAX_BYTES + 200] = {0};
        join_ann_and_bob(f);

        send(f->sender, "x", 1, 0);
        send(f->sender, "", 0, 0);
        send(f->sender, raw, sizeof(raw), 0);
        serve(f);
        assert_int_equal(ignored[IGNORED_MALFORMED], 3);

        send(f->sender, raw, 100, 0); /* version 0 */
        size_t n = frame_encode(raw, sizeof(raw), &(struct frame){.type = FRAME_GONE, .id = inbox_id(ANN)});
        raw[1] = 99;
        send(f->sender, raw, n, 0);
        put(f, &(struct frame){.type = FRAME_BATCH, .id = inbox_id(ANN)});
        serve(f);
        assert_int_equal(ignored[IGNORED_VERSION], 1);
        assert_int_equal(ignored[IGNORED_TYPE] + ignored[IGNORED_MALFORMED], 3 + 2);

        put(f, &(struct frame){.type = FRAME_LINE, .id = 1ULL << 32 | ANN, .number = 1, .text = slice_of("forged")});
        serve(f);
        assert_int_equal(ignored[IGNORED_FORGED], 1);

        say(f, EVE, "a stranger");
        serve(f);
        assert_int_equal(ignored[IGNORED_STRANGER], 1);

        say(f, ANN, "once");
        f->numbers[ANN]--;
        say(f, ANN, "twice");
        put(f, &(struct frame){
                       .type = FRAME_HELLO, .id = inbox_id(ANN), .name = slice_of("other"), .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_REPEATED], 2);

        say(f, ANN, "\x1b[2J");
        say(f, ANN, "\xff");
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(EVE));
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(EVE),
                               .key = inbox_id(EVE),
                               .name = slice_of("eve\nann"),
                               .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 3);
        static char longer[LOCAL_NAME_MAX_BYTES + 2];
        memset(longer, 'x', LOCAL_NAME_MAX_BYTES + 1);
        const char *const no_names[] = {"", "bob: I confess", "eve:", "\u200beve", "eve@b", longer};
        for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
                put(f, &(struct frame){.type = FRAME_HELLO,
                                       .id = inbox_id(EVE),
                                       .key = inbox_id(EVE),
                                       .name = slice_of(no_names[i]),
                                       .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 9);

        put(f, &(struct frame){.type = FRAME_GONE, .id = inbox_id(ANN)}); /* ann lives */
        serve(f);
        assert_inbox(f, BOB, "line ann once");
        assert_int_equal(f->chat->roster.count, 2);
}

static void test_another_user_is_ignored(void **state)
{
        struct fixture *f = *state;
        if (getuid() != 0)
                skip();
        hello(f, ANN);
        serve(f);
        pid_t child = fork();
        if (child == 0) {
                char text[FRAME_MAX_BYTES];
                uint64_t id = (uint64_t)getpid() << 32;
                size_t n = frame_encode(
                        text, sizeof(text),
                        &(struct frame){
                                .type = FRAME_HELLO, .id = id, .name = slice_of("intruder"), .address = slice_of("a")});
                _exit(setuid(65534) == 0 && send(f->sender, text, n, 0) > 0 ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_USER], 1);
        assert_int_equal(f->chat->roster.count, 1);
}

static void test_ignored_frames_are_reported_at_a_bounded_rate(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(complaints_report(&f->chat->complaints, 1000), INT64_MAX);
        send(f->sender, "x", 1, 0);
        serve(f);
        assert_int_equal(complaints_report(&f->chat->complaints, 1000), INT64_MAX);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_MALFORMED], 0);
        send(f->sender, "x", 1, 0);
        serve(f);
        assert_int_equal(complaints_report(&f->chat->complaints, 1000 + IGNORED_REPORT_MS - 1),
                         1000 + IGNORED_REPORT_MS);
        assert_int_equal(complaints_report(&f->chat->complaints, 1000 + IGNORED_REPORT_MS), INT64_MAX);
}

/* One kind of error does not hide another, and errors that were not logged are counted. */
static void test_warnings(void **state)
{
        struct fixture *f = *state;
        const struct warning *w = f->chat->complaints.warnings;
        char what[32];
        for (int i = 0; i < 3; i++)
                complaints_warn(&f->chat->complaints, "cannot fly", -EIO);
        complaints_warn(&f->chat->complaints, "cannot swim", -EIO);
        assert_string_equal(w[0].what, "cannot fly");
        assert_int_equal(w[0].complaint.unlogged_count, 2);
        assert_string_equal(w[1].what, "cannot swim");
        assert_int_equal(w[1].complaint.unlogged_count, 0);
        f->chat->complaints.warnings[0].complaint.entry_ms -= WARNING_MS;
        complaints_warn(&f->chat->complaints, "cannot fly", -EIO);
        assert_int_equal(w[0].complaint.unlogged_count, 0);
        for (int i = 0; i < 2 * WARNINGS_MAX; i++) {
                snprintf(what, sizeof(what), "cannot do %d", i);
                complaints_warn(&f->chat->complaints, what, -EIO);
        }
        assert_string_equal(w[WARNINGS_MAX - 2].what, "cannot do 8");
        assert_string_equal(w[WARNINGS_MAX - 1].what, "cannot do 9"); /* the last place is for all others */
        assert_int_equal(w[WARNINGS_MAX - 1].complaint.unlogged_count, 14);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_chat),
                TEST(test_all_of_it_in_one_batch),
                TEST(test_more_than_one_batch_in_a_window),
                TEST(test_a_frame_of_many_lines),
                TEST(test_what_hides_is_shown),
                TEST(test_frames_fill_batches),
                TEST(test_frames_that_are_ignored),
                TEST(test_another_user_is_ignored),
                TEST(test_ignored_frames_are_reported_at_a_bounded_rate),
                TEST(test_warnings),
        };
        return RUN_TESTS(tests);
}
