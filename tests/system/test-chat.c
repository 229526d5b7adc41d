/* The real programs, without systemd as PID 1: what clients see. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "harness.h"

static int setup(void **state)
{
        *state = chat_start();
        return 0;
}

static int teardown(void **state)
{
        chat_stop(*state);
        return 0;
}

/* Lets two clients join. Then whatever is said reaches both, both know of each other, and no further notice is on its
 * way: a witness has seen them join, and they have seen it leave. */
static void join_two(struct chat *chat, struct client **a, struct client **b)
{
        struct client *witness = chat_join(chat, NULL);
        *a = chat_join(chat, NULL);
        client_expect(witness, "*** %s is connected\r\n", (*a)->name);
        *b = chat_join(chat, NULL);
        client_expect(witness, "*** %s is connected\r\n", (*b)->name);
        client_send(witness, "exit\n");
        client_expect_end(witness);
        client_expect(*a, "*** %s is disconnected\r\n", witness->name);
        client_expect(*b, "*** %s is disconnected\r\n", witness->name);
        client_free(witness);
}

static void test_echo_until_exit(void **state)
{
        struct chat *chat = *state;
        struct client *c = chat_join_with(chat, "127.0.0.1", NULL, "--echo", NULL);
        client_send(c, "one\r\ntwo\n");
        client_expect(c, "one\r\ntwo\r\n");
        client_send(c, "not exit\nexit\nafter\n");
        assert_string_equal(client_expect_end(c), "not exit\r\n");
        client_free(c);
}

static void test_echo_of_a_half_closed_client(void **state)
{
        struct chat *chat = *state;
        struct client *c = chat_join_with(chat, "127.0.0.1", NULL, "--echo", NULL);
        client_send(c, "no line end");
        shutdown(c->fd, SHUT_WR);
        assert_string_equal(client_expect_end(c), "no line end\r\n");
        client_free(c);
}

static void test_a_chat(void **state)
{
        struct chat *chat = *state;
        struct client *a = chat_join(chat, NULL);
        struct client *b = chat_join(chat, NULL);
        client_expect(a, "*** %s is connected\r\n", b->name);
        client_send(a, "hello\r\n");
        client_expect(b, "%s: hello\r\n", a->name);
        client_send(b, "hi\n");
        /* the next line that a gets is this one: its own line never came back */
        assert_string_equal(client_expect(a, "%s: hi\r\n", b->name), "");
        client_send(a, "\n"); /* an empty line is no line */
        client_send(a, "exit\n");
        assert_string_equal(client_expect_end(a), "");
        assert_string_equal(client_expect(b, "*** %s is disconnected\r\n", a->name), "");
        client_free(a);
        client_free(b);
}

static void test_ways_to_leave(void **state)
{
        struct chat *chat = *state;
        static const char *const ways[] = {"exit\n", "exit\r\n", "/quit\n", "\4", "\xff\xec"};
        struct client *b = chat_join(chat, NULL);
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                struct client *a = chat_join(chat, NULL);
                client_expect(b, "*** %s is connected\r\n", a->name);
                client_send(a, "%s", ways[i]);
                client_expect_end(a);
                client_expect(b, "*** %s is disconnected\r\n", a->name);
                client_free(a);
        }
        struct client *a = chat_join(chat, NULL);
        client_expect(b, "*** %s is connected\r\n", a->name);
        client_send(a, "\xff\xf4");
        client_expect(a, "*** ^C again, or exit, leaves.\r\n");
        client_send(a, "on\n\xff\xf4"); /* not twice in a row */
        client_expect(a, "*** ^C again, or exit, leaves.\r\n");
        client_send(a, "still here\n");
        client_expect(b, "%s: still here\r\n", a->name);
        client_send_bytes(a, "\xff\xf4\xff\xf4", 4); /* two before the answer about BINARY may be two letters */
        client_expect(a, "*** ^C again, or exit, leaves.\r\n");
        client_send_bytes(a, "\xff\xfb\0\xff\xf4", 5);
        client_expect_end(a);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        client_free(a);
        a = chat_join(chat, NULL);
        client_expect(b, "*** %s is connected\r\n", a->name);
        shutdown(a->fd, SHUT_WR);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        client_free(a);
        client_free(b);
}

