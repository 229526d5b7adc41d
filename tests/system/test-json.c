/* Programs that speak JSON (chat-web --json), beside people at a telnet: they talk in two rooms, chatd is killed
 * meanwhile, and the examples of the manual work. Each event is checked against its schema, and each request that is
 * right. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../schema.h"

#include "harness.h"

enum { LINES = 400, LINES_PER_KILL = 20 };

/* Starts the first chatd, and waits until it takes frames: sessions join in the order of their greeting. */
static void start_broker(struct chat *chat)
{
        chat_start_broker(chat);
        shell_until("test -S %s/chatd.sock && test -d %s/members", chat->dir, chat->dir);
}

static FILE *requests;

static struct client *join_bot(struct chat *chat)
{
        chat->server = "chat-web";
        struct client *bot = chat_join_with(chat, "127.0.0.1", NULL, chat->option, "--json", "--pace=off", NULL);
        chat->server = NULL;
        bot->copy = schema_open("event");
        client_expect(bot, "{\"event\":\"welcome\",");
        client_expect(bot, "\n");
        return bot;
}

/* Sends requests that are right. */
static void __attribute__((format(printf, 2, 3))) ask(struct client *bot, const char *format, ...)
{
        char lines[1024];
        va_list args;
        va_start(args, format);
        vsnprintf(lines, sizeof(lines), format, args);
        va_end(args);
        fputs(lines, requests);
        client_send(bot, "%s", lines);
}

static void test_talk(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        struct client *ann = chat_join(chat, NULL), *bot = join_bot(chat);
        ask(bot, "{\"do\":\"nick\",\"name\":\"bot\",\"ref\":1}\n");
        client_expect(bot, "{\"event\":\"answer\",\"ref\":1,\"code\":\"renamed\",\"name\":\"bot\",");
        ask(bot, "{\"do\":\"join\",\"room\":\"lobby\"}\n{\"do\":\"join\",\"room\":\"den\"}\n");
        client_expect(ann, "*** bot is connected\r\n");
        client_expect(bot, "\"code\":\"entered\",\"rooms\":[{\"room\":\"den\",");
        ask(bot, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"hi \\\"all\\\" \\u20ac\"}\n");
        client_expect(ann, "bot: hi \"all\" \xe2\x82\xac\r\n");
        client_send(ann, "hi \"bot\" \\o/\n/msg bot psst\n/join den\n/me waves\n");
        client_expect(bot, "\"room\":\"lobby\",\"name\":\"%s\",\"text\":\"hi \\\"bot\\\" \\\\o/\"}\n", ann->name);
        client_expect(bot, "{\"event\":\"private\",");
        client_expect(bot, "\"name\":\"%s\",\"text\":\"psst\"}\n", ann->name);
        client_expect(bot, "{\"event\":\"join\",");
        client_expect(bot, "\"room\":\"den\",\"name\":\"%s\",\"from\":\"lobby\"}\n", ann->name);
        client_expect(bot, "\"room\":\"den\",\"name\":\"%s\",\"text\":\"waves\"}\n", ann->name);
        client_send(bot, "no JSON\n");
        ask(bot, "{\"do\":\"msg\",\"to\":\"%s\",\"text\":\"and you?\"}\n", ann->name);
        client_expect(ann, "bot (to you): and you?\r\n");
        client_expect(bot, "{\"event\":\"error\",\"code\":\"not-json\",");
        client_expect(bot, "{\"event\":\"answer\",\"code\":\"sent\",");
        client_send(ann, "exit\n");
        client_expect_end(ann);
        client_expect(bot, "{\"event\":\"leave\",");
        client_free(ann);
        client_free(bot);
        chat_stop(chat);
}

/* Both say lines while chatd is killed. Each line reaches the other once, and in order. */
static void test_chatd_is_killed(void **state)
{
        (void)state;
        struct chat *chat = chat_prepare();
        chat_hold_queue(chat);
        start_broker(chat);
        struct client *ann = chat_join(chat, NULL), *bot = join_bot(chat);
        ask(bot, "{\"do\":\"join\",\"room\":\"lobby\"}\n");
        client_expect(bot, "\"code\":\"entered\",");
        for (int i = 0; i < LINES; i++) {
                ask(bot, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"b%d\"}\n", i);
                client_send(ann, "a%d\n", i);
                if (i % LINES_PER_KILL != LINES_PER_KILL - 1)
                        continue;
                chat_kill_broker(chat, SIGKILL);
                chat_start_broker(chat);
        }
        for (int i = 0; i < LINES; i++) {
                const char *before = client_expect(ann, ": b%d\r\n", i);
                assert_null(strstr(before, ": b"));
                before = client_expect(bot, "\"text\":\"a%d\"}\n", i);
                assert_null(strstr(before, "\"text\":\"a"));
        }
        ask(bot, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"end\"}\n");
        assert_null(strstr(client_expect(ann, ": end\r\n"), ": b"));
        client_send(ann, "end\n");
        assert_null(strstr(client_expect(bot, "\"text\":\"end\"}\n"), "\"text\":\"a"));
        client_free(ann);
        client_free(bot);
        chat_stop(chat);
}

