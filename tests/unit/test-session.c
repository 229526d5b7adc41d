/* A whole session in a thread, between a client and a chatd that the test plays. */
#include <poll.h>
#include <pthread.h>

#include "../../chat-session/session.h"

#include "rundir-fixture.h"

enum { DEADLINE_MS = 20000 };

struct fixture {
        char *dir;
        int lock, intake, client;
        struct session_options options;
        volatile sig_atomic_t stop;
        pthread_t thread;
        int session_end;
        uint64_t id, key; /* of the session, from its HELLO */
};

static void *run(void *arg)
{
        struct fixture *f = arg;
        struct session *s = calloc(1, sizeof(*s));
        sigset_t unblocked;
        sigemptyset(&unblocked);
        session_begin(s, f->session_end, f->session_end, &f->options);
        session_run(s, &unblocked, &f->stop);
        free(s);
        close(f->session_end);
        return NULL;
}

static struct fixture *start_with(const struct session_options *options)
{
        struct fixture *f = calloc(1, sizeof(*f));
        int fds[2];
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->options = *options;
        f->options.dir = f->dir;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        f->client = fds[0];
        f->session_end = fds[1];
        assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
        return f;
}

static struct fixture *start(bool echo)
{
        return start_with(&(struct session_options){.echo = echo});
}

static void stop(struct fixture *f)
{
        close(f->client);
        pthread_join(f->thread, NULL);
        close(f->intake);
        rundir_remove(f->dir, f->lock);
        free(f);
}

static void await(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
}

static void type(struct fixture *f, const char *text)
{
        assert_int_equal(write(f->client, text, strlen(text)), strlen(text));
}

/* What the client is shown next is exactly this. */
static void assert_shown(struct fixture *f, const char *expected)
{
        char got[1024];
        size_t len = 0, size = strlen(expected);
        while (len < size) {
                await(f->client);
                ssize_t n = read(f->client, got + len, size - len);
                assert_true(n > 0);
                len += (size_t)n;
        }
        got[len] = '\0';
        assert_string_equal(got, expected);
}

static void assert_ended(struct fixture *f)
{
        char byte;
        await(f->client);
        assert_int_equal(read(f->client, &byte, 1), 0);
}

static void assert_line_ends(struct fixture *f)
{
        char byte = 0;
        while (byte != '\n') {
                await(f->client);
                assert_int_equal(read(f->client, &byte, 1), 1);
        }
}

static void assert_greeted(struct fixture *f)
{
        assert_shown(f, "*** Welcome, ");
        assert_line_ends(f);
}

static struct frame next_frame(struct fixture *f)
{
        static uint8_t buffer[FRAME_MAX_BYTES];
        struct frame frame;
        await(f->intake);
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        if (frame.type == FRAME_HELLO) {
                f->id = frame.id;
                f->key = frame.key;
        }
        assert_true(frame.id == f->id);
        return frame;
}

/* The client's lines `from` to `to`, in as many frames as it takes. */
static void assert_lines(struct fixture *f, uint64_t from, uint64_t to)
{
        while (from <= to) {
                struct frame frame = next_frame(f);
                assert_int_equal(frame.type, FRAME_LINE);
                assert_int_equal(frame.number, from);
                from += frame_lines(&frame);
        }
        assert_int_equal(from, to + 1);
}

static void tell_raw(struct fixture *f, const void *data, size_t size)
{
        struct sockaddr_un inbox;
        path_inbox(&inbox, f->dir, f->key);
        assert_int_equal(sendto(f->intake, data, size, 0, (struct sockaddr *)&inbox, sizeof(inbox)), size);
}

static void tell(struct fixture *f, enum frame_type type, uint64_t epoch, uint64_t number, const char *text)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = (uint8_t)type,
                                              .id = epoch,
                                              .number = number,
                                              .name = slice_of(text),
                                              .text = slice_of(text)}));
}

/* A batch of the lines first … last of a session that is called bob. */
static void tell_lines(struct fixture *f, uint64_t epoch, uint64_t first, uint64_t last)
{
        uint8_t buffer[4096];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = epoch});
        for (uint64_t n = first; n <= last; n++) {
                char text[2] = {(char)('0' + n), '\0'};
                struct record r = {
                        .kind = RECORD_LINE, .id = 99, .number = n, .name = slice_of("bob"), .text = slice_of(text)};
                size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        }
        tell_raw(f, buffer, size);
}

