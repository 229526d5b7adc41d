/* A whole session in a thread, between a client and a chatd that the test plays: a visit, and the frames of chatd.
 * Other files test-session-… have more about sessions. */
#include "session-fixture.h"

/* Sends what a later version may send: an unknown type, a record of an unknown kind, a line that is longer than any,
 * and an appended field. */
static void tell_unknown(struct fixture *f)
{
        static uint8_t buffer[3 * TEXT_MAX_BYTES];
        static char long_text[2 * TEXT_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_GOODBYE, .id = 1});
        buffer[0] = FRAME_VERSION + 1;
        buffer[1] = 200;
        tell_raw(f, buffer, size);
        size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_WELCOME, .id = 1});
        buffer[0] = FRAME_VERSION + 1;
        buffer[size] = 7;
        tell_raw(f, buffer, size + 1);
        size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        struct record r = {.kind = 99, .id = 99, .number = 1, .name = slice_of("x"), .text = slice_of("y")};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        memset(long_text, 'z', sizeof(long_text));
        r = (struct record){
                .kind = RECORD_LINE, .id = 98, .name = slice_of("x"), .text = {long_text, sizeof(long_text)}};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

static void test_echo(void **state)
{
        (void)state;
        struct fixture *f = start(true);
        type(f, "one\r\ntwo\nexit\nthree\n");
        assert_shown(f, "one\r\ntwo\r\n");
        assert_ended(f);
        stop(f);
}

static void test_a_visit(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        tell(f, FRAME_WELCOME, 1, 1, "");
        type(f, "hi\r\n");
        struct frame line = next_frame(f);
        assert_int_equal(line.type, FRAME_LINE);
        assert_int_equal(line.number, 1);
        assert_true(slice_equal(line.text, slice_of("hi")));
        tell_lines(f, 1, 1, 2);
        assert_shown(f, "bob: 1\r\nbob: 2\r\n");
        type(f, "exit\n");
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_EXIT);
        tell_lines(f, 1, 3, 3); /* was said before the BYE was relayed */
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_shown(f, "bob: 3\r\n");
        assert_ended(f);
        stop(f);
}

static void test_notices_of_the_link(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        uint8_t buffer[4096];
        assert_greeted(f);
        next_frame(f);
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        struct record r = {.kind = RECORD_NOTICE,
                           .id = LINK_ID,
                           .number = 1,
                           .name = {"", 0},
                           .text = slice_of("b is away, with 2 people")};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        r = (struct record){
                .kind = RECORD_JOIN, .id = LINK_ID, .number = 2, .name = slice_of("zoe@b"), .text = {"", 0}};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
        assert_shown(f, "*** b is away, with 2 people\r\n*** zoe@b is connected\r\n");
        stop(f);
}

static void test_a_batch_that_comes_again(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        tell_lines(f, 1, 1, 3);
        tell(f, FRAME_ROLLCALL, 2, 0, "");
        tell_lines(f, 2, 2, 4);
        tell_lines(f, 3, 1, 5);
        assert_shown(f, "bob: 1\r\nbob: 2\r\nbob: 3\r\nbob: 4\r\nbob: 5\r\n");
        struct frame here = next_frame(f);
        assert_int_equal(here.type, FRAME_HERE);
        assert_int_equal(here.number, 0);
        assert_int_equal(next_frame(f).type, FRAME_HERE); /* for the third chatd, whose roll call did not come */
        stop(f);
}

static void test_what_else_chatd_says(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        tell(f, FRAME_MISSED, 1, 1, "");
        assert_shown(f, "*** 1 line skipped: your session was not running\r\n");
        tell(f, FRAME_MISSED, 1, 37, "");
        assert_shown(f, "*** 37 lines skipped: your session was not running\r\n");
        tell(f, FRAME_MISSED, 1, MISSED_UNKNOWN, "");
        assert_shown(f, "*** Some lines were skipped: your session was not running\r\n");
        tell(f, FRAME_WELCOME, 1, 0, "ann~2");
        assert_shown(f, "*** The name ");
        assert_line_ends(f);
        tell(f, FRAME_TEXT, 1, 1, "be nice\n\nhave fun");
        tell(f, FRAME_TEXT, 1, 1, "be nice\n\nhave fun"); /* from a chatd that met our HELLO again */
        tell(f, FRAME_TEXT, 1, 2, "something else");
        assert_shown(f, "*** be nice\r\n***\r\n*** have fun\r\n*** something else\r\n");
        tell(f, FRAME_PROBE, 1, 0, "bob asked for your name, ann");
        tell(f, FRAME_PROBE, 1, 0, "bob asked for your name, ann"); /* bob asks too often */
        assert_shown(f, "*** bob asked for your name, ann\r\n");
        tell_unknown(f);
        tell_raw(f, "junk", 4);
        tell_raw(f, "", 0);
        tell(f, FRAME_REFUSED, 1, 0, "the chat is full");
        assert_shown(f, "*** You cannot join: the chat is full\r\n");
        assert_ended(f);
        stop(f);
}

