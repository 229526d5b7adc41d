/* A session that edits the line of its client. */
#include "session-lent-fixture.h"

#define ROW_ERASED "\r\1\x1b[K"
#define EDIT_ON "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfd\x1f" ROW_ERASED
#define EDIT_OFF "\xff\xfc\x01\xff\xfc\x03\xff\xfe\x03" ROW_ERASED
#define ROW(before, behind) "\r\1\x1b[?7l" before "\x1b\x37" behind "\x1b[K\x1b\x38\x1b[?7h"

static void test_editing(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "/edit on\r\n");
        assert_shown(f, "*** /edit is on\r\n" EDIT_ON);
        tell_lines(f, 1, 1, 1);
        assert_shown(f, "bob: 1\r\n"); /* nothing is typed, and nothing drawn */
        type(f, "hel");
        assert_shown(f, ROW("hel", ""));
        tell_lines(f, 1, 2, 4); /* the row is drawn once for all of them */
        assert_shown(f, ROW_ERASED "bob: 2\r\nbob: 3\r\nbob: 4\r\nhel");
        type(f, "lo\x1b[D\x1b[");
        assert_shown(f, "lo\b");
        type(f, "D");
        assert_shown(f, "\b");
        type(f, "\r");
        assert_shown(f, "\r\n");
        struct frame frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_LINE);
        assert_true(slice_equal(frame.text, slice_of("hello")));
        type(f, "bo\t");
        frame = next_frame(f);
        assert_int_equal(frame.type, FRAME_COMPLETE);
        assert_true(slice_equal(frame.name, slice_of("bo")));
        assert_shown(f, "bo");
        tell(f, FRAME_NAMES, 1, frame.number - 1, "bobby");
        tell(f, FRAME_NAMES, 1, frame.number, "eve bob");
        assert_shown(f, "b: ");
        type(f, "x\t");
        frame = next_frame(f);
        assert_shown(f, "x");
        type(f, "y"); /* waits for the answer */
        tell(f, FRAME_NAMES, 1, frame.number, "xerxes");
        assert_shown(f, "erxes y");
        type(f, " z\tz"); /* without an answer it waits only for a moment */
        next_frame(f);
        assert_shown(f, " zz");
        type(f, "\x15/m\t");
        assert_shown(f, ROW_ERASED "*** /msg /me\r\n/m");
        type(f, "\x03");
        assert_shown(f, ROW_ERASED "*** Line discarded. ^C again, or exit, leaves.\r\n");
        type(f, "x"); /* there is something to discard, so this is the first ^C again */
        assert_shown(f, "x");
        type(f, "\x03");
        assert_shown(f, ROW_ERASED "*** Line discarded. ^C again, or exit, leaves.\r\n");
        type(f, "x");
        assert_shown(f, "x");
        type(f, "\x15"); /* after any key the next ^C is the first again */
        assert_shown(f, ROW_ERASED);
        type(f, "\x03");
        assert_shown(f, "*** ^C again, or exit, leaves.\r\n");
        type(f, "\x1b[A");
        assert_shown(f, "hello");
        char question[TELNET_REPLY_BYTES]; /* about BINARY */
        type(f, "\xff\xf8");
        assert_int_equal(recv(f->client, question, sizeof(question), MSG_WAITALL), sizeof(question));
        assert_shown(f, ROW_ERASED);
        type(f, "\x7f");
        assert_shown(f, "\a");
        type(f, "/edit off\r");
        assert_shown(f, "/edit off\r\n*** /edit is off\r\n" EDIT_OFF);
        type(f, "\nplain\r\n");
        assert_true(slice_equal(next_frame(f).text, slice_of("plain")));
        type(f, "/edit on\r\n");
        assert_shown(f, "*** /edit is on\r\n" EDIT_ON);
        type(f, "\x04");
        assert_int_equal(next_frame(f).type, FRAME_BYE);
        stop(f);
}