/* What a later version may say: a type and a record of kinds that are not known, and a field that is appended. */
static void tell_unknown(struct fixture *f)
{
        uint8_t buffer[4096];
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
        assert_int_equal(next_frame(f).type, FRAME_HERE); /* for the third, whose roll call did not come */
        stop(f);
}

static void test_what_else_chatd_says(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        tell(f, FRAME_MISSED, 1, 1, "");
        assert_shown(f, "*** 1 line skipped: your session did not run\r\n");
        tell(f, FRAME_MISSED, 1, 37, "");
        assert_shown(f, "*** 37 lines skipped: your session did not run\r\n");
        tell(f, FRAME_MISSED, 1, MISSED_UNKNOWN, "");
        assert_shown(f, "*** lines were skipped: your session did not run\r\n");
        tell(f, FRAME_WELCOME, 1, 0, "ann~2");
        assert_shown(f, "*** Somebody is called ");
        assert_line_ends(f);
        tell_unknown(f);
        tell_raw(f, "junk", 4);
        tell_raw(f, "", 0);
        tell(f, FRAME_REFUSED, 1, 0, "the chat is full");
        assert_shown(f, "*** You cannot join: the chat is full\r\n");
        assert_ended(f);
        stop(f);
}

/* A new queue in place of the old one, and a session that has noticed. */
static void replace_queue(struct fixture *f)
{
        close(f->intake);
        f->intake = rundir_bind(f->dir);
        tell(f, FRAME_ROLLCALL, 2, 0, "");
        assert_int_equal(next_frame(f).type, FRAME_HERE);
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
        assert_shown(f, "*** the chat lost its queue: your last 2 lines may not have reached everybody\r\n");
        type(f, "4\n");
        assert_int_equal(next_frame(f).number, 4);
        tell_lines(f, 2, 1, 1);
        tell(f, FRAME_RELAYED, 2, 4, "");
        assert_shown(f, "bob: 1\r\n");
        replace_queue(f); /* nothing was in this one */
        tell_lines(f, 2, 2, 2);
        assert_shown(f, "bob: 2\r\n");
        stop(f);
}

/* The same, behind the last word: nothing is sent any more that could fail. */
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
        assert_shown(f, "*** the chat lost its queue: your last 2 lines may not have reached everybody\r\n");
        assert_ended(f);
        f->intake = dup(f->client);
        stop(f);
}

static void test_pace(void **state)
{
        (void)state;
        struct fixture *f = start_with(&(struct session_options){.pace = pace_of(20, 1)});
        assert_greeted(f);
        next_frame(f);
        type(f, "1\n2\n3\n4\n5\n\xff\xf6\xff\xf6");
        /* what telnet asks does not wait behind the lines: the second answer is here before the second line */
        assert_int_equal(next_frame(f).number, 1);
        assert_shown(f, "*** yes, the chat is here\r\n*** yes, the chat is here\r\n");
        char question[TELNET_REPLY_BYTES]; /* about BINARY */
        assert_int_equal(recv(f->client, question, sizeof(question), MSG_WAITALL), sizeof(question));
        type(f, "exit\n"); /* and leaving waits for them */
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

static void test_a_client_that_is_gone_before_it_said_anything(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        stop(f); /* mostly gone before the session looks; and if not, it is one that leaves: both end */
        int fds[2];
        struct session *s = calloc(1, sizeof(*s));
        struct session_options options = {.dir = "/nowhere"};
        sigset_t unblocked;
        volatile sig_atomic_t no_stop = 0;
        sigemptyset(&unblocked);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        close(fds[0]);
        session_begin(s, fds[1], fds[1], &options);
        session_run(s, &unblocked, &no_stop);
        assert_int_equal(s->client.lines_out, 0);
        assert_false(s->uplink.greeted);
        close(fds[1]);
        free(s);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_echo),
                cmocka_unit_test(test_a_visit),
                cmocka_unit_test(test_notices_of_the_link),
                cmocka_unit_test(test_a_batch_that_comes_again),
                cmocka_unit_test(test_what_else_chatd_says),
                cmocka_unit_test(test_a_queue_that_is_lost),
                cmocka_unit_test(test_a_queue_that_is_lost_with_the_last_word),
                cmocka_unit_test(test_pace),
                cmocka_unit_test(test_a_client_that_is_gone_before_it_said_anything),
                cmocka_unit_test(test_the_reasons_for_leaving),
        };
        return RUN_TESTS(tests);
}
