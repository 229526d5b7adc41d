/* The commands of a session's client. */
#include "session-fixture.h"

static void test_commands_that_chatd_answers(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type_each(f, "one\n/nick Ann\n/me waves\n/msg bob psst, you\n/who\n//two\n");
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_LINE);
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_NICK);
        assert_int_equal(frame.number, 2);
        assert_true(slice_equal(frame.name, slice_of("Ann")));
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_ACTION);
        assert_true(slice_equal(frame.text, slice_of("waves")));
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_PRIVATE);
        assert_int_equal(frame.number, 4);
        assert_true(slice_equal(frame.name, slice_of("bob")) && slice_equal(frame.text, slice_of("psst, you")));
        assert_int_equal(next_frame(f).type, FRAME_WHO);
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_LINE);
        assert_int_equal(frame.number, 6);
        assert_true(slice_equal(frame.text, slice_of("/two")));
        type_each(f, "/join kitchen\n/topic tea and cakes\n/topic\n/rooms\n/leave\n/join\n");
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_ROOM);
        assert_true(slice_equal(frame.name, slice_of("kitchen")));
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_TOPIC);
        assert_true(slice_equal(frame.text, slice_of("tea and cakes")));
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_TOPIC);
        assert_int_equal(frame.text.len, 0);
        assert_int_equal(next_frame(f).type, FRAME_ROOMS);
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_ROOM);
        assert_int_equal(frame.name.len, 0);
        assert_shown(f, "*** Usage: /join ROOM\r\n");
        tell_answer(f, 1, 2, "Ann", "You are now called Ann");
        tell_answer(f, 1, 5, "Ann", "2 people are here: Ann,\nbob");
        assert_shown(f, "*** You are now called Ann\r\n*** 2 people are here: Ann,\r\n*** bob\r\n");
        /* from the next chatd, which did not know of the first answer */
        tell_answer(f, 2, 2, "Ann", "You are now called Ann");
        tell_lines(f, 2, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_HERE);
        assert_true(slice_equal(frame.name, slice_of("Ann")));
        stop(f);
}

/* Sends a past line, from `seconds` since 1970, for the request of this number. */
static void tell_past(struct fixture *f, uint64_t epoch, uint64_t number, uint64_t seconds, const char *text)
{
        uint8_t buffer[4096];
        struct frame frame = {.type = FRAME_PAST, .id = epoch, .number = number};
        size_t size = frame_encode(buffer, sizeof(buffer), &frame);
        struct record r = {
                .kind = RECORD_LINE, .id = 99, .number = seconds, .name = slice_of("bob"), .text = slice_of(text)};
        if (text[0] != '\0')
                size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

static void test_what_was_said_before(void **state)
{
        (void)state;
        char expected[256];
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        uint64_t now = (uint64_t)time(NULL);
        tell_past(f, 1, 0, now, "hello");
        snprintf(expected, sizeof(expected), "*** Earlier here (times in UTC):\r\n(%02u:%02u) bob: hello\r\n",
                 (unsigned)(now / 3600 % 24), (unsigned)(now / 60 % 60));
        assert_shown(f, expected);
        tell_past(f, 2, 0, now, "hello"); /* from the next chatd */
        tell_past(f, 2, 1, now - 3 * 24 * 3600 - 5, "long ago");
        assert_shown(f, "*** Earlier here (times in UTC):\r\n(3 days ago) bob: long ago\r\n");
        tell_past(f, 2, 2, now + 100, "in the future");
        snprintf(expected, sizeof(expected), "*** Earlier here (times in UTC):\r\n(%02u:%02u) bob: in the future\r\n",
                 (unsigned)((now + 100) / 3600 % 24), (unsigned)((now + 100) / 60 % 60));
        assert_shown(f, expected);
        stop(f);

        f = start(false);
        assert_greeted(f);
        next_frame(f);
        tell_past(f, 1, 0, 0, ""); /* there were no past lines; those of the next chatd came after that */
        tell_past(f, 2, 0, now, "hello");
        tell_lines(f, 2, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        stop(f);
}

static void test_replies(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "/reply yes\n");
        assert_shown(f, "*** Nobody has sent you a private message yet\r\n");
        tell_record(f, RECORD_PRIVATE, 77, 1, "bob", "psst");
        assert_shown(f, "bob (to you): psst\r\n");
        type(f, "/reply yes\n");
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_PRIVATE);
        assert_int_equal(frame.key, 77);
        assert_true(slice_equal(frame.name, slice_of("bob")));
        tell_record(f, RECORD_PRIVATE, LINK_ID, 1, "zoe@b", "psst");
        assert_shown(f, "zoe@b (to you): psst\r\n");
        type(f, "/reply yes\n");
        frame = next_frame(f);
        assert_int_equal(frame.key, 0);
        assert_true(slice_equal(frame.name, slice_of("zoe@b")));
        stop(f);
}

