/* A person with irssi, in a terminal, in one chat with a person at an nc. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static int setup(void **state)
{
        *state = chat_start();
        return 0;
}

static int teardown(void **state)
{
        struct chat *chat = *state;
        shell("tmux -S %s/tmux kill-server 2>/dev/null || true", chat->dir);
        chat_stop(chat);
        return 0;
}

/* Starts an irssi in a terminal, which connects under this nick, and its chat-irc. */
static void irssi_start(const struct chat *chat, const char *nick)
{
        shell("tmux -S %s/tmux -f /dev/null new-session -d -x 100 -y 30 \"exec env TERM=screen LC_ALL=C.UTF-8 irssi "
              "--home=%s/irssi -c 127.0.0.1 -p %d -n %s\"",
              chat->dir, chat->dir, chat->port, nick);
        int connection = accept(chat->listener, NULL, NULL);
        assert_true(connection >= 0);
        char *const argv[] = {program("chat-irc"), (char *)chat->option, "--pace=off", NULL};
        process_start(argv, connection, connection, -1);
        close(connection);
}

static void irssi_type(const struct chat *chat, const char *text)
{
        shell("tmux -S %s/tmux send-keys -l '%s' && tmux -S %s/tmux send-keys Enter", chat->dir, text, chat->dir);
}

/* Waits until the screen has a row that matches the pattern of grep(1). */
static void irssi_shows(const struct chat *chat, const char *pattern)
{
        shell_until("tmux -S %s/tmux capture-pane -p | grep -q -- '%s'", chat->dir, pattern);
}

/* Joins a channel, whose window is shown then: irssi shows it before the server has answered. */
static void irssi_join(const struct chat *chat, const char *channel)
{
        char text[64];
        snprintf(text, sizeof(text), "/join %s", channel);
        irssi_type(chat, text);
        snprintf(text, sizeof(text), "has joined %s", channel);
        irssi_shows(chat, text);
}

/* Waits until irssi has registered, and joins the lobby. */
static void irssi_enter(const struct chat *chat)
{
        irssi_shows(chat, "Welcome to the chat");
        irssi_join(chat, "#lobby");
}

static void test_a_conversation(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        client_send(bob, "/nick bob\n");
        client_expect(bob, "*** You are now called bob\r\n");
        irssi_start(chat, "zoe");
        irssi_enter(chat);
        client_expect(bob, "*** zoe is connected\r\n");
        irssi_type(chat, "hello from irssi: żółw");
        client_expect(bob, "zoe: hello from irssi: żółw\r\n");
        client_send(bob, "hi zoe\n/me nods\n");
        irssi_shows(chat, "< *bob> hi zoe");
        irssi_shows(chat, "\\* bob nods");
        irssi_type(chat, "/me waves");
        client_expect(bob, "* zoe waves\r\n");
        irssi_type(chat, "/topic tea at five");
        client_expect(bob, "*** zoe set the topic: tea at five\r\n");
        irssi_shows(chat, "tea at five");
        irssi_type(chat, "/msg bob psst");
        client_expect(bob, "zoe (to you): psst\r\n");
        client_send(bob, "/msg zoe what?\n");
        client_expect(bob, "-> zoe: what?\r\n");
        irssi_type(chat, "/nick eve");
        client_expect(bob, "*** zoe is now called eve\r\n");
        irssi_join(chat, "#den");
        client_send(bob, "in the lobby\n/join den\nfound you\n");
        irssi_shows(chat, "< *bob> found you");
        irssi_type(chat, "in two rooms");
        client_expect(bob, "eve: in two rooms\r\n");
        irssi_type(chat, "/window 2");
        irssi_shows(chat, "< *bob> in the lobby");
        irssi_type(chat, "/quit");
        client_expect(bob, "*** eve is disconnected\r\n");
        client_free(bob);
}

/* chatd is killed and started again. irssi stays connected, and each line comes once. */
static void test_chatd_is_killed(void **state)
{
        enum { ROUNDS = 5 };
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        char pattern[32];
        client_send(bob, "/nick bob\n");
        client_expect(bob, "*** You are now called bob\r\n");
        irssi_start(chat, "zoe");
        irssi_enter(chat);
        for (int i = 0; i < ROUNDS; i++) {
                chat_kill_broker(chat, SIGKILL);
                snprintf(pattern, sizeof(pattern), "round %d", i);
                irssi_type(chat, pattern);
                client_send(bob, "answer %d\n", i);
                chat_start_broker(chat);
                client_expect(bob, "zoe: round %d\r\n", i);
                snprintf(pattern, sizeof(pattern), "< *bob> answer %d", i);
                irssi_shows(chat, pattern);
        }
        assert_string_equal(shell("tmux -S %s/tmux capture-pane -p | grep -c 'bob> answer'", chat->dir), "5");
        client_free(bob);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_conversation),
                TEST(test_chatd_is_killed),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