/* A paste is text, including its TABs, and complete, however long its lines are. */
static void test_editing_a_paste(void **state)
{
        enum { FULL = TEXT_MAX_BYTES - TEXT_CLEAN_MAX + 1 };
        (void)state;
        struct fixture *f = start(false);
        char paste[2 * TEXT_MAX_BYTES] = "/edit on\n", said[2 * TEXT_MAX_BYTES] = "";
        size_t len = strlen(paste);
        assert_greeted(f);
        next_frame(f);
        type(f, paste);
        assert_shown(f, "*** /edit is on\r\n" EDIT_ON);
        type(f, "\tif (bob)\treturn;\n");
        assert_true(slice_equal(next_frame(f).text, slice_of("    if (bob)    return;")));
        memset(paste, 'x', FULL);
        strcpy(paste + FULL, "\x1b[D\x1b[C\x7f\x15"); /* keys at its end send nothing */
        type(f, paste);
        memset(paste, 'x', sizeof(paste));
        len = TEXT_MAX_BYTES + 100;
        memcpy(paste + TEXT_MAX_BYTES - 1, "/quit \xe6\xbc\xa2", strlen("/quit \xe6\xbc\xa2"));
        memcpy(paste + len - 1, "\n", 2);
        type(f, paste);
        while (strlen(said) < len - 1) {
                struct frame frame = next_frame(f);
                assert_int_equal(frame.type, FRAME_LINE);
                strncat(said, frame.text.at, frame.text.len);
        }
        said[strlen(said)] = '\n';
        assert_string_equal(said, paste);
        stop(f);
}

/* A telnet in a terminal offers editing by itself, and later insists on echoing. */
static void test_editing_that_the_client_offers(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        char answers[9];
        assert_greeted(f);
        next_frame(f);
        type(f, "half \xff\xfb\x1f\xff\xfd\x03");
        assert_int_equal(recv(f->client, answers, sizeof(answers), MSG_WAITALL), sizeof(answers));
        assert_memory_equal(answers, "\xff\xfe\x1f\xff\xfc\x03\xff\xfd\x00", sizeof(answers));
        assert_shown(f, EDIT_ON ROW("half ", ""));
        assert_int_equal(write(f->client, "\xff\xfa\x1f\x00\x0a\x00\x18\xff\xf0", 9), 9);
        assert_shown(f, ROW("half ", ""));
        type(f, "typed");
        assert_shown(f, "\r\1yped\x1b[K");
        type(f, "\xff\xfe\x01");
        assert_shown(f, EDIT_OFF "*** /edit is off: your client insists on showing what you type itself\r\n");
        stop(f);

        f = start(true);
        type(f, "\xff\xfb\x1f\xff\xfd\x03one\r");
        assert_int_equal(recv(f->client, answers, 6, MSG_WAITALL), 6);
        assert_shown(f, "one\r\n");
        stop(f);
}

/* chatd does not write into the row. */
static void test_editing_while_it_is_lent(void **state)
{
        (void)state;
        struct fixture *f = start_lent();
        write_lines(f, 1, 1);
        assert_shown(f, "bob: 1\r\n");
        type(f, "/edit on\nhalf");
        assert_shown(f, "*** /edit is on\r\n" EDIT_ON ROW("half", ""));
        while (atomic_load(&f->lent.page->turn) != OUTLET_KEPT)
                usleep(1000);
        assert_false(lent_is_behind(&f->lent));
        tell_lines(f, 1, 2, 2);
        assert_shown(f, ROW_ERASED "bob: 2\r\nhalf");
        type(f, "\x15/edit off\r");
        assert_shown(f, "\r\1/edit off\r\n*** /edit is off\r\n" EDIT_OFF);
        await_turn(f);
        write_lines(f, 3, 3);
        assert_shown(f, "bob: 3\r\n");
        stop(f);
}

