/* A session with a client of IRC (irc-kind.h): what chatd does seldom, and the system tests cannot make it do. */
#include "irc-fixture.h"

/* chatd has forgotten the client, and somebody else has its name by now. */
static void test_it_is_welcomed_under_another_name(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        tell(f, FRAME_WELCOME, 2, 0, "ann");
        tell(f, FRAME_WELCOME, 3, 0, "192.0.2.7:4711");
        assert_shown(f, ":ann!chat@irc.test NICK :guest-192.0.2.7-4711\r\n");
        type(f, "MODE guest-192.0.2.7-4711\r\nNICK eve\r\n");
        see(f, ":irc.test 221 guest-192.0.2.7-4711 :+\r\n");
        struct frame nick = next_frame(f);
        while (nick.type == FRAME_HERE) /* for the next chatd */
                nick = next_frame(f);
        assert_int_equal(nick.type, FRAME_NICK);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = 3, .number = 1, .name = slice_of("eve")},
                  &(struct answer){.code = ANSWER_RENAMED, .name = slice_of("eve")});
        assert_shown(f, ":guest-192.0.2.7-4711!chat@irc.test NICK :eve\r\n");
        stop(f);
}

/* The nick of a name that looks like a guest's has a "~". The client must recognise itself by it. */
static void test_it_is_named_like_a_guest(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        const char *const names[] = {"guest-192.0.2.7-4711", "eve"};
        for (unsigned n = 0; n < 2; n++) {
                type(f, n == 0 ? "NICK guest-192.0.2.7-4711\r\n" : "NICK eve\r\n");
                assert_int_equal(next_frame(f).type, FRAME_NICK);
                tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = n + 1, .name = slice_of(names[n])},
                          &(struct answer){.code = ANSWER_RENAMED, .name = slice_of(names[n])});
        }
        assert_shown(f, ":ann!chat@irc.test NICK :guest-192.0.2.7-4711~\r\n"
                        ":guest-192.0.2.7-4711~!chat@irc.test NICK :eve\r\n");
        stop(f);
}

/* A host of an earlier version answers with a sentence, which may be as long as any text. */
static void test_a_long_reply_of_a_host(void **state)
{
        (void)state;
        struct irc i;
        char text[4000];
        struct fixture *f = start_ann(&i);
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        tell_record(f, RECORD_REPLY, LINK_ID, 1, "chat@b", text);
        assert_shown(f, ":irc.test NOTICE ann :b: xxxx");
        see(f, "xxxx\r\n");
        stop(f);
}

/* Sends the answer to the request `number`: the client is in the room den now, or is not any more. */
static void tell_den(struct fixture *f, uint64_t number, enum answer_code code)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms rooms = answer_rooms_begin(buffer);
        answer_add_room(&rooms, &(struct answer_room){.name = slice_of("den"), .topic = slice_of("")});
        struct answer a = answer_of_rooms(code, &rooms);
        a.room = slice_of("den");
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = number, .name = slice_of("ann")}, &a);
}

/* The client leaves a channel once, also if it was told before. */
static void test_it_leaves_a_channel_once(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        type(f, "JOIN #den\r\n");
        assert_int_equal(next_frame(f).type, FRAME_ENTER);
        tell_den(f, 1, ANSWER_ENTERED);
        assert_shown(f, ":ann!chat@irc.test JOIN #den\r\n:irc.test 366 ann #den :End of /NAMES list\r\n");
        type(f, "PART #den\r\nWHOIS bob\r\n");
        assert_int_equal(next_frame(f).type, FRAME_EXIT);
        tell_den(f, 2, ANSWER_EXITED);
        assert_int_equal(next_frame(f).type, FRAME_FIND);
        tell_den(f, 3, ANSWER_EXITED);
        tell_record(f, RECORD_PRIVATE, 99, 1, "bob", "psst");
        assert_shown(f, ":ann!chat@irc.test PART #den\r\n:bob!chat@irc.test PRIVMSG ann :psst\r\n");
        stop(f);
}

