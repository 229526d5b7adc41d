/* chatd is killed (killing.h) while many newcomers come at once: they are in the queue, or wait to be announced already,
 * when chatd is started, and all must be told once that each of them joined, by name or in a notice. Newcomers who go to
 * another room are announced there alone.
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

/* Lets newcomers connect and type this. */
static void crowd_comes(const char *typed)
{
        unsigned length = 0;
        for (int i = 0; i < CROWD; i++) {
                crowd[i].client =
                        chat_join_with(chat, "127.0.0.1", &crowd[i].session, chat->option, "--pace=off", NULL);
                queue_grows(&length);
                client_send(crowd[i].client, "%s\n", typed);
                if (*typed != '\0')
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

/* Lets the newcomers leave. The residents from `first` on are told. */
static void crowd_goes(int first)
{
        int status;
        for (int i = 0; i < CROWD; i++) {
                client_send(crowd[i].client, "exit\n");
                client_expect_end(crowd[i].client);
                assert_int_equal(waitpid(crowd[i].session, &status, 0), crowd[i].session);
                assert_int_equal(status, 0);
                for (int who = first; who < RESIDENTS; who++)
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
        crowd_comes(""); /* a sign of life, so that they may be announced at once */
        if (wait)
                take_queue();
        run_and_kill(at);
        take_queue();
        start_broker(false);
        wait_until_true(is_all_announced, "all are announced");
        assert_crowd_told();
        assert_link_counts(RESIDENTS + CROWD);
        crowd_goes(0);
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

/* Returns how many times a client was told this of a newcomer. */
static unsigned count_told(const char *shown, const struct client *newcomer, const char *what)
{
        char line[128];
        unsigned n = 0;
        snprintf(line, sizeof(line), "*** %s %s\r\n", newcomer->name, what);
        for (const char *at = shown; (at = strstr(at, line)); at++)
                n++;
        return n;
}

/* A newcomer who goes to another room before it was announced is announced there alone. If chatd was killed before it
 * could note that the newcomer is not announced yet, the next chatd announces it in the first room, from where it goes. */
static void assert_moves_told(void)
{
        client_send(crowd[0].client, "all here?\n");
        client_send(persons[ANN].client, "nobody new\n");
        const char *in_den = client_expect(persons[CAT].client, ": all here?\r\n");
        unsigned went[CROWD];
        for (int i = 0; i < CROWD; i++) {
                went[i] = count_told(in_den, crowd[i].client, "came from lobby");
                assert_int_equal(count_told(in_den, crowd[i].client, "is connected") + went[i], 1);
        }
        const char *in_lobby = client_expect(persons[BOB].client, ": nobody new\r\n");
        for (int i = 0; i < CROWD; i++) {
                assert_int_equal(count_told(in_lobby, crowd[i].client, "is connected"), went[i]);
                assert_int_equal(count_told(in_lobby, crowd[i].client, "went to den"), went[i]);
        }
}

/* Lets each resident ask, so that each has handed over what it had to, as in residents_speak(). */
static void residents_ask(void)
{
        for (int who = 0; who < RESIDENTS; who++) {
                client_send(persons[who].client, "/who\n");
                client_expect(persons[who].client, "(you)");
        }
}

static bool play_moves(unsigned at)
{
        round_number++;
        killed_count = 0;
        playing = true;
        crowd_comes("/join den");
        run_and_kill(at);
        take_queue();
        start_broker(false);
        wait_until_true(is_all_announced, "all are announced");
        assert_moves_told();
        assert_link_counts(RESIDENTS + CROWD);
        crowd_goes(CAT);
        residents_ask();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        playing = false;
        return killed[0].done;
}

static void test_every_call_of_newcomers_who_move(void **state)
{
        (void)state;
        struct points p = {0};
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=1:1";
        start_with_residents();
        client_send(persons[CAT].client, "/join den\n");
        client_expect(persons[CAT].client, "You are now in den");
        assert_int_equal(end_broker(SIGTERM), 0);
        for (int who = 0; who < RESIDENTS; who++)
                client_sync(persons[who].client);
        forget_events();
        is_at_rest = is_nobody_held;
        while (next_point(&p)) {
                if (play_moves(p.at))
                        p.calls = p.at;
                show_progress("each call, newcomers move", 0);
        }
        assert_true(p.calls > 50);
        show_points(p.calls, " while newcomers moved");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                KILLING_TEST(test_every_call_of_many_arrivals),
                KILLING_TEST(test_every_call_of_newcomers_who_move),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
