#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/frame.h>

#include "../../chat-session/client-output.h"
#include "../../chat-session/editor.h"
#include "../../chat-session/screen.h"
#include "../../chat-session/terminal-kind.h"
#include "../../chat-session/terminal.h"

#include "../tcp.h"

#include "test.h"

struct fixture {
        struct client client;
        int peer;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        int fds[2], small = 4096;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        client_init(&f->client, fds[0], fds[0]);
        f->peer = fds[1];
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        close(f->client.in);
        if (f->peer >= 0)
                close(f->peer);
        free(f);
        return 0;
}

static void put_line(struct client *c, const char *text)
{
        struct slice part = slice_of(text);
        screen_line(c, &part, 1);
}

#define ROW_ERASED "\r\1\x1b[K" /* as drain() returns it */

/* Writes what the client takes now, as a session with a terminal does. */
static void flush(struct client *c)
{
        struct terminal t = {.client = c};
        client_flush(c);
        uint64_t skipped = client_take_skipped(c);
        if (skipped > 0)
                terminal_skips(&t, skipped);
}

/* Returns everything that the client takes now, terminated, with \1 for each NUL. */
static char *drain(struct fixture *f)
{
        static char all[2 * CLIENT_OUT_MAX_BYTES];
        size_t len = 0;
        for (;;) {
                flush(&f->client);
                ssize_t n = recv(f->peer, all + len, sizeof(all) - 1 - len, MSG_DONTWAIT);
                if (n <= 0)
                        break;
                len += (size_t)n;
        }
        for (char *nul = all; (nul = memchr(nul, '\0', len - (size_t)(nul - all)));)
                *nul = '\1';
        all[len] = '\0';
        return all;
}

static void test_lines_end_with_crlf(void **state)
{
        struct fixture *f = *state;
        struct slice parts[] = {slice_of("a"), slice_of(": "), slice_of("b")};
        screen_line(&f->client, parts, 3);
        client_raw(&f->client, "\xff\xfc\x06", 3);
        assert_true(client_waits(&f->client));
        assert_string_equal(drain(f), "a: b\r\n\xff\xfc\x06");
        assert_false(client_waits(&f->client));
        assert_int_equal(f->client.lines_out, 1);
}

static void test_a_slow_client_is_told_the_exact_count(void **state)
{
        struct fixture *f = *state;
        char line[101];
        size_t put = 0, shown = 0;
        unsigned long long skipped = 0;
        memset(line, 'x', 100);
        line[100] = '\0';
        for (; put < 5000; put++) {
                put_line(&f->client, line);
                flush(&f->client);
        }
        assert_true(f->client.skipped_lines > 0);
        assert_int_equal(f->client.lines_out + f->client.skipped_total, 5000);
        char *all = drain(f);
        for (char *at = strtok(all, "\r\n"); at; at = strtok(NULL, "\r\n")) {
                if (at[0] == 'x')
                        shown++;
                else
                        skipped = strtoull(at + 4, NULL, 10);
        }
        assert_int_equal(shown + skipped, 5000);
        assert_int_equal(f->client.skipped_lines, 0);
        put_line(&f->client, "and on");
        assert_string_equal(drain(f), "and on\r\n");
}

static void test_rows(void **state)
{
        struct fixture *f = *state;
        struct slice notice = slice_of("*** one two three four five six seven");
        put_line(&f->client, "nobody knows the width");
        f->client.columns = 20;
        put_line(&f->client, "ann: nineteen char.");
        put_line(&f->client, "ann: twenty of them.");
        screen_line_hanging(&f->client, &notice, 1, 8);
        screen_line_hanging(&f->client, &notice, 1, 12); /* no room for so many blanks */
        f->client.columns = 14;
        put_line(&f->client, "this one is too narrow");
        assert_string_equal(drain(f), "nobody knows the width\r\n"
                                      "ann: nineteen char.\r\n"
                                      "ann: twenty of\r\n    them.\r\n"
                                      "*** one two three\r\n        four five\r\n        six seven\r\n"
                                      "*** one two three\r\n    four five six\r\n    seven\r\n"
                                      "this one is too narrow\r\n");
        assert_int_equal(f->client.lines_out, 6);
}