/* A program that comes back gets what it missed. */
static void test_since(void **state)
{
        (void)state;
        struct chat *chat = chat_prepare();
        char id[64];
        chat->history = "--history=20";
        start_broker(chat);
        struct client *ann = chat_join(chat, NULL), *bot = join_bot(chat);
        ask(bot, "{\"do\":\"join\",\"room\":\"lobby\"}\n");
        client_expect(bot, "\"code\":\"entered\",");
        client_send(ann, "one\n");
        client_expect(bot, "{\"event\":\"line\",\"id\":\"");
        snprintf(id, sizeof(id), "%s", client_expect(bot, "\""));
        client_free(bot);
        client_expect(ann, " is disconnected\r\n");
        client_send(ann, "two\nthree\n");
        client_sync(ann);
        bot = join_bot(chat);
        ask(bot, "{\"do\":\"join\",\"room\":\"lobby\",\"since\":\"%s\"}\n", id);
        client_expect(bot, "\"code\":\"entered\",");
        assert_null(strstr(client_expect(bot, "\"text\":\"two\"}\n"), "\"text\":\"one\""));
        client_expect(bot, "\"text\":\"three\"}\n");
        client_free(ann);
        client_free(bot);
        chat_stop(chat);
}

/* ---- the examples of the manual ---- */

enum example { EXAMPLE_BOT = 1, EXAMPLE_CLIENT, EXAMPLE_CRON, EXAMPLE_BRIDGE, EXAMPLES };

/* Writes the examples of chat-json(5) to files, and puts a chat-web and a chatctl of this chat into `bin`. What goes
 * through this chat-web is kept. */
static void examples_begin(const struct chat *chat)
{
        shell("awk '/^\\.Ed/ { n = 0 } n { print >\"%s/example\" n } /^\\.Bd/ { n = ++count }' chat-web/chat-json.5",
              chat->dir);
        shell("mkdir %s/bin", chat->dir);
        shell("printf '%%s\\n' '#!/bin/bash' 'echo $$ >%s/pid' 'exec < <(exec tee %s/requests.$$) > >(exec tee "
              "%s/events.$$)' 'exec '$(realpath %s)' %s \"$@\"' >%s/bin/chat-web",
              chat->dir, chat->dir, chat->dir, program("chat-web"), chat->option, chat->dir);
        shell("printf '%%s\\n' '#!/bin/sh' 'exec '$(realpath %s)' %s \"$@\"' >%s/bin/chatctl", program("chatctl"),
              chat->option, chat->dir);
        shell("chmod +x %s/bin/*", chat->dir);
}

/* Checks what went through chat-web. */
static void examples_end(const struct chat *chat)
{
        shell("tests/validate-json chat-web/event.schema.json %s/events.* 2>&1", chat->dir);
        shell("tests/validate-json chat-web/request.schema.json %s/requests.* 2>&1", chat->dir);
}

/* Starts an example in the run directory. */
static pid_t example_start(const struct chat *chat, const char *program, enum example n, int in, int out)
{
        char command[512];
        snprintf(command, sizeof(command), "cd %s && PATH=$PWD/bin:$PATH exec %s example%d", chat->dir, program, n);
        return process_start((char *[]){"sh", "-c", command, NULL}, in, out, -2);
}

static void test_the_bot_of_the_manual(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        examples_begin(chat);
        struct client *ann = chat_join(chat, NULL);
        pid_t bot = example_start(chat, "python3", EXAMPLE_BOT, -1, -1);
        client_expect(ann, " is connected\r\n");
        client_send(ann, "hello bot\n");
        client_expect(ann, ": hello %s\r\n", ann->name);
        kill(bot, SIGTERM);
        process_wait(bot);
        client_expect(ann, " is disconnected\r\n");
        client_free(ann);
        examples_end(chat);
        chat_stop(chat);
}