/* A list that is too long for the client's buffer has an end all the same. */
static void test_a_long_list(void **state)
{
        (void)state;
        struct irc i;
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        char name[8];
        struct answer_rooms rooms = answer_rooms_begin(buffer);
        struct fixture *f = start_ann(&i);
        type(f, "WHO #den\r\n");
        assert_int_equal(next_frame(f).type, FRAME_PEOPLE);
        answer_add_room(&rooms, &(struct answer_room){.name = slice_of("den"), .topic = slice_of("")});
        for (unsigned n = 0; n < 5000; n++) {
                snprintf(name, sizeof(name), "n%u", n);
                assert_true(answer_add_name(&rooms, slice_of(name)));
        }
        const struct answer a = answer_of_rooms(ANSWER_PEOPLE, &rooms);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 1, .name = slice_of("ann")}, &a);
        see(f, " 352 ann #den chat irc.test irc.test n999 ");
        see(f, " 315 ann #den :");
        stop(f);
}

/* Sends `n` replies of another host in one batch, and waits until the session has taken it. */
static void tell_replies(struct fixture *f, uint64_t first, uint64_t n)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        char text[600];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        memset(text, 'x', sizeof(text));
        for (uint64_t number = first; number < first + n; number++) {
                struct record r = {.kind = RECORD_REPLY,
                                   .id = LINK_ID,
                                   .number = number,
                                   .name = slice_of("chat@b"),
                                   .text = {text, sizeof(text)}};
                size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        }
        tell_raw(f, buffer, size);
        for (int unread = 1; unread > 0; usleep(100))
                assert_int_equal(ioctl(f->intake, TIOCOUTQ, &unread), 0);
}

/* Notices that the client does not read leave room for its answers. */
static void test_too_many_notices(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        type(f, "WHOIS bob\r\n");
        assert_int_equal(next_frame(f).type, FRAME_FIND);
        for (unsigned n = 0; n < 20; n++)
                tell_replies(f, 1 + 90 * n, 90);
        tell_code(f, (struct frame){.type = FRAME_FOUND, .number = 1, .name = slice_of("bob"), .text = slice_of("")},
                  &(struct answer){.code = ANSWER_NOBODY, .name = slice_of("bob")});
        see(f, " NOTICE ann :b: xxx");
        see(f, " 318 ann bob :");
        see(f, " lines skipped: ");
        stop(f);
}

#define SERVER "a-server-whose-name-is-as-long-as-a-name-may-be.chat.example"

enum { PEOPLE = 1200, SHOWN_MAX_BYTES = 1024 * 1024 };

static const struct irc_options irc_options = {.server = SERVER};

/* Starts a session whose client registers as ann, with `more` messages behind that. Takes the HELLO. */
static struct fixture *start_joining(struct irc *i, const char *more)
{
        int fds[2], bytes = 4096;
        *i = (struct irc){.options = &irc_options};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
        struct fixture *f = start_kind(&irc_kind, i, fds, &(struct session_options){0});
        type(f, "NICK ann\r\nUSER u 0 * :r\r\n");
        type(f, more);
        struct frame hello = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(hello.roams);
        return f;
}

/* Sends the session a WELCOME of the chatd with this epoch. */
static void tell_welcome(struct fixture *f, uint64_t epoch, const char *name)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(
                         buffer, sizeof(buffer),
                         &(struct frame){.type = FRAME_WELCOME, .id = epoch, .name = slice_of(name), .members = 7}));
}

