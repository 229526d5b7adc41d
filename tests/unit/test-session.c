/* A whole session in a thread, between a client and a chatd that the test plays. */
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/ioctl.h>

#include <chat/clock.h>
#include <chat/display.h>

#include "../../chat-session/sandbox.h"
#include "../../chat-session/visit.h"
#include "../../chatd/lending.h"

#include "../tcp.h"

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
        /* a chatd that writes to the client itself */
        int inbox; /* connected to the session's inbox; -1: not yet */
        struct lent_batch batch;
        struct lent lent;
        uint64_t batches;
};

static void *run(void *arg)
{
        struct fixture *f = arg;
        struct session *s = calloc(1, sizeof(*s));
        sigset_t unblocked;
        sigemptyset(&unblocked);
        visit_begin(s, f->session_end, f->session_end, &f->options);
        visit_run(s, &unblocked, &f->stop);
        free(s);
        close(f->session_end);
        return NULL;
}

/* Starts a session. `fds` are the session's end of the connection and the client's. */
static struct fixture *start_on(const int fds[static 2], const struct session_options *options)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->options = *options;
        f->options.dir = f->dir;
        f->client = fds[1];
        f->session_end = fds[0];
        f->inbox = -1;
        lent_init(&f->lent);
        assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
        return f;
}

static struct fixture *start_with(const struct session_options *options)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        return start_on(fds, options);
}

static struct fixture *start(bool echo)
{
        return start_with(&(struct session_options){.echo = echo});
}

/* Answers a BYE, so that the session need not wait for the answer. */
static void say_goodbye(struct fixture *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct sockaddr_un inbox;
        struct frame frame;
        struct pollfd p = {.fd = f->intake, .events = POLLIN};
        if (poll(&p, 1, 1) < 1)
                return;
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n <= 0 || frame_decode(&frame, buffer, (size_t)n) != 0 || frame.type != FRAME_BYE)
                return;
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_GOODBYE, .id = UINT64_MAX});
        path_inbox(&inbox, f->dir, f->key);
        sendto(f->intake, buffer, size, 0, (struct sockaddr *)&inbox, sizeof(inbox));
}

static void stop(struct fixture *f)
{
        close(f->client);
        lent_close(&f->lent);
        lent_batch_free(&f->batch);
        while (pthread_tryjoin_np(f->thread, NULL) != 0)
                say_goodbye(f);
        close(f->intake);
        if (f->inbox >= 0)
                close(f->inbox);
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

/* Types line by line, as a person does: the session reads each line before the next one comes. */
static void type_each(struct fixture *f, const char *lines)
{
        for (const char *at = lines, *end; *at != '\0'; at = end + 1) {
                int unread = 1;
                end = strchr(at, '\n');
                assert_non_null(end);
                assert_int_equal(write(f->client, at, (size_t)(end + 1 - at)), end + 1 - at);
                for (int64_t begin = clock_ms(); unread > 0; usleep(100)) {
                        assert_in_range(clock_ms() - begin, 0, DEADLINE_MS);
                        assert_int_equal(ioctl(f->session_end, FIONREAD, &unread), 0);
                }
        }
}

/* Asserts that the client is shown exactly this next, with \1 for each NUL. */
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
        for (char *nul = got; (nul = memchr(nul, '\0', len - (size_t)(nul - got)));)
                *nul = '\1';
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

/* Answers the session's HELLO, which stays in the intake, with WELCOME. */
static void welcome(struct fixture *f)
{
        uint8_t buffer[FRAME_MAX_BYTES], answer[FRAME_MAX_BYTES];
        struct sockaddr_un inbox;
        struct frame hello;
        await(f->intake);
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), MSG_PEEK);
        assert_int_equal(frame_decode(&hello, buffer, (size_t)n), 0);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(hello.quiet);
        size_t size = frame_encode(answer, sizeof(answer),
                                   &(struct frame){.type = FRAME_WELCOME, .id = 1, .name = hello.name, .members = 2});
        path_inbox(&inbox, f->dir, hello.key);
        assert_int_equal(sendto(f->intake, answer, size, 0, (struct sockaddr *)&inbox, sizeof(inbox)), size);
}

static void assert_greeting(struct fixture *f)
{
        assert_shown(f, "*** Welcome, ");
        assert_line_ends(f);
        assert_shown(f, "*** What you type goes to everyone here. /help lists the commands; exit leaves.\r\n");
}

static void assert_greeted(struct fixture *f)
{
        welcome(f);
        assert_greeting(f);
}