static void test_the_client_of_the_manual(void **state)
{
        (void)state;
        int fds[2];
        struct chat *chat = chat_start();
        examples_begin(chat);
        struct client *ann = chat_join(chat, NULL);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        pid_t shell = example_start(chat, "sh", EXAMPLE_CLIENT, fds[0], fds[0]);
        struct client *bob = client_of(fds[1], "bob");
        close(fds[0]);
        client_expect(ann, " is connected\r\n");
        client_send(ann, "hi \"bob\" \\o/\n");
        assert_string_equal(client_expect(bob, "%s: hi \"bob\" \\o/\n", ann->name), "");
        client_send(bob, "hello \"ann\" \xe2\x82\xac\n");
        client_expect(ann, ": hello \"ann\" \xe2\x82\xac\r\n");
        shutdown(bob->fd, SHUT_WR);
        client_expect(ann, " is disconnected\r\n");
        assert_int_equal(process_wait(shell), 0);
        client_free(ann);
        client_free(bob);
        examples_end(chat);
        chat_stop(chat);
}

/* Runs the command of the crontab line, as cron does. */
static void test_the_crontab_of_the_manual(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        examples_begin(chat);
        struct client *ann = chat_join(chat, NULL);
        shell("cd %s && grep -Eqx '([*] ){5}[^%%]+' example%d && sed -i 's/^\\([^ ]* \\)\\{5\\}//' example%d",
              chat->dir, EXAMPLE_CRON, EXAMPLE_CRON);
        pid_t cron = example_start(chat, "sh", EXAMPLE_CRON, -1, -1);
        client_expect(ann, "*** Administrator: It is ");
        assert_int_equal(process_wait(cron), 0);
        client_free(ann);
        chat_stop(chat);
}

/* Two rooms are joined. What a program says as a notice stays in its room. The connection breaks, and then the bridge
 * ends: nothing is lost or comes twice. */
static void test_the_bridge_of_the_manual(void **state)
{
        (void)state;
        struct chat *chat = chat_prepare();
        chat->history = "--history=20";
        start_broker(chat);
        examples_begin(chat);
        struct client *ann = chat_join(chat, NULL), *bob = chat_join(chat, NULL);
        client_send(bob, "/join den\n");
        client_expect(ann, " went to den\r\n");
        client_send(ann, "before\n");
        pid_t bridge = example_start(chat, "python3", EXAMPLE_BRIDGE, -1, -1);
        client_expect(bob, " entered the room\r\n");
        client_send(ann, "hello\n");
        assert_null(strstr(client_expect(bob, ": %s: hello\r\n", ann->name), "before"));
        client_send(bob, "hi\n");
        assert_null(strstr(client_expect(ann, ": %s: hi\r\n", bob->name), "hello"));

        chat->server = "chat-irc";
        struct client *eve = chat_join_with(chat, "127.0.0.1", NULL, chat->option, "--pace=off", NULL);
        chat->server = NULL;
        client_send(eve, "NICK eve\r\nUSER eve 0 * :Eve\r\nJOIN #lobby\r\nNOTICE #lobby :beep\r\n");
        client_send(eve, "PRIVMSG #lobby :no beep\r\n");
        assert_null(strstr(client_expect(bob, ": eve: no beep\r\n"), ": beep"));

        shell("kill -KILL $(cat %s/pid)", chat->dir);
        client_expect(ann, " is disconnected\r\n");
        client_send(ann, "it broke\n");
        client_send(bob, "it broke here\n");
        assert_null(strstr(client_expect(bob, ": %s: it broke\r\n", ann->name), ": hello"));
        assert_null(strstr(client_expect(ann, ": %s: it broke here\r\n", bob->name), ": hi\r\n"));
        process_end(bridge);
        client_expect(ann, " is disconnected\r\n");
        client_send(ann, "it ended\n");
        bridge = example_start(chat, "python3", EXAMPLE_BRIDGE, -1, -1);
        const char *before = client_expect(bob, ": %s: it ended\r\n", ann->name);
        assert_null(strstr(before, ": it broke"));
        client_send(bob, "end\n");
        assert_null(strstr(client_expect(ann, ": %s: end\r\n", bob->name), ": it"));
        process_end(bridge);
        client_expect(ann, " is disconnected\r\n");
        client_free(ann);
        client_free(bob);
        client_free(eve);
        examples_end(chat);
        chat_stop(chat);
}

/* Every example has its test. */
static void test_all_examples(void **state)
{
        (void)state;
        shell("test $(grep -c '^.Bd' chat-web/chat-json.5) = %d", EXAMPLES - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_talk),
                cmocka_unit_test(test_chatd_is_killed),
                cmocka_unit_test(test_since),
                cmocka_unit_test(test_the_bot_of_the_manual),
                cmocka_unit_test(test_the_client_of_the_manual),
                cmocka_unit_test(test_the_crontab_of_the_manual),
                cmocka_unit_test(test_the_bridge_of_the_manual),
                cmocka_unit_test(test_all_examples),
        };
        requests = schema_open("request");
        int failed = RUN_TESTS(tests, NULL, NULL);
        return failed + schema_close(requests);
}
