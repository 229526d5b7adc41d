/* Programs that speak JSON (chat-web --json), beside people at a telnet: they talk in two rooms, chatd is killed
 * meanwhile, and the bot of the manual works. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "harness.h"

enum { LINES = 400, LINES_PER_KILL = 20 };

/* Starts the first chatd, and waits until it takes frames: sessions join in the order of their greeting. */
static void start_broker(struct chat *chat)
{
        chat_start_broker(chat);
        shell_until("test -S %s/chatd.sock && test -d %s/members", chat->dir, chat->dir);
}

static struct client *join_bot(struct chat *chat)
{
        chat->server = "chat-web";
        struct client *bot = chat_join_with(chat, "127.0.0.1", NULL, chat->option, "--json", "--pace=off", NULL);
        chat->server = NULL;
        client_expect(bot, "{\"event\":\"welcome\",");
        client_expect(bot, "\n");
        return bot;
}

static void test_talk(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        struct client *ann = chat_join(chat, NULL), *bot = join_bot(chat);
        client_send(bot, "{\"do\":\"nick\",\"name\":\"bot\",\"ref\":1}\n");
        client_expect(bot, "{\"event\":\"answer\",\"ref\":1,\"code\":\"renamed\",\"name\":\"bot\",");
        client_send(bot, "{\"do\":\"join\",\"room\":\"lobby\"}\n{\"do\":\"join\",\"room\":\"den\"}\n");
        client_expect(ann, "*** bot is connected\r\n");
        client_expect(bot, "\"code\":\"entered\",\"rooms\":[{\"room\":\"den\",");
        client_send(bot, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"hi \\\"all\\\" \\u20ac\"}\n");
        client_expect(ann, "bot: hi \"all\" \xe2\x82\xac\r\n");
        client_send(ann, "hi \"bot\" \\o/\n/msg bot psst\n/join den\n/me waves\n");
        client_expect(bot, "\"room\":\"lobby\",\"name\":\"%s\",\"text\":\"hi \\\"bot\\\" \\\\o/\"}\n", ann->name);
        client_expect(bot, "{\"event\":\"private\",");
        client_expect(bot, "\"name\":\"%s\",\"text\":\"psst\"}\n", ann->name);
        client_expect(bot, "{\"event\":\"join\",");
        client_expect(bot, "\"room\":\"den\",\"name\":\"%s\",\"from\":\"lobby\"}\n", ann->name);
        client_expect(bot, "\"room\":\"den\",\"name\":\"%s\",\"text\":\"waves\"}\n", ann->name);
        client_send(bot, "{\"do\":\"msg\",\"to\":\"%s\",\"text\":\"and you?\"}\nno JSON\n", ann->name);
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
        client_send(bot, "{\"do\":\"join\",\"room\":\"lobby\"}\n");
        client_expect(bot, "\"code\":\"entered\",");
        for (int i = 0; i < LINES; i++) {
                client_send(bot, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"b%d\"}\n", i);
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
        client_send(bot, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"end\"}\n");
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
        client_send(bot, "{\"do\":\"join\",\"room\":\"lobby\"}\n");
        client_expect(bot, "\"code\":\"entered\",");
        client_send(ann, "one\n");
        client_expect(bot, "{\"event\":\"line\",\"id\":\"");
        snprintf(id, sizeof(id), "%s", client_expect(bot, "\""));
        client_free(bot);
        client_expect(ann, " is disconnected\r\n");
        client_send(ann, "two\nthree\n");
        client_sync(ann);
        bot = join_bot(chat);
        client_send(bot, "{\"do\":\"join\",\"room\":\"lobby\",\"since\":\"%s\"}\n", id);
        client_expect(bot, "\"code\":\"entered\",");
        assert_null(strstr(client_expect(bot, "\"text\":\"two\"}\n"), "\"text\":\"one\""));
        client_expect(bot, "\"text\":\"three\"}\n");
        client_free(ann);
        client_free(bot);
        chat_stop(chat);
}

/* Runs the bot in chat-json(5), with a chat-web of this chat in its PATH. */
static void test_the_bot_of_the_manual(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        char script[128], path[128];
        snprintf(script, sizeof(script), "%s/bot.py", chat->dir);
        snprintf(path, sizeof(path), "%s/bin", chat->dir);
        shell("sed -n '/^.Bd/,/^.Ed/{/^\\./d;p}' chat-web/chat-json.5 >%s && test -s %s", script, script);
        shell("mkdir %s && printf '#!/bin/sh\\nexec %s %s \"$@\"\\n' >%s/chat-web && chmod +x %s/chat-web", path,
              program("chat-web"), chat->option, path, path);
        struct client *ann = chat_join(chat, NULL);
        char *argv[] = {"sh", "-c", NULL, NULL}, command[512];
        snprintf(command, sizeof(command), "PATH=%s:$PATH exec python3 %s", path, script);
        argv[2] = command;
        pid_t bot = process_start(argv, -1, -1, -2);
        client_expect(ann, " is connected\r\n");
        client_send(ann, "hello bot\n");
        client_expect(ann, ": hello %s\r\n", ann->name);
        kill(bot, SIGTERM);
        process_wait(bot);
        client_expect(ann, " is disconnected\r\n");
        client_free(ann);
        shell("rm -r %s %s", script, path);
        chat_stop(chat);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_talk),
                cmocka_unit_test(test_chatd_is_killed),
                cmocka_unit_test(test_since),
                cmocka_unit_test(test_the_bot_of_the_manual),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