/* Lines that are not relayed yet are discarded. A chatd that meets the request again repeats KICKED. */
static void test_it_is_removed(void **state)
{
        (void)state;
        struct fixture *f = start_with(&(struct session_options){.pace = pace_of(1, 2)});
        assert_greeted(f);
        next_frame(f);
        tell(f, FRAME_WELCOME, 1, 0, "");
        type(f, "1\n2\n3\n4\n");
        assert_lines(f, 1, 2);
        tell(f, FRAME_KICKED, 1, 0, "too loud");
        tell(f, FRAME_KICKED, 1, 0, "too loud");
        assert_shown(f, "*** You were removed: too loud\r\n");
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_KICKED);
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_ended(f);
        stop(f);

        static const char *const removals[][2] = {{"banned", " and banned"},
                                                  {"banned: spam", " and banned: spam"},
                                                  {"banned for ever", ": banned for ever"},
                                                  {"bann", ": bann"}};
        for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
                char shown[64];
                snprintf(shown, sizeof(shown), "*** You were removed%s\r\n", removals[i][1]);
                f = start(false);
                assert_greeted(f);
                next_frame(f);
                tell(f, FRAME_WELCOME, 1, 0, "");
                tell(f, FRAME_KICKED, 1, 0, removals[i][0]);
                assert_shown(f, shown);
                next_frame(f);
                tell(f, FRAME_GOODBYE, 1, 0, "");
                assert_ended(f);
                stop(f);
        }

        f = start_with(&(struct session_options){.pace = pace_of(1, 1)}); /* it leaves, with much to say before */
        assert_greeted(f);
        next_frame(f);
        tell(f, FRAME_WELCOME, 1, 0, "");
        type(f, "1\n2\n3\nexit\n");
        assert_lines(f, 1, 1);
        assert_shown(f, "*** 2 lines are still being sent; you leave after that\r\n");
        tell(f, FRAME_KICKED, 1, 0, "");
        assert_shown(f, "*** You were removed\r\n");
        bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_KICKED);
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_ended(f);
        stop(f);
}

static void test_a_queue_that_is_lost(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "1\n2\n3\n");
        assert_lines(f, 1, 3);
        tell(f, FRAME_RELAYED, 1, 1, ""); /* the other two were never relayed */
        replace_queue(f);
        assert_shown(f, "*** The chat lost its queue: your last 2 lines may not have reached everybody\r\n");
        type(f, "4\n");
        assert_int_equal(next_frame(f).number, 4);
        tell_lines(f, 2, 1, 1);
        tell(f, FRAME_RELAYED, 2, 4, "");
        assert_shown(f, "bob: 1\r\n");
        replace_queue(f); /* this queue was empty */
        tell_lines(f, 2, 2, 2);
        assert_shown(f, "bob: 2\r\n");
        type(f, "5\n");
        assert_int_equal(next_frame(f).number, 5);
        replace_queue(f);
        assert_shown(f, "*** The chat lost its queue: your last line may not have reached everybody\r\n");
        stop(f);
}

/* A queue is lost behind BYE: the session sends nothing more that could fail. */
static void test_a_queue_that_is_lost_with_the_last_word(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "1\n2\nexit\n");
        assert_lines(f, 1, 2);
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        close(f->intake);
        assert_shown(f, "*** The chat lost its queue: your last 2 lines may not have reached everybody\r\n");
        assert_ended(f);
        f->intake = dup(f->client);
        stop(f);
}

