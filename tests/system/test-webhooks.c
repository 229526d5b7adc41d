/* Programs that say lines by POST /say (chat-web(8)), with a token, while chatd and their sessions are killed. A request
 * that gets no answer is repeated with the same key. Each line is said once. */
#include <signal.h>

#include "harness.h"

enum { LINES = 150 };

static char token[64];

static void add_token(struct chat *chat, const char *arguments)
{
        snprintf(token, sizeof(token), "%s", shell("%s %s token add %s", program("chatctl"), chat->option, arguments));
}

/* Starts a chat with a telnet, ann, and a token for the name "disk". */
static struct chat *start(struct client **ann)
{
        struct chat *chat = chat_prepare();
        chat->history = "--history=20";
        chat_hold_queue(chat);
        chat_start_broker(chat);
        shell_until("test -d %s/members", chat->dir);
        add_token(chat, "disk");
        *ann = chat_join(chat, NULL);
        return chat;
}

static void stop(struct chat *chat, struct client *ann)
{
        client_free(ann);
        chat_stop(chat);
}

/* Sends a request. `session` becomes the pid of the session that serves it. */
static struct client *post(struct chat *chat, pid_t *session, const char *target, const char *fields, const char *text)
{
        chat->server = "chat-web";
        struct client *c = chat_join_with(chat, "127.0.0.1", session, chat->option, NULL);
        chat->server = NULL;
        client_send(
                c, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%sContent-Length: %zu\r\n\r\n%s",
                target, token, fields, strlen(text), text);
        return c;
}

/* Reads the answer. Returns its status, or 0 if there is none. */
static int answered(struct client *c)
{
        const char *got = client_expect_end(c);
        int status = strncmp(got, "HTTP/1.1 ", 9) == 0 ? atoi(got + 9) : 0;
        client_free(c);
        return status;
}

static int post_and_wait(struct chat *chat, const char *target, const char *fields, const char *text)
{
        return answered(post(chat, NULL, target, fields, text));
}

static void kill_chatd(struct chat *chat)
{
        chat_kill_broker(chat, SIGKILL);
        chat_start_broker(chat);
}

static void test_a_line(void **state)
{
        (void)state;
        struct client *ann;
        struct chat *chat = start(&ann);
        struct client *c = post(chat, NULL, "/say", "", "disk full\nvery full\n");
        client_expect(c, "HTTP/1.1 200 OK\r\n");
        client_expect(c, "\r\n\r\nSaid in lobby as disk\n");
        client_expect_end(c);
        client_free(c);
        client_send(ann, "/who\n");
        /* nobody hears that the program comes or goes, and it is not here */
        const char *before = client_expect(ann, "disk: disk full\r\ndisk: very full\r\n");
        assert_null(strstr(before, "***"));
        before = client_expect(ann, "You are alone here");
        assert_null(strstr(before, "connected"));
        client_send(ann, "/history 2\n");
        client_expect(ann, "disk: disk full\r\n");
        client_expect(ann, "disk: very full\r\n");
        client_send(ann, "/nick disk\n/nick DISK\n");
        client_expect(ann, "*** The name disk is not allowed here; please choose another\r\n");
        client_expect(ann, "*** The name DISK is not allowed here; please choose another\r\n");
        stop(chat, ann);
}

static void test_refusals(void **state)
{
        (void)state;
        struct client *ann;
        struct chat *chat = start(&ann);
        assert_int_equal(post_and_wait(chat, "/say?room=ops", "", "hi"), 404); /* nobody is there */
        client_send(ann, "/join ops\n");
        client_expect(ann, "You are now in ops");
        assert_int_equal(post_and_wait(chat, "/say?room=OPS", "", "hi"), 200);
        client_expect(ann, "disk: hi\r\n");
        assert_int_equal(post_and_wait(chat, "/say?room=9", "", "hi"), 400);

        add_token(chat, "--room=ops backup");
        assert_int_equal(post_and_wait(chat, "/say?room=lobby", "", "no"), 403);
        assert_int_equal(post_and_wait(chat, "/say", "", "done"), 200);
        client_expect(ann, "backup: done\r\n");
        kill_chatd(chat);
        assert_int_equal(post_and_wait(chat, "/say", "", "done again"), 200);
        client_expect(ann, "backup: done again\r\n");
        shell("%s %s token remove backup", program("chatctl"), chat->option);
        assert_int_equal(post_and_wait(chat, "/say", "", "no"), 401);
        client_send(ann, "/nick backup\n");
        client_expect(ann, "*** You are now called backup\r\n");
        stop(chat, ann);
}

/* Both requests with a key come at once, or one behind the other, and chatd or a session is killed meanwhile. */
static void test_once(void **state)
{
        (void)state;
        struct client *ann;
        struct chat *chat = start(&ann);
        for (int i = 0; i < LINES; i++) {
                char fields[64], text[32];
                pid_t sessions[2];
                snprintf(fields, sizeof(fields), "Idempotency-Key: \"%d\"\r\n", i);
                snprintf(text, sizeof(text), "line %d", i);
                struct client *first = post(chat, &sessions[0], "/say", fields, text);
                struct client *second = post(chat, &sessions[1], "/say", fields, text);
                if (i % 2 == 0)
                        kill_chatd(chat);
                if (i % 3 == 0)
                        kill(sessions[i % 2], SIGKILL);
                int one = answered(first);
                if (i % 5 == 0)
                        kill_chatd(chat);
                int two = answered(second);
                for (int tries = 0; one != 200 && two != 200; tries++) {
                        assert_in_range(tries, 0, 20);
                        one = post_and_wait(chat, "/say", fields, text);
                }
                if (i % 7 == 0) /* a repeated request whose answer was lost */
                        assert_int_equal(post_and_wait(chat, "/say", fields, text), 200);
        }
        for (int i = 0; i < LINES; i++)
                assert_null(strstr(client_expect(ann, "disk: line %d\r\n", i), "disk: "));
        client_send(ann, "/who\n");
        assert_null(strstr(client_expect(ann, "You are alone here"), "disk: "));
        stop(chat, ann);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_line),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_once),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