/* Returns what the client is shown, up to `end` and the rest of that line. */
static const char *shown_until(struct fixture *f, const char *end)
{
        static char shown[SHOWN_MAX_BYTES];
        size_t len = 0;
        shown[0] = '\0';
        for (const char *at; !(at = strstr(shown, end)) || !strstr(at, "\r\n");) {
                await(f->client);
                ssize_t n = read(f->client, shown + len, sizeof(shown) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
                shown[len] = '\0';
        }
        return shown;
}

/* Returns the next frame, which may be an ARRIVE. A HERE for another chatd is left out. */
static struct frame next_of_all(struct fixture *f)
{
        static uint8_t buffer[FRAME_MAX_BYTES];
        struct frame frame;
        do {
                await(f->intake);
                ssize_t n = recv(f->intake, buffer, sizeof(buffer), 0);
                assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        } while (frame.type == FRAME_HERE);
        return frame;
}

/* Lets the client enter the den. Returns the number of its request. */
static uint64_t enter(struct fixture *f)
{
        uint8_t bytes[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(bytes);
        type(f, "JOIN #den\r\n");
        struct frame frame = next_of_all(f);
        assert_int_equal(frame.type, FRAME_ENTER);
        uint64_t number = frame.number;
        assert_true(answer_add_room(&list, &(struct answer_room){.name = slice_of("den"), .people = 1, .yours = true}));
        assert_true(answer_add_name(&list, slice_of("ann")));
        struct answer a = answer_of_rooms(ANSWER_ENTERED, &list);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = number}, &a);
        return number;
}

/* Others are told of a client when it enters its first room. A chatd that had forgotten it must be told that again. */
static void test_it_arrives_again(void **state)
{
        static struct irc irc;
        (void)state;
        struct fixture *f = start_joining(&irc, "");
        tell_welcome(f, 1, "ann");
        shown_until(f, " 422 ann ");
        enter(f);
        shown_until(f, " 366 ann #den ");
        assert_int_equal(next_of_all(f).type, FRAME_ARRIVE);
        assert_true(irc.arrive_at > 0);
        irc.arrive_at = 0;
        tell_welcome(f, 2, "ann");
        struct frame again = next_of_all(f);
        assert_int_equal(again.type, FRAME_ENTER); /* it is in the den still */
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = 2, .number = again.number},
                  &(struct answer){.code = ANSWER_ROOM_SAME, .room = slice_of("den")});
        type(f, "PING end\r\n");
        shown_until(f, " :end");
        assert_true(irc.arrive_at > 0);
        stop(f);
}

static void test_a_nick_that_is_taken(void **state)
{
        static struct irc irc;
        (void)state;
        struct fixture *f = start_joining(&irc, "");
        tell_welcome(f, 1, "ann~2");
        tell(f, FRAME_TEXT, 1, 1, "Be nice."); /* it is shown when the client has a nick */
        assert_non_null(strstr(shown_until(f, " 433 "), " 433 ann ann :"));
        type(f, "NICK eve\r\n");
        struct frame nick = next_frame(f);
        assert_int_equal(nick.type, FRAME_NICK);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = nick.number, .name = slice_of("eve")},
                  &(struct answer){.code = ANSWER_RENAMED, .name = slice_of("eve")});
        const char *shown = shown_until(f, " 376 eve ");
        assert_non_null(strstr(shown, " 372 eve :Be nice."));
        assert_null(strstr(shown, " 422 "));
        assert_non_null(strstr(shown, " 001 eve :"));
        assert_non_null(strstr(shown, " 251 eve :There are 7 users "));
        assert_non_null(strstr(shown, " 255 eve :I have 7 clients "));
        stop(f);
}

/* Lists that are longer than the client's buffer come whole, and say how many people are missing. */
static void test_many_people(void **state)
{
        static struct irc irc;
        uint8_t bytes[ANSWER_ROOMS_MAX_BYTES];
        char name[NICK_MAX_BYTES + 1], reply[128];
        (void)state;
        struct answer_rooms list = answer_rooms_begin(bytes);
        assert_true(answer_add_room(&list, &(struct answer_room){.name = slice_of("den"), .people = PEOPLE + 5}));
        for (int n = 0; n < PEOPLE; n++) {
                snprintf(name, sizeof(name), "somebody-%015d", n);
                assert_true(answer_add_name(&list, slice_of(name)));
        }
        struct answer people = answer_of_rooms(ANSWER_PEOPLE, &list);
        struct fixture *f = start_joining(&irc, "");
        tell_welcome(f, 1, "ann");
        shown_until(f, " 422 ann ");
        for (int round = 0; round < 2; round++) {
                type(f, round == 0 ? "WHO #Den\r\nPING end\r\n" : "NAMES #Den\r\nPING end\r\n");
                struct frame request = next_frame(f);
                assert_int_equal(request.type, FRAME_PEOPLE);
                tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = request.number}, &people);
                snprintf(reply, sizeof(reply), " %d ann #Den :", round == 0 ? 315 : 366);
                const char *shown = shown_until(f, reply), *at = shown;
                for (int n = 0; n < PEOPLE; n++) {
                        snprintf(name, sizeof(name), "somebody-%015d", n);
                        at = strstr(at, name);
                        assert_non_null(at);
                }
                assert_non_null(at = strstr(at, " NOTICE ann :5 more people are in #den, too many to list\r\n"));
                assert_non_null(strstr(at, reply));
                if (round == 0) { /* the message of the day may still be on its way, so the PING asks chatd */
                        request = next_frame(f);
                        assert_int_equal(request.type, FRAME_FIND);
                        tell_code(f, (struct frame){.type = FRAME_FOUND, .number = request.number},
                                  &(struct answer){.code = ANSWER_NOBODY, .name = slice_of("ann")});
                        shown_until(f, " :end");
                }
        }
        stop(f);
}

