/* Members that leave, die or lose their inboxes, in any state of their frames and of the loans of their connections. */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "broker-fixture.h"
#include "lending-fixture.h"

static void (*before_consume)(void *); /* called before the call that removes frames from the queue */
static void *before_consume_arg;
static bool consume_fails;

/* Replaces recvmmsg() of libc. */
int recvmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags, struct timespec *timeout)
{
        if (!(flags & MSG_PEEK) && before_consume)
                before_consume(before_consume_arg);
        if (!(flags & MSG_PEEK) && consume_fails) {
                errno = ENOMEM;
                return -1;
        }
        return (int)syscall(SYS_recvmmsg, fd, headers, n, flags, timeout);
}

static bool is_marked_as_left(struct fixture *f, uint32_t who)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/%016llx.left", f->dir, (unsigned long long)inbox_id(who));
        return lstat(path, &st) == 0;
}

static bool was_marked, was_told;

static void look_before_consume(void *arg)
{
        struct fixture *f = arg;
        was_marked = is_marked_as_left(f, ANN);
        was_told = strcmp(inbox_read(f->inboxes[BOB]), "leave ann") == 0;
}

/* chatd may crash before it consumes the frames: they come again, so the mark must still be there. A chatd that finds
 * the mark announces nothing again, so everybody must have been told before. */
static void test_the_mark_of_who_left_outlives_the_frames(void **state)
{
        struct fixture *f = *state;
        join_ann_and_bob(f);
        bye(f, ANN);
        before_consume_arg = f;
        before_consume = look_before_consume;
        serve(f);
        before_consume = NULL;
        assert_true(was_marked);
        assert_true(was_told);
        assert_false(is_marked_as_left(f, ANN));
}

static void lose_inbox(struct fixture *f, uint32_t who)
{
        struct sockaddr_un address;
        close(f->inboxes[who]);
        path_inbox(&address, f->dir, inbox_id(who));
        unlink(address.sun_path);
}

/* A session whose inbox was removed binds it anew, and reports that by HERE. */
static void test_an_inbox_that_is_bound_anew(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        lose_inbox(f, ANN);
        say(f, BOB, "one");
        serve(f); /* chatd finds the inbox gone: GONE is in the queue */
        assert_true(member_is_dead(member(f, ANN)));
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        here(f, ANN, 0);
        say(f, BOB, "two");
        serve(f);
        assert_false(member_is_dead(member(f, ANN)));
        assert_inbox(f, ANN, "missed some, line bob two");
        assert_inbox(f, EVE, "line bob one, line bob two"); /* ann did not leave */
}

/* chatd has no descriptor for the new inbox at first. */
static void test_an_inbox_that_is_bound_anew_without_descriptors(void **state)
{
        struct fixture *f = *state;
        struct rlimit before;
        join_all(f);
        lose_inbox(f, ANN);
        say(f, BOB, "one");
        serve(f);
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        here(f, ANN, 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){STDERR_FILENO + 1, before.rlim_max}), 0);
        serve(f);
        assert_false(member_is_dead(member(f, ANN)));
        assert_int_equal(member(f, ANN)->fd, -1);
        say(f, BOB, "two");
        serve(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        broker_settle(f->chat);
        assert_true(member(f, ANN)->inbox_watch.is_armed);
        broker_has_room(f->chat, member(f, ANN));
        say(f, BOB, "three");
        serve(f);
        assert_inbox(f, ANN, "missed some, line bob three");
        assert_inbox(f, EVE, "line bob one, line bob two, line bob three");
}

static void bind_late(void *arg)
{
        struct fixture *f = arg;
        before_consume = NULL;
        assert_true(exists(f, "sessions", ANN)); /* chatd has left the file to the session, which runs */
        lose_inbox(f, ANN);
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        f->chat->shares_pids = true;
}