static void test_the_end_of_a_pipe(void **state)
{
        struct chat *chat = *state;
        struct client *b = chat_join(chat, NULL);
        struct client *a = chat_join(chat, NULL);
        client_expect(b, "*** %s is connected\r\n", a->name);
        client_send(a, "one\ntwo without a line end"); /* as `echo … | ncat` does it */
        shutdown(a->fd, SHUT_WR);
        client_expect(b, "%s: one\r\n%s: two without a line end\r\n*** %s is disconnected\r\n", a->name, a->name,
                      a->name);
        client_expect_end(a);
        client_free(a);
        client_free(b);
}

static void test_telnet_commands(void **state)
{
        struct chat *chat = *state;
        struct client *a, *b;
        join_two(chat, &a, &b);
        /* how PuTTY begins; a line in pieces, a subnegotiation in the middle, urgent data */
        client_send_bytes(a, "\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfd\x03", 12);
        client_expect(a, "\xff\xfe\x1f\xff\xfe\x20\xff\xfe\x18\xff\xfc\x03");
        client_send_bytes(a, "in \xff\xfa\x1f\1P", 8);
        client_send_bytes(a, "\1P\xff\xf0pieces\r", 11);
        client_expect(b, "%s: in pieces\r\n", a->name);
        client_send_bytes(a, "\0two\xff\xff\r\n", 8);
        client_expect(b, "%s: two\ufffd\r\n", a->name);
        send(a->fd, "\xff\xf2", 2, MSG_OOB); /* Synch: the last byte is urgent */
        client_send(a, "hello\r\n");
        client_expect(b, "%s: hello\r\n", a->name);
        client_send_bytes(a, "\xff\xf4\xff\xfd\6", 5); /* ^C in telnet */
        client_expect(a, "\xff\xfc\6");
        client_send_bytes(a, "\xff\xf6", 2);
        client_expect(a, "*** [Yes, the chat is here]\r\n");
        client_free(a);
        client_free(b);
}

static void test_nothing_dangerous_reaches_others(void **state)
{
        struct chat *chat = *state;
        struct client *a, *b;
        join_two(chat, &a, &b);
        client_send_bytes(a, "\x1b]0;x\7\0\x0e\xc2\x9b\xe2\x80\xae\xc3\x28\n", 16);
        client_expect(b, "%s: ]0;x^G^N<U+009B><U+202E>\ufffd(\r\n", a->name);
        client_send(a, "x\rforged: hi\n"); /* a line end always ends the line: the name comes before each line */
        client_expect(b, "%s: x\r\n%s: forged: hi\r\n", a->name, a->name);
        client_free(a);
        client_free(b);
}

static void test_ten_megabytes_without_a_line_end(void **state)
{
        struct chat *chat = *state;
        struct client *a, *b;
        join_two(chat, &a, &b);
        enum { CHUNK = 64 * 1024, CHUNKS = 160 };
        static char chunk[CHUNK];
        memset(chunk, 'x', sizeof(chunk));
        pid_t writer = process_fork();
        if (writer == 0) {
                for (int i = 0; i < CHUNKS; i++)
                        client_send_bytes(a, chunk, sizeof(chunk));
                client_send(a, "\nend\n");
                _exit(0);
        }
        size_t total = 0, prefix = strlen(a->name) + 2;
        for (;;) {
                const char *line = client_expect(b, "\r\n");
                assert_memory_equal(line, a->name, strlen(a->name));
                if (strcmp(line + prefix, "end") == 0)
                        break;
                assert_in_range(strlen(line + prefix), 1, 4096);
                assert_int_equal(strspn(line + prefix, "x"), strlen(line + prefix));
                total += strlen(line + prefix);
        }
        assert_int_equal(total, (size_t)CHUNK * CHUNKS);
        assert_int_equal(process_wait(writer), 0);
        client_free(a);
        client_free(b);
}

static void test_a_flood_arrives_whole_and_in_order(void **state)
{
        struct chat *chat = *state;
        enum { LINES = 20000 };
        struct client *a, *b;
        join_two(chat, &a, &b);
        pid_t writer = process_fork();
        if (writer == 0) {
                for (int i = 0; i < LINES; i++)
                        client_send(a, "line %d\n", i);
                _exit(0);
        }
        for (int i = 0; i < LINES; i++)
                assert_string_equal(client_expect(b, "%s: line %d\r\n", a->name, i), "");
        assert_int_equal(process_wait(writer), 0);
        client_free(a);
        client_free(b);
}

