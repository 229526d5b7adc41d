/* The connections of administrators: many, slow and dying ones, and what chatd may lack for them. */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "control-fixture.h"

/* A connection that finds no free descriptor does not keep the main loop busy. */
static void test_no_descriptor(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct rlimit limit, none;
        struct epoll_event events[8];
        hello(f, ANN);
        run(f);
        struct sockaddr_un address = control_address(f);
        c->tools[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(c->tools[0], (struct sockaddr *)&address, sizeof(address)), 0);
        getrlimit(RLIMIT_NOFILE, &limit);
        none = limit;
        none.rlim_cur = 3;
        setrlimit(RLIMIT_NOFILE, &none);
        int ready = 0;
        for (int i = 0; i < 100; i++) {
                int n = epoll_wait(f->epoll, events, 8, 0);
                for (int j = 0; j < n; j++)
                        if (((const struct watch *)events[j].data.ptr)->kind == WATCH_CONTROL) {
                                ready++;
                                control_accept(f->chat);
                        }
                broker_settle(f->chat);
        }
        setrlimit(RLIMIT_NOFILE, &limit);
        assert_true(ready < 5);
}

/* There is no memory or no room for watching the listener: chatd tries again. */
static void test_the_listener_cannot_be_watched(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        int epoll = f->chat->epoll;
        epoll_ctl(epoll, EPOLL_CTL_DEL, c->listener, NULL);
        f->chat->control->watch.is_armed = false;
        f->chat->control->retry_ms = 0;
        f->chat->epoll = -1;
        control_settle(f->chat, clock_ms());
        assert_false(f->chat->control->watch.is_armed);
        f->chat->epoll = epoll;
        assert_in_range(control_due_ms(f->chat->control), clock_ms(), clock_ms() + CONTROL_AGAIN_MS);
        control_settle(f->chat, clock_ms() + CONTROL_AGAIN_MS);
        assert_true(f->chat->control->watch.is_armed);
        assert_string_equal(ask(c, "who"), "end=ok");
}

static int accept_error; /* the error of accept4(); 0: it works */

/* Replaces accept4() of libc. */
int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
        errno = accept_error;
        return accept_error != 0 ? -1 : (int)syscall(SYS_accept4, fd, address, size, flags);
}

static void test_what_runs_out_when_somebody_connects(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
        request(c, 0, "who");
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                accept_error = errors[i];
                turn(f);
                assert_false(f->chat->control->watch.is_armed); /* so that epoll does not report it again and again */
                control_settle(f->chat, clock_ms() + CONTROL_AGAIN_MS);
                assert_true(f->chat->control->watch.is_armed);
        }
        accept_error = 0;
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
}

static void test_too_many(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        for (int i = 0; i < TOOLS; i++) {
                tool(c, i);
                run(f);
        }
        assert_string_equal(answer(c, CONTROL_CLIENTS_MAX), "end=busy, closed");
        assert_int_equal(f->chat->control->count, CONTROL_CLIENTS_MAX);
        control_settle(f->chat, INT64_MAX - 1); /* connections without requests are closed by then */
        assert_int_equal(f->chat->control->count, 0);
        assert_string_equal(answer(c, 0), "closed");
        assert_int_equal(control_due_ms(f->chat->control), INT64_MAX);
}

/* A list is sent as fast as chatctl takes it; a chatctl that takes nothing is disconnected. */
static void test_a_long_list(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        size_t got = 0;
        join_all(f);
        for (uint32_t i = 0; i < 2000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                struct member *m =
                        roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0);
                assert_non_null(m);
                m->life = LIFE_GONE; /* these members have no inbox */
        }
        request(c, 0, "who");
        for (int i = 0; i < 100; i++)
                turn(f);
        for (bool more = true; more;) {
                const char *text = answer(c, 0);
                more = !strstr(text, "end=ok");
                for (; (text = strstr(text, "name=")); text++)
                        got++;
                for (int i = 0; i < 8; i++)
                        turn(f);
        }
        assert_int_equal(got, 2003);
        request(c, 1, "who");
        for (int i = 0; i < 100; i++)
                turn(f);
        control_settle(f->chat, clock_ms() + CONTROL_ANSWER_MS + 1);
        assert_string_equal(strstr(answer(c, 1), ", closed"), ", closed");
        assert_int_equal(f->chat->control->count, 1);
}

/* A request that waits in the queue for long will be done: the administrator is told not to repeat it. */
static void test_the_queue_takes_long(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        request(c, 0, "say|5|hello");
        take_requests(f); /* chatctl is connected */
        take_requests(f); /* its request is read and queued */
        control_settle(f->chat, INT64_MAX - 1);
        control_settle(f->chat, clock_ms());
        assert_string_equal(answer(c, 0), "end=queued text=the request is in the queue of the chat");
        run(f);
        assert_inbox(f, BOB, "notice Administrator: hello");
}

/* The request waits for room in the queue, but not longer than it may. */
static void test_the_queue_is_full(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        while (send(f->sender, "x", 1, 0) >= 0)
                ;
        request(c, 0, "say|14|hello");
        control_accept(f->chat);
        control_serve(f->chat, &f->chat->control->clients[0].watch);
        assert_int_equal(f->chat->control->clients[0].state, CONTROL_QUEUE);
        control_settle(f->chat, clock_ms());
        assert_string_equal(answer(c, 0), "");
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        assert_inbox(f, BOB, "notice Administrator: hello");

        while (send(f->sender, "x", 1, 0) >= 0)
                ;
        request(c, 0, "say|15|hello");
        control_serve(f->chat, &f->chat->control->clients[0].watch);
        control_settle(f->chat, clock_ms() + CONTROL_ANSWER_MS + 1);
        assert_string_equal(answer(c, 0), "end=busy text=the queue of the chat is full");
}

/* A chatctl that dies while it waits costs its place and nothing else. */
static void test_a_tool_that_dies(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "kick|16|bob"), "");
        close(c->tools[0]);
        c->tools[0] = 0;
        run(f);
        assert_int_equal(f->chat->control->count, 0);
        bye(f, BOB);
        run(f);
        assert_inbox(f, ANN, "leave bob removed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CONTROL_TEST(test_no_descriptor),
                CONTROL_TEST(test_the_listener_cannot_be_watched),
                CONTROL_TEST(test_what_runs_out_when_somebody_connects),
                CONTROL_TEST(test_too_many),
                CONTROL_TEST(test_a_long_list),
                CONTROL_TEST(test_the_queue_takes_long),
                CONTROL_TEST(test_the_queue_is_full),
                CONTROL_TEST(test_a_tool_that_dies),
        };
        return RUN_TESTS(tests);
}