/* chatd takes GONE before the session has bound its inbox anew. HERE is behind GONE in the queue. */
static void test_an_inbox_that_is_bound_anew_late(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        close(f->inboxes[ANN]);
        say(f, BOB, "one");
        serve(f);
        assert_true(member_is_dead(member(f, ANN)));
        here(f, ANN, 0);
        f->chat->shares_pids = false; /* this is the process of ann */
        before_consume_arg = f;
        before_consume = bind_late;
        serve(f);
        assert_null(before_consume);
        say(f, BOB, "two");
        serve(f);
        assert_string_equal(strstr(inbox_read(f->inboxes[ANN]), "line "), "line bob two");
        assert_inbox(f, EVE, "line bob one, leave ann, join ann, line bob two");
}

static void test_a_killed_session_is_announced_behind_its_words(void **state)
{
        struct fixture *f = *state;
        join_ann_and_bob(f);
        say(f, ANN, "last words");
        close(f->inboxes[ANN]);
        contact_exited(f->chat, roster_find(&f->chat->roster, inbox_id(ANN)));
        broker_settle(f->chat);
        serve(f);
        assert_inbox(f, BOB, "line ann last words, leave ann");
        assert_false(exists(f, "sessions", ANN));
        f->inboxes[ANN] = -1;
}

static void test_gone_behind_bye_says_nothing(void **state)
{
        struct fixture *f = *state;
        join_ann_and_bob(f);
        bye(f, ANN);
        contact_exited(f->chat, roster_find(&f->chat->roster, inbox_id(ANN)));
        broker_settle(f->chat);
        serve(f);
        serve(f);
        assert_inbox(f, BOB, "leave ann");
}

/* ---- members that leave while they are asked, or after they have lent ---- */

/* Lets bob lend his connection, and lets chatd ask ann for hers. If `answers`, ann lends it. Returns the number of
 * descriptors, without those that chatd has for ann. */
static unsigned come_and_be_asked(struct fixture *f, bool answers)
{
        come(f, BOB);
        come(f, EVE);
        run_session(f, BOB);
        bye(f, EVE);
        serve(f);
        close(f->inboxes[EVE]);
        f->inboxes[EVE] = 0;
        unsigned before = count_fds();
        come(f, ANN);
        say_to_all(f, BOB);
        assert_int_equal(f->chat->lending->questions, 1);
        if (answers)
                run_session(f, ANN);
        assert_int_equal(f->chat->lending->questions, !answers);
        return before + 1 + (answers ? 2 : 0); /* her inbox, and both ends of her client's connection */
}

static void assert_nothing_is_left(struct fixture *f, unsigned fds)
{
        serve(f);
        assert_null(member(f, ANN));
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), fds);
        take_answers(f);
        assert_int_equal(f->chat->lending->questions, 0);
}

static void test_who_leaves_while_it_is_asked(void **state)
{
        struct fixture *f = *state;
        unsigned fds = come_and_be_asked(f, false);
        bye(f, ANN);
        assert_nothing_is_left(f, fds);
}

/* Lets ann's process end, and with it her inbox. */
static void ann_dies(struct fixture *f)
{
        close(f->inboxes[ANN]);
        f->inboxes[ANN] = 0;
        contact_exited(f->chat, member(f, ANN));
}

static void test_who_dies_while_it_is_asked(void **state)
{
        struct fixture *f = *state;
        unsigned fds = come_and_be_asked(f, false);
        struct socket_fds lend = take_lend(f, ANN);
        ann_dies(f);
        assert_int_equal(f->chat->lending->questions, 0);
        socket_close_fds(&lend);
        take_answers(f);
        broker_settle(f->chat);
        assert_nothing_is_left(f, fds - 1);
        assert_lender_got(f->lenders[BOB], "*** eve is connected\r\n*** eve is disconnected\r\n*** ann is connected\r\n"
                                           "*** ann is disconnected\r\n");
}

