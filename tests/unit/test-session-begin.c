/* Sessions of clients that are gone when their session begins, that hear nothing, or that a proxy names. */
#include <pwd.h>

#include "session-fixture.h"

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

static void test_a_client_that_is_gone_before_it_said_anything(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        /* mostly the client is gone before the session looks; otherwise the session leaves: it ends in both cases */
        stop(f);
        int fds[2];
        struct session *s = calloc(1, sizeof(*s));
        struct session_options options = {.dir = "/nowhere"};
        struct terminal_options terminal_options = {0};
        struct terminal *t = calloc(1, sizeof(*t));
        sigset_t unblocked;
        volatile sig_atomic_t no_stop = 0;
        sigemptyset(&unblocked);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        close(fds[0]);
        t->options = &terminal_options;
        visit_begin(s, &terminal_kind, t, fds[1], fds[1], &options);
        visit_run(s, &unblocked, &no_stop);
        assert_int_equal(s->client.lines_out, 0);
        assert_false(s->uplink.stage != UPLINK_STRANGER);
        close(fds[1]);
        free(s);
        free(t);
}

/* A client that hears nothing any more must not go on talking. */
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
        return start_on(fds, &(struct session_options){.is_proxied = true});
}

#define PROXY_LOCAL_HEADER "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

/* A proxy checks in each possible way whether the chat is there. */
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_client_that_is_gone_before_it_said_anything),
                cmocka_unit_test(test_a_client_that_hears_nothing_any_more),
                cmocka_unit_test(test_health_checks),
                cmocka_unit_test(test_a_proxy_that_speaks),
                cmocka_unit_test(test_a_wrong_header_is_for_the_journal),
        };
        return RUN_TESTS(tests);
}