static void test_commands_of_its_own(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type_each(f, "/nik\n/nick\n/msg bob\n/me\n/time maybe\n/reply\n");
        assert_shown(f, "*** Unknown command /nik. Did you mean /nick? /help lists the commands\r\n"
                        "*** Usage: /nick NAME\r\n*** Usage: /msg NAME TEXT\r\n*** Usage: /me TEXT\r\n"
                        "*** Usage: /time on|off|ZONE\r\n*** /time is off\r\n*** Usage: /reply TEXT\r\n");
        type_each(f, " /msg bob psst\n/time ON\n/time off\n");
        assert_shown(f, "*** Not sent. Commands start at the beginning of the line: /msg bob psst\r\n"
                        "*** To say it, type //msg bob psst\r\n*** /time is on\r\n");
        assert_line_ends(f);
        type(f, "/ignore administrator\n");
        assert_shown(f, "*** You cannot ignore administrators\r\n");
        type(f, "/bell on\n");
        assert_shown(f, "*** /bell is on\r\n");
        tell_record(f, RECORD_PRIVATE, 5, 2, "eve", "psst");
        assert_shown(f, "eve (to you): psst\a\r\n");
        type(f, "/123456789012345678901234567890\xe2\x82\xac\n"); /* not half of a character */
        assert_shown(f, "*** Unknown command /123456789012345678901234567890; /help lists the commands\r\n");
        type_each(f, "/help Ignore\n/help /w\n/help /mgs\n/help nothing-like-it\n");
        assert_shown(f, "*** /ignore [NAME]     hides what somebody says, or shows it again\r\n"
                        "*** /msg NAME TEXT     sends a private message\r\n"
                        "*** Other names for it: /tell, /whisper, /w, /m, /pm, /dm, /query\r\n"
                        "*** Unknown command /mgs. Did you mean /msg? /help lists the commands\r\n"
                        "*** Unknown command /nothing-like-it; /help lists the commands\r\n");
        type(f, "/help\n");
        assert_shown(f, "*** /help ");
        type(f, "/quit\n");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        stop(f);
}

/* Sends chatd's answer to /ignore. */
static void tell_found(struct fixture *f, uint64_t number, uint64_t key, const char *name)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = FRAME_FOUND,
                                              .id = 1,
                                              .number = number,
                                              .key = key,
                                              .name = slice_of(name),
                                              .text = slice_of("There is nobody called so here")}));
}

static void tell_probe(struct fixture *f, uint64_t asker, const char *text)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = FRAME_PROBE, .id = 1, .key = asker, .text = slice_of(text)}));
}