/* Returns the next frame except ARRIVE, which comes at any time. */
static struct frame next_frame(struct fixture *f)
{
        static uint8_t buffer[FRAME_MAX_BYTES];
        struct frame frame;
        await(f->intake);
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        if (frame.type == FRAME_ARRIVE)
                return next_frame(f);
        if (frame.type == FRAME_HELLO) {
                f->id = frame.id;
                f->key = frame.key;
        }
        assert_true(frame.id == f->id);
        return frame;
}

/* Takes the client's lines `from` to `to`, in any number of frames. */
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
        f->lent.sent++;
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

/* Returns the line `n` of a session called bob; `text` has room for it. */
static struct record bobs_line(uint64_t n, char text[static 24])
{
        snprintf(text, 24, "%llu", (unsigned long long)n);
        return (struct record){
                .kind = RECORD_LINE, .id = 99, .number = n, .name = slice_of("bob"), .text = slice_of(text)};
}

/* Sends a batch of bob's lines `first` to `last`. */
static void tell_lines(struct fixture *f, uint64_t epoch, uint64_t first, uint64_t last)
{
        uint8_t buffer[4096];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = epoch});
        for (uint64_t n = first; n <= last; n++) {
                char text[24];
                struct record r = bobs_line(n, text);
                size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        }
        tell_raw(f, buffer, size);
}

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

/* Replaces the queue by a new one, and lets the session notice that. */
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

static void test_a_client_that_is_gone_before_it_said_anything(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        /* mostly the client is gone before the session looks; otherwise the session leaves: it ends in both cases */
        stop(f);
        int fds[2];
        struct session *s = calloc(1, sizeof(*s));
        struct session_options options = {.dir = "/nowhere"};
        sigset_t unblocked;
        volatile sig_atomic_t no_stop = 0;
        sigemptyset(&unblocked);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        close(fds[0]);
        visit_begin(s, fds[1], fds[1], &options);
        visit_run(s, &unblocked, &no_stop);
        assert_int_equal(s->client.lines_out, 0);
        assert_false(s->uplink.greeted);
        close(fds[1]);
        free(s);
}

/* Asserts that the session ends by itself, without sending anything to chatd. */
static void assert_ends_unheard(struct fixture *f)
{
        char datagram[FRAME_MAX_BYTES];
        assert_int_equal(pthread_join(f->thread, NULL), 0);
        assert_int_equal(recv(f->intake, datagram, sizeof(datagram), MSG_DONTWAIT), -1);
        close(f->intake);
        close(f->client);
        rundir_remove(f->dir, f->lock);
        free(f);
}

/* A client that cannot be sent anything any more must not go on talking. */
static void test_a_client_that_hears_nothing_any_more(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "one\n");
        assert_int_equal(next_frame(f).type, FRAME_LINE);
        shutdown(f->client, SHUT_RD);
        tell(f, FRAME_TEXT, 1, 1, "hello"); /* the session finds out when it writes */
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_RESET);
        stop(f);

        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(write(fds[1], "boo\n", 4), 4);
        shutdown(fds[0], SHUT_WR); /* as a session before this one would do */
        f = start_on(fds, &(struct session_options){0});
        assert_ends_unheard(f);
}

/* Starts a session behind a proxy that has sent this header, and has ended its connection if `ends`. */
static struct fixture *start_proxied(const char *header, size_t size, bool ends)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(write(fds[1], header, size), (ssize_t)size);
        if (ends)
                shutdown(fds[1], SHUT_WR);
        return start_on(fds, &(struct session_options){.proxied = true});
}

#define PROXY_LOCAL_HEADER "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

/* A proxy that checks whether the chat is there, in all ways. */
static void test_health_checks(void **state)
{
        (void)state;
        struct fixture *f = start_proxied("", 0, true);
        assert_ends_unheard(f);
        f = start_proxied("PROXY UNKNOWN\r\n", 15, true);
        assert_ends_unheard(f);
        f = start_proxied("PROXY TCP4 192.0.2.7 192.0.2.1 4711 8888\r\n", 42, true);
        assert_ends_unheard(f);
        f = start_proxied(PROXY_LOCAL_HEADER, sizeof(PROXY_LOCAL_HEADER) - 1, false);
        assert_shown(f, "*** The chat is here\r\n");
        shutdown(f->client, SHUT_WR);
        assert_ended(f);
        assert_ends_unheard(f);
}

/* A proxy that sends something on its own connection is a person, under the name of the proxy. */
static void test_a_proxy_that_speaks(void **state)
{
        (void)state;
        struct fixture *f = start_proxied(PROXY_LOCAL_HEADER, sizeof(PROXY_LOCAL_HEADER) - 1, false);
        assert_shown(f, "*** The chat is here\r\n");
        type(f, "hi\n");
        assert_greeted(f);
        struct frame hello = next_frame(f), line = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_int_equal(line.type, FRAME_LINE);
        stop(f);
}