/* There is room for the rows of lines of all sizes and shapes, and the buffer ends with what was written. */
static void test_rows_have_room(void **state)
{
        struct fixture *f = *state;
        static char line[TEXT_MAX_BYTES];
        for (size_t word = 1; word < 40; word++)
                for (unsigned columns = 15; columns < 60; columns += 4) {
                        for (size_t i = 0; i < sizeof(line) - 3; i++)
                                line[i] = i % (word + 1) == word ? ' ' : 'x';
                        line[sizeof(line) - 3] = '\0';
                        f->client.columns = (uint16_t)columns;
                        f->client.start = f->client.end = 0;
                        put_line(&f->client, line);
                        size_t size = f->client.end;
                        assert_int_equal(f->client.skipped_lines, 0);
                        assert_memory_equal(f->client.buffer + size - 2, "\r\n", 2);
                        assert_true(size <= client_room(&f->client) && size > strlen(line));
                }
}

static void test_order_survives_the_wrap(void **state)
{
        struct fixture *f = *state;
        unsigned next = 0, expected = 0;
        char text[64];
        for (int round = 0; round < 200; round++) {
                for (int i = 0; i < 200; i++) {
                        snprintf(text, sizeof(text), "line number %u of some length", next++);
                        put_line(&f->client, text);
                }
                for (char *at = strtok(drain(f), "\r\n"); at; at = strtok(NULL, "\r\n")) {
                        snprintf(text, sizeof(text), "line number %u of some length", expected++);
                        assert_string_equal(at, text);
                }
        }
        assert_int_equal(expected, next);
}

/* The half-typed line is erased once, by the first line that has room. */
static void test_a_row_is_erased(void **state)
{
        struct fixture *f = *state;
        struct client *c = &f->client;
        c->is_row_drawn = true;
        put_line(c, "one");
        put_line(c, "two");
        assert_false(c->is_row_drawn);
        assert_string_equal(drain(f), ROW_ERASED "one\r\ntwo\r\n");
        while (client_room(c) >= 6)
                client_raw(c, "xxxxxx", 6);
        c->is_row_drawn = true;
        put_line(c, "no room");
        assert_true(c->is_row_drawn);
        assert_string_equal(strrchr(drain(f), 'x'),
                            "x" ROW_ERASED "*** 1 line skipped: your connection is too slow\r\n");
        assert_false(c->is_row_drawn);
}

/* Nothing is written while the rest of a line is awaited, whatever the client asks. */
static void test_the_rest_has_room(void **state)
{
        struct fixture *f = *state;
        struct client *c = &f->client;
        static const char line[] = "a line that is longer than the room";
        for (int rest = 0; rest < 2; rest++) {
                c->is_broken_off = true;
                while (c->skipped_lines == 0)
                        put_line(c, "*** [Yes, the chat is here]");
                while (client_room(c) > 0)
                        client_raw(c, "x", 1);
                if (rest > 0)
                        client_rest(c, line + 2, sizeof(line) - 3);
                else
                        client_give_up_rest(c);
                assert_in_range(c->end, 1, sizeof(c->buffer));
                assert_int_equal(client_room(c), 0);
                assert_int_equal(c->skipped_lines, 1 + rest);
                client_raw(c, "x", 1);
                assert_in_range(c->end, 1, sizeof(c->buffer));
                assert_memory_equal(drain(f), "\r\n*** [Ye", 9);
        }
}

static void test_end_of_input(void **state)
{
        struct fixture *f = *state;
        char buffer[16];
        assert_int_equal(client_read(&f->client, buffer, sizeof(buffer)), 0);
        assert_false(client_has_ended(&f->client));
        assert_int_equal(write(f->peer, "hi", 2), 2);
        shutdown(f->peer, SHUT_WR);
        assert_int_equal(client_read(&f->client, buffer, sizeof(buffer)), 2);
        assert_int_equal(client_read(&f->client, buffer, sizeof(buffer)), 0);
        assert_int_equal(f->client.input, CLIENT_ENDED);
}

