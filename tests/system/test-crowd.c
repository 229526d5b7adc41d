/* Two hundred people in one room, each a process of PID 1. */
#include <signal.h>
#include <stdio.h>

#include <chat/clock.h>

#include "booted.h"
#include "told.h"

enum { CROWD = 200, KILLED = 5, ANNOUNCED_MS = 1000 };

static struct client *crowd[CROWD];
static struct told told[CROWD];

/* Asserts that each member was told of all who joined after it. The first was told of all others. They arrive in one
 * batch, so most are counted and not named. */
static void assert_arrivals(void)
{
        int first = 0;
        for (int i = 1; i < CROWD - 1; i++)
                if (told_people(&told[i]) > told_people(&told[first]))
                        first = i;
        assert_int_equal(told_people(&told[first]), CROWD - 1);
        printf("%zu notices of %d people\n", told[first].count, CROWD - 1);
        assert_in_range(told_unnamed(&told[first]), CROWD / 2, CROWD - 1);
        for (int i = 0; i < CROWD - 1; i++) {
                if (i != first)
                        told_assert_same(&told[first], &told[i], crowd[i]->name);
        }
        for (int i = 0; i < CROWD - 1; i++)
                told_free(&told[i]);
}

static void test_two_hundred_hear_each_other(void **state)
{
        (void)state;
        crowd[0] = booted_join(); /* is there before the others, and is told of all */
        shell_until("test $(ls /run/chat/members | grep -cv requests) = 1");
        booted_hold_chatd();
        for (int i = 1; i < CROWD; i++)
                crowd[i] = client_connect("127.0.0.1", CHAT_PORT);
        for (int i = 1; i < CROWD; i++)
                client_greeted(crowd[i]); /* the greeting does not wait for chatd */
        booted_release_chatd();
        shell_until("test $(ls /run/chat/members | grep -vE 'arriv|held|named|requests' | wc -l) = %d", CROWD);
        shell_until("! ls /run/chat/members | grep -qE 'arriv|held|named'");
        /* each has joined when the last one's line reaches it */
        client_send(crowd[CROWD - 1], "all here?\n");
        for (int i = 0; i < CROWD - 1; i++)
                told_add(&told[i], client_expect(crowd[i], "%s: all here?\r\n", crowd[CROWD - 1]->name));
        assert_arrivals();
        for (int i = 0; i < CROWD; i++)
                client_send(crowd[i], "I am number %d\n", i);
        for (int i = 0; i < CROWD; i++) {
                bool heard[CROWD] = {false};
                for (int n = 0; n < CROWD - 1; n++) {
                        client_expect(crowd[i], ": I am number ");
                        int who = atoi(client_expect(crowd[i], "\r\n"));
                        assert_in_range(who, 0, CROWD - 1);
                        assert_true(who != i);
                        assert_false(heard[who]);
                        heard[who] = true;
                }
        }
        shell_until("systemctl show -P StatusText chatd | grep -q '^members: %d,'", CROWD);
}

static void test_killed_sessions_are_announced_within_a_second(void **state)
{
        (void)state;
        for (int i = 0; i < KILLED; i++) {
                struct client *victim = crowd[i];
                pid_t session = booted_session(victim);
                int64_t begin = clock_ms();
                kill(session, SIGKILL);
                for (int to = KILLED; to < CROWD; to++)
                        client_expect(crowd[to], "*** %s is disconnected\r\n", victim->name);
                assert_in_range(clock_ms() - begin, 0, ANNOUNCED_MS);
                client_expect_end(victim);
                client_free(victim);
        }
        for (int i = KILLED; i < CROWD; i++)
                client_free(crowd[i]);
        shell_until("test $(ls /run/chat/members | grep -cv requests) = 0");
        shell_until("test -z \"$(systemctl list-units --all --plain --no-legend 'chat@*.service')\"");
        assert_string_equal(shell("ls /run/chat/sessions"), "");
}

static int install(void **state)
{
        int r = booted_install_without_history(state);
        shell("echo Arrivals=1:1 >>/etc/chat/chat.conf");
        return r;
}

/* The service of chat.socket(8) for many people takes the place of chat.socket, and a killed chatd loses nothing. */
static void test_a_service_for_many_people(void **state)
{
        (void)state;
        struct client *old = booted_join();
        shell("sed '1,/chat-many.service :/d' units/chat.socket.8 | sed '1d; /^\\.Ed/,$d' "
              ">/etc/systemd/system/chat-many.service");
        shell("systemctl disable --now chat.socket && systemctl enable --now chat-many");
        struct client *new = booted_join();
        client_expect(old, "*** %s is connected\r\n", new->name);
        client_send(new, "hello\n");
        client_expect(old, "%s: hello\r\n", new->name);
        shell("systemctl kill -s KILL chatd");
        client_send(old, "hello to you\n");
        client_expect(new, "%s: hello to you\r\n", old->name);
        int parent = atoi(shell("awk '/^PPid/ {print $2}' /proc/%d/status", (int)booted_session(new)));
        assert_int_equal(parent, atoi(shell("systemctl show -P MainPID chat-many")));
        shell("systemctl disable --now chat-many && systemctl enable --now chat.socket");
        client_send(new, "still here\n");
        client_expect(old, "%s: still here\r\n", new->name);
        client_free(old);
        client_free(new);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_hundred_hear_each_other),
                cmocka_unit_test(test_killed_sessions_are_announced_within_a_second),
                cmocka_unit_test(test_a_service_for_many_people),
        };
        return RUN_TESTS(tests, install, NULL);
}
