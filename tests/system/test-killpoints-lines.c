/* chatd is killed (killing.h) while people talk, come, leave and die.
 *
 * The queue has lines, a member that leaves, a newcomer that leaves again, and two whose processes are killed, one before
 * it was a member and one after. The link to other hosts sends HELLO again in the middle of that, and lines of other
 * hosts. It is told a number behind which nothing was relayed.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>

#include "killing.h"
#include "tracer.h"

enum {
        RANDOM_ROUNDS = 300,
        LEAVERS_WAIT_MS = 1500, /* a session that left waits two seconds for what was said before */
};

/* The first part of a round, without chatd. */
static void fill_queue(void)
{
        unsigned length = 0;
        say(ANN, "first");
        queue_grows(&length);
        join(FAY);
        queue_grows(&length);
        say(FAY, "here I am");
        queue_grows(&length);
        link_inject();
        queue_grows(&length);
        link_hello();
        queue_grows(&length);
        leave(FAY);
        queue_grows(&length);
        join(GUS);
        queue_grows(&length);
        say(GUS, "and I");
        queue_grows(&length);
        die(GUS);
        leave(EVE);
        queue_grows(&length);
        say(DAN, "I am still here");
        queue_grows(&length);
        die(DAN);
        say(ANN, "last");
        queue_grows(&length);
        add_event(DAN, LEAVES);
        add_event(GUS, LEAVES);
}

static int count_content(void)
{
        int content = 0;
        for (int who = 0; who < RESIDENTS; who++)
                content += heard_as_expected((enum role)who);
        return content;
}

/* Members whose processes were killed leave in the order in which chatd finds them, and Hal may join before or after
 * that. It must be the same order for all: takes the one that most residents were shown. These are the last events. */
static void accept_order(void)
{
        static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        struct event *last = &events[events_count - 3], given[3];
        int best = 0, best_content = -1;
        memcpy(given, last, sizeof(given));
        for (int order = 0; order < 7; order++) { /* the seventh is the best once more */
                const uint8_t *by = orders[order < 6 ? order : best];
                for (int i = 0; i < 3; i++)
                        last[i] = given[by[i]];
                if (order < 6 && count_content() > best_content) {
                        best = order;
                        best_content = count_content();
                }
        }
}

/* Asserts what Hal was shown. Hal is a member before it is announced, so it may be shown some of the last events that
 * others were shown before its join. chatd's answer comes after them. */
static void assert_hal_heard(void)
{
        struct event *last = &events[events_count - 3], given[3];
        struct client *c = persons[HAL].client;
        client_send(c, "/msg nobody psst\n");
        char *heard = strdup(client_expect(c, "*** There is nobody called nobody here"));
        client_expect(c, "\r\n");
        assert_true(strlen(heard) < c->room);
        c->len = strlen(strcpy(c->got, heard));
        free(heard);
        drop_greeting(c);
        memcpy(given, last, sizeof(given));
        for (int i = 2; i > 0 && !heard_as_expected(HAL); i--) {
                if (last[i].who != HAL) /* only an event in front of it changes places */
                        continue;
                struct event before = last[i - 1];
                last[i - 1] = last[i];
                last[i] = before;
        }
        assert_heard(HAL);
        memcpy(last, given, sizeof(given));
}

/* The last part of a round, with a new Eve. */
static void gather(void)
{
        all_speak(DAN);
        join(EVE);
        wait_until_heard(0, DAN + 1);
        end_gathering();
}

/* Kills `n` chatds in a row, each in front of its system call number at[i]; Hal joins after the one of index
 * `hal_behind`. Returns true if the first one reached its call. */
static bool play_round(const unsigned *at, unsigned n, unsigned hal_behind)
{
        int64_t start = clock_ms();
        round_number++;
        killed_count = 0;
        playing = true;
        fill_queue();
        for (unsigned i = 0; i < n; i++) {
                run_and_kill(at[i]);
                if (i == hal_behind)
                        join(HAL);
        }
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        accept_order();
        assert_hal_heard();
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        bool in_time = clock_ms() - start < LEAVERS_WAIT_MS;
        assert_farewell(EVE, in_time);
        assert_farewell(FAY, in_time);
        persons[DAN] = persons[HAL];
        persons[HAL].client = NULL;
        gather();
        assert_files(MEMBERS_DIR_NAME); /* these tell the owners of the others */
        assert_files(SESSIONS_DIR_NAME);
        playing = false;
        return killed[0].done;
}

/* Plays a round for each call. Returns how many calls a chatd makes in a round. */
static unsigned play_each_call(void)
{
        struct points p = {0};
        while (next_point(&p)) {
                if (play_round(&p.at, 1, 0))
                        p.calls = p.at;
                show_progress("each call", 0);
        }
        return p.calls;
}

static void play_at_random(unsigned calls)
{
        unsigned last = round_number + number_from("ROUNDS", RANDOM_ROUNDS);
        srandom(seed);
        while (round_number < last) {
                unsigned at[KILLS_MAX], kills = 2 + (unsigned)random() % (KILLS_MAX - 1);
                for (unsigned i = 0; i < kills; i++)
                        at[i] = 1 + (unsigned)random() % calls;
                play_round(at, kills, (unsigned)random() % kills);
                show_progress("at random", last);
        }
}

static void test_every_call(void **state)
{
        (void)state;
        if (!tracer_may_trace()) {
                puts("chatd cannot be killed at its system calls here: ptrace(2) is not permitted");
                skip();
        }
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir); /* the other folder is made before */
        link_hello();
        for (int who = 0; who <= DAN; who++)
                join_greeted((enum role)who);
        wait_until_heard(0, DAN + 1);
        for (int who = 0; who <= DAN; who++)
                assert_heard((enum role)who);
        gather();
        unsigned calls = play_each_call();
        assert_true(calls > 50);
        show_points(calls, "");
        printf("SEED=%u\n", seed);
        play_at_random(calls);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                KILLING_TEST(test_every_call),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