/* The client's lines fill the queue, so that the end of the input is not read. */
static void test_a_client_that_is_gone_while_there_is_no_chatd(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        char lines[4096];
        memset(lines, 'x', sizeof(lines));
        lines[sizeof(lines) - 1] = '\n';
        assert_greeted(f);
        next_frame(f);
        close(f->intake);
        /* the kernel keeps the rest */
        for (size_t sent = 0; sent < 3 * UPLINK_QUEUE_MAX_BYTES / 2; sent += sizeof(lines))
                assert_int_equal(write(f->client, lines, sizeof(lines)), sizeof(lines));
        close(f->client);
        assert_int_equal(pthread_join(f->thread, NULL), 0);
        rundir_remove(f->dir, f->lock);
        free(f);
}

static void test_pace(void **state)
{
        (void)state;
        struct fixture *f = start_with(&(struct session_options){.pace = pace_of(20, 1)});
        assert_greeted(f);
        next_frame(f);
        type_each(f, "1\n2\n3\n4\n5\n/bell\n");
        type(f, "\xff\xf6");
        /* answers to telnet do not wait behind the lines: the second answer is here before the second line */
        assert_int_equal(next_frame(f).number, 1);
        assert_shown(f, "*** /bell is off\r\n*** [Yes, the chat is here]\r\n");
        char question[TELNET_REPLY_BYTES]; /* about BINARY */
        assert_int_equal(recv(f->client, question, sizeof(question), MSG_WAITALL), sizeof(question));
        type(f, "exit\n"); /* leaving waits for the lines */
        for (uint64_t n = 2; n <= 5; n++)
                assert_int_equal(next_frame(f).number, n);
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_shown(f, "*** ");
        char count;
        assert_int_equal(read(f->client, &count, 1), 1);
        assert_in_range(count, '1', '4');
        assert_shown(f, " line");
        assert_line_ends(f);
        assert_ended(f);
        stop(f);
}

static void test_the_reasons_for_leaving(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "half a line");
        shutdown(f->client, SHUT_WR);
        assert_true(slice_equal(next_frame(f).text, slice_of("half a line")));
        assert_int_equal(next_frame(f).reason, LEAVE_EOF);
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_ended(f);
        stop(f);
}

/* A session that waits for chatd's goodbye sleeps, although its client was to be announced in that time. */
static void test_leaving_costs_no_time(void **state)
{
        enum { WAIT_MS = LEAVE_GOODBYE_MS - ARRIVE_MS - 500 };
        (void)state;
        struct fixture *f = start(false);
        clockid_t clock;
        struct timespec begin, end;
        assert_greeted(f);
        next_frame(f);
        type(f, "exit\n");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        usleep(ARRIVE_MS * 1000);
        assert_int_equal(pthread_getcpuclockid(f->thread, &clock), 0);
        clock_gettime(clock, &begin);
        usleep(WAIT_MS * 1000);
        clock_gettime(clock, &end);
        assert_in_range((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000, 0, WAIT_MS / 20);
        stop(f);
}

/* A chatd from before there were commands. */
static void test_an_older_chatd(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        uint8_t buffer[FRAME_MAX_BYTES];
        assert_greeted(f);
        next_frame(f);
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_MISSED, .id = 1, .number = 1});
        buffer[0] = 1;
        tell_raw(f, buffer, size - FRAME_APPENDED_BYTES);
        assert_shown(f, "*** 1 line skipped: your session was not running\r\n");
        type(f, "/who\nstill\n");
        assert_shown(f, "*** /who is unavailable: the chat's broker is older than your session\r\n");
        assert_int_equal(next_frame(f).type, FRAME_LINE);
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_echo),
                cmocka_unit_test(test_a_visit),
                cmocka_unit_test(test_notices_of_the_link),
                cmocka_unit_test(test_a_batch_that_comes_again),
                cmocka_unit_test(test_what_else_chatd_says),
                cmocka_unit_test(test_it_is_removed),
                cmocka_unit_test(test_a_queue_that_is_lost),
                cmocka_unit_test(test_a_queue_that_is_lost_with_the_last_word),
                cmocka_unit_test(test_a_client_that_is_gone_while_there_is_no_chatd),
                cmocka_unit_test(test_pace),
                cmocka_unit_test(test_the_reasons_for_leaving),
                cmocka_unit_test(test_leaving_costs_no_time),
                cmocka_unit_test(test_an_older_chatd),
        };
        return RUN_TESTS(tests);
}