static void assert_turned_away(const char *header, size_t size, bool ends, const char *protocol)
{
        struct fixture *f = start_proxied(header, size, ends);
        struct frame hello = next_frame(f);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(slice_equal(hello.name, slice_of(getpwuid(getuid())->pw_name)));
        struct frame bye = next_frame(f);
        assert_int_equal(bye.type, FRAME_BYE);
        assert_int_equal(bye.reason, LEAVE_NOT_CHAT);
        assert_true(slice_equal(bye.text, slice_of(protocol)));
        tell(f, FRAME_GOODBYE, 1, 0, "");
        assert_shown(f, "*** You cannot join: the proxy did not say where you come from\r\n");
        assert_ended(f);
        stop(f);
}

static void test_a_wrong_header_is_for_the_journal(void **state)
{
        static const char too_long[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
                          checksum[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13"
                                       "123456789012\3\0\4\0\0\0\0";
        (void)state;
        assert_turned_away("hello\r\n", 7, false, NOT_CHAT_HEADER "malformed");
        assert_turned_away("PROXY TCP4", 10, true, NOT_CHAT_HEADER "cut-short");
        assert_turned_away("PROXY ", 6, false, NOT_CHAT_HEADER "missing");
        assert_turned_away(too_long, sizeof(too_long) - 1, false, NOT_CHAT_HEADER "too-long");
        assert_turned_away(checksum, sizeof(checksum) - 1, false, NOT_CHAT_HEADER "checksum");
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

/* ---- a session that lends its client's connection to chatd ---- */

_Static_assert((LENT_FDS + 1) * LENDING_ASKED_MAX <= SANDBOX_FDS_MAX, "the kernel would not let a session answer");

/* A notice that the session writes by itself. */
static const char own[] = "*** /bell is off\r\n";

/* Asks for the connection. Returns true if the session lends it. */
static bool ask(struct fixture *f, uint64_t epoch)
{
        struct sockaddr_un address;
        if (f->inbox < 0) {
                path_inbox(&address, f->dir, f->key);
                f->inbox = socket(AF_UNIX, SOCK_DGRAM, 0);
                assert_int_equal(connect(f->inbox, (struct sockaddr *)&address, sizeof(address)), 0);
        }
        assert_int_equal(lent_ask(&f->lent, f->inbox, epoch, &f->batch, 0), 0);
        await(f->lent.reply);
        return lent_answer(&f->lent);
}

static void ask_something(struct fixture *f)
{
        type_each(f, "/bell\n");
}

/* Starts a session on TCP that has greeted its client and written something by itself. */
static struct fixture *start_on_tcp(void)
{
        int fds[2];
        tcp_connect(fds, 0);
        struct fixture *f = start_on(fds, &(struct session_options){0});
        assert_int_equal(lent_batch_init(&f->batch), 0);
        assert_greeted(f);
        next_frame(f);
        ask_something(f);
        assert_shown(f, own);
        return f;
}

/* Starts a session on TCP that has lent its connection, in epoch 1. */
static struct fixture *start_lent(void)
{
        struct fixture *f = start_on_tcp();
        assert_true(ask(f, 1));
        return f;
}

/* Waits until the session sleeps, and has taken all datagrams. */
static void await_turn(struct fixture *f)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (atomic_load(&f->lent.page->turn) != OUTLET_FREE || atomic_load(&f->lent.page->taken) != f->lent.sent) {
                assert_true(clock_ms() < deadline);
                usleep(50);
        }
}

/* Writes a batch to the client: a line of its own, which it does not get, and bob's lines `first` to `last`; of these
 * at most `most` bytes. Returns true if that was all. */
static bool write_part(struct fixture *f, uint64_t first, uint64_t last, size_t most)
{
        char text[1024], number[24], *at = text;
        struct outlet_batch *shared = f->batch.shared;
        struct lent_text t = {.number = ++f->batches, .to = 1, .lines = last - first + 1};
        atomic_store(&shared->number, 0);
        shared->records[0] = (struct outlet_record){f->id, 1, 9, 0};
        for (uint64_t n = first; n <= last; n++) {
                struct record r = bobs_line(n, number);
                struct slice parts[DISPLAY_PARTS_MAX];
                at = display_write(at, parts, display_parts(&r, parts));
                shared->records[t.to++] = (struct outlet_record){r.id, r.number, (uint32_t)display_bytes(&r), 0};
        }
        atomic_store(&shared->number, t.number);
        t.bytes = (size_t)(at - text);
        t.pieces = &(struct iovec){text, most < t.bytes ? most : t.bytes};
        t.n = 1;
        await_turn(f);
        return lent_write(&f->lent, &t, 0);
}

static void write_lines(struct fixture *f, uint64_t first, uint64_t last)
{
        assert_true(write_part(f, first, last, SIZE_MAX));
}

/* Writes `behind` bytes of a batch to the client, and dies. */
static void die_writing(struct fixture *f, uint64_t first, uint64_t last, size_t behind)
{
        assert_false(write_part(f, first, last, behind));
        lent_close(&f->lent);
}

/* Calls the roll as a new chatd. */
static void call_roll(struct fixture *f, uint64_t epoch)
{
        tell(f, FRAME_ROLLCALL, epoch, 0, "");
        assert_int_equal(next_frame(f).type, FRAME_HERE);
}

/* Asserts that the session has done all that there was to do, and that its client is shown nothing. */
static void assert_silent(struct fixture *f)
{
        char byte;
        for (int i = 0; i < 2; i++) { /* at the second line it has written all that it had to write before the first */
                type(f, "x\n");
                assert_int_equal(next_frame(f).type, FRAME_LINE);
        }
        assert_int_equal(recv(f->client, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
}

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

/* chatd writes what it relays, even if a session repeated it under the same numbers. So those lines count in what the
 * client has, although the session would not show them again. */
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

static void tell_answer(struct fixture *f, uint64_t epoch, uint64_t number, const char *name, const char *text)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = FRAME_ANSWER,
                                              .id = epoch,
                                              .number = number,
                                              .name = slice_of(name),
                                              .text = slice_of(text)}));
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

/* One session has something to write to its client then, the other has not. */
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
        f = start_on(fds, &(struct session_options){.echo = true});
        type(f, "one\n");
        assert_shown(f, "one\r\n");
        char sessions[64];
        snprintf(sessions, sizeof(sessions), "%s/" SESSIONS_DIR_NAME, f->dir);
        assert_int_equal(rmdir(sessions), 0); /* the session has no inbox: chatd cannot ask */
        stop(f);
}

