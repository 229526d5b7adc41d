/* The host's clock is set while people talk: to 1970, as without a battery, to 2040, and back. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { YEAR_1970 = 17 * 60, YEAR_2040 = INT64_C(2208988800) };

static volatile int64_t *ahead_s;
static char path[] = "/tmp/chat-clock.XXXXXX";

/* Preloads the clock (tests/clock.c) into all programs that are started from here on. */
static int setup(void **state)
{
        int fd = mkstemp(path);
        assert_int_equal(ftruncate(fd, sizeof(*ahead_s)), 0);
        ahead_s = mmap(NULL, sizeof(*ahead_s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        setenv("CLOCK_FILE", path, 1);
        setenv("LD_PRELOAD", "build/tests/clock.so", 1);
        *state = chat_start();
        return 0;
}

static int teardown(void **state)
{
        unsetenv("LD_PRELOAD");
        chat_stop(*state);
        unlink(path);
        return 0;
}

/* Sets the clock to this time. */
static void set_clock(int64_t seconds)
{
        *ahead_s = seconds - time(NULL);
}

static void say(struct client *from, struct client *to, const char *text)
{
        client_send(from, "%s\n", text);
        client_expect(to, "%s: %s\r\n", from->name, text);
        client_send(from, "/rooms\n"); /* the answer comes when the line is in the history, with its time */
        client_expect(from, "*** lobby: ");
}

/* Lets a newcomer join, and asserts the past lines that it is shown; `times` stand in front of the lines. */
static void assert_past(struct chat *chat, const struct client *who, const char *const times[static 3])
{
        static const char *const texts[] = {"in 1970", "in 2040", "today"};
        struct client *c = chat_join(chat, NULL);
        client_expect(c, "*** Earlier here (times in UTC):\r\n");
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(client_expect(c, "%s %s: %s\r\n", times[i], who->name, texts[i]), "");
        client_free(c);
}

static void test_the_clock_is_set(void **state)
{
        struct chat *chat = *state;
        chat_kill_broker(chat, SIGTERM);
        chat->history = "--history=3";
        chat_start_broker(chat);
        struct client *ann = chat_join(chat, NULL), *bob = chat_join(chat, NULL);
        client_send(bob, "/time on\n");
        client_expect(bob, "*** /time is on\r\n");
        set_clock(YEAR_1970);
        say(ann, bob, "in 1970");
        set_clock(YEAR_2040);
        say(ann, bob, "in 2040");
        int64_t minute = time(NULL) / 60;
        char now[32];
        snprintf(now, sizeof(now), "(%02d:%02d)", (int)(minute / 60 % 24), (int)(minute % 60));
        set_clock(minute * 60);
        say(ann, bob, "today");
        assert_past(chat, ann, (const char *[]){"(earlier)", "(earlier)", now});
        for (int i = 0; i < 2; i++) {
                set_clock(YEAR_2040);
                assert_past(chat, ann, (const char *[]){"(earlier)", "(00:00)", "(earlier)"});
                set_clock(YEAR_1970);
                assert_past(chat, ann, (const char *[]){"(00:17)", "(earlier)", "(earlier)"});
                chat_kill_broker(chat, SIGKILL);
                chat_start_broker(chat);
        }
        client_free(ann);
        client_free(bob);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_clock_is_set, setup, teardown),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
