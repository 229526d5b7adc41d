/* An idle session gives memory back, and keeps what it still needs. */
#include <alloca.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../chat-session/client-output.h"
#include "../../chat-session/idle.h"
#include "../../chat-session/session.h"

#include "session-fixture.h"

/* Returns a session in which something happened at the time 1, and whose large buffers were used. */
static struct session *used_session(void)
{
        static struct session s;
        memset(&s, 0, sizeof(s));
        s.uplink.queue = &s.queue;
        memset(s.client.buffer, 'b', sizeof(s.client.buffer));
        memset(s.queue.data, 'q', sizeof(s.queue.data));
        memset(s.datagram, 'd', sizeof(s.datagram));
        s.seen.count = 1;
        s.past_number = 7;
        s.now = 1;
        idle_end(&s);
        return &s;
}

static bool has_buffers(const struct session *s)
{
        bool output = s->client.buffer[CLIENT_OUT_MAX_BYTES / 2] == 'b';
        bool queue = s->queue.data[UPLINK_QUEUE_MAX_BYTES / 2] == 'q';
        assert_int_equal(output, queue);
        assert_int_equal(output, s->datagram[DATAGRAM_MAX_BYTES / 2] == 'd');
        return output;
}

static void check_at(struct session *s, int64_t now)
{
        s->now = now;
        idle_check(s);
}

static void test_buffers_are_given_back_once_it_is_idle(void **state)
{
        (void)state;
        struct session *s = used_session();
        assert_int_equal(idle_due(s), 1 + IDLE_AFTER_MS);
        check_at(s, IDLE_AFTER_MS);
        assert_true(has_buffers(s));
        check_at(s, 1 + IDLE_AFTER_MS);
        assert_false(has_buffers(s));
        assert_true(idle_due(s) == INT64_MAX);
        /* what is not a buffer stays, beside them in memory */
        assert_int_equal(s->seen.count, 1);
        assert_int_equal(s->past_number, 7);
        assert_ptr_equal(s->uplink.queue, &s->queue);
}

static void test_it_is_idle_again_later(void **state)
{
        (void)state;
        struct session *s = used_session();
        check_at(s, 1 + IDLE_AFTER_MS);
        s->datagram[DATAGRAM_MAX_BYTES / 2] = 'd';
        check_at(s, 10 * IDLE_AFTER_MS);
        assert_int_equal(s->datagram[DATAGRAM_MAX_BYTES / 2], 'd'); /* nothing was noted */
        idle_end(s);
        check_at(s, 11 * IDLE_AFTER_MS);
        assert_int_equal(s->datagram[DATAGRAM_MAX_BYTES / 2], 0);
}

static void test_what_waits_for_the_client_is_kept(void **state)
{
        (void)state;
        struct session *s = used_session();
        s->client.start = CLIENT_OUT_MAX_BYTES / 2;
        s->client.end = s->client.start + 1;
        check_at(s, 1 + IDLE_AFTER_MS);
        assert_true(has_buffers(s));
}

static void test_what_waits_for_chatd_is_kept(void **state)
{
        (void)state;
        struct session *s = used_session();
        uplink_queue_line(&s->queue, 1, slice_of(""), slice_of("hello"));
        check_at(s, 1 + IDLE_AFTER_MS);
        assert_true(has_buffers(s));
        uplink_queue_remove(&s->queue);
        check_at(s, 1 + 2 * IDLE_AFTER_MS); /* it looks again by itself */
        assert_false(has_buffers(s));
}

/* Uses 32 KiB of stack. Returns an address in the middle of that. */
__attribute__((noinline)) static char *use_stack(void)
{
        enum { USED = 32 * 1024 };
        char *used = alloca(USED), *volatile middle = used + USED / 2;
        explicit_bzero(used, USED);
        return middle;
}

/* Returns true if there is a page of memory at this address. */
static bool is_resident(char *address)
{
        unsigned char resident;
        size_t page = (size_t)getpagesize();
        assert_int_equal(mincore(address - (uintptr_t)address % page, page, &resident), 0);
        return resident & 1;
}

static void test_sessions_are_idle_at_different_times(void **state)
{
        (void)state;
        struct session *s = used_session();
        for (uint64_t id = 0; id < 3 * IDLE_SPREAD_MS; id += IDLE_SPREAD_MS / 2) {
                s->uplink.id = id;
                idle_end(s);
                assert_int_equal(idle_due(s), 1 + IDLE_AFTER_MS + (int64_t)(id % IDLE_SPREAD_MS));
        }
}

static void test_stack_that_was_used_before_is_given_back(void **state)
{
        (void)state;
        struct session *s = used_session();
        char *unused = use_stack();
        assert_true(is_resident(unused));
        check_at(s, 1 + IDLE_AFTER_MS);
        assert_false(is_resident(unused));
}

/* A whole session gives its memory back, and goes on when its client or chatd says something. */
static void test_a_session_goes_on(void **state)
{
        (void)state;
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        type(f, "one\n");
        assert_int_equal(next_frame(f).type, FRAME_LINE);
        char *datagram = (char *)f->session->datagram;
        assert_true(is_resident(datagram));
        for (int64_t begin = clock_ms(); is_resident(datagram); usleep(10000))
                assert_in_range(clock_ms() - begin, 0, DEADLINE_MS);
        type(f, "two\n");
        struct frame line = next_frame(f);
        assert_int_equal(line.type, FRAME_LINE);
        assert_true(slice_equal(line.text, slice_of("two")));
        tell(f, FRAME_TEXT, 1, 1, "three");
        assert_shown(f, "*** three\r\n");
        stop(f);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_buffers_are_given_back_once_it_is_idle),
                cmocka_unit_test(test_it_is_idle_again_later),
                cmocka_unit_test(test_what_waits_for_the_client_is_kept),
                cmocka_unit_test(test_what_waits_for_chatd_is_kept),
                cmocka_unit_test(test_sessions_are_idle_at_different_times),
                cmocka_unit_test(test_stack_that_was_used_before_is_given_back),
                cmocka_unit_test(test_a_session_goes_on),
        };
        return RUN_TESTS(tests);
}
