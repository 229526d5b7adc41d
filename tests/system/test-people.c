/* What people do with commands: with the real programs, while chatd is killed; and a person at a telnet in a terminal.
 * */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void take_name(struct client *c, const char *name)
{
        client_send(c, "/nick %s\n", name);
        client_expect(c, "*** You are now called %s\r\n", name);
        snprintf(c->name, sizeof(c->name), "%s", name);
}

/* Both are there, and called so. */
static void join_two(struct chat *chat, struct client **ann, struct client **bob)
{
        *ann = chat_join(chat, NULL);
        take_name(*ann, "ann");
        *bob = chat_join(chat, NULL);
        client_expect(*ann, "*** %s is connected\r\n", (*bob)->name);
        take_name(*bob, "bob");
        client_expect(*ann, " is now called bob\r\n");
}

static void test_names(void **state)
{
        struct client *ann, *bob;
        join_two(*state, &ann, &bob);
        client_send(ann, "hello\n");
        client_expect(bob, "ann: hello\r\n");
        client_send(bob, "/nick ANN\n/nick 4nn\n/nick bob\n");
        client_expect(bob,
                      "*** Somebody is called ann: please take another name\r\n*** If that is you, on a connection "
                      "that was lost, try again in half a minute\r\n*** A name is 1 to 24 letters");
        client_expect(bob, "*** You are called bob already\r\n");
        client_send(ann, "exit\n");
        client_expect(bob, "*** ann is disconnected\r\n");
        client_expect_end(ann);
        take_name(bob, "ann");
        client_free(ann);
        client_free(bob);
}

static void test_words_to_one(void **state)
{
        struct chat *chat = *state;
        struct client *ann, *bob, *eve;
        join_two(chat, &ann, &bob);
        eve = chat_join(chat, NULL);
        client_expect(ann, "*** %s is connected\r\n", eve->name);
        client_send(ann, "/msg Bob psst\nloud\n");
        client_expect(bob, "ann (to you): psst\r\nann: loud\r\n");
        assert_string_equal(client_expect(eve, "ann: loud\r\n"), "");
        take_name(ann, "zoe");
        client_send(bob, "/reply yes?\n/me nods\n"); /* whatever she is called */
        client_expect(ann, "bob (to you): yes?\r\n* bob nods\r\n");
        client_send(eve, "/who\n");
        client_expect(eve, "*** 3 people are here: zoe, bob, %s\r\n", eve->name);
        client_send(eve, "exit\n");
        client_expect(bob, " is disconnected\r\n");
        client_send(bob, "/msg %s are you there?\n", eve->name);
        client_expect(bob, "*** Nobody here is called %s; /who lists who is here\r\n", eve->name);
        client_free(ann);
        client_free(bob);
        client_free(eve);
}

static void test_rooms(void **state)
{
        struct chat *chat = *state;
        struct client *ann, *bob, *eve;
        join_two(chat, &ann, &bob);
        eve = chat_join(chat, NULL);
        client_expect(ann, "*** %s is connected\r\n", eve->name);
        client_expect(bob, "*** %s is connected\r\n", eve->name);
        client_send(ann, "/join kitchen\n");
        client_expect(ann, "*** You are in kitchen now, alone\r\n");
        client_expect(bob, "*** ann went to kitchen\r\n");
        client_send(bob, "/join Kitchen\n");
        client_expect(bob, "*** You are in kitchen now, with ann\r\n");
        client_expect(ann, "*** bob came from lobby\r\n");
        client_send(ann, "/topic tea\nmilk?\n/rooms\n");
        client_expect(bob, "*** ann set the topic: tea\r\nann: milk?\r\n");
        client_expect(ann, "*** lobby: 1 person\r\n*** kitchen: 2 people, you among them; tea\r\n");
        for (int i = 0; i < 3; i++) {
                chat_kill_broker(chat, SIGKILL);
                client_send(bob, "/me stirs %d times\n", i);
                client_send(eve, "round %d\n", i);
                chat_start_broker(chat);
                client_expect(ann, "* bob stirs %d times\r\n", i);
        }
        client_send(ann, "/msg %s come\n", eve->name);
        assert_null(strstr(client_expect(eve, "ann (to you): come\r\n"), "stirs"));
        client_send(eve, "/join kitchen\n");
        client_expect(eve, "*** The topic: tea\r\n");
        client_expect(ann, "*** %s came from lobby\r\n", eve->name);
        client_send(bob, "/leave\n/who\n");
        client_expect(bob,
                      "*** You are in lobby now, alone\r\n*** You are alone here: bob\r\n*** 2 are in kitchen: ann, ");
        client_expect(ann, "*** bob went to lobby\r\n");
        client_send(eve, "exit\n");
        client_expect(ann, " is disconnected\r\n");
        client_send(bob, "hello?\n");
        client_send(ann, "/join lobby\n");
        assert_string_equal(client_expect(ann, "*** You are in lobby now, with bob\r\n"), "");
        client_free(ann);
        client_free(bob);
        client_free(eve);
}

