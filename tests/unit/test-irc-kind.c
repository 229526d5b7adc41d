/* A session with an IRC client. The test plays chatd, for what a real chatd does rarely. */
#include <sys/socket.h>

#include "../../chat-irc/irc-kind.h"
#include "../../chat-irc/irc.h"

#include "session-fixture.h"

#define SERVER "a-server-whose-name-is-as-long-as-a-name-may-be.chat.example"

enum { PEOPLE = 1200, SHOWN_MAX_BYTES = 1024 * 1024 };

static const struct irc_options irc_options = {.server = SERVER};

/* Starts a session whose client registers as ann, with `more` messages behind that. Takes the HELLO. */
static struct fixture *start_irc(struct irc *i, const char *more)
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

/* The next chatd knows nothing of ann, and somebody else has the name by now. */
static void test_another_name(void **state)
{
        static struct irc irc;
        (void)state;
        struct fixture *f = start_irc(&irc, "");
        tell_welcome(f, 1, "ann");
        shown_until(f, " 422 ann ");
        tell_welcome(f, 2, "ann~2");
        assert_shown(f, ":ann!chat@" SERVER " NICK :ann~2\r\n");
        tell_welcome(f, 2, "ann~2");
        type(f, "FOO\r\n");
        assert_shown(f, ":" SERVER " 421 ann~2 FOO :");
        stop(f);
}

/* Others are told of a client when it enters its first room. A chatd that had forgotten it must be told that again. */
static void test_it_arrives_again(void **state)
{
        static struct irc irc;
        (void)state;
        struct fixture *f = start_irc(&irc, "");
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
        struct fixture *f = start_irc(&irc, "");
        tell_welcome(f, 1, "ann~2");
        assert_non_null(strstr(shown_until(f, " 433 "), " 433 ann ann :"));
        type(f, "NICK eve\r\n");
        struct frame nick = next_frame(f);
        assert_int_equal(nick.type, FRAME_NICK);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = nick.number, .name = slice_of("eve")},
                  &(struct answer){.code = ANSWER_RENAMED, .name = slice_of("eve")});
        const char *shown = shown_until(f, " 422 eve ");
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
        struct fixture *f = start_irc(&irc, "");
        tell_welcome(f, 1, "ann");
        shown_until(f, " 422 ann ");
        for (int round = 0; round < 2; round++) {
                type(f, round == 0 ? "WHO #Den\r\nPING end\r\n" : "NAMES #Den\r\nPING end\r\n");
                struct frame request = next_frame(f);
                assert_int_equal(request.type, FRAME_PEOPLE);
                tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = request.number}, &people);
                const char *shown = shown_until(f, " :end"), *at = shown;
                for (int n = 0; n < PEOPLE; n++) {
                        snprintf(name, sizeof(name), "somebody-%015d", n);
                        at = strstr(at, name);
                        assert_non_null(at);
                }
                assert_non_null(at = strstr(at, " NOTICE ann :5 more people are in #den, too many to list\r\n"));
                snprintf(reply, sizeof(reply), " %d ann #Den :", round == 0 ? 315 : 366);
                assert_non_null(strstr(at, reply));
        }
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_another_name),
                cmocka_unit_test(test_it_arrives_again),
                cmocka_unit_test(test_a_nick_that_is_taken),
                cmocka_unit_test(test_many_people),
        };
        return RUN_TESTS(tests);
}