/* The answer and the end come within one turn of the loop. */
static void test_who_answers_and_dies(void **state)
{
        struct fixture *f = *state;
        struct epoll_event event;
        unsigned fds = come_and_be_asked(f, false);
        struct member *ann = member(f, ANN);
        struct socket_fds lend = take_lend(f, ANN);
        socket_close_fds(&lend);
        assert_int_equal(epoll_wait(f->epoll, &event, 1, 0), 1);
        ann_dies(f);
        lending_answered(f->chat, ann);
        assert_int_equal(f->chat->lending->questions, 0);
        broker_settle(f->chat);
        assert_nothing_is_left(f, fds - 1);
}

/* chatd must not keep a lent connection: it would stay open. */
static void test_the_client_of_who_dies_sees_the_end(void **state)
{
        struct fixture *f = *state;
        char text[64];
        ssize_t n;
        unsigned fds = come_and_be_asked(f, true);
        ann_dies(f);
        lender_die(f->lenders[ANN]);
        do
                n = recv(f->lenders[ANN]->peer, text, sizeof(text), 0);
        while (n > 0);
        assert_int_equal(n, 0);
        broker_settle(f->chat);
        assert_nothing_is_left(f, fds - 2);
}

/* Removes ann's inbox while chatd waits for her answer, or, if `answers`, after she has lent. She binds another one
 * before chatd announces that she left. */
static void bind_anew(struct fixture *f, bool answers)
{
        unsigned fds = come_and_be_asked(f, answers);
        lose_inbox(f, ANN);
        if (answers)
                assert_true(loan_claim(&f->lenders[ANN]->loan)); /* so that chatd tries to send her a datagram */
        say(f, BOB, "who hears this?");
        assert_true(broker_serve(f->chat) > 0);
        assert_true(member_is_dead(member(f, ANN)));
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        here(f, ANN, 0);
        assert_true(broker_serve(f->chat) > 0);
        assert_false(member_is_dead(member(f, ANN)));
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), fds + 2); /* for her inbox and her process */
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        say_to_all(f, BOB);
        assert_int_equal(f->chat->lending->questions, 1);
        inbox_read(f->inboxes[ANN]);
        take_answers(f);
        bye(f, ANN);
        assert_nothing_is_left(f, fds);
}

static void test_who_binds_its_inbox_anew_while_it_is_asked(void **state)
{
        bind_anew(*state, false);
}

static void test_who_binds_its_inbox_anew_after_it_lent(void **state)
{
        bind_anew(*state, true);
}

/* chatd ends in the middle of a round. It must take no more frames, which the next chatd takes. */
static void test_a_queue_that_cannot_be_consumed(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        assert_inbox(f, EVE, "welcome 3");
        say(f, ANN, "bye");
        bye(f, ANN);
        consume_fails = true;
        assert_int_equal(broker_serve(f->chat), -ENOMEM);
        say(f, BOB, "later");
        broker_finish(f->chat);
        consume_fails = false;
        assert_inbox(f, EVE, "line ann bye, leave ann");
        restart_broker(f);
        serve(f);
        assert_inbox(f, EVE, "rollcall, line bob later");
        assert_int_equal(f->chat->roster.count, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_mark_of_who_left_outlives_the_frames),
                TEST(test_an_inbox_that_is_bound_anew),
                TEST(test_an_inbox_that_is_bound_anew_without_descriptors),
                TEST(test_an_inbox_that_is_bound_anew_late),
                TEST(test_a_killed_session_is_announced_behind_its_words),
                TEST(test_gone_behind_bye_says_nothing),
                TEST(test_who_leaves_while_it_is_asked),
                TEST(test_who_dies_while_it_is_asked),
                TEST(test_who_answers_and_dies),
                TEST(test_the_client_of_who_dies_sees_the_end),
                TEST(test_who_binds_its_inbox_anew_while_it_is_asked),
                TEST(test_who_binds_its_inbox_anew_after_it_lent),
                TEST(test_a_queue_that_cannot_be_consumed),
        };
        return RUN_TESTS(tests);
}
