/* Commands in use: with the real programs, while chatd is killed; and a person at a telnet in a terminal. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "launchers.h"

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

/* Lets ann and bob join under these names. */
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
                      "*** The name ann is taken, and the two look alike; please choose another\r\n*** If that is you, "
                      "on a connection that was lost, try again in half a minute\r\n*** A name has 1 to 24 characters");
        client_expect(bob, "*** You are already called bob\r\n");
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
        client_send(bob, "/reply yes?\n/me nods\n"); /* the reply goes to her whatever her name is */
        client_expect(ann, "bob (to you): yes?\r\n* bob nods\r\n");
        client_send(eve, "/who\n");
        client_expect(eve, "*** 3 people are here: zoe, bob, %s (you)\r\n", eve->name);
        client_send(eve, "exit\n");
        client_expect(bob, " is disconnected\r\n");
        client_send(bob, "/msg %s are you there?\n", eve->name);
        client_expect(bob, "*** There is nobody called %s here; /who lists who is here\r\n", eve->name);
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
        client_expect(ann, "*** You are now in kitchen, alone\r\n");
        client_expect(bob, "*** ann went to kitchen\r\n");
        client_send(bob, "/join Kitchen\n");
        client_expect(bob, "*** You are now in kitchen, with ann\r\n");
        client_expect(ann, "*** bob came from lobby\r\n");
        client_send(ann, "/topic tea\nmilk?\n/rooms\n");
        client_expect(bob, "*** ann set the topic: tea\r\nann: milk?\r\n");
        client_expect(ann, "*** lobby: 1 person\r\n*** kitchen: 2 people, including you; tea\r\n");
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
        client_send(bob, "/topic -\n");
        client_expect(ann, "*** bob removed the topic\r\n");
        client_expect(bob, "*** The topic of kitchen is removed\r\n");
        client_send(bob, "/leave\n/who\n");
        client_expect(bob, "*** You are now in lobby, alone\r\n*** You are alone here: bob (you)\r\n*** 2 people are "
                           "in kitchen: ann, ");
        client_expect(ann, "*** bob went to lobby\r\n");
        client_send(eve, "exit\n");
        client_expect(ann, " is disconnected\r\n");
        client_send(bob, "hello?\n");
        client_send(ann, "/join lobby\n");
        assert_string_equal(client_expect(ann, "*** You are now in lobby, with bob\r\n"), "");
        client_free(ann);
        client_free(bob);
        client_free(eve);
}

/* A newcomer, and a member that changes rooms, is shown past lines of the room, also by the next chatd; the same on
 * request. */
static void test_history(void **state)
{
        struct chat *chat = *state;
        struct client *ann, *bob, *eve;
        chat_kill_broker(chat, SIGTERM);
        chat->history = "--history=2";
        chat_start_broker(chat);
        join_two(chat, &ann, &bob);
        client_send(ann, "one\ntwo\n/me waves\n");
        client_expect(bob, "ann: one\r\nann: two\r\n* ann waves\r\n");
        eve = chat_join(chat, NULL);
        client_expect(eve, "*** Earlier here (times in UTC):\r\n(");
        client_expect(eve, ") ann: two\r\n(");
        client_expect(eve, ") * ann waves\r\n");
        client_send(eve, "/history 3\n");
        client_expect(eve, "*** Earlier here");
        client_expect(eve, ") ann: one\r\n(");
        client_expect(eve, ") * ann waves\r\n");
        client_send(eve, "/history some\n");
        client_expect(eve, "*** Usage: /history [LINES]\r\n");
        client_send(eve, "/join kitchen\n");
        client_expect(eve, "*** You are now in kitchen, alone\r\n");
        client_send(eve, "/history\n");
        client_expect(eve, "*** Nothing has been said in kitchen yet\r\n");
        chat_kill_broker(chat, SIGKILL);
        chat_start_broker(chat);
        client_send(eve, "/leave\n");
        client_expect(eve, "*** You are now in lobby, with ");
        client_expect(eve, ") ann: two\r\n(");
        client_expect(eve, ") * ann waves\r\n");
        chat_kill_broker(chat, SIGTERM);
        chat->history = "--history=off";
        chat_start_broker(chat);
        client_send(eve, "/history\n");
        client_expect(eve, "*** This chat keeps no history\r\n");
        shell("test ! -e %s/history", chat->dir);
        client_free(ann);
        client_free(bob);
        client_free(eve);
}

