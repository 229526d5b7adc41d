#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../chatd/intake.h"

#include "test.h"

struct fixture {
        struct intake in;
        int fd, sender;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
        f->fd = fds[0];
        f->sender = fds[1];
        assert_int_equal(intake_init(&f->in, f->fd), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        intake_free(&f->in);
        close(f->fd);
        close(f->sender);
        free(f);
        return 0;
}

static void put(struct fixture *f, const char *text)
{
        assert_int_equal(send(f->sender, text, strlen(text), MSG_DONTWAIT), strlen(text));
}

static void assert_window(struct fixture *f, int n, ...)
{
        va_list args;
        assert_int_equal(intake_peek(&f->in), n);
        va_start(args, n);
        for (int i = 0; i < n; i++) {
                const char *expected = va_arg(args, const char *);
                struct datagram d = intake_get(&f->in, (size_t)i);
                assert_int_equal(d.size, strlen(expected));
                assert_memory_equal(d.data, expected, d.size);
                assert_int_equal(d.uid, getuid());
                assert_int_equal(d.pid, getpid());
        }
        va_end(args);
}

/* Starts the next chatd: the same socket, nothing remembered. */
static void restart(struct fixture *f)
{
        intake_free(&f->in);
        assert_int_equal(intake_init(&f->in, f->fd), 0);
}

static bool is_readable(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        return poll(&p, 1, 0) > 0;
}

static void test_peek_and_consume(void **state)
{
        struct fixture *f = *state;
        put(f, "one");
        put(f, "two");
        put(f, "three");
        assert_window(f, 3, "one", "two", "three");
        assert_int_equal(intake_consume(&f->in, 2), 0);
        assert_window(f, 1, "three"); /* first the window, then what came in the meantime */
        put(f, "four");
        assert_window(f, 1, "three");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        assert_window(f, 1, "four");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        assert_window(f, 0);
        assert_false(is_readable(f->fd));
}

static void test_what_was_not_consumed_comes_again(void **state)
{
        struct fixture *f = *state;
        put(f, "one");
        put(f, "two");
        put(f, "three");
        assert_window(f, 3, "one", "two", "three");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        restart(f);
        put(f, "four");
        assert_window(f, 3, "two", "three", "four");
}

static void test_walk_and_rewind(void **state)
{
        struct fixture *f = *state;
        put(f, "one");
        put(f, "two");
        assert_window(f, 2, "one", "two");
        intake_skip(&f->in);
        assert_window(f, 0);
        put(f, "three");
        assert_window(f, 1, "three");
        assert_int_equal(intake_rewind(&f->in), 0);
        assert_window(f, 3, "one", "two", "three");
}

static void test_empty_datagrams(void **state)
{
        struct fixture *f = *state;
        put(f, "");
        put(f, "one");
        put(f, "");
        put(f, "two");
        put(f, "");
        assert_window(f, 5, "", "one", "", "two", "");
        restart(f); /* they were peeked: the kernel skips them, but they are still in the queue */
        assert_window(f, 2, "one", "two");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        put(f, "three");
        assert_window(f, 1, "two");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        assert_window(f, 1, "three");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        put(f, "");
        assert_window(f, 1, "");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        assert_window(f, 0);
        assert_false(is_readable(f->fd));
}

static void test_an_overlong_datagram(void **state)
{
        struct fixture *f = *state;
        static char big[3 * FRAME_MAX_BYTES + 100];
        put(f, "one");
        assert_int_equal(send(f->sender, big, sizeof(big), 0), sizeof(big));
        put(f, "two");
        for (int round = 0; round < 2; round++) {
                assert_int_equal(intake_peek(&f->in), 2);
                assert_false(intake_get(&f->in, 0).is_truncated);
                assert_true(intake_get(&f->in, 1).is_truncated);
                assert_int_equal(intake_get(&f->in, 1).size, FRAME_MAX_BYTES);
                if (round == 0) { /* skipped, as in the recovery */
                        intake_skip(&f->in);
                        assert_window(f, 1, "two");
                        assert_int_equal(intake_rewind(&f->in), 0);
                }
        }
        assert_int_equal(intake_consume(&f->in, 2), 0);
        assert_window(f, 1, "two");
        assert_int_equal(intake_consume(&f->in, 1), 0);
        assert_window(f, 0);
}

static void test_a_full_queue(void **state)
{
        struct fixture *f = *state;
        int sent = 0, got = 0, n;
        char text[16];
        for (;; sent++) {
                snprintf(text, sizeof(text), "%d", sent);
                if (send(f->sender, text, strlen(text), MSG_DONTWAIT) < 0)
                        break;
        }
        assert_true(sent >= 10);
        while ((n = intake_peek(&f->in)) > 0) {
                for (int i = 0; i < n; i++) {
                        struct datagram d = intake_get(&f->in, (size_t)i);
                        snprintf(text, sizeof(text), "%d", got++);
                        assert_memory_equal(d.data, text, d.size);
                }
                assert_int_equal(intake_consume(&f->in, (size_t)n), 0);
        }
        assert_int_equal(got, sent);
}

static size_t open_fds(void)
{
        size_t n = 0;
        DIR *dir = opendir("/proc/self/fd");
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

static void test_descriptors_are_not_taken(void **state)
{
        struct fixture *f = *state;
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(2 * sizeof(int))];
        } control = {
                .header = {.cmsg_len = CMSG_LEN(2 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
        int fds[2] = {0, 1};
        memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
        struct iovec iov = {"hi", 2};
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        size_t before = open_fds();
        for (int i = 0; i < 8; i++)
                assert_int_equal(sendmsg(f->sender, &msg, 0), 2);
        assert_window(f, 8, "hi", "hi", "hi", "hi", "hi", "hi", "hi", "hi");
        assert_int_equal(intake_consume(&f->in, 8), 0);
        assert_int_equal(open_fds(), before);
}

#define TEST_WITH_QUEUE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST_WITH_QUEUE(test_peek_and_consume),
                TEST_WITH_QUEUE(test_what_was_not_consumed_comes_again),
                TEST_WITH_QUEUE(test_walk_and_rewind),
                TEST_WITH_QUEUE(test_empty_datagrams),
                TEST_WITH_QUEUE(test_an_overlong_datagram),
                TEST_WITH_QUEUE(test_a_full_queue),
                TEST_WITH_QUEUE(test_descriptors_are_not_taken),
        };
        return RUN_TESTS(tests);
}