static void test_a_broken_client_drops_output_and_keeps_input(void **state)
{
        struct fixture *f = *state;
        char buffer[16];
        assert_int_equal(write(f->peer, "last", 4), 4);
        close(f->peer);
        f->peer = -1;
        put_line(&f->client, "lost");
        flush(&f->client);
        assert_true(f->client.is_out_broken);
        assert_false(client_waits(&f->client));
        assert_int_equal(client_read(&f->client, buffer, sizeof(buffer)), 4);
}

static void test_close_tells_the_peer(void **state)
{
        struct fixture *f = *state;
        char buffer[16];
        assert_int_equal(write(f->peer, "unread", 6), 6);
        client_close(&f->client);
        assert_int_equal(read(f->peer, buffer, sizeof(buffer)), 0);
}

static void test_pipes(void **state)
{
        (void)state;
        static struct client c;
        int in[2], out[2];
        char buffer[16];
        assert_int_equal(pipe(in) | pipe(out), 0);
        client_init(&c, in[0], out[1]);
        assert_int_equal(client_read(&c, buffer, sizeof(buffer)), 0); /* does not block */
        assert_false(client_has_ended(&c));
        put_line(&c, "hello");
        client_flush(&c);
        assert_int_equal(read(out[0], buffer, sizeof(buffer)), 7);
        close(in[1]);
        assert_int_equal(client_read(&c, buffer, sizeof(buffer)), 0);
        assert_true(client_has_ended(&c));
        close(in[0]);
        close(out[0]);
        close(out[1]);
}

/* A kind of client may change what it has just written. */
static void test_taking_back(void **state)
{
        struct fixture *f = *state;
        char got[32], last[8];
        client_raw(&f->client, "one two ", 8);
        size_t room = client_room(&f->client);
        client_raw(&f->client, "three", 5);
        assert_int_equal(room - client_room(&f->client), 5);
        memcpy(last, client_take_back(&f->client, 5), 5);
        assert_memory_equal(last, "three", 5);
        assert_int_equal(client_room(&f->client), room);
        client_raw(&f->client, "3", 1);
        client_flush(&f->client);
        assert_int_equal(read(f->peer, got, sizeof(got)), 9);
        assert_memory_equal(got, "one two 3", 9);
}

#define TEST_WITH_PEER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_a_client_that_does_not_read_is_not_silent(void **state)
{
        struct fixture *unix_socket = *state;
        struct client *c = calloc(1, sizeof(*c));
        int fds[2];
        char text[1000];
        tcp_connect(fds, 4096);
        client_init(c, fds[0], fds[0]);
        assert_int_equal(client_silent_ms(&unix_socket->client), -1); /* no TCP connection */
        assert_int_equal(client_silent_ms(c), -1);                    /* nothing was sent */
        assert_false(client_sent(c));
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int i = 0; i < 100; i++)
                put_line(c, text);
        flush(c);
        assert_true(client_waits(c));
        assert_true(client_sent(c));
        assert_false(client_sent(c));
        /* the client's kernel acknowledges, and reports that it has no room */
        assert_in_range(client_silent_ms(c), 0, 10000);
        while (client_silent_ms(c) >= 0) { /* once the client has read everything, no acknowledgement is awaited */
                flush(c);
                recv(fds[1], text, sizeof(text), MSG_DONTWAIT);
        }
        assert_false(client_waits(c));
        close(fds[0]);
        close(fds[1]);
        free(c);
}

static void test_a_client_that_is_gone(void **state)
{
        struct fixture *f = *state;
        assert_false(client_is_gone(&f->client));
        assert_int_equal(send(f->peer, "x", 1, 0), 1);
        close(f->peer);
        f->peer = -1;
        assert_false(client_is_gone(&f->client)); /* the client sent something first */
        char byte;
        assert_int_equal(client_read(&f->client, &byte, 1), 1);
        assert_true(client_is_gone(&f->client));
}

