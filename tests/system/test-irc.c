/* Real clients of IRC (irc-clients.h) in one chat with a person at a telnet. All of them do the same. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cable.h"
#include "harness.h"
#include "irc-clients.h"

enum { PORT = 6667 };

/* What a test has: a chat, bob at a telnet, and zoe with the client. */
struct scene {
        struct chat *chat;
        struct client *bob;
        struct irc_server server;
        struct cable cable;
        struct irc_client *zoe; /* NULL: it has ended */
};

/* The scene of the test that runs, for its end if it fails. */
static struct scene scene;

static int teardown(void **state)
{
        (void)state;
        if (!scene.chat)
                return 0; /* it was skipped */
        if (scene.zoe)
                irc_client_end(scene.zoe);
        irc_clients_end(scene.chat);
        if (scene.server.acceptor > 0)
                irc_server_close(&scene.server);
        if (scene.cable.near > 0)
                cable_end(scene.cable);
        if (scene.bob)
                client_free(scene.bob);
        chat_stop(scene.chat);
        scene = (struct scene){0};
        return 0;
}

/* Connects a person with the telnet of Debian, who takes this name. telnet makes one "\n" of each line end. */
static struct client *scene_telnet(const struct chat *chat, const char *name)
{
        int ends[2];
        char port[16];
        snprintf(port, sizeof(port), "%d", chat->port);
        char *const telnet[] = {"telnet", "127.0.0.1", port, NULL};
        char *const session[] = {program("chat-session"), (char *)chat->option, "--pace=off", NULL};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        process_start(telnet, ends[1], ends[1], -1);
        close(ends[1]);
        int connection = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(connection >= 0);
        process_start(session, connection, connection, -1);
        close(connection);
        struct client *c = client_of(ends[0], name);
        client_expect(c, "/help lists the commands; exit leaves.\n");
        client_send(c, "/nick %s\n", name);
        client_expect(c, "*** You are now called %s\n", name);
        return c;
}

/* Starts a chat with past lines, whose queue outlives chatd, and bob in its lobby. */
static void scene_begin(void)
{
        scene.chat = chat_prepare();
        scene.chat->history = "--history=20";
        chat_hold_queue(scene.chat);
        chat_start_broker(scene.chat);
        scene.bob = scene_telnet(scene.chat, "bob");
}

static void scene_start_zoe(const struct irc_program *program, const char *nick)
{
        scene.zoe = irc_client_start(scene.chat, program, &scene.server, nick);
}

/* Lets zoe join the lobby. */
static void scene_enter(void)
{
        irc_client_sees(scene.zoe, IRC_WELCOMED, "", "");
        irc_client_do(scene.zoe, IRC_JOIN, "#lobby", "");
        irc_client_sees(scene.zoe, IRC_JOINED, "#lobby", "");
        client_expect(scene.bob, "*** zoe is connected\n");
}

/* Starts a scene with zoe in the lobby. */
static void scene_of(const struct irc_program *program)
{
        scene_begin();
        scene.server = irc_server_open("127.0.0.1", 0, 0);
        irc_server_start(&scene.server, scene.chat, NULL);
        scene_start_zoe(program, "zoe");
        scene_enter();
}

/* Starts a scene with zoe in the lobby, at the far end of a cable. The chat-irc of all clients has this option. */
static void scene_far_away(const struct irc_program *program, const char *option)
{
        if (getuid() != 0)
                skip(); /* only root can make networks */
        scene_begin();
        scene.cable = cable_start();
        scene.server = irc_server_open(CABLE_NEAR, scene.cable.near, PORT);
        scene.server.network = scene.cable.far;
        irc_server_start(&scene.server, scene.chat, option);
        scene_start_zoe(program, "zoe");
        scene_enter();
}

/* Waits until zoe is back in the lobby under this nick, and both hear each other. A client that does not come back by
 * itself is started again. */
static void scene_come_back(const char *nick)
{
        const struct irc_program *program = scene.zoe->program;
        if (!program->comes_back) {
                irc_client_end(scene.zoe);
                scene_start_zoe(program, "zoe");
                if (strcmp(nick, "zoe") != 0) {
                        irc_client_sees(scene.zoe, IRC_TAKEN, "zoe", "");
                        irc_client_do(scene.zoe, IRC_NICK, nick, "");
                }
                irc_client_sees(scene.zoe, IRC_WELCOMED, "", "");
                irc_client_do(scene.zoe, IRC_JOIN, "#lobby", "");
        }
        client_expect(scene.bob, "*** %s is connected\n", nick);
        client_send(scene.bob, "good to see you\n");
        irc_client_sees(scene.zoe, IRC_LINE, "bob", "good to see you");
        irc_client_do(scene.zoe, IRC_SAY, "", "I am back");
        client_expect(scene.bob, "%s: I am back\n", nick);
}