static void test_a_paste_goes_out_at_its_pace(void **state)
{
        struct chat *chat = *state;
        enum { LINES = 500 };
        struct client *b = chat_join(chat, NULL);
        struct client *a = chat_join_with(chat, "127.0.0.1", NULL, chat->option, "--pace=250:20", NULL);
        client_greeted(a);
        int64_t begin = clock_ms();
        for (int i = 0; i < LINES; i++)
                client_send(a, "line %d\n", i);
        client_sync(a); /* questions of telnet are answered before the paste is through */
        for (int i = 0; i < LINES; i++)
                client_expect(b, "%s: line %d\r\n", a->name, i);
        assert_true(clock_ms() - begin >= (LINES - 20) * 4); /* 250 a second at most: a slow machine takes longer */
        client_send(a, "exit\n");
        client_expect_end(a);
        client_free(a);
        client_free(b);
}

/* Returns how many lines a client was told that it was not shown: because it did not read, or because its session did
 * not run for too long. */
static long count_skipped(const char *all)
{
        long skipped = 0;
        for (const char *at = all; (at = strstr(at, " skipped: your ")); at++) {
                const char *stars = at;
                while (*stars != '*')
                        stars--;
                skipped += strtol(stars + 2, NULL, 10);
        }
        return skipped;
}

static void test_a_client_that_never_reads(void **state)
{
        struct chat *chat = *state;
        enum { LINES = 6000, LENGTH = 1000 };
        struct client *a, *b;
        join_two(chat, &a, &b);
        struct client *deaf = chat_join(chat, NULL);
        client_expect(a, "*** %s is connected\r\n", deaf->name);
        char text[LENGTH + 1];
        memset(text, 'x', LENGTH);
        text[LENGTH] = '\0';
        for (int i = 0; i < LINES; i++) {
                client_send(a, "%s\n", text);
                client_expect(b, "%s: x", a->name);
        }
        client_send(deaf, "I can still talk\n");
        client_expect(a, "%s: I can still talk\r\n", deaf->name);
        client_send(a, "last\n");
        client_expect(b, "%s: last\r\n", a->name);
        client_send(deaf, "exit\n");
        /* every line of the others is either there or counted */
        const char *all = client_expect_end(deaf);
        long shown = 0, skipped = count_skipped(all);
        for (const char *at = all; (at = strstr(at, ": ")); at++)
                shown += strncmp(at, ": x", 3) == 0 || strncmp(at, ": last", 6) == 0;
        assert_true(skipped > 0);
        assert_int_equal(shown + skipped, LINES + 1);
        client_free(a);
        client_free(b);
        client_free(deaf);
}

/* The client reads a byte for each line that is said: it falls behind at once, and the others do not wait for it. */
static void test_a_client_that_reads_a_byte_at_a_time(void **state)
{
        struct chat *chat = *state;
        enum { LINES = 6000 };
        struct client *a, *b;
        join_two(chat, &a, &b);
        pid_t session;
        struct client *slow = chat_join(chat, &session);
        client_expect(a, "*** %s is connected\r\n", slow->name);
        char text[1001], first[LINES + 1];
        size_t first_len = 0;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int i = 0; i < LINES; i++) {
                client_send(a, "%d %s\n", i, text);
                client_expect(b, "%s: %d x", a->name, i);
                if (recv(slow->fd, first + first_len, 1, MSG_DONTWAIT) == 1)
                        first_len++;
        }
        /* its cost is bounded: 256 KiB of output, 128 KiB of input, a datagram, and the program */
        long kib = strtol(shell("awk '/^VmRSS/ { print $2 }' /proc/%d/status", session), NULL, 10);
        assert_in_range(kib, 0, reports_dir() ? 64 * 1024 : 4 * 1024);
        client_send(slow, "exit\n");
        const char *rest = client_expect_end(slow);
        char *all = calloc(1, first_len + strlen(rest) + 1);
        memcpy(all, first, first_len);
        strcpy(all + first_len, rest);
        long shown = 0, skipped = count_skipped(all);
        for (const char *at = all; (at = strstr(at, " x")); at++)
                shown++;
        assert_true(skipped > 0);
        assert_int_equal(shown + skipped, LINES);
        free(all);
        client_free(a);
        client_free(b);
        client_free(slow);
}