/* Two keys make a long line. No accepted line is lost, and there is room for each. */
static void test_the_history_fills_the_queue(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        char keys[4096] = "/edit on\n", *at = keys + strlen(keys), byte = 0;
        assert_greeted(f);
        next_frame(f);
        memset(at, 'x', 3000);
        at += 3000;
        *at++ = '\r';
        for (int i = 0; i < 100; i++)
                at = mempcpy(at, "\x10\r", 2);
        type(f, keys);
        while (byte != '\a') {
                await(f->client);
                assert_int_equal(read(f->client, &byte, 1), 1);
        }
        type(f, "\x15last\r");
        for (uint64_t next = 1;;) {
                struct frame frame = next_frame(f);
                assert_int_equal(frame.number, next);
                next += frame_lines(&frame);
                if (frame.text.len >= 4 && memcmp(frame.text.at + frame.text.len - 4, "last", 4) == 0)
                        break;
                assert_true(next < 50);
        }
        stop(f);
}

/* Returns the number of bob's lines that a slow client was shown. */
static size_t count_shown(const char *text)
{
        size_t lines = 0;
        for (const char *at = text; (at = strstr(at, "bob: ")); at++)
                lines++;
        return lines;
}

/* Returns the number of lines that the client was told it missed. */
static size_t count_skipped(const char *text)
{
        static const char rest[] = " skipped: your connection is too slow";
        size_t skipped = 0;
        for (const char *at = text; (at = strstr(at, rest)); at++) {
                const char *number = at;
                while (number > text + 1 && number[-1] != '*' && number[-2] != '*')
                        number--;
                skipped += strtoul(number, NULL, 10);
        }
        return skipped;
}

/* A client does not read. Later it is shown the lines with at most a few rows in between. The keys may overtake the
 * last batches, so the test reads until all lines are accounted for. */
static void test_editing_on_a_slow_client(void **state)
{
        (void)state;
        enum { DATAGRAMS = 20, LINES = 50, SIZE = 1000 };
        struct fixture *f = start(false);
        static uint8_t batch[DATAGRAM_MAX_BYTES];
        static char all[8 * CLIENT_OUT_MAX_BYTES];
        char text[SIZE + 1];
        size_t rows = 0, lines = 0, skipped = 0, len = 0;
        assert_greeted(f);
        next_frame(f);
        type(f, "/edit on\nhalf");
        memset(text, 'x', SIZE);
        text[SIZE] = '\0';
        for (uint64_t n = 0; n < DATAGRAMS; n++) {
                size_t size = frame_encode(batch, sizeof(batch), &(struct frame){.type = FRAME_BATCH, .id = 1});
                for (uint64_t i = 1; i <= LINES; i++)
                        size += record_encode(batch + size, sizeof(batch) - size,
                                              &(struct record){.kind = RECORD_LINE,
                                                               .id = 99,
                                                               .number = n * LINES + i,
                                                               .name = slice_of("bob"),
                                                               .text = slice_of(text)});
                struct sockaddr_un inbox;
                path_inbox(&inbox, f->dir, f->key);
                while (sendto(f->intake, batch, size, 0, (struct sockaddr *)&inbox, sizeof(inbox)) < 0) {
                        assert_int_equal(errno, EAGAIN); /* the session takes one after the other */
                        usleep(1000);
                }
        }
        type(f, " typed");
        while (lines + skipped < DATAGRAMS * LINES || memcmp(all + len - 10, "half typed", 10) != 0) {
                await(f->client);
                ssize_t n = read(f->client, all + len, sizeof(all) - 1 - len);
                assert_true(n > 0);
                for (ssize_t i = 0; i < n; i++)
                        all[len + (size_t)i] |= all[len + (size_t)i] == '\0';
                len += (size_t)n;
                all[len] = '\0';
                lines = count_shown(all);
                skipped = count_skipped(all);
        }
        for (char *at = all; (at = strstr(at, "half")); at++)
                rows++;
        assert_int_equal(lines + skipped, DATAGRAMS * LINES);
        assert_true(skipped > 0);
        assert_in_range(rows, 1, DATAGRAMS + 2);
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_editing),
                cmocka_unit_test(test_editing_a_paste),
                cmocka_unit_test(test_editing_that_the_client_offers),
                cmocka_unit_test(test_editing_while_it_is_lent),
                cmocka_unit_test(test_the_history_fills_the_queue),
                cmocka_unit_test(test_editing_on_a_slow_client),
        };
        return RUN_TESTS(tests);
}