/* The session before this one shut the connection down, or the client did so with its end. */
static void test_a_client_that_is_deaf(void **state)
{
        struct fixture *f = *state;
        for (int tcp = 0; tcp < 2; tcp++) {
                struct client *c = calloc(1, sizeof(*c));
                int fds[2];
                if (tcp)
                        tcp_connect(fds, 0);
                else
                        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
                client_init(c, fds[0], fds[0]);
                assert_false(client_is_gone(c));
                assert_int_equal(send(fds[1], "x", 1, 0), 1);
                shutdown(fds[0], SHUT_WR);
                assert_true(client_is_gone(c));
                assert_false(client_is_deaf(c)); /* nothing was written yet */
                put_line(c, "hello");
                flush(c);
                assert_true(client_is_deaf(c));
                close(fds[0]);
                close(fds[1]);
                free(c);
        }
        shutdown(f->peer, SHUT_RD);
        assert_true(client_is_gone(&f->client));
        put_line(&f->client, "hello");
        flush(&f->client);
        assert_true(client_is_deaf(&f->client));
        close(f->peer);
        f->peer = -1;
        assert_false(client_is_deaf(&f->client)); /* the client left, which the session will read */
}

static int option_of(int fd, int level, int name)
{
        int value = -1;
        socklen_t size = sizeof(value);
        assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
        return value;
}

/* The settings of chat.socket are applied if the launcher sets nothing, and left alone if it does. */
static void test_keepalive(void **state)
{
        static const struct {
                int timeout_ms, own_s, idle_s, interval_s, probes;
        } rows[] = {
                {0, 0, 60, 12, 5},    {240000, 0, 60, 12, 5}, {120000, 0, 60, 12, 5},
                {60000, 0, 30, 6, 5}, {10000, 0, 5, 1, 5},    {2000, 0, 1, 1, 5},
                {1000, 0, 1, 1, 5},   {240000, 7, 7, 8, 9},   {1000000000, 0, 60, 12, 5},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int fds[2], on = 1, interval = 8, probes = 9;
                struct client c = {0};
                tcp_connect(fds, 0);
                if (rows[i].own_s > 0) {
                        setsockopt(fds[0], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
                        setsockopt(fds[0], IPPROTO_TCP, TCP_KEEPIDLE, &rows[i].own_s, sizeof(rows[i].own_s));
                        setsockopt(fds[0], IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
                        setsockopt(fds[0], IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
                }
                c.in = c.out = fds[0];
                client_keep_alive(&c, rows[i].timeout_ms);
                assert_int_equal(option_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 1);
                assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_KEEPIDLE), rows[i].idle_s);
                assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_KEEPINTVL), rows[i].interval_s);
                assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_KEEPCNT), rows[i].probes);
                close(fds[0]);
                close(fds[1]);
        }
        struct client none = {.in = -1, .out = -1};
        client_keep_alive(&none, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST_WITH_PEER(test_lines_end_with_crlf),
                TEST_WITH_PEER(test_a_slow_client_is_told_the_exact_count),
                TEST_WITH_PEER(test_rows),
                TEST_WITH_PEER(test_rows_have_room),
                TEST_WITH_PEER(test_order_survives_the_wrap),
                TEST_WITH_PEER(test_the_rest_has_room),
                TEST_WITH_PEER(test_a_row_is_erased),
                TEST_WITH_PEER(test_end_of_input),
                TEST_WITH_PEER(test_a_broken_client_drops_output_and_keeps_input),
                TEST_WITH_PEER(test_close_tells_the_peer),
                cmocka_unit_test(test_pipes),
                TEST_WITH_PEER(test_taking_back),
                TEST_WITH_PEER(test_a_client_that_does_not_read_is_not_silent),
                TEST_WITH_PEER(test_a_client_that_is_gone),
                TEST_WITH_PEER(test_a_client_that_is_deaf),
                cmocka_unit_test(test_keepalive),
        };
        return RUN_TESTS(tests);
}