/* The next chatd knows the same names, whom a member ignores, and where a reply goes. */
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
        client_send(bob, "/time off\n");
        client_expect(bob, "*** /time is off\r\n");
        client_send(bob, "/color off\n");
        client_expect(bob, "*** /color is off\r\n");
        client_send(bob, "/ignore ann\n");
        client_expect(bob, "*** You no longer see what ann says; /ignore ann again undoes this\r\n");
        client_send(ann, "unseen\n");
        take_name(ann, "zoe"); /* he is not told of that */
        client_send(ann, "unseen as well\n");
        take_name(ann, "amy");
        client_send(bob, "/ignore amy\n");
        assert_string_equal(client_expect(bob, "*** You see what amy says again\r\n"), "");
        client_send(ann, "seen\n");
        assert_string_equal(client_expect(bob, "amy: seen\r\n"), "");
        client_free(ann);
        client_free(bob);
}

/* ---- a person in a terminal ---- */

/* Waits until the terminal shows this text. */
static void terminal_shows(const struct chat *chat, const char *text)
{
        shell_until("tmux -S %s/tmux capture-pane -p -J | grep -qF -- '%s'", chat->dir, text);
}

static void terminal_type(const struct chat *chat, const char *line)
{
        shell("tmux -S %s/tmux send-keys -l -- '%s' && tmux -S %s/tmux send-keys Enter", chat->dir, line, chat->dir);
}

static void terminal_keys(const struct chat *chat, const char *keys)
{
        shell("tmux -S %s/tmux send-keys %s", chat->dir, keys);
}

static void terminal_text(const struct chat *chat, const char *text)
{
        shell("tmux -S %s/tmux send-keys -l -- '%s'", chat->dir, text);
}

/* Asserts the last lines that are not empty, and the column of the cursor. */
static void terminal_ends(const struct chat *chat, const char *lines, int column)
{
        int n = 1;
        for (const char *at = lines; (at = strchr(at, '\n')); at++)
                n++;
        shell_until("[ \"$(tmux -S %s/tmux capture-pane -p | sed -e 's/ *$//' -e '/^$/d' | tail -n %d)\" = '%s' ] && "
                    "[ \"$(tmux -S %s/tmux display-message -p '#{cursor_x}')\" = %d ]",
                    chat->dir, n, lines, chat->dir, column);
}

/* Runs this command in a terminal; "%d" in it stands for the port of a chat. */
static void terminal_open(struct chat *chat, const char *command)
{
        char address[32];
        int port = port_free();
        snprintf(address, sizeof(address), "127.0.0.1:%d", port);
        launcher_start(LAUNCHER_AS_INETD, chat, address);
        client_free(client_connect("127.0.0.1", port)); /* waits until it listens */
        /* until the server of the earlier terminal has ended */
        shell_until("LC_ALL=C.UTF-8 tmux -u -S %s/tmux -f /dev/null new-session -d -x 100 -y 40 "
                    "\"$(printf '%s; sleep 100' %d)\"",
                    chat->dir, command, port);
        terminal_shows(chat, "/help lists the commands");
}

static void terminal_close(struct chat *chat)
{
        shell("tmux -S %s/tmux kill-server", chat->dir);
}

/* A person with a telnet and no instructions finds out how to take a name, list members, send a private message, go to
 * another room, and leave. */
static void test_a_person_at_a_telnet(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        take_name(bob, "bob");
        terminal_open(chat, "telnet 127.0.0.1 %d");
        terminal_type(chat, "/help");
        terminal_shows(chat, "/nick NAME         takes another name");
        terminal_shows(chat, "/msg NAME TEXT     sends a private message");
        terminal_type(chat, "/nick ann");
        terminal_shows(chat, "*** You are now called ann");
        client_expect(bob, " is now called ann\r\n");
        terminal_type(chat, "/who");
        terminal_shows(chat, "2 people are here: bob");
        terminal_type(chat, "/whisper bob hello, only you");
        client_expect(bob, "ann (to you): hello, only you\r\n");
        client_send(bob, "/reply hi\n");
        terminal_shows(chat, "bob (to you): hi");
        terminal_type(chat, "/rply and bye");
        terminal_shows(chat, "Unknown command /rply. Did you mean /reply?");
        terminal_type(chat, "/reply and bye");
        client_expect(bob, "ann (to you): and bye\r\n");
        terminal_shows(chat, "/join ROOM         goes to another room");
        terminal_type(chat, "/join kitchen");
        terminal_shows(chat, "You are now in kitchen, alone");
        client_expect(bob, "*** ann went to kitchen\r\n");
        client_send(bob, "/join kitchen\n");
        terminal_shows(chat, "bob came from lobby");
        terminal_type(chat, "/rooms");
        terminal_shows(chat, "kitchen: 2 people, including you");
        terminal_type(chat, "/leave");
        terminal_shows(chat, "You are now in lobby, alone");
        client_send(bob, "/leave\n");
        terminal_shows(chat, "bob came from kitchen");
        terminal_type(chat, "exit");
        terminal_shows(chat, "Connection closed by foreign host");
        client_expect(bob, "*** ann is disconnected\r\n");
        terminal_close(chat);
        client_free(bob);
}