/* Formatting, notices and CTCP, as the client sends them. */
static void test_styles_from_the_client(void **state)
{
        static const struct {
                const char *typed;
                uint8_t type, speech;
                const char *text, *styled;
        } cases[] = {
                {"PRIVMSG #den :hi\r\n", FRAME_ROOM_LINE, 0, "hi", ""},
                {"PRIVMSG #den :\x02hi\x0f there\r\n", FRAME_ROOM_LINE, 0, "hi there", "\x02hi\x0f there"},
                {"NOTICE #den :hi\r\n", FRAME_ROOM_LINE, SPEECH_NOTICE, "hi", ""},
                {"NOTICE #den :\0034,5hi\r\n", FRAME_ROOM_LINE, SPEECH_NOTICE, "hi", "\0034,5hi"},
                {"PRIVMSG #den :\x02hi\x1b\r\n", FRAME_ROOM_LINE, 0, "hi^[", ""}, /* ESC is no formatting */
                {"PRIVMSG #den :\001ACTION \x1dwaves\001\r\n", FRAME_ROOM_ACTION, 0, "waves", "\x1dwaves"},
                {"PRIVMSG bob :\001ACTION \x1dwaves\001\r\n", FRAME_PRIVATE, 0, "* waves", "* \x1dwaves"},
                {"PRIVMSG bob :\001VERSION\001\r\n", FRAME_PRIVATE, SPEECH_CTCP, "VERSION", ""},
                {"PRIVMSG bob :\001PING 12 34\r\n", FRAME_PRIVATE, SPEECH_CTCP, "PING 12 34", ""},
                {"NOTICE bob :\001VERSION me\001\r\n", FRAME_PRIVATE, SPEECH_CTCP | SPEECH_NOTICE, "VERSION me", ""},
        };
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        enter(f);
        see(f, " 366 ann #den ");
        assert_int_equal(next_of_all(f).type, FRAME_ARRIVE);
        for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
                type(f, cases[n].typed);
                struct frame frame = next_of_all(f);
                assert_int_equal(frame.type, cases[n].type);
                assert_int_equal(frame.speech, cases[n].speech);
                assert_true(slice_equal(frame.text, slice_of(cases[n].text)));
                assert_true(slice_equal(frame.styled, slice_of(cases[n].styled)));
        }
        type(f, "PRIVMSG #den :\001VERSION\001\r\nPRIVMSG bob :\001dcc SEND x 1 2 3\001\r\n"
                "PRIVMSG bob :\001 DCC SEND x 1 2 3\001\r\n"
                "NOTICE bob :\001DCC SEND x 1 2 3\001\r\nPING end\r\n");
        assert_shown(f, ":irc.test 404 ann #den :CTCP is for one person, not for a channel\r\n"
                        ":irc.test 531 ann bob :DCC is not possible here\r\n"
                        ":irc.test 531 ann bob :CTCP begins with a letter\r\n");
        stop(f);
}