static void test_a_conversation(void **state)
{
        const struct irc_program *program = *state;
        scene_begin();
        struct client *bob = scene.bob, *ann = chat_join(scene.chat, NULL);
        client_send(ann, "/nick ann\n/join den\n/topic tea and cake\n");
        client_expect(ann, "The topic of den is set\r\n");
        client_send(bob, "before you came: żółw\n");
        client_expect(bob, "*** Nobody hears you");
        scene.server = irc_server_open("127.0.0.1", 0, 0);
        irc_server_start(&scene.server, scene.chat, NULL);
        scene_start_zoe(program, "zoe");
        scene_enter();
        struct irc_client *zoe = scene.zoe;
        if (program->has_past)
                irc_client_sees(zoe, IRC_LINE, "bob", "before you came: żółw");
        irc_client_do(zoe, IRC_SAY, "", "hello: żółw, 東京");
        client_expect(bob, "zoe: hello: żółw, 東京\n");
        client_send(bob, "hello zoe: żółw\n");
        irc_client_sees(zoe, IRC_LINE, "bob", "hello zoe: żółw");
        irc_client_do(zoe, IRC_ACT, "", "waves");
        client_expect(bob, "* zoe waves\n");
        client_send(bob, "/me nods\n");
        irc_client_sees(zoe, IRC_ACTION, "bob", "nods");
        irc_client_do(zoe, IRC_TOPIC, "", "tea at five");
        client_expect(bob, "*** zoe set the topic: tea at five\n");
        irc_client_sees(zoe, IRC_TOPICKED, "", "tea at five");
        client_send(bob, "/topic tea at six\n");
        irc_client_sees(zoe, IRC_TOPICKED, "", "tea at six");

        irc_client_do(zoe, IRC_JOIN, "#den", "");
        irc_client_sees(zoe, IRC_JOINED, "#den", "");
        client_expect(ann, "*** zoe entered the room\r\n");
        irc_client_do(zoe, IRC_SAY, "", "found you");
        client_expect(ann, "zoe: found you\r\n");
        client_send(ann, "sit down\n");
        irc_client_sees(zoe, IRC_LINE, "ann", "sit down");
        client_send(bob, "still in the lobby\n");
        irc_client_do(zoe, IRC_LOOK, "#lobby", "");
        irc_client_sees(zoe, IRC_LINE, "bob", "still in the lobby");

        irc_client_do(zoe, IRC_TALK, "bob", "psst");
        client_expect(bob, "zoe (to you): psst\n");
        client_send(bob, "/msg zoe what is it\n");
        irc_client_sees(zoe, IRC_PRIVATE, "bob", "what is it");

        irc_client_do(zoe, IRC_LOOK, "#lobby", "");
        irc_client_do(zoe, IRC_NICK, "eve", "");
        client_expect(bob, "*** zoe is now called eve\n");
        irc_client_sees(zoe, IRC_IS, "zoe", "eve");
        client_send(bob, "/nick rob\n");
        irc_client_sees(zoe, IRC_IS, "bob", "rob");
        client_send(bob, "/join den\n");
        client_expect(ann, "*** rob came from lobby\r\n");
        irc_client_sees(zoe, IRC_LEFT, "rob", "#lobby");
        client_send(bob, "in the den, too\n");
        irc_client_do(zoe, IRC_LOOK, "#den", "");
        irc_client_sees(zoe, IRC_LINE, "rob", "in the den, too");

        if (!program->has_screen) {
                irc_client_picture(zoe, "all");
        } else {
                irc_client_picture(zoe, "den");
                irc_client_do(zoe, IRC_LOOK, "#lobby", "");
                irc_client_picture(zoe, "lobby");
                irc_client_do(zoe, IRC_LOOK, "rob", "");
                irc_client_picture(zoe, "private");
                irc_client_do(zoe, IRC_HOME, "", "");
                irc_client_picture(zoe, "server");
        }
        irc_client_do(zoe, IRC_QUIT, "", "");
        client_expect(bob, "*** eve is disconnected\n");
        client_free(ann);
}