static void test_resets_at_any_moment(void **state)
{
        struct chat *chat = *state;
        struct client *a, *b;
        join_two(chat, &a, &b);
        for (int i = 0; i < 30; i++) {
                struct client *c = chat_join_with(chat, "127.0.0.1", NULL, chat->option, NULL);
                if (i % 3 > 0)
                        client_greeted(c);
                if (i % 3 > 1)
                        client_send(c, "last words %d\nand half a li", i);
                client_reset(c);
                if (i % 3 > 1)
                        client_expect(b, ": last words %d\r\n", i);
        }
        client_send(a, "all well\n");
        client_expect(b, "%s: all well\r\n", a->name);
        client_free(a);
        client_free(b);
}

static void test_a_killed_session_is_announced(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        struct client *b = chat_join(chat, NULL);
        struct client *a = chat_join(chat, &session);
        client_expect(b, "*** %s is connected\r\n", a->name);
        client_send(a, "famous last words\n");
        client_expect(b, "%s: famous last words\r\n", a->name);
        kill(session, SIGKILL);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        client_expect_end(a);
        client_free(a);
        client_free(b);
}

static void test_a_session_told_to_stop(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        struct client *b = chat_join(chat, NULL);
        struct client *a = chat_join(chat, &session);
        client_expect(b, "*** %s is connected\r\n", a->name);
        kill(session, SIGTERM);
        client_expect(a, "*** The chat was shut down\r\n");
        client_expect_end(a);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        assert_int_equal(process_wait(session), 0);
        client_free(a);
        client_free(b);
}

/* Lines that wait for their turn go out at once, whether or not the client is leaving already. */
static void test_a_session_told_to_stop_behind_a_paste(void **state)
{
        struct chat *chat = *state;
        enum { LINES = 300 };
        struct client *b = chat_join(chat, NULL);
        for (int leaving = 0; leaving <= 1; leaving++) {
                pid_t session;
                struct client *a = chat_join_with(chat, "127.0.0.1", &session, chat->option, "--pace=1:1", NULL);
                client_greeted(a);
                for (int i = 0; i < LINES; i++)
                        client_send(a, "line %d\n", i);
                if (leaving) {
                        client_send(a, "exit\n");
                        client_expect(a, " lines are still being sent; you leave after that\r\n");
                } else {
                        client_sync(a);
                }
                kill(session, SIGTERM);
                int64_t deadline = clock_ms() + DEADLINE_MS; /* at their pace they would take five minutes */
                for (int i = 0; i < LINES && clock_ms() < deadline; i++)
                        client_expect(b, "%s: line %d\r\n", a->name, i);
                assert_true(clock_ms() < deadline);
                client_expect(b, "*** %s is disconnected\r\n", a->name);
                client_expect_end(a);
                assert_int_equal(process_wait(session), 0);
                client_free(a);
        }
        client_free(b);
}

static void test_a_stopped_session_lags_alone(void **state)
{
        struct chat *chat = *state;
        enum { LINES = 2000 };
        pid_t session;
        struct client *a, *b;
        join_two(chat, &a, &b);
        struct client *c = chat_join(chat, &session);
        client_expect(a, "*** %s is connected\r\n", c->name);
        kill(session, SIGSTOP);
        for (int i = 0; i < LINES; i++) {
                client_send(a, "line %d\n", i);
                client_expect(b, "%s: line %d\r\n", a->name, i);
        }
        kill(session, SIGCONT);
        client_expect(c, " skipped: your session was not running\r\n");
        client_send(a, "back\n");
        client_expect(c, "%s: back\r\n", a->name);
        client_free(a);
        client_free(b);
        client_free(c);
}