/* Sends the session a record with its STYLE. */
static void tell_styled(struct fixture *f, uint8_t kind, uint64_t number, const char *text, const char *styled,
                        bool is_notice)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        const struct record r = {.kind = kind,
                                 .id = 99,
                                 .number = number,
                                 .name = slice_of("bob"),
                                 .text = slice_of(text),
                                 .styled = slice_of(styled),
                                 .is_notice = is_notice};
        size += record_encode_styled(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

/* The same, as the client gets them. */
static void test_styles_for_the_client(void **state)
{
        (void)state;
        struct irc i;
        char text[STYLED_MAX_BYTES + 1] = "\x02", cut[STYLED_MAX_BYTES];
        struct fixture *f = start_ann(&i);
        tell_styled(f, RECORD_LINE, 1, "hi", "\x02hi", false);
        tell_styled(f, RECORD_LINE, 2, "hi", "", true);
        tell_styled(f, RECORD_ACTION, 3, "waves", "\x02waves", false);
        tell_styled(f, RECORD_PRIVATE, 4, "psst", "\x02psst", true);
        tell_styled(f, RECORD_CTCP, 5, "VERSION", "", false);
        tell_styled(f, RECORD_CTCP, 6, "VERSION me", "", true);
        memset(text + 1, 'x', sizeof(text) - 2);
        tell_styled(f, RECORD_CTCP, 7, text + 1, "", false);   /* too long for a message */
        tell_styled(f, RECORD_LINE, 8, text + 1, text, false); /* the same: it becomes two, without formatting */
        assert_shown(f, ":bob!chat@irc.test PRIVMSG #lobby :\x02hi\r\n"
                        ":bob!chat@irc.test NOTICE #lobby :hi\r\n"
                        ":bob!chat@irc.test PRIVMSG #lobby :\001ACTION \x02waves\001\r\n"
                        ":bob!chat@irc.test NOTICE ann :\x02psst\r\n"
                        ":bob!chat@irc.test PRIVMSG ann :\001VERSION\001\r\n"
                        ":bob!chat@irc.test NOTICE ann :\001VERSION me\001\r\n");
        snprintf(cut, sizeof(cut), ":bob!chat@irc.test PRIVMSG #lobby :xxx");
        assert_shown(f, cut);
        see(f, "xxx\r\n");
        assert_shown(f, cut);
        stop(f);
}

/* A message to the client itself comes back with its style; so does one to others if the client asked for that. */
static void test_styles_come_back(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        const struct answer self = {.code = ANSWER_IS_YOU};
        type(f, "PRIVMSG ann :\001PING 1\001\r\n");
        struct frame frame = next_frame(f);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = frame.number, .name = slice_of("ann")}, &self);
        assert_shown(f, ":ann!chat@irc.test PRIVMSG ann :\001PING 1\001\r\n");
        type(f, "NOTICE ann :\x02hi\r\n");
        frame = next_frame(f);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = frame.number, .name = slice_of("ann")}, &self);
        assert_shown(f, ":ann!chat@irc.test NOTICE ann :\x02hi\r\n");
        type(f, "CAP REQ echo-message\r\nNOTICE bob :\001VERSION me\001\r\n");
        frame = next_frame(f);
        frame.type = FRAME_SENT;
        frame.id = 1;
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer, frame_encode(buffer, sizeof(buffer), &frame));
        see(f, ":irc.test CAP ann ACK :echo-message\r\n");
        assert_shown(f, ":ann!chat@irc.test NOTICE bob :\001VERSION me\001\r\n");
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_is_welcomed_under_another_name),
                cmocka_unit_test(test_it_is_named_like_a_guest),
                cmocka_unit_test(test_a_long_reply_of_a_host),
                cmocka_unit_test(test_it_leaves_a_channel_once),
                cmocka_unit_test(test_a_long_list),
                cmocka_unit_test(test_too_many_notices),
                cmocka_unit_test(test_it_arrives_again),
                cmocka_unit_test(test_a_nick_that_is_taken),
                cmocka_unit_test(test_many_people),
                cmocka_unit_test(test_styles_from_the_client),
                cmocka_unit_test(test_styles_for_the_client),
                cmocka_unit_test(test_styles_come_back),
        };
        return RUN_TESTS(tests);
}
