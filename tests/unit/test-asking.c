/* Unit tests of chatctl/asking.h: a chatd that is busy, goes away, or closes the connection before it has read the
 * request. Each call of send() takes a step of this chatd, and time passes only where chatctl sleeps. */
#include "../../chatctl/asking.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../clock-call.h"
#include "rundir-fixture.h"

enum step {
        END, /* end of the steps: the last one is repeated */
        BUSY_BEFORE,
        BUSY_BEHIND,
        DENIED_BEFORE,
        DIES,
        BREAKS_OFF,
        BUSY_AND_STAYS,
        SERVES,
};

struct chatd {
        char *dir;
        int lock, listener;
        const enum step *steps;
        int requests, last; /* number of requests; the connection that stays open */
        char words[CONTROL_PACKET_MAX_BYTES], first[CONTROL_PACKET_MAX_BYTES];
};

static struct chatd *chatd;
static int64_t slept_ns;

int nanosleep(const struct timespec *t, struct timespec *rest)
{
        (void)rest;
        slept_ns += (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
        return 0;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
        int r = clock_call(clock, t);
        int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + slept_ns;
        *t = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = (long)(ns % 1000000000)};
        return r;
}

static void answer(int fd, const char *text)
{
        assert_int_equal(write(fd, text, strlen(text) + 1), (ssize_t)strlen(text) + 1);
}

static void take_request(int fd)
{
        ssize_t n = read(fd, chatd->words, sizeof(chatd->words));
        assert_true(n > 0);
        for (ssize_t i = 0; i < n - 1; i++)
                if (chatd->words[i] == '\0')
                        chatd->words[i] = '|';
        if (chatd->requests++ == 0)
                memcpy(chatd->first, chatd->words, sizeof(chatd->first));
        assert_string_equal(chatd->words, chatd->first); /* the number is the same each time */
}

static ssize_t really_send(int fd, const void *data, size_t size, int flags)
{
        return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
        ssize_t n = -1;
        int side = chatd->last >= 0 ? chatd->last : accept(chatd->listener, NULL, NULL);
        enum step step = chatd->steps[0];
        assert_true(side >= 0);
        if (chatd->steps[1] != END)
                chatd->steps++;
        chatd->last = -1;
        if (step == BUSY_BEFORE || step == DENIED_BEFORE) {
                answer(side, step == BUSY_BEFORE ? "end=busy" : "end=denied");
                close(side);
                n = really_send(fd, data, size, flags);
                int error = errno;
                assert_int_equal(n, -1);
                assert_int_equal(error, EPIPE);
                errno = error;
                return n;
        }
        n = really_send(fd, data, size, flags);
        assert_int_equal(n, size);
        if (step == BUSY_BEHIND) { /* the close discards unread data, so the connection is reset */
                answer(side, "end=busy");
                close(side);
                return n;
        }
        take_request(side);
        if (step == BUSY_AND_STAYS)
                answer(side, "end=busy");
        if (step == BREAKS_OFF || step == SERVES)
                answer(side, "name=ann");
        if (step == SERVES)
                answer(side, "end=ok");
        if (step == SERVES)
                chatd->last = side;
        else
                close(side);
        return n;
}

static int set_up(void **state)
{
        struct chatd *c = calloc(1, sizeof(*c));
        assert_non_null(c);
        c->dir = rundir_make(&c->lock);
        c->listener = rundir_bind_control(c->dir);
        c->last = -1;
        assert_true(c->listener >= 0);
        slept_ns = 0;
        *state = chatd = c;
        return 0;
}

static int tear_down(void **state)
{
        struct chatd *c = *state;
        if (c->last >= 0)
                close(c->last);
        close(c->listener);
        rundir_remove(c->dir, c->lock);
        free(c);
        return 0;
}

/* Asks a chatd that takes these steps. Returns what asking_make() returns, and writes the status. */
static int ask(const enum step *steps, char status[static 16])
{
        struct asking a;
        assert_int_equal(asking_init(&a, chatd->dir), 0);
        chatd->steps = steps;
        int r = asking_make(&a, (const char *const[]){"mute", "", "ann", NULL});
        snprintf(status, 16, "%s", r == 0 ? asking_end(&a, "end") : "");
        if (r == 0 && strcmp(status, "ok") == 0) {
                assert_int_equal(a.count, 1);
                assert_string_equal(answer_value(&a.records[0], "name"), "ann");
        }
        asking_free(&a);
        return r;
}

static void assert_served_after(const enum step *steps, int requests)
{
        char status[16];
        assert_int_equal(ask(steps, status), 0);
        assert_string_equal(status, "ok");
        assert_int_equal(chatd->requests, requests);
}

static void test_is_served(void **state)
{
        (void)state;
        assert_served_after((const enum step[]){SERVES, END}, 1);
        assert_int_equal(slept_ns, 0);
}

/* chatctl reads chatd's answer, no matter when chatd closed the connection. */
static void test_busy_then_served(void **state)
{
        (void)state;
        assert_served_after((const enum step[]){BUSY_BEFORE, BUSY_BEHIND, BUSY_AND_STAYS, SERVES, END}, 2);
        assert_in_range(slept_ns, 3 * 1000000 * (ASKING_RETRY_MS / 2), 3LL * 1000000 * ASKING_RETRY_MS * 3 / 2);
}

static void assert_stays_busy(enum step step)
{
        char status[16];
        slept_ns = 0;
        assert_int_equal(ask((const enum step[]){step, END}, status), 0);
        assert_string_equal(status, "busy");
        assert_in_range(slept_ns / 1000000, ASKING_BUSY_MS / 2, ASKING_BUSY_MS + 2 * ASKING_RETRY_MS);
}

static void test_stays_busy(void **state)
{
        (void)state;
        assert_stays_busy(BUSY_BEFORE);
        assert_stays_busy(BUSY_BEHIND);
        assert_stays_busy(BUSY_AND_STAYS);
}

/* A user without permission is refused at once: chatctl does not ask again. */
static void test_denied(void **state)
{
        (void)state;
        char status[16];
        assert_int_equal(ask((const enum step[]){DENIED_BEFORE, END}, status), 0);
        assert_string_equal(status, "denied");
        assert_int_equal(slept_ns, 0);
}

static void test_chatd_dies(void **state)
{
        (void)state;
        assert_served_after((const enum step[]){DIES, BREAKS_OFF, BUSY_BEHIND, DIES, SERVES, END}, 4);
}

static void test_chatd_dies_each_time(void **state)
{
        (void)state;
        char status[16];
        assert_int_equal(ask((const enum step[]){BREAKS_OFF, END}, status), -EPIPE);
        assert_in_range(slept_ns / 1000000, ASKING_AGAIN_MS / 2, ASKING_AGAIN_MS + 2 * ASKING_RETRY_MS);
}

static void test_nobody_listens(void **state)
{
        struct chatd *c = *state;
        char status[16];
        assert_int_equal(shutdown(c->listener, SHUT_RDWR), 0);
        assert_int_equal(ask((const enum step[]){SERVES, END}, status), -ECONNREFUSED);
        assert_int_equal(slept_ns, 0); /* chatctl does not wait for a chat that does not run */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_is_served),  TEST(test_busy_then_served),     TEST(test_stays_busy),     TEST(test_denied),
                TEST(test_chatd_dies), TEST(test_chatd_dies_each_time), TEST(test_nobody_listens),
        };
        return RUN_TESTS(tests);
}