static void test_ignoring(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "/ignore\n");
        assert_shown(f, "*** You ignore nobody\r\n");
        type(f, "/ignore bobb\n");
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_FIND);
        assert_true(slice_equal(frame.name, slice_of("bobb")));
        tell_found(f, 1, 0, "bobb");
        assert_shown(f, "*** There is nobody called so here\r\n");
        type(f, "/ignore BOB\n");
        next_frame(f);
        tell_found(f, 2, 77, "bob");
        tell_found(f, 2, 77, "bob"); /* from a chatd that met the request again */
        assert_shown(f, "*** You no longer see what bob says; /ignore bob again undoes this\r\n");
        tell_record(f, RECORD_LINE, 77, 1, "bob", "rude");
        tell_record(f, RECORD_RENAME, 77, 2, "bob", "rude");
        tell_record(f, RECORD_TOPIC, 77, 3, "rude", "rude");
        tell_record(f, RECORD_PRIVATE, 77, 4, "rude", "rude");
        tell_probe(f, 77, "rude asked for your name, ann");
        tell_record(f, RECORD_LINE, 78, 1, "bob", "polite");
        assert_shown(f, "bob: polite\r\n");
        type(f, "/ignore bob@b\n");
        assert_shown(f, "*** You no longer see what bob@b says; /ignore bob@b again undoes this\r\n");
        tell_record(f, RECORD_RENAMED, LINK_ID, 1, "bob@b", "rob@b");
        tell_record(f, RECORD_LINE, LINK_ID, 2, "rob@b", "rude");
        tell_record(f, RECORD_LINE, 78, 2, "bob", "polite");
        assert_shown(f, "bob: polite\r\n");
        type(f, "/ignore\n");
        assert_shown(f, "*** You ignore rude\r\n*** You ignore rob@b\r\n");
        tell_record(f, RECORD_LEAVE, 77, UINT64_MAX, "rude", "");
        tell_probe(f, 78, "bob asked for your name, ann");
        assert_shown(f, "*** bob asked for your name, ann\r\n");
        type(f, "/reply hi\n");
        assert_shown(f, "*** Nobody has sent you a private message yet\r\n");
        type(f, "/ignore rude\n");
        next_frame(f);
        tell_found(f, 3, 0, "rude"); /* this member has left */
        assert_shown(f, "*** You see what rude says again\r\n");
        type(f, "/ignore rob@b\n");
        assert_shown(f, "*** You see what rob@b says again\r\n");
        type(f, "/ignore ann\n");
        next_frame(f);
        tell_found(f, 4, f->id, "ann");
        assert_shown(f, "*** You cannot ignore yourself\r\n");
        stop(f);
}

/* The shortest input becomes the longest requests. None is lost, and there is room for each. */
static void test_requests_fill_the_queue(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        char name[NAME_MAX_BYTES + 1], many[9 * 2000 + 1] = "";
        memset(name, 'x', sizeof(name) - 1);
        name[NAME_MAX_BYTES] = '\0';
        memcpy(name + 90, "@b-b-b", 6);
        assert_greeted(f);
        next_frame(f);
        tell_record(f, RECORD_PRIVATE, LINK_ID, 1, name, "psst");
        assert_line_ends(f);
        for (int i = 0; i < 2000; i++)
                memcpy(many + i * 9, "/reply x\n", 9);
        type(f, many);
        for (uint64_t n = 1; n <= 2000; n++)
                assert_int_equal(next_frame(f).number, n);
        for (int i = 0; i < 3600; i++) /* there is no room for all of them: the others are refused */
                memcpy(many + i * 5, "/r x\n", 5);
        type(f, many);
        assert_int_equal(next_frame(f).number, 2001);
        stop(f);
}

/* The pace counts a request by its cost. */
static void test_the_cost_of_requests(void **state)
{
        (void)state;
        struct fixture *f = start_with(&(struct session_options){.pace = pace_of(50, 6)});
        assert_greeted(f);
        next_frame(f);
        int64_t begin = clock_ms();
        type(f, "/who\none\ntwo\n");
        assert_int_equal(next_frame(f).type, FRAME_WHO);
        assert_int_equal(next_frame(f).number, 2);
        assert_int_equal(next_frame(f).number, 3);
        assert_true(clock_ms() - begin >= 15); /* the seventh token comes after 20 ms */
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_commands_that_chatd_answers),
                cmocka_unit_test(test_what_was_said_before),
                cmocka_unit_test(test_replies),
                cmocka_unit_test(test_commands_of_its_own),
                cmocka_unit_test(test_ignoring),
                cmocka_unit_test(test_requests_fill_the_queue),
                cmocka_unit_test(test_the_cost_of_requests),
        };
        return RUN_TESTS(tests);
}