static void test_without_a_broker(void **state)
{
        struct chat *chat = *state;
        chat_kill_broker(chat, SIGTERM);
        struct client *a = chat_join(chat, NULL);
        client_expect(a, "*** The chat is unavailable right now; what you type is sent when it is back\r\n");
        struct client *b = chat_join(chat, NULL);
        client_expect(b, "*** The chat is unavailable right now");
        client_send(a, "kept\nand this\n");
        chat_start_broker(chat);
        client_expect(a, "*** The chat is back\r\n");
        client_expect(b, "*** The chat is back\r\n");
        client_send(b, "hello\n");
        client_expect(a, "%s: hello\r\n", b->name);
        /* the order of joining is random; lines that were kept are sent, in order, and shown to those who were members
         * by then */
        struct client *c = chat_join(chat, NULL);
        client_send(a, "more\n");
        client_expect(c, "%s: more\r\n", a->name);
        client_free(a);
        client_free(b);
        client_free(c);
}

static void test_leaving_without_a_broker(void **state)
{
        struct chat *chat = *state;
        chat_kill_broker(chat, SIGTERM);
        struct client *a = chat_join(chat, NULL);
        client_send(a, "one\ntwo\nexit\n");
        client_expect(a, "*** The chat is unavailable right now");
        client_expect(a, "*** 2 lines were not sent: the chat is unavailable\r\n");
        client_expect_end(a);
        client_free(a);
}

static void test_a_broker_that_is_killed(void **state)
{
        struct chat *chat = *state;
        struct client *a, *b;
        join_two(chat, &a, &b);
        /* a member is announced before its first line: no announcement is on its way any more */
        client_send(a, "hello\n");
        client_expect(b, "%s: hello\r\n", a->name);
        for (int i = 0; i < 5; i++) {
                chat_kill_broker(chat, SIGKILL);
                chat_start_broker(chat);
                client_send(a, "line %d\n", i);
                /* there may be a notice of lines that may be lost with the queue; no member is announced again, no line
                 * is lost or doubled */
                const char *before = client_expect(b, "%s: line %d\r\n", a->name, i);
                assert_null(strstr(before, "connected"));
                assert_null(strstr(before, ": line"));
        }
        client_free(a);
        client_free(b);
}

/* Here the queue belongs to the broker itself. */
static void test_what_a_broker_takes_along(void **state)
{
        struct chat *chat = *state;
        struct client *a, *b;
        join_two(chat, &a, &b);
        /* Wait until it sleeps: a chatd that is stopped while it writes to a client keeps that client's connection. */
        shell_until("grep -q '^State:.S' /proc/%d/status", (int)chat->broker);
        kill(chat->broker, SIGSTOP);
        client_send(a, "one\ntwo\nthree\n");
        client_sync(a); /* the lines are in the queue */
        chat_kill_broker(chat, SIGKILL);
        chat_start_broker(chat);
        client_expect(a, "*** The chat lost its queue: your last 3 lines may not have reached everybody\r\n");
        client_send(a, "four\n");
        assert_null(strstr(client_expect(b, "%s: four\r\n", a->name), "three"));
        /* a chatd that is told to end relays what it has, and says so */
        client_send(a, "five\nsix\n");
        client_sync(a);
        chat_kill_broker(chat, SIGTERM);
        client_expect(b, "%s: five\r\n%s: six\r\n", a->name, a->name);
        chat_start_broker(chat);
        client_send(a, "seven\n");
        client_expect(b, "%s: seven\r\n", a->name);
        client_send(b, "eight\n");
        assert_null(strstr(client_expect(a, "%s: eight\r\n", b->name), "lost"));
        client_free(a);
        client_free(b);
}

static void test_who_died_while_there_was_no_broker(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        struct client *b = chat_join(chat, NULL);
        struct client *a = chat_join(chat, &session);
        client_expect(b, "*** %s is connected\r\n", a->name);
        chat_kill_broker(chat, SIGKILL);
        kill(session, SIGKILL);
        process_wait(session);
        chat_start_broker(chat);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        client_free(a);
        client_free(b);
}

static void test_ipv6_and_unix_names(void **state)
{
        struct chat *chat = *state;
        struct client *b = chat_join(chat, NULL);
        struct client *six = chat_join_with(chat, "::1", NULL, chat->option, NULL);
        client_greeted(six);
        client_expect(b, "*** %s is connected\r\n", six->name);

        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        char *const argv[] = {program("chat-session"), chat->option, NULL};
        process_start(argv, fds[1], fds[1], -1);
        close(fds[1]);
        struct client *local = client_of(fds[0], shell("id -un"));
        client_greeted(local);
        client_expect(b, "*** %s is connected\r\n", local->name);
        client_free(b);
        client_free(six);
        client_free(local);
}