/* An administrator removes zoe, who is told, and may come back. */
static void test_a_kick(void **state)
{
        scene_of(*state);
        shell("%s %s kick zoe", program("chatctl"), scene.chat->option);
        client_expect(scene.bob, "*** zoe was removed\n");
        irc_client_do(scene.zoe, IRC_HOME, "", "");
        irc_client_sees(scene.zoe, IRC_REMOVED, "", "");
        irc_client_do(scene.zoe, IRC_LOOK, "#lobby", "");
        scene_come_back("zoe");
}

/* chatd is killed again and again while both talk. Nobody is disconnected, and each line comes once. */
static void test_chatd_is_killed(void **state)
{
        enum { ROUNDS = 5 };
        char text[32];
        scene_of(*state);
        for (int i = 0; i < ROUNDS; i++) {
                chat_kill_broker(scene.chat, SIGKILL);
                snprintf(text, sizeof(text), "round %d", i);
                irc_client_do(scene.zoe, IRC_SAY, "", text);
                client_send(scene.bob, "answer %d\n", i);
                chat_start_broker(scene.chat);
                assert_string_equal(client_expect(scene.bob, "zoe: round %d\n", i), "");
                snprintf(text, sizeof(text), "answer %d", i);
                irc_client_sees(scene.zoe, IRC_LINE, "bob", text);
        }
        irc_client_do(scene.zoe, IRC_SAY, "", "the end");
        assert_string_equal(client_expect(scene.bob, "zoe: the end\n"), "");
        client_send(scene.bob, "good bye\n");
        irc_client_sees(scene.zoe, IRC_LINE, "bob", "good bye");
        assert_int_equal(irc_client_counts(scene.zoe, IRC_LINE, "bob", "answer"), ROUNDS);
}

/* Cuts zoe's cable. The chat gives her connection up. When the cable is there again, she gets her nick again. */
static void test_the_network_goes_away(void **state)
{
        scene_far_away(*state, "--client-timeout=2");
        shell("nsenter -t %d -n ip link set far0 down", scene.cable.far);
        client_send(scene.bob, "where are you\n");
        client_expect(scene.bob, "*** zoe is disconnected\n");
        shell("nsenter -t %d -n ip link set far0 up", scene.cable.far);
        scene_come_back("zoe");
}

/* zoe gets another address, and the chat has not given her old connection up. So her nick is taken. */
static void test_the_network_changes(void **state)
{
        scene_far_away(*state, "--client-timeout=off");
        shell("nsenter -t %d -n sh -c 'ip addr del " CABLE_FAR "/24 dev far0; ip addr add 10.99.0.3/24 dev far0'",
              scene.cable.far);
        scene_come_back("zoe_");
        shell("%s %s kick zoe", program("chatctl"), scene.chat->option);
        client_expect(scene.bob, "*** zoe was removed\n");
        irc_client_do(scene.zoe, IRC_NICK, "zoe", "");
        client_expect(scene.bob, "*** zoe_ is now called zoe\n");
        irc_client_sees(scene.zoe, IRC_IS, "zoe_", "zoe");
}

int main(void)
{
        static const struct {
                const char *title;
                void (*run)(void **state);
        } scenes[] = {
                {"a conversation", test_a_conversation},
                {"a kick", test_a_kick},
                {"chatd is killed", test_chatd_is_killed},
                {"the network goes away", test_the_network_goes_away},
                {"the network changes", test_the_network_changes},
        };
        enum { SCENES = sizeof(scenes) / sizeof(*scenes), TESTS_MAX = 64 };
        static struct CMUnitTest tests[TESTS_MAX];
        static char titles[TESTS_MAX][64];
        size_t count = 0;
        for (const struct irc_program *p = irc_programs; p->name; p++)
                for (size_t n = 0; n < SCENES && count < TESTS_MAX; n++) {
                        snprintf(titles[count], sizeof(titles[count]), "%s: %s", p->name, scenes[n].title);
                        tests[count] = (struct CMUnitTest){titles[count], scenes[n].run, NULL, teardown, (void *)p};
                        count++;
                }
        tests_begin();
        return tests_end(_cmocka_run_group_tests("irc", tests, count, NULL, NULL));
}