/* The half-typed line stays below the lines of others, with the cursor in it. */
static void test_typing_while_others_talk(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        take_name(bob, "bob");
        terminal_open(chat, "telnet 127.0.0.1 %d");
        terminal_type(chat, "/nick ann");
        client_expect(bob, " is now called ann\r\n");
        terminal_type(chat, "/edit on");
        terminal_ends(chat, "*** /edit is on", 0);
        terminal_text(chat, "half typed 日本");
        terminal_ends(chat, "*** /edit is on\nhalf typed 日本", 15);
        client_send(bob, "one\ntwo\n");
        terminal_ends(chat, "*** /edit is on\nbob: one\nbob: two\nhalf typed 日本", 15);
        terminal_keys(chat, "Left");
        terminal_ends(chat, "half typed 日本", 13);
        terminal_text(chat, "e\u0301x");
        terminal_ends(chat, "half typed 日e\u0301x本", 15);
        client_send(bob, "three\n");
        terminal_ends(chat, "bob: three\nhalf typed 日e\u0301x本", 15);
        terminal_keys(chat, "Left BSpace Home Delete End");
        terminal_ends(chat, "bob: three\nalf typed 日x本", 15);
        terminal_keys(chat, "Enter");
        client_expect(bob, "ann: alf typed 日x本\r\n");
        terminal_ends(chat, "bob: three\nalf typed 日x本", 0);

        terminal_text(chat, "bo"); /* completion */
        terminal_keys(chat, "Tab");
        terminal_ends(chat, "bob:", 5);
        terminal_keys(chat, "C-u");
        terminal_text(chat, "/m");
        terminal_keys(chat, "Tab");
        terminal_ends(chat, "*** /msg /me\n/m", 2);
        terminal_text(chat, "s");
        terminal_keys(chat, "Tab");
        terminal_text(chat, "b");
        terminal_keys(chat, "Tab");
        terminal_text(chat, "psst");
        terminal_ends(chat, "*** /msg /me\n/msg bob psst", 13);
        terminal_keys(chat, "Enter");
        client_expect(bob, "ann (to you): psst\r\n");
        terminal_ends(chat, "/msg bob psst\n-> bob: psst", 0);

        terminal_text(chat, "draft"); /* history */
        terminal_keys(chat, "Up Up");
        terminal_ends(chat, "-> bob: psst\nalf typed 日x本", 15);
        terminal_keys(chat, "Down Down");
        terminal_ends(chat, "-> bob: psst\ndraft", 5);
        terminal_keys(chat, "C-c");
        terminal_ends(chat, "*** Line discarded. ^C again, or exit, leaves.", 0);

        terminal_type(chat, "/edit off");
        terminal_ends(chat, "/edit off\n*** /edit is off", 0);
        client_send(bob, "four\n");
        terminal_ends(chat, "*** /edit is off\nbob: four", 0);
        terminal_type(chat, "a line");
        client_expect(bob, "ann: a line\r\n");
        terminal_ends(chat, "bob: four\na line", 0);
        terminal_type(chat, "/edit on");
        terminal_ends(chat, "*** /edit is on", 0);
        terminal_keys(chat, "C-d");
        terminal_shows(chat, "Connection closed by foreign host");
        client_expect(bob, "*** ann is disconnected\r\n");
        terminal_close(chat);
        client_free(bob);
}

