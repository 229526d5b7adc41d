/* chatd is killed (killing.h) while scripts say lines by POST /say (chat-web(8)). Each round has two scripts with the same
 * key: one of their lines is said, once. */
#include <signal.h>
#include <stdio.h>

#include "killing.h"
#include "tracer.h"

enum { SCRIPTS = 2, RANDOM_ROUNDS = 60, LAST_CALL = 400 };

static char token[64];

/* Starts a request of a script, whose frames come into the queue when chatd welcomes its session. */
static struct client *post(const char *text)
{
        chat->server = "chat-web";
        struct client *c = chat_join_with(chat, "127.0.0.1", NULL, chat->option, NULL);
        chat->server = NULL;
        client_send(c,
                    "POST /say HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                    "Idempotency-Key: round %u\r\nContent-Length: %zu\r\n\r\n%s",
                    token, round_number, strlen(text), text);
        return c;
}

static void assert_answered(struct client *c)
{
        client_expect(c, "HTTP/1.1 200 OK\r\n");
        client_expect_end(c);
        client_free(c);
}

/* Ann's line is in the queue before the scripts are. */
static void begin_round(struct client *scripts[static SCRIPTS])
{
        unsigned length = 0;
        round_number++;
        killed_count = 0;
        playing = true;
        say(ANN, "before");
        queue_grows(&length);
        struct event *e = add_event(FAY, SAYS); /* the scripts have a role, and no client */
        snprintf(e->text, sizeof(e->text), "full, round %u", round_number);
        for (int i = 0; i < SCRIPTS; i++) {
                scripts[i] = post(e->text);
                queue_grows(&length);
        }
}

static void end_round(struct client *scripts[static SCRIPTS])
{
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        for (int i = 0; i < SCRIPTS; i++)
                assert_answered(scripts[i]);
        forget_events();
        assert_answered(post("full, once more"));
        for (int who = 0; who < RESIDENTS; who++) { /* after the answer to the roll call */
                say((enum role)who, "I am here");
                wait_until_heard(0, RESIDENTS);
        }
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        playing = false;
}

static bool play_round(unsigned at)
{
        struct client *scripts[SCRIPTS];
        begin_round(scripts);
        run_and_kill(at);
        bool done = killed[0].done;
        end_round(scripts);
        return done;
}

/* Several chatds are killed, one after the other. */
static void play_at_random(void)
{
        struct client *scripts[SCRIPTS];
        begin_round(scripts);
        for (unsigned kills = 2 + (unsigned)rand() % (KILLS_MAX - 1); kills > 0; kills--)
                run_and_kill(1 + (unsigned)rand() % LAST_CALL);
        end_round(scripts);
}

static void begin(void)
{
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_with_residents();
        wait_until_heard(0, RESIDENTS);
        snprintf(token, sizeof(token), "%s", shell("%s %s token add disk", program("chatctl"), chat->option));
        snprintf(persons[FAY].name, sizeof(persons[FAY].name), "disk");
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
}

static void test_every_call(void **state)
{
        struct points p = {0};
        (void)state;
        if (!tracer_may_trace())
                skip();
        begin();
        while (next_point(&p)) {
                if (play_round(p.at))
                        p.calls = p.at;
                show_progress("each call of scripts", 0);
        }
        assert_true(p.calls > 50);
        show_points(p.calls, " while scripts said lines");
}

static void test_random_calls(void **state)
{
        unsigned rounds = number_from("ROUNDS", RANDOM_ROUNDS);
        (void)state;
        if (!tracer_may_trace())
                skip();
        begin();
        srand(seed);
        while (round_number < rounds) {
                play_at_random();
                show_progress("random calls of scripts", rounds);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                KILLING_TEST(test_every_call),
                KILLING_TEST(test_random_calls),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
