/* A session that lends its client's connection to chatd. */
#include "session-lent-fixture.h"

static void test_lines_come_in_order_on_both_ways(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        write_lines(f, 1, 2);
        tell_lines(f, 1, 3, 3);
        tell_lines(f, 1, 4, 5);
        write_lines(f, 6, 6);
        write_lines(f, 7, 8);
        tell_lines(f, 1, 9, 9);
        assert_shown(f, "bob: 1\r\nbob: 2\r\nbob: 3\r\nbob: 4\r\nbob: 5\r\nbob: 6\r\nbob: 7\r\nbob: 8\r\nbob: 9\r\n");
        stop(f);
}

static void test_the_sessions_own_words_while_it_is_lent(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        write_lines(f, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        ask_something(f);
        assert_shown(f, own);
        write_lines(f, 2, 2);
        assert_shown(f, "bob: 2\r\n");

        await_turn(f);
        atomic_store(&f->lent.page->turn, OUTLET_CHATD);
        ask_something(f);
        assert_silent(f);
        atomic_store(&f->lent.page->turn, OUTLET_FREE);
        assert_shown(f, own);
        write_lines(f, 3, 3);
        assert_shown(f, "bob: 3\r\n");
        stop(f);
}

static void test_a_new_chatd_repeats_what_was_written(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        write_lines(f, 1, 1);
        write_lines(f, 2, 4);
        lent_close(&f->lent);
        call_roll(f, 2);
        tell_lines(f, 2, 2, 5); /* the first was consumed */
        assert_shown(f, "bob: 1\r\nbob: 2\r\nbob: 3\r\nbob: 4\r\nbob: 5\r\n");
        assert_true(ask(f, 2));
        write_lines(f, 6, 6);
        ask_something(f);
        assert_shown(f, "bob: 6\r\n*** /bell is off\r\n");
        lent_close(&f->lent);
        tell_lines(f, 3, 6, 7); /* the roll call did not come */
        assert_shown(f, "bob: 7\r\n");
        assert_int_equal(next_frame(f).type, FRAME_HERE);
        stop(f);
}

/* The client does not take all: chatd sends the same as a datagram. */
static void test_the_rest_comes_from_the_same_chatd(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        assert_false(write_part(f, 1, 3, strlen("bob: 1\r\nbo")));
        ask_something(f);
        assert_shown(f, "bob: 1\r\nbo");
        assert_silent(f);
        tell_lines(f, 1, 1, 3);
        assert_shown(f, "b: 2\r\n*** /bell is off\r\nbob: 3\r\n");
        write_lines(f, 4, 4);
        assert_shown(f, "bob: 4\r\n");

        assert_false(write_part(f, 5, 6, 1));
        tell(f, FRAME_MISSED, 1, 2, ""); /* the session's inbox was full */
        assert_shown(f, "b\r\n*** 2 lines skipped: your session was not running\r\n");
        write_lines(f, 7, 7);
        assert_shown(f, "bob: 7\r\n");
        stop(f);
}

/* chatd writes all records that it relays, also lines that a session repeated under the same numbers. The client has
 * these lines, so they count, although the session would not show them again. */
static void test_the_rest_behind_what_came_before(void **state)
{
        (void)state;
        struct fixture *f = start_on_tcp();
        tell_lines(f, 1, 1, 2);
        assert_shown(f, "bob: 1\r\nbob: 2\r\n");
        assert_true(ask(f, 2));
        assert_false(write_part(f, 1, 3, strlen("bob: 1\r\nbob: 2\r\nbo")));
        tell_lines(f, 2, 1, 3);
        assert_shown(f, "bob: 1\r\nbob: 2\r\nbob: 3\r\n");
        assert_true(ask(f, 3));
        assert_false(write_part(f, 2, 4, strlen("bob: 2\r\nbob:"))); /* in the middle of a repeated line */
        tell_lines(f, 3, 2, 4);
        assert_shown(f, "bob: 2\r\nbob: 3\r\nbob: 4\r\n");
        stop(f);
}

/* chatd answers while it completes the batch of the chatd before. */
static void test_the_rest_comes_behind_an_answer(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        assert_false(write_part(f, 1, 2, strlen("bob: 1\r\nbo")));
        tell(f, FRAME_ROLLCALL, 2, 0, "");
        tell_answer(f, 2, 1, "", "2 people are here: ann, bob");
        tell_lines(f, 2, 1, 2);
        assert_shown(f, "bob: 1\r\nbob: 2\r\n*** 2 people are here: ann, bob\r\n");
        stop(f);
}

static void test_the_rest_comes_from_the_next_chatd(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        die_writing(f, 1, 3, strlen("bob: 1\r\nbo"));
        ask_something(f);
        assert_shown(f, "bob: 1\r\nbo");
        assert_silent(f);
        call_roll(f, 2);
        ask_something(f);
        assert_silent(f);
        call_roll(f, 3); /* the second chatd died as well */
        assert_silent(f);
        tell_lines(f, 3, 1, 4);
        assert_shown(f, "b: 2\r\n*** /bell is off\r\n*** /bell is off\r\nbob: 3\r\nbob: 4\r\n");
        assert_true(ask(f, 3));
        write_lines(f, 5, 5);
        assert_shown(f, "bob: 5\r\n");
        stop(f);
}

/* chatd dies behind each byte, and in front of the first. */
static void test_wherever_chatd_dies(void **state)
{
        (void)state;
        static const char all[] = "bob: 11\r\nbob: 12\r\nbob: 13\r\n";
        struct fixture *f = start_lent();
        uint64_t n = 11;
        for (size_t cut = 0; cut < strlen(all); cut++, n += 3) {
                char expected[256];
                die_writing(f, n, n + 2, cut);
                tell_lines(f, cut + 2, n, n + 2);
                snprintf(expected, sizeof(expected), "bob: %d\r\nbob: %d\r\nbob: %d\r\n", (int)n, (int)n + 1,
                         (int)n + 2);
                assert_shown(f, expected);
                assert_int_equal(next_frame(f).type, FRAME_HERE);
                assert_true(ask(f, cut + 2));
        }
        stop(f);
}

/* Starts a session whose client has a part of a line, and whose chatd is dead. */
static struct fixture *start_broken_off(void)
{
        struct fixture *f = start_lent();
        die_writing(f, 1, 2, 2);
        assert_shown(f, "bo");
        return f;
}

static void test_the_rest_never_comes(void **state)
{
        (void)state;
        struct fixture *f = start_broken_off();
        tell(f, FRAME_MISSED, 2, MISSED_UNKNOWN, "");
        assert_shown(f, "\r\n*** Some lines were skipped: your session was not running\r\n");
        stop(f);

        f = start_broken_off();
        tell_lines(f, 2, 7, 7);
        assert_shown(f, "\r\nbob: 7\r\n");
        stop(f);

        f = start_broken_off();
        assert_true(ask(f, 2)); /* nothing is left of what the earlier chatd relayed */
        write_lines(f, 7, 7);
        assert_shown(f, "\r\nbob: 7\r\n");
        stop(f);

        f = start_broken_off();
        ask_something(f);
        tell(f, FRAME_REFUSED, 2, 0, "the chat is full");
        assert_shown(f, "\r\n*** /bell is off\r\n*** You cannot join: the chat is full\r\n");
        assert_ended(f);
        stop(f);

        f = start_broken_off();
        call_roll(f, 2);
        type(f, "exit\n");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        tell(f, FRAME_GOODBYE, 2, 0, "");
        assert_shown(f, "\r\n");
        assert_ended(f);
        stop(f);
}

static void test_the_rest_is_lost_with_the_queue(void **state)
{
        (void)state;
        struct fixture *f = start_broken_off();
        ask_something(f);
        assert_silent(f);
        replace_queue(f);
        assert_shown(f, "\r\n*** /bell is off\r\n");
        assert_shown(f, "*** The chat lost its queue: your last 2 lines may not have reached everybody\r\n");
        stop(f);

        f = start_broken_off(); /* there is no new chatd */
        replace_queue(f);
        assert_shown(f, "\r\n");
        ask_something(f);
        assert_shown(f, own);
        stop(f);
}

static void test_leaving_while_it_is_lent(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        await_turn(f);
        type(f, "exit\n");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        write_lines(f, 1, 1); /* was said before the BYE is relayed */
        tell_lines(f, 1, 2, 2);
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_shown(f, "bob: 1\r\nbob: 2\r\n");
        assert_ended(f);
        stop(f);

        f = start_on_tcp();
        type(f, "exit\n");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        assert_false(ask(f, 1)); /* it would have to ask for the connection back soon */
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_ended(f);
        stop(f);
}

/* One session has something to write to its client, and the other has not. */
static void test_leaving_while_chatd_keeps_the_turn(void **state)
{
        (void)state;
        struct fixture *f[] = {start_lent(), start_lent()};
        int64_t begin = clock_ms();
        for (int i = 0; i < 2; i++) {
                await_turn(f[i]);
                atomic_store(&f[i]->lent.page->turn, OUTLET_CHATD);
                type(f[i], i == 0 ? "exit\n" : "/bell\nexit\n");
                assert_int_equal(next_frame(f[i]).type, FRAME_BYE);
        }
        assert_ended(f[0]);
        assert_in_range(clock_ms() - begin, 0, LEAVE_GOODBYE_MS + LEAVE_FLUSH_MS - 1);
        assert_ended(f[1]);
        assert_in_range(clock_ms() - begin, LEAVE_GOODBYE_MS + LEAVE_FLUSH_MS, DEADLINE_MS);
        stop(f[0]);
        stop(f[1]);
}

static void test_lines_are_counted_on_both_ways(void **state)
{
        (void)state;
        struct fixture *f = start_lent(); /* two lines so far */
        write_lines(f, 1, 2);
        tell_lines(f, 1, 3, 3);
        assert_false(write_part(f, 4, 6, strlen("bob: 4\r\nbo")));
        tell_lines(f, 1, 4, 6);
        die_writing(f, 7, 9, strlen("bob: 7\r\nbo"));
        tell_lines(f, 2, 7, 9);
        assert_int_equal(next_frame(f).type, FRAME_HERE);
        assert_true(ask(f, 2));
        write_lines(f, 10, 10);
        lent_close(&f->lent); /* chatd gives connections back, and asks again */
        assert_true(ask(f, 2));
        write_lines(f, 11, 11);
        for (int n = 1; n <= 11; n++) {
                char line[32];
                snprintf(line, sizeof(line), "bob: %d\r\n", n);
                assert_shown(f, line);
        }
        type(f, "exit\n");
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.lines_out, 3 + 11);
        stop(f);
}

