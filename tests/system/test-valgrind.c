/* Both programs under valgrind, to an orderly end: no error, nothing leaked, not even what is still reachable. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

enum { FOUND = 9 }; /* valgrind's exit status if it found something */

static int setup(void **state)
{
        *state = chat_start();
        chat_kill_broker(*state, SIGTERM); /* one under valgrind takes its place */
        return 0;
}

static int teardown(void **state)
{
        chat_stop(*state);
        return 0;
}

/* Returns the option that turns the sandbox off, because valgrind itself makes calls that it forbids. Returns NULL if
 * there is no such option. */
static char *no_sandbox(void)
{
        const char *option = shell("%s --help | grep -o -m 1 -e ' --no-sandbox' || true", program("chat-session"));
        return *option ? "--no-sandbox" : NULL;
}

/* Starts a program under valgrind, which writes its findings to DIR/found.PID. */
static pid_t start(struct chat *chat, const char *name, int in, int out)
{
        char log[128];
        snprintf(log, sizeof(log), "--log-file=%s/found.%%p", chat->dir);
        char *argv[] = {"env",
                        "LD_PRELOAD=build/tests/valgrind-pidfd.so",
                        "valgrind",
                        "--quiet",
                        "--leak-check=full",
                        "--show-leak-kinds=all",
                        "--errors-for-leak-kinds=all",
                        "--error-exitcode=9",
                        log,
                        program(name),
                        chat->option,
                        strcmp(name, "chat-session") == 0 ? no_sandbox() : NULL,
                        NULL};
        return process_start(argv, in, out, -1);
}

static void start_broker(struct chat *chat)
{
        chat->broker = start(chat, "chatd", -1, -1);
        shell_until("test -S %s/chatd.sock", chat->dir);
}

static struct client *join(struct chat *chat, pid_t *session)
{
        struct client *c = client_connect("127.0.0.1", chat->port);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        *session = start(chat, "chat-session", accepted, accepted);
        close(accepted);
        client_greeted(c);
        return c;
}

static void assert_clean_end(struct chat *chat, pid_t pid)
{
        int status = process_wait(pid);
        if (status != 0)
                fail_msg("ended with %d (%d: valgrind found something): %s", status, FOUND,
                         shell("cat %s/found.%d", chat->dir, pid));
}

/* Lets a say `text`; b gets it. */
static void assert_heard(struct client *a, struct client *b, const char *text)
{
        client_send(a, "%s\n", text);
        client_expect(b, "%s: %s\r\n", a->name, text);
}

static void test_chatd_stops_while_somebody_is_connected(void **state)
{
        struct chat *chat = *state;
        pid_t sessions[3];
        start_broker(chat);
        struct client *a = join(chat, &sessions[0]), *b = join(chat, &sessions[1]), *c = join(chat, &sessions[2]);
        client_expect(a, "*** %s is connected\r\n", c->name);
        assert_heard(a, b, "hello");
        assert_heard(b, a, "hi");
        client_send(a, "exit\n");
        client_expect_end(a);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        assert_clean_end(chat, sessions[0]);
        client_send(b, "no line end");
        shutdown(b->fd, SHUT_WR);
        client_expect(c, "%s: no line end\r\n*** %s is disconnected\r\n", b->name, b->name);
        client_expect_end(b);
        assert_clean_end(chat, sessions[1]);
        kill(chat->broker, SIGTERM);
        assert_clean_end(chat, chat->broker);
        chat->broker = 0;
        client_send(c, "not sent\nexit\n");
        client_expect(c, "*** 1 line was not sent: the chat is unavailable\r\n");
        client_expect_end(c);
        assert_clean_end(chat, sessions[2]);
        client_free(a);
        client_free(b);
        client_free(c);
}

static void test_chatd_is_killed_and_started_again(void **state)
{
        struct chat *chat = *state;
        pid_t sessions[3];
        start_broker(chat);
        struct client *a = join(chat, &sessions[0]), *b = join(chat, &sessions[1]), *c = join(chat, &sessions[2]);
        client_expect(a, "*** %s is connected\r\n", c->name);
        assert_heard(a, b, "before");
        chat_kill_broker(chat, SIGKILL);
        kill(sessions[2], SIGKILL); /* a dead session for the recovery to find */
        client_expect_end(c);
        client_send(a, "between\n");
        client_sync(a);
        start_broker(chat);
        /* The queue was chatd's own: the new one holds what chatd and the session put in first. */
        if (!strstr(client_expect(b, "%s: between\r\n", a->name), "disconnected"))
                client_expect(b, "*** %s is disconnected\r\n", c->name);
        assert_heard(b, a, "after");
        kill(sessions[0], SIGTERM);
        client_expect(b, "*** %s is disconnected\r\n", a->name);
        assert_clean_end(chat, sessions[0]);
        client_reset(b);
        assert_clean_end(chat, sessions[1]);
        kill(chat->broker, SIGTERM);
        assert_clean_end(chat, chat->broker);
        chat->broker = 0;
        client_free(a);
        client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_chatd_stops_while_somebody_is_connected),
                TEST(test_chatd_is_killed_and_started_again),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
