/* Formatting, notices and CTCP between the clients that know them: ann and bob roam, eve is at a terminal. */
#include "requests-fixture.h"

#include "../../chatd/remote.h"

static struct frame styled(struct fixture *f, uint32_t who, enum frame_type type, const char *name, const char *text,
                           const char *with_formatting)
{
        struct frame frame = numbered(f, who, type);
        frame.name = slice_of(name);
        frame.text = slice_of(text);
        frame.styled = slice_of(with_formatting);
        return frame;
}

static void say_styled(struct fixture *f, const char *text, const char *with_formatting, uint8_t style)
{
        struct frame frame = styled(f, ANN, FRAME_ROOM_LINE, "lobby", text, with_formatting);
        frame.speech = style;
        put(f, &frame);
}

static void begin(struct fixture *f)
{
        for (uint32_t who = ANN; who <= BOB; who++) {
                hello_with(f, who, (struct frame){.address = slice_of("here:1"), .roams = true});
                struct frame frame = numbered(f, who, FRAME_ENTER);
                frame.name = slice_of("lobby");
                put(f, &frame);
        }
        hello(f, EVE);
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

static void test_formatting(void **state)
{
        struct fixture *f = *state;
        begin(f);
        say_styled(f, "bold", "\002bold", 0);
        say_styled(f, "beep", "", SPEECH_NOTICE);
        say_styled(f, "red", "\00304red\x0f", SPEECH_NOTICE);
        struct frame frame = styled(f, ANN, FRAME_ROOM_ACTION, "lobby", "waves", "waves\x02");
        put(f, &frame);
        serve(f);
        static const char expected[] = "line ann bold, style \002bold, line ann beep, style notice, line ann red, "
                                       "style notice \00304red\x0f, action ann waves, style waves\x02";
        assert_inbox(f, BOB, expected);
        assert_inbox(f, EVE, expected); /* its session shows the lines alone */
        assert_int_equal(f->chat->lines, 4);
        assert_int_equal(f->chat->relay.deliveries, 4 * 2 + 3); /* with those of begin() */
}

/* chatd drops what is not the text with formatting. */
static void test_what_is_not_formatting(void **state)
{
        static const struct {
                const char *text, *styled;
        } cases[] = {
                {"safe", "\x1b[31msafe"},
                {"safe", "\x02other"},
                {"safe", "\x02safe\r\nQUIT"},
                {"safe", "safe"},
                {"a\nsafe", "\002a\nsafe"},
                {"\xc4\233m", "\xc4\002\233m"},           /* no UTF-8 */
                {"x\xe2\x80\x8bx", "\x02x\xe2\x80\x8bx"}, /* an invisible character is shown by its number */
        };
        struct fixture *f = *state;
        begin(f);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                say_styled(f, cases[i].text, cases[i].styled, 0);
                f->numbers[ANN] += 4;
                serve(f);
                assert_null(strstr(inbox_read(f->inboxes[BOB]), "style"));
        }
}

/* Each line of a frame may be a notice: all of them fit, and no batch has more records than a session remembers. */
static void test_many_notices(void **state)
{
        struct fixture *f = *state;
        char text[2 * FRAME_LINES_MAX];
        begin(f);
        for (size_t i = 0; i < FRAME_LINES_MAX; i++)
                memcpy(text + 2 * i, i + 1 < FRAME_LINES_MAX ? "x\n" : "x", 2);
        for (int i = 0; i < 9; i++) {
                say_styled(f, text, "", SPEECH_NOTICE);
                f->numbers[ANN] += FRAME_LINES_MAX - 1;
        }
        uint64_t batches = f->chat->relay.batches;
        serve(f);
        assert_int_equal(f->chat->relay.batches - batches, 3); /* 64 lines are 128 records */
        assert_int_equal(member(f, ANN)->lines_in, f->numbers[ANN]);
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        unsigned notices = 0;
        for (ssize_t n; (n = recv(f->inboxes[BOB], buffer, sizeof(buffer), MSG_DONTWAIT)) > 0;) {
                struct frame batch;
                struct record rec;
                assert_int_equal(frame_decode(&batch, buffer, (size_t)n), 0);
                assert_in_range(records_count(batch.records), 1, BATCH_MAX_RECORDS);
                while (record_next_styled(&batch.records, &rec) > 0)
                        notices += rec.is_notice;
        }
        assert_int_equal(notices, 9 * FRAME_LINES_MAX);
}

static void test_private_messages(void **state)
{
        struct fixture *f = *state;
        begin(f);
        struct frame frame = styled(f, ANN, FRAME_PRIVATE, "bob", "psst", "\x1dpsst");
        frame.speech = SPEECH_NOTICE;
        put(f, &frame);
        frame = styled(f, ANN, FRAME_PRIVATE, "bob", "VERSION", "");
        frame.speech = SPEECH_CTCP;
        put(f, &frame);
        frame = styled(f, BOB, FRAME_PRIVATE, "ann", "VERSION x", "");
        frame.speech = SPEECH_CTCP | SPEECH_NOTICE;
        put(f, &frame);
        frame = styled(f, ANN, FRAME_PRIVATE, "nobody", "VERSION", "");
        frame.speech = SPEECH_CTCP;
        put(f, &frame);
        serve(f);
        assert_inbox(f, BOB, "private ann psst, style notice \x1dpsst, ctcp ann VERSION, sent ann VERSION x");
        assert_inbox(f, ANN,
                     "sent bob psst, sent bob VERSION, ctcp bob VERSION x, style notice, answer There is nobody "
                     "called nobody here; /who lists who is here");
        assert_inbox(f, EVE, "");
}