static void test_who_does_not_lend(void **state)
{
        (void)state;
        struct fixture *f = start(false); /* not on TCP */
        assert_int_equal(lent_batch_init(&f->batch), 0);
        assert_greeted(f);
        next_frame(f);
        assert_false(ask(f, 1));
        tell_lines(f, 1, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        ask_something(f);
        assert_shown(f, own);
        stop(f);

        int fds[2];
        tcp_connect(fds, 0);
        f = start_kind(&echo_kind, NULL, fds, &(struct session_options){0});
        type(f, "one\n");
        assert_shown(f, "one\r\n");
        char sessions[64];
        snprintf(sessions, sizeof(sessions), "%s/" SESSIONS_DIR_NAME, f->dir);
        assert_int_equal(rmdir(sessions), 0); /* the session has no inbox: chatd cannot ask */
        stop(f);
}

/* A client that wants lines to look different gets them from its session, until it no longer wants that. */
static void test_the_view_while_it_is_lent(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        write_lines(f, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        type(f, "/bell on\n");
        assert_shown(f, "*** /bell is on\r\n");
        while (atomic_load(&f->lent.page->turn) != OUTLET_KEPT)
                usleep(1000);
        assert_false(lent_is_behind(&f->lent));
        tell_record(f, RECORD_PRIVATE, 99, 2, "bob", "psst");
        assert_shown(f, "bob (to you): psst\a\r\n");
        type(f, "/bell off\n");
        assert_shown(f, "*** /bell is off\r\n");
        await_turn(f);
        write_lines(f, 3, 3);
        assert_shown(f, "bob: 3\r\n");
        stop(f);
}

/* chatd writes to the client while its session sleeps. The session finds out by itself, and leaves when the client
 * acknowledges nothing. */
static void test_a_client_that_vanishes_while_it_is_lent(void **state)
{
        const struct session_options options = {.client_timeout_ms = 200};
        int fds[2], large = 1 << 20;
        (void)state;
        tcp_connect(fds, 4096);
        assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large)), 0);
        struct fixture *f = start_on_connection(fds, &options);
        assert_true(ask(f, 1));
        write_lines(f, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        usleep(4000 * (useconds_t)options.client_timeout_ms);
        type(f, "x\n");
        assert_int_equal(next_frame(f).type, FRAME_LINE); /* the client has acknowledged everything, so it is here */
        for (int i = 0; i < 100; i++)
                write_lines(f, 1, 90); /* more than the client's buffer takes, and it reads nothing */
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_TIMEOUT);
        assert_int_equal(bye.lines_out, 3 + 1 + 100 * 90);
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_come_in_order_on_both_ways),
                cmocka_unit_test(test_the_sessions_own_words_while_it_is_lent),
                cmocka_unit_test(test_a_new_chatd_repeats_what_was_written),
                cmocka_unit_test(test_the_rest_comes_from_the_same_chatd),
                cmocka_unit_test(test_the_rest_behind_what_came_before),
                cmocka_unit_test(test_the_rest_comes_behind_an_answer),
                cmocka_unit_test(test_the_rest_comes_from_the_next_chatd),
                cmocka_unit_test(test_wherever_chatd_dies),
                cmocka_unit_test(test_the_rest_never_comes),
                cmocka_unit_test(test_the_rest_is_lost_with_the_queue),
                cmocka_unit_test(test_leaving_while_it_is_lent),
                cmocka_unit_test(test_leaving_while_chatd_keeps_the_turn),
                cmocka_unit_test(test_lines_are_counted_on_both_ways),
                cmocka_unit_test(test_who_does_not_lend),
                cmocka_unit_test(test_the_view_while_it_is_lent),
                cmocka_unit_test(test_a_client_that_vanishes_while_it_is_lent),
        };
        return RUN_TESTS(tests);
}