/* Sends a record of the member with this id and name. */
static void tell_record(struct fixture *f, enum record_kind kind, uint64_t id, uint64_t number, const char *name,
                        const char *text)
{
        uint8_t buffer[4096];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        struct record r = {
                .kind = (uint8_t)kind, .id = id, .number = number, .name = slice_of(name), .text = slice_of(text)};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

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

/* The longest requests that the shortest input can become: none is lost, and there is room for each. */
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
        for (int i = 0; i < 3600; i++) /* more than there is room for: the others are refused */
                memcpy(many + i * 5, "/r x\n", 5);
        type(f, many);
        assert_int_equal(next_frame(f).number, 2001);
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

/* The offer of a telnet in a terminal that negotiates by itself, and a telnet that echoes nevertheless. */
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

/* How many lines of bob a slow client was shown, and how many it was told that it missed. */
static size_t count_shown(const char *text)
{
        size_t lines = 0;
        for (const char *at = text; (at = strstr(at, "bob: ")); at++)
                lines++;
        return lines;
}

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

/*
 * A client that does not read has at most a few rows in between what it is shown later. The keys may
 * overtake the last batches, so the test reads until all lines are accounted for.
 */
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
                cmocka_unit_test(test_a_client_that_is_gone_before_it_said_anything),
                cmocka_unit_test(test_a_client_that_hears_nothing_any_more),
                cmocka_unit_test(test_health_checks),
                cmocka_unit_test(test_a_proxy_that_speaks),
                cmocka_unit_test(test_a_wrong_header_is_for_the_journal),
                cmocka_unit_test(test_the_reasons_for_leaving),
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
                cmocka_unit_test(test_commands_that_chatd_answers),
                cmocka_unit_test(test_what_was_said_before),
                cmocka_unit_test(test_replies),
                cmocka_unit_test(test_commands_of_its_own),
                cmocka_unit_test(test_ignoring),
                cmocka_unit_test(test_an_older_chatd),
                cmocka_unit_test(test_requests_fill_the_queue),
                cmocka_unit_test(test_the_view_while_it_is_lent),
                cmocka_unit_test(test_the_cost_of_requests),
                cmocka_unit_test(test_editing),
                cmocka_unit_test(test_editing_a_paste),
                cmocka_unit_test(test_editing_that_the_client_offers),
                cmocka_unit_test(test_editing_while_it_is_lent),
                cmocka_unit_test(test_the_history_fills_the_queue),
                cmocka_unit_test(test_editing_on_a_slow_client),
        };
        return RUN_TESTS(tests);
}