/* Names are those of before, and so are whom one does not want to see and whom a reply goes to. */
static void test_while_chatd_is_killed(void **state)
{
        struct chat *chat = *state;
        struct client *ann, *bob;
        join_two(chat, &ann, &bob);
        client_send(ann, "/msg bob one\n");
        client_expect(bob, "ann (to you): one\r\n");
        for (int i = 0; i < 5; i++) {
                char name[16];
                chat_kill_broker(chat, SIGKILL);
                snprintf(name, sizeof(name), "ann-%d", i);
                client_send(ann, "/nick %s\nround %d\n", name, i);
                chat_start_broker(chat);
                client_expect(ann, "*** You are now called %s\r\n", name);
                client_expect(bob, " is now called %s\r\n", name);
                client_expect(bob, "%s: round %d\r\n", name, i);
                client_send(bob, "/reply round %d\n", i);
                client_expect(ann, "bob (to you): round %d\r\n", i);
        }
        client_free(ann);
        client_free(bob);
}

static void test_how_lines_look(void **state)
{
        struct client *ann, *bob;
        join_two(*state, &ann, &bob);
        client_send(ann, "1\n");
        client_expect(bob, "ann: 1\r\n");
        client_send(bob, "/color on\n");
        client_expect(bob, "*** /color is on\r\n");
        client_send(ann, "2\n");
        client_expect(bob, "mann\x1b[0m: 2\r\n");
        client_send(bob, "/time on\n");
        client_expect(bob, "*** /time is on\r\n");
        client_send(ann, "3\n");
        client_expect(bob, "] \x1b[3");
        client_expect(bob, "mann\x1b[0m: 3\r\n");
        client_send(bob, "/time off\n/color off\n/ignore ann\n");
        client_expect(bob, "*** You do not see any more what ann says");
        client_send(ann, "unseen\n");
        take_name(ann, "zoe");
        client_send(ann, "unseen as well\n");
        take_name(ann, "amy"); /* of which he is told behind that */
        assert_string_equal(client_expect(bob, "*** zoe is now called amy\r\n"),
                            "; the same once more, and you do\r\n*** ann is now called zoe\r\n");
        client_send(bob, "/ignore amy\n");
        client_expect(bob, "*** You see again what amy says\r\n");
        client_send(ann, "seen\n");
        assert_string_equal(client_expect(bob, "amy: seen\r\n"), "");
        client_free(ann);
        client_free(bob);
}

/* ---- a person in a terminal ---- */

/* What the terminal shows next, or shows already. */
static void terminal_shows(const struct chat *chat, const char *text)
{
        shell_until("tmux -S %s/tmux capture-pane -p -J | grep -qF -- '%s'", chat->dir, text);
}

static void terminal_type(const struct chat *chat, const char *line)
{
        shell("tmux -S %s/tmux send-keys -l -- '%s' && tmux -S %s/tmux send-keys Enter", chat->dir, line, chat->dir);
}

/* Somebody who was handed a telnet and nothing else finds out how to take a name, who is there, how to say something to
 * one alone, how to go to another room, and how to leave. */
static void test_a_person_at_a_telnet(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        take_name(bob, "bob");
        char *const launcher[] = {"systemd-socket-activate", "--accept", "--inetd", "-l", NULL, NULL, NULL, NULL};
        char *argv[8], listen[32];
        int port = port_free();
        memcpy(argv, launcher, sizeof(argv));
        snprintf(listen, sizeof(listen), "127.0.0.1:%d", port);
        argv[4] = listen;
        argv[5] = program("chat-session");
        argv[6] = chat->option;
        process_start(argv, -1, -1, -1);
        client_free(client_connect("127.0.0.1", port)); /* waits until somebody listens */

        shell("tmux -S %s/tmux -f /dev/null new-session -d -x 100 -y 40 'telnet 127.0.0.1 %d; sleep 100'", chat->dir,
              port);
        terminal_shows(chat, "/help says what else you can type");
        terminal_type(chat, "/help");
        terminal_shows(chat, "/nick NAME         takes another name");
        terminal_shows(chat, "/msg NAME TEXT     says something to one person alone");
        terminal_type(chat, "/nick ann");
        terminal_shows(chat, "*** You are now called ann");
        client_expect(bob, " is now called ann\r\n");
        terminal_type(chat, "/who");
        terminal_shows(chat, "2 people are here: bob, ann");
        terminal_type(chat, "/whisper bob hello, only you");
        client_expect(bob, "ann (to you): hello, only you\r\n");
        client_send(bob, "/reply hi\n");
        terminal_shows(chat, "bob (to you): hi");
        terminal_type(chat, "/rply and bye");
        terminal_shows(chat, "There is no /rply. Did you mean /reply?");
        terminal_type(chat, "/reply and bye");
        client_expect(bob, "ann (to you): and bye\r\n");
        terminal_shows(chat, "/join ROOM         goes to another room");
        terminal_type(chat, "/join kitchen");
        terminal_shows(chat, "You are in kitchen now, alone");
        client_expect(bob, "*** ann went to kitchen\r\n");
        client_send(bob, "/join kitchen\n");
        terminal_shows(chat, "bob came from lobby");
        terminal_type(chat, "/rooms");
        terminal_shows(chat, "kitchen: 2 people, you among them");
        terminal_type(chat, "/leave");
        terminal_shows(chat, "You are in lobby now, alone");
        client_send(bob, "/leave\n");
        terminal_shows(chat, "bob came from kitchen");
        terminal_type(chat, "exit");
        terminal_shows(chat, "Connection closed by foreign host");
        client_expect(bob, "*** ann is disconnected\r\n");
        shell("tmux -S %s/tmux kill-server", chat->dir);
        client_free(bob);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_names), TEST(test_words_to_one),   TEST(test_while_chatd_is_killed),
                TEST(test_rooms), TEST(test_how_lines_look), TEST(test_a_person_at_a_telnet),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