/* Clients that offer editing get it without a notice. */
static void test_clients_that_offer_to_be_edited(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        static const char *const commands[] = {
                "telnet -- 127.0.0.1 -%d", /* as to port 23 */
                "plink -batch -telnet -P %d 127.0.0.1",
        };
        take_name(bob, "bob");
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
                terminal_open(chat, commands[i]);
                terminal_type(chat, "/nick ann");
                client_expect(bob, " is now called ann\r\n");
                client_send(bob, "one\n");
                terminal_shows(chat, "bob: one");
                terminal_text(chat, "half äö");
                terminal_ends(chat, "bob: one\nhalf äö", 7);
                client_send(bob, "two\n");
                terminal_ends(chat, "bob: one\nbob: two\nhalf äö", 7);
                shell("tmux -S %s/tmux resize-window -x 20", chat->dir);
                terminal_text(chat, " 0123456789");
                terminal_ends(chat, "half äö 0123456789", 18);
                terminal_text(chat, "ab"); /* one character too many: the cursor is in the middle now */
                terminal_ends(chat, "bob: two\n3456789ab", 9);
                terminal_keys(chat, "Enter");
                client_expect(bob, "ann: half äö 0123456789ab\r\n");
                terminal_type(chat, "exit");
                client_expect(bob, "*** ann is disconnected\r\n");
                terminal_close(chat);
        }
        client_free(bob);
}

/* nc shows the telnet commands until they are erased. */
static void test_editing_at_an_nc(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        take_name(bob, "bob");
        terminal_open(chat, "stty -icanon -echo; nc 127.0.0.1 %d");
        terminal_type(chat, "/nick ann");
        client_expect(bob, " is now called ann\r\n");
        terminal_type(chat, "/edit on");
        terminal_ends(chat, "*** You are now called ann\n*** /edit is on", 0);
        terminal_text(chat, "half typed");
        terminal_keys(chat, "Left Left");
        client_send(bob, "one\n");
        terminal_ends(chat, "*** /edit is on\nbob: one\nhalf typed", 8);
        terminal_keys(chat, "Enter C-d");
        client_expect(bob, "ann: half typed\r\n*** ann is disconnected\r\n");
        terminal_close(chat);
        client_free(bob);
}

/* A telnet that has not agreed to send eight bits of each byte takes some bytes of these letters for control
 * characters. Nothing else is said; clients may join and leave, such as the one by which terminal_open() checks the
 * port. */
static void test_first_lines_in_five_scripts(void **state)
{
        struct chat *chat = *state;
        struct client *bob = chat_join(chat, NULL);
        static const char *const lines[] = {
                "ďas je Ü",   "Śnieg, Ńe, ă ț ă", "ура",  "ууу, я, М, К", "Μια σκιά", "Κόσμος, ΏΜΑ",
                "日本の漢字", "本, 木, 月, ム",   "한글", "샴, 한국",
        };
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                terminal_open(chat, "telnet 127.0.0.1 %d");
                terminal_type(chat, lines[i]);
                assert_null(strstr(client_expect(bob, ": %s\r\n", lines[i]), ": "));
                terminal_type(chat, "exit");
                assert_null(strstr(client_expect(bob, " is disconnected\r\n"), ": "));
                terminal_close(chat);
        }
        client_free(bob);
}

static void test_a_first_line_that_is_private(void **state)
{
        struct chat *chat = *state;
        struct client *eve = chat_join(chat, NULL), *watch = chat_join(chat, NULL);
        take_name(watch, "watch");
        client_expect(eve, " is now called watch\r\n");
        terminal_open(chat, "telnet 127.0.0.1 %d");
        terminal_type(chat, "/msg watch секрет у меня: пароль 1234");
        client_expect(watch, " (to you): секрет у меня: пароль 1234\r\n");
        terminal_shows(chat, "-> watch: секрет у меня: пароль 1234");
        terminal_type(chat, "loud");
        assert_null(strstr(client_expect(eve, ": loud\r\n"), ": "));
        terminal_close(chat);
        client_free(eve);
        client_free(watch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_names),
                TEST(test_words_to_one),
                TEST(test_while_chatd_is_killed),
                TEST(test_rooms),
                TEST(test_history),
                TEST(test_how_lines_look),
                TEST(test_a_person_at_a_telnet),
                TEST(test_typing_while_others_talk),
                TEST(test_clients_that_offer_to_be_edited),
                TEST(test_editing_at_an_nc),
                TEST(test_first_lines_in_five_scripts),
                TEST(test_a_first_line_that_is_private),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