/* Past lines keep their formatting, also those that a previous chatd kept. */
static void test_past_lines(void **state)
{
        struct fixture *f = *state;
        f->chat->settings.history = 5;
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
        begin(f);
        say_styled(f, "bold", "\002bold", 0);
        for (int i = 0; i < 2; i++) {
                struct frame ask = numbered(f, BOB, FRAME_ROOM_HISTORY);
                ask.name = slice_of("lobby");
                put(f, &ask);
                serve(f);
                assert_non_null(strstr(inbox_read(f->inboxes[BOB]), "past, time, line ann bold, style \002bold"));
                if (i > 0)
                        break;
                history_close(&f->chat->history);
                restart_broker(f);
                f->chat->settings.history = 5;
                assert_int_equal(history_open(&f->chat->history, f->dir), 0);
        }
        history_remove(&f->chat->history, f->dir);
}

/* A session of the version before knows no style. */
static void test_the_version_before(void **state)
{
        struct fixture *f = *state;
        begin(f);
        struct frame frame = styled(f, ANN, FRAME_ROOM_LINE, "lobby", "hi", "\x02hi");
        put_of(f, &frame, FRAME_STYLED_SINCE - 1);
        serve(f);
        assert_inbox(f, BOB, "line ann hi");
}

/* Other hosts give a STYLE to records that become two. All fit, because only what a person says has a STYLE. */
static void test_renames_with_style(void **state)
{
        enum { INJECTS = 2, RECORDS = 80 };
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        begin(f);
        link_hello(f);
        serve(f);
        uint64_t number = 0;
        for (int i = 0; i < INJECTS; i++) {
                size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
                for (int k = 0; k < RECORDS; k++) {
                        struct record rec = {.kind = k % 2 == 0 ? RECORD_RENAME : RECORD_CAME,
                                             .number = ++number,
                                             .name = slice_of("a@b"),
                                             .text = slice_of(k % 2 == 0 ? "c@b" : "den"),
                                             .is_notice = true};
                        size_t more = record_encode_styled(buffer + n, sizeof(buffer) - n, &rec);
                        assert_true(more > 0);
                        n += more;
                }
                assert_int_equal(send(f->sender, buffer, n, 0), n);
        }
        serve(f);
        assert_int_equal(f->chat->remote->last, number);
        assert_null(strstr(inbox_read(f->inboxes[BOB]), "style"));
}

/* What other hosts say has its formatting, too. */
static void test_other_hosts(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        begin(f);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        struct record all[] = {
                {.kind = RECORD_LINE, .number = 1, .text = slice_of("bold"), .styled = slice_of("\002bold")},
                {.kind = RECORD_LINE, .number = 2, .text = slice_of("beep"), .is_notice = true},
                {.kind = RECORD_LINE, .number = 3, .text = slice_of("safe"), .styled = slice_of("\x1b[31msafe")},
                {.kind = RECORD_CTCP, .number = 4, .text = slice_of("bob VERSION")},
                {.kind = RECORD_CTCP, .number = 5, .text = slice_of("nobody VERSION")},
                {.kind = RECORD_CTCP, .number = 6, .text = slice_of("nobody PING"), .is_notice = true}, /* no answer */
                {.kind = RECORD_CTCP, .number = 7, .text = slice_of("bob DCC SEND x 1 2 3")},
                {.kind = RECORD_CTCP, .number = 8, .text = slice_of("bob  DCC SEND x 1 2 3")},
        };
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
                all[i].name = slice_of("zoe@b");
                n += record_encode_styled(buffer + n, sizeof(buffer) - n, &all[i]);
        }
        assert_int_equal(send(f->sender, buffer, n, 0), n);
        struct frame frame = styled(f, ANN, FRAME_PRIVATE, "zoe@b", "psst", "\x02psst");
        put(f, &frame);
        serve(f);
        assert_inbox(f, BOB,
                     "line zoe@b bold, style \002bold, line zoe@b beep, style notice, line zoe@b safe, ctcp zoe@b "
                     "VERSION");
        assert_int_equal(f->chat->remote->last, 8);
        const char *to_link = inbox_read(f->inboxes[LINK]);
        const char *reply = strstr(to_link, "reply chat zoe@b there is nobody called nobody there");
        assert_true(reply && !strstr(reply + 1, "reply"));
        assert_non_null(strstr(to_link, ": ann zoe@b psst, style "));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_formatting),         TEST(test_what_is_not_formatting),
                TEST(test_many_notices),       TEST(test_private_messages),
                TEST(test_past_lines),         TEST(test_the_version_before),
                TEST(test_renames_with_style), TEST(test_other_hosts),
        };
        return RUN_TESTS(tests);
}