/* Runs a program that must end with status 2 and one line on standard error. */
static void assert_usage(const char *name, const char *arguments, const char *says)
{
        char line[256];
        snprintf(line, sizeof(line), "%s: %s", program(name), says);
        assert_string_equal(shell("%s %s 2>&1 >/dev/null </dev/null; test $? = 2", program(name), arguments), line);
}

static void test_wrong_options(void **state)
{
        (void)state;
        assert_usage("chatd", "--nonsense", "unrecognized option '--nonsense'");
        assert_usage("chatd", "extra", "unexpected argument 'extra'; see --help");
        assert_usage("chatd", "--session-user=nobody-here", "--session-user: there is no user 'nobody-here'");
        assert_usage("chatd", "--arrivals=0", "--arrivals takes RATE or RATE:BURST, 1 to 1000000 each, or off");
        assert_usage("chatd", "--run-dir", "option '--run-dir' requires an argument");
        assert_usage("chatd", "--run-dir=$(printf %0100d 1)", "--run-dir takes a path of 1 to 81 bytes");
        assert_usage("chatd", "--run-dir=", "--run-dir takes a path of 1 to 81 bytes");
        assert_usage("chat-session", "--nonsense", "unrecognized option '--nonsense'");
        assert_usage("chat-session", "--pace=fast", "--pace takes RATE or RATE:BURST, 1 to 1000000 each, or off");
        assert_usage("chat-session", "--client-timeout=0", "--client-timeout takes 1 to 1000000 seconds, or off");
        assert_usage("chat-session", "extra", "unexpected argument 'extra'; see --help");
        assert_usage("chat-session", "--run-dir=$(printf %0100d 1)", "--run-dir takes a path of 1 to 81 bytes");
        shell("%s --help | grep -q -- --session-user", program("chatd"));
        shell("%s --version | grep -q '^chatd [0-9]'", program("chatd"));
        shell("%s --help | grep -q -- --echo", program("chat-session"));
        shell("%s --version | grep -q '[0-9]'", program("chat-session"));
}

static void test_a_second_broker(void **state)
{
        struct chat *chat = *state;
        chat_join(chat, NULL); /* so the first chatd runs */
        shell_until("test -S %s/chatd.sock", chat->dir);
        shell("test \"$(%s %s 2>&1)\" = 'chatd: another chatd serves %s'", program("chatd"), chat->option, chat->dir);
}

static void test_a_run_directory_that_cannot_be(void **state)
{
        (void)state;
        assert_string_equal(
                shell("%s --run-dir=/proc/none 2>&1; test $? = 1", program("chatd")),
                "chatd: cannot use the run directory /proc/none: No such file or directory; make it as the user "
                "who is to run this");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_echo_until_exit),
                TEST(test_echo_of_a_half_closed_client),
                TEST(test_a_chat),
                TEST(test_ways_to_leave),
                TEST(test_the_end_of_a_pipe),
                TEST(test_telnet_commands),
                TEST(test_nothing_dangerous_reaches_others),
                TEST(test_ten_megabytes_without_a_line_end),
                TEST(test_a_flood_arrives_whole_and_in_order),
                TEST(test_a_paste_goes_out_at_its_pace),
                TEST(test_a_client_that_never_reads),
                TEST(test_a_client_that_reads_a_byte_at_a_time),
                TEST(test_resets_at_any_moment),
                TEST(test_a_killed_session_is_announced),
                TEST(test_a_session_told_to_stop),
                TEST(test_a_session_told_to_stop_behind_a_paste),
                TEST(test_a_stopped_session_lags_alone),
                TEST(test_without_a_broker),
                TEST(test_leaving_without_a_broker),
                TEST(test_a_broker_that_is_killed),
                TEST(test_what_a_broker_takes_along),
                TEST(test_who_died_while_there_was_no_broker),
                TEST(test_ipv6_and_unix_names),
                cmocka_unit_test(test_wrong_options),
                TEST(test_a_second_broker),
                cmocka_unit_test(test_a_run_directory_that_cannot_be),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
