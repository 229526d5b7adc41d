#include <fcntl.h>
#include <inttypes.h>
#include <sys/wait.h>

#include <chat/connect.h>

#include "../../chat-session/uplink.h"

#include "rundir-fixture.h"

static const char *intruder; /* if not NULL: rename() puts a socket of this name in place of the renamed one */
static int intruder_fd;

/* Replaces rename() of libc. */
int rename(const char *from, const char *to)
{
        if (intruder) {
                struct sockaddr_un address = {.sun_family = AF_UNIX};
                snprintf(address.sun_path, sizeof(address.sun_path), "%s", intruder);
                intruder_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
                assert_int_equal(bind(intruder_fd, (struct sockaddr *)&address, sizeof(address)), 0);
                assert_int_equal(renameat2(AT_FDCWD, intruder, AT_FDCWD, from, RENAME_EXCHANGE), 0);
        }
        return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

struct fixture {
        char *dir;
        int lock, intake;
        struct uplink *uplink;
        struct uplink_queue queue;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->uplink = calloc(1, sizeof(*f->uplink));
        f->uplink->queue = &f->queue;
        f->uplink->socket = connect_socket();
        uplink_init(f->uplink, f->dir, slice_of("ann"), slice_of("here:1"), (struct pace){0});
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        uplink_close(f->uplink);
        free(f->uplink);
        if (f->intake >= 0)
                close(f->intake);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

/* Returns the intake's next frame. */
static struct frame take(struct fixture *f)
{
        static uint8_t buffer[FRAME_MAX_BYTES];
        struct frame frame = {0};
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(n > 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        assert_true(frame.id == f->uplink->id);
        return frame;
}

static void assert_nothing(struct fixture *f)
{
        char byte;
        assert_int_equal(recv(f->intake, &byte, 1, MSG_DONTWAIT), -1);
}

static void test_hello_lines_and_bye_in_order(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(f->uplink->id >> 32, getpid());
        uplink_say(f->uplink, slice_of("one"));
        uplink_say(f->uplink, slice_of("two"));
        uplink_bye(f->uplink, LEAVE_EOF, slice_of(""), 3, 4);
        assert_int_equal(uplink_lines_waiting(f->uplink), 2);
        uplink_pump(f->uplink, 1);
        assert_false(uplink_waits(f->uplink));
        struct frame hello = take(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(slice_equal(hello.name, slice_of("ann")));
        assert_true(slice_equal(hello.address, slice_of("here:1")));
        struct frame lines = take(f);
        assert_int_equal(lines.number, 1);
        assert_true(slice_equal(lines.text, slice_of("one\ntwo")));
        struct frame bye = take(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_EOF);
        assert_int_equal(bye.lines_out, 3);
        assert_int_equal(bye.lines_skipped, 4);
        assert_nothing(f);
}

static void test_a_full_intake_blocks_and_loses_nothing(void **state)
{
        struct fixture *f = *state;
        char text[TEXT_MAX_BYTES] = "";
        unsigned said = 0, got = 0;
        while (uplink_room(f->uplink) > FRAME_MAX_BYTES) {
                snprintf(text, sizeof(text), "%u", ++said);
                uplink_say(f->uplink, (struct slice){text, sizeof(text)});
        }
        uplink_pump(f->uplink, 1);
        assert_int_equal(f->uplink->state, UPLINK_FULL);
        assert_int_equal(take(f).type, FRAME_HELLO);
        while (got < said) {
                struct frame line = take(f);
                assert_int_equal(line.number, ++got);
                snprintf(text, sizeof(text), "%u", got);
                assert_true(slice_equal(line.text, (struct slice){text, sizeof(text)}));
                uplink_has_room(f->uplink);
                uplink_pump(f->uplink, 1);
        }
        assert_int_not_equal(f->uplink->state, UPLINK_FULL);
        assert_nothing(f);
}

static void fill_intake(struct fixture *f)
{
        struct sockaddr_un address;
        int fd = connect_socket();
        path_broker(&address, f->dir);
        while (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof(address)) == 1)
                ;
        assert_int_equal(errno, EAGAIN);
        close(fd);
}

static void empty_intake(struct fixture *f)
{
        char byte;
        while (recv(f->intake, &byte, 1, MSG_DONTWAIT) > 0)
                ;
}

static void test_who_does_not_get_in_stands_back(void **state)
{
        struct fixture *f = *state;
        int64_t now = 1000, longest = 0;
        fill_intake(f);
        uplink_pump(f->uplink, now);
        assert_int_equal(f->uplink->state,
                         UPLINK_FULL); /* poll() tells when there is room, unless that takes too long */
        assert_int_equal(uplink_wake_ms(f->uplink), now + UPLINK_ROOM_MS);
        uplink_has_room(f->uplink); /* other processes were quicker */
        for (int i = 1; i < 100; i++) {
                uplink_pump(f->uplink, now);
                assert_int_not_equal(f->uplink->state, UPLINK_FULL);
                int64_t wake = uplink_wake_ms(f->uplink), ms = wake - now;
                assert_in_range(ms, 1, i < 5 ? UPLINK_STAND_BACK_MIN_MS << (i - 1) : UPLINK_STAND_BACK_MAX_MS);
                longest = ms > longest ? ms : longest;
                now = wake;
        }
        assert_in_range(longest, UPLINK_STAND_BACK_MAX_MS / 4, UPLINK_STAND_BACK_MAX_MS);

        uplink_pump(f->uplink, now);
        empty_intake(f);
        uplink_pump(f->uplink, now); /* something else woke it: its turn has not come yet */
        assert_nothing(f);
        now = uplink_wake_ms(f->uplink);
        uplink_pump(f->uplink, now);
        assert_int_equal(take(f).type, FRAME_HELLO);
        assert_int_equal(uplink_wake_ms(f->uplink), INT64_MAX);

        fill_intake(f);
        uplink_say(f->uplink, slice_of("one"));
        uplink_pump(f->uplink, now);
        assert_int_equal(f->uplink->state, UPLINK_FULL); /* as the first time */
        empty_intake(f);
        uplink_has_room(f->uplink);
        uplink_pump(f->uplink, now);
        assert_int_equal(take(f).number, 1);
        assert_int_not_equal(f->uplink->state, UPLINK_FULL);
}

static void test_a_new_chatd_is_answered_by_who_stands_back(void **state)
{
        struct fixture *f = *state;
        uplink_pump(f->uplink, 1000);
        uplink_say(f->uplink, slice_of("one"));
        fill_intake(f);
        uplink_pump(f->uplink, 1000);
        uplink_has_room(f->uplink);
        uplink_pump(f->uplink, 1000);
        empty_intake(f);
        uplink_answer(f->uplink);
        uplink_pump(f->uplink, 1000);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_int_equal(take(f).number, 1);
}

/* A frame takes as many lines as fit, in number and in bytes. */
static void test_many_lines_share_a_frame(void **state)
{
        struct fixture *f = *state;
        char half[TEXT_MAX_BYTES / 2] = "";
        for (int i = 0; i < FRAME_LINES_MAX + 2; i++)
                uplink_say(f->uplink, slice_of(""));
        for (int i = 0; i < 3; i++)
                uplink_say(f->uplink, (struct slice){half, sizeof(half)});
        uplink_pump(f->uplink, 1);
        assert_int_equal(take(f).type, FRAME_HELLO);
        struct frame frame = take(f);
        assert_int_equal(frame.number, 1);
        assert_int_equal(frame_lines(&frame), FRAME_LINES_MAX);
        frame = take(f);
        assert_int_equal(frame.number, FRAME_LINES_MAX + 1);
        assert_int_equal(frame_lines(&frame), 3); /* two halves and an LF between them are too long */
        frame = take(f);
        assert_int_equal(frame.number, FRAME_LINES_MAX + 4);
        assert_int_equal(frame_lines(&frame), 1);
        assert_int_equal(take(f).number, FRAME_LINES_MAX + 5);
        assert_int_equal(f->uplink->sent_number, FRAME_LINES_MAX + 5);
        assert_nothing(f);
}

/* Takes the frames that are there. Their lines are numbers of random length. Returns the number of lines. */
static uint64_t take_numbered(struct fixture *f, uint64_t after)
{
        static uint8_t buffer[FRAME_MAX_BYTES + 1];
        struct frame frame = {0};
        struct slice line;
        ssize_t size;
        uint64_t count = 0;
        while ((size = recv(f->intake, buffer, FRAME_MAX_BYTES, MSG_DONTWAIT)) > 0) {
                buffer[size] = 0;
                assert_int_equal(frame_decode(&frame, buffer, (size_t)size), 0);
                assert_int_equal(frame.number, after + count + 1);
                assert_in_range(frame_lines(&frame), 1, FRAME_LINES_MAX);
                for (bool more = true; more; count++) {
                        more = line_next(&frame.text, &line);
                        if (line.len > 0)
                                assert_int_equal(strtoull(line.at, NULL, 10), after + count + 1);
                }
        }
        return count;
}

/* Lines of every length, handed over in pieces of every size, arrive in order, none twice. */
static void lines_by_chance(struct fixture *f, struct pace pace)
{
        int64_t now = 1;
        uint64_t said = 0, got = 0;
        char text[TEXT_MAX_BYTES + 1];
        f->uplink->pace = pace;
        uplink_pump(f->uplink, now);
        assert_int_equal(take(f).type, FRAME_HELLO);
        for (int i = 0; i < 3000; i++) {
                for (int n = rand() % 100; n > 0 && uplink_room(f->uplink) > 2 * TEXT_MAX_BYTES; n--) {
                        int len = snprintf(text, sizeof(text), "%*" PRIu64,
                                           rand() % 20 == 0 ? rand() % TEXT_MAX_BYTES : 1, ++said);
                        uplink_say(f->uplink, (struct slice){text, rand() % 10 == 0 ? 0 : (size_t)len});
                }
                uplink_pump(f->uplink, now);
                if (rand() % 3 == 0)
                        got += take_numbered(f, got);
                now += rand() % 50;
        }
        for (; uplink_waits(f->uplink); now += 50) {
                uplink_pump(f->uplink, now);
                got += take_numbered(f, got);
        }
        assert_int_equal(got + take_numbered(f, got), said);
        assert_int_equal(f->uplink->sent_number, said);
}

static void test_lines_by_chance(void **state)
{
        lines_by_chance(*state, (struct pace){0});
}

static void test_lines_by_chance_at_a_pace(void **state)
{
        lines_by_chance(*state, pace_of(1000, 20));
}

static void test_a_new_intake_gets_here_first(void **state)
{
        struct fixture *f = *state;
        uplink_pump(f->uplink, 1);
        assert_int_equal(take(f).type, FRAME_HELLO);
        close(f->intake);
        f->intake = -1;
        uplink_say(f->uplink, slice_of("kept"));
        uplink_pump(f->uplink, 1000); /* notices the loss */
        assert_int_equal(f->uplink->error, 0);
        uplink_pump(f->uplink, 1000 + UPLINK_RETRY_MAX_MS); /* tries again: there is none */
        assert_int_equal(f->uplink->error, ECONNREFUSED);
        f->intake = rundir_bind(f->dir);
        uplink_pump(f->uplink, f->uplink->retry_at);
        assert_int_equal(f->uplink->error, 0);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_true(slice_equal(take(f).text, slice_of("kept")));
}

static void test_a_new_chatd_that_does_not_call(void **state)
{
        struct fixture *f = *state;
        uplink_answer_uncalled(f->uplink, 1); /* the new chatd has not heard of us, and will by HELLO */
        uplink_pump(f->uplink, 1);
        assert_int_equal(take(f).type, FRAME_HELLO);
        assert_int_equal(uplink_wake_ms(f->uplink), INT64_MAX);
        uplink_answer_uncalled(f->uplink, 1);
        int64_t due = uplink_wake_ms(f->uplink);
        assert_in_range(due, 1 + UPLINK_UNCALLED_MS, 2 * UPLINK_UNCALLED_MS);
        uplink_pump(f->uplink, due - 1);
        assert_nothing(f);
        uplink_pump(f->uplink, due);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_int_equal(uplink_wake_ms(f->uplink), INT64_MAX);

        uplink_answer_uncalled(f->uplink, due);
        uplink_answer(f->uplink); /* it calls all the same */
        uplink_pump(f->uplink, due);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_int_equal(uplink_wake_ms(f->uplink), INT64_MAX);

        uplink_answer_uncalled(f->uplink, due);
        uplink_say(f->uplink, slice_of("hi"));
        uplink_pump(f->uplink, due);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_int_equal(take(f).type, FRAME_LINE);
        assert_int_equal(uplink_wake_ms(f->uplink), INT64_MAX);
        assert_nothing(f);
}

static void test_nothing_is_said_behind_bye(void **state)
{
        struct fixture *f = *state;
        uplink_pump(f->uplink, 1);
        assert_int_equal(take(f).type, FRAME_HELLO);
        uplink_bye(f->uplink, LEAVE_EXIT, slice_of(""), 0, 0);
        uplink_answer(f->uplink); /* a roll call before BYE is handed over is answered before BYE */
        uplink_pump(f->uplink, 1);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_int_equal(take(f).type, FRAME_BYE);
        uplink_answer(f->uplink);
        assert_false(uplink_waits(f->uplink));
        uplink_pump(f->uplink, 1);
        assert_nothing(f);
}

static void test_retries_are_spaced(void **state)
{
        struct fixture *f = *state;
        close(f->intake);
        f->intake = -1;
        int64_t now = 1, tries = 0;
        for (; now < 10000; tries++) {
                uplink_pump(f->uplink, now);
                assert_true(f->uplink->retry_at > now);
                uplink_pump(f->uplink, f->uplink->retry_at - 1); /* too early: nothing happens */
                now = f->uplink->retry_at;
        }
        assert_in_range(tries, 10, 20);
}

static void test_a_run_directory_that_was_made_anew(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un inbox;
        uplink_pump(f->uplink, 1);
        take(f);
        path_inbox(&inbox, f->dir, f->uplink->key);
        assert_int_equal(access(inbox.sun_path, F_OK), 0);
        assert_int_equal(unlink(inbox.sun_path), 0);
        close(f->intake);
        f->intake = rundir_bind(f->dir);
        uplink_say(f->uplink, slice_of("x"));
        uplink_pump(f->uplink, 2);
        uplink_pump(f->uplink, f->uplink->retry_at);
        assert_int_equal(access(inbox.sun_path, F_OK), 0);
        assert_int_equal(take(f).type, FRAME_HERE);
        uplink_close(f->uplink);
        assert_int_equal(access(inbox.sun_path, F_OK), -1);
}

static void test_lines_wait_for_their_turn(void **state)
{
        struct fixture *f = *state;
        f->uplink->pace = pace_of(10, 2);
        for (int i = 0; i < 4; i++)
                uplink_say(f->uplink, slice_of("x"));
        uplink_bye(f->uplink, LEAVE_EOF, slice_of(""), 0, 0);
        uplink_pump(f->uplink, 1000);
        assert_int_equal(take(f).type, FRAME_HELLO); /* HELLO is not a line */
        struct frame burst = take(f);
        assert_int_equal(burst.number, 1);
        assert_int_equal(frame_lines(&burst), 2);
        assert_nothing(f);
        assert_int_equal(f->uplink->state, UPLINK_PACED);
        assert_int_equal(uplink_wake_ms(f->uplink), 1100);
        uplink_answer(f->uplink); /* a roll call is answered in the meantime */
        uplink_pump(f->uplink, 1001);
        assert_int_equal(take(f).type, FRAME_HERE);
        assert_nothing(f);
        uplink_pump(f->uplink, 1100);
        assert_int_equal(take(f).number, 3);
        uplink_pump(f->uplink, 1200);
        assert_int_equal(take(f).number, 4);
        assert_int_equal(take(f).type, FRAME_BYE);
        assert_int_not_equal(f->uplink->state, UPLINK_PACED);
        assert_true(uplink_wake_ms(f->uplink) == INT64_MAX);
}

static void test_what_may_be_lost_with_the_queue(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 5; i++)
                uplink_say(f->uplink, slice_of("x"));
        uplink_pump(f->uplink, 1);
        uplink_relayed(f->uplink, 3);
        uplink_relayed(f->uplink, 2);  /* never backwards */
        uplink_relayed(f->uplink, 99); /* not further than what was handed over */
        assert_int_equal(uplink_lost_lines(f->uplink), 0);
        close(f->intake);
        f->intake = rundir_bind(f->dir);
        uplink_say(f->uplink, slice_of("kept"));
        uplink_pump(f->uplink, 2);
        assert_int_equal(f->uplink->lost_number, 5);
        uplink_pump(f->uplink, uplink_wake_ms(f->uplink));
        struct frame here = take(f);
        assert_int_equal(here.type, FRAME_HERE);
        assert_int_equal(here.number, 3); /* only what is known to be relayed */
        assert_int_equal(uplink_lost_lines(f->uplink), 2);
        assert_int_equal(uplink_lost_lines(f->uplink), 0);
        assert_int_equal(take(f).number, 6);
        uplink_answer(f->uplink);
        uplink_pump(f->uplink, 3);
        assert_int_equal(take(f).number, 6); /* HERE, behind that line in this queue */
        assert_int_equal(uplink_lost_lines(f->uplink), 0);
}

static void test_the_name_of_the_inbox_is_not_that_of_the_bind(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un inbox, bound;
        socklen_t size = sizeof(bound);
        uplink_pump(f->uplink, 1);
        assert_true(take(f).key == f->uplink->key);
        path_inbox(&inbox, f->dir, f->uplink->key);
        assert_int_equal(access(inbox.sun_path, F_OK), 0);
        assert_int_equal(getsockname(f->uplink->inbox, (struct sockaddr *)&bound, &size), 0);
        assert_string_not_equal(bound.sun_path, inbox.sun_path); /* this name is in /proc/net/unix */
        assert_int_equal(access(bound.sun_path, F_OK), -1);
}

static void test_an_inbox_that_is_replaced_is_not_used(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un inbox, other;
        path_inbox(&other, f->dir, 0xbad);
        path_inbox(&inbox, f->dir, f->uplink->key);
        intruder = other.sun_path;
        uplink_pump(f->uplink, 1);
        intruder = NULL;
        assert_int_equal(f->uplink->error, EPERM);
        assert_nothing(f); /* not even HELLO */
        assert_int_equal(access(inbox.sun_path, F_OK), -1);
        close(intruder_fd);
        uplink_pump(f->uplink, f->uplink->retry_at);
        assert_int_equal(take(f).type, FRAME_HELLO);
        assert_int_equal(access(inbox.sun_path, F_OK), 0);
}

static void send_to_inbox(struct fixture *f, const void *data, size_t size)
{
        struct sockaddr_un inbox;
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        path_inbox(&inbox, f->dir, f->uplink->key);
        assert_int_equal(sendto(fd, data, size, 0, (struct sockaddr *)&inbox, sizeof(inbox)), size);
        close(fd);
}

static void test_only_the_broker_is_heard(void **state)
{
        struct socket_fds fds;
        struct fixture *f = *state;
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        uint8_t frame[FRAME_HEADER_BYTES];
        struct frame got = {0};
        uplink_pump(f->uplink, 1);
        assert_false(uplink_receive(f->uplink, buffer, &got, &fds)); /* there is nothing */
        size_t n = frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_ROLLCALL, .id = 5});
        send_to_inbox(f, "junk", 4);
        assert_false(uplink_receive(f->uplink, buffer, &got, &fds));
        send_to_inbox(f, frame, n);
        assert_true(uplink_receive(f->uplink, buffer, &got, &fds));
        assert_int_equal(got.type, FRAME_ROLLCALL);
        assert_int_equal(got.id, 5);

        f->uplink->broker = getuid() + 1; /* as if chatd were another user: then we are a sibling */
        send_to_inbox(f, frame, n);
        assert_false(uplink_receive(f->uplink, buffer, &got, &fds));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_hello_lines_and_bye_in_order),
                TEST(test_a_full_intake_blocks_and_loses_nothing),
                TEST(test_who_does_not_get_in_stands_back),
                TEST(test_a_new_chatd_is_answered_by_who_stands_back),
                TEST(test_lines_by_chance),
                TEST(test_lines_by_chance_at_a_pace),
                TEST(test_a_new_intake_gets_here_first),
                TEST(test_a_new_chatd_that_does_not_call),
                TEST(test_nothing_is_said_behind_bye),
                TEST(test_retries_are_spaced),
                TEST(test_a_run_directory_that_was_made_anew),
                TEST(test_many_lines_share_a_frame),
                TEST(test_lines_wait_for_their_turn),
                TEST(test_what_may_be_lost_with_the_queue),
                TEST(test_the_name_of_the_inbox_is_not_that_of_the_bind),
                TEST(test_only_the_broker_is_heard),
                TEST(test_an_inbox_that_is_replaced_is_not_used),
        };
        return RUN_TESTS(tests);
}
