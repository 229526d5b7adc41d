/* chatd is killed (killing.h) while many newcomers come at once: they are in the queue, or wait to be announced already,
 * when chatd is started, and all must be told once that each of them joined, by name or in a notice.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include <chat/clock.h>

#include "killing.h"
#include "told.h"
#include "tracer.h"

enum { CROWD = 4 }; /* newcomers at once */

static struct person crowd[CROWD];

static bool is_anybody_waiting(void)
{
        return is_anybody_marked(".arriv") || !is_nobody_held();
}

static bool is_all_announced(void)
{
        link_hear();
        return !is_anybody_waiting();
}

static bool is_queue_taken(void)
{
        return is_queue_empty() && is_nobody_held();
}

/* Starts a chatd that takes what is queued, and kills it, so that no newcomer waits for the next one. */
static void take_queue(void)
{
        start_broker(false);
        wait_until_true(is_queue_taken, "an empty queue, and nobody held");
        end_broker(SIGKILL);
}

static void crowd_comes(void)
{
        unsigned length = 0;
        for (int i = 0; i < CROWD; i++) {
                crowd[i].client =
                        chat_join_with(chat, "127.0.0.1", &crowd[i].session, chat->option, "--pace=off", NULL);
                client_send(crowd[i].client, "\n"); /* a sign of life, so that it may be announced at once */
                queue_grows(&length);
        }
}

/* Lets Ann ask. All newcomers must have been told to each client by then. */
static void assert_crowd_told(void)
{
        struct told all = {0};
        client_send(persons[ANN].client, "all here?\n");
        told_add(&all, client_expect(persons[BOB].client, ": all here?\r\n"));
        assert_int_equal(told_people(&all), CROWD);
        struct told cat = {0}, link = {0};
        told_add(&cat, client_expect(persons[CAT].client, ": all here?\r\n"));
        assert_int_equal(cat.count, all.count);
        assert_memory_equal(cat.events, all.events, all.count * sizeof(*all.events));
        for (int i = 0; i < CROWD; i++) {
                struct told told = {0};
                told_add(&told, client_expect(crowd[i].client, ": all here?\r\n"));
                told_assert_same(&all, &told, crowd[i].client->name);
                told_free(&told);
        }
        link_hear();
        told_add(&link, played.got);
        assert_int_equal(told_people(&link), CROWD);
        assert_int_equal(told_unnamed(&link), 0);
        told_free(&link);
        told_free(&cat);
        told_free(&all);
}

static void assert_link_counts(unsigned members)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        played.welcome = false;
        link_hello();
        for (; !played.welcome; link_hear())
                assert_true(wait_for_news(0, 0, deadline));
        assert_int_equal(played.welcome_frame.members, members);
}

static void crowd_goes(void)
{
        int status;
        for (int i = 0; i < CROWD; i++) {
                client_send(crowd[i].client, "exit\n");
                client_expect_end(crowd[i].client);
                assert_int_equal(waitpid(crowd[i].session, &status, 0), crowd[i].session);
                assert_int_equal(status, 0);
                for (int who = 0; who < RESIDENTS; who++)
                        client_expect(persons[who].client, "*** %s is disconnected\r\n", crowd[i].client->name);
                client_free(crowd[i].client);
        }
}

/* Lets each resident say a line, so that each has handed over what it had to: a session that finds the queue full tries
 * again at a random moment. */
static void residents_speak(void)
{
        for (int who = 0; who < RESIDENTS; who++) {
                client_send(persons[who].client, "I am here\n");
                for (int other = 0; other < RESIDENTS; other++)
                        if (other != who)
                                client_expect(persons[other].client, "%s: I am here\r\n", persons[who].name);
        }
}

/* Plays a round of newcomers. With `wait`, they wait to be announced when the chatd is started that is killed at
 * `at`. */
static bool play_crowd(unsigned at, bool wait)
{
        round_number++;
        killed_count = 0;
        playing = true;
        crowd_comes();
        if (wait)
                take_queue();
        run_and_kill(at);
        take_queue();
        start_broker(false);
        wait_until_true(is_all_announced, "all are announced");
        assert_crowd_told();
        assert_link_counts(RESIDENTS + CROWD);
        crowd_goes();
        residents_speak();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        assert_false(is_anybody_waiting());
        playing = false;
        return killed[0].done;
}

static unsigned play_crowd_at_each_call(bool wait)
{
        struct points p = {0};
        while (next_point(&p)) {
                if (play_crowd(p.at, wait))
                        p.calls = p.at;
                show_progress(wait ? "each call, a crowd waits" : "each call, a crowd comes", 0);
        }
        return p.calls;
}

static void test_every_call_of_many_arrivals(void **state)
{
        (void)state;
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=1:1";
        start_with_residents();
        client_send(persons[CAT].client, "I am the last\n");
        client_expect(persons[ANN].client, ": I am the last\r\n");
        client_expect(persons[BOB].client, ": I am the last\r\n");
        assert_int_equal(end_broker(SIGTERM), 0); /* all are announced */
        for (int who = 0; who < RESIDENTS; who++)
                client_sync(persons[who].client);
        forget_events();

        is_at_rest = is_nobody_held; /* the crowd waits for a second, and is announced by the next chatd */
        unsigned coming = play_crowd_at_each_call(false);
        is_at_rest = is_all_announced;
        unsigned waiting = play_crowd_at_each_call(true);
        assert_true(coming > 50 && waiting > 50);
        show_points(coming, " while many came");
        show_points(waiting, " while they were announced");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                KILLING_TEST(test_every_call_of_many_arrivals),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
