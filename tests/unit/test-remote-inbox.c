/* The link's inbox, which systemd holds: it is gone, full, another one, or somebody else's. */
#include "remote-fixture.h"

static void test_the_inbox_is_gone_and_comes_back(void **state)
{
        struct fixture *f = *state;
        admit_ann_and_link(f);
        assert_true(f->chat->remote->is_there);
        link_lose_inbox(f);
        say(f, ANN, "one");
        serve(f);
        assert_false(f->chat->remote->is_there);
        assert_true(member_lags(link_member(f)));
        assert_int_equal(roster_people(&f->chat->roster), 1);
        say(f, ANN, "two");
        inject(f, 1, 1); /* it may still speak, and does not miss its own lines */
        serve(f);
        assert_int_equal(lagging_missed(link_member(f)), 2);
        assert_inbox(f, ANN, "welcome 1, line zoe@b 1");

        link_hello(f);
        say(f, ANN, "three");
        serve(f);
        assert_inbox(f, LINK, "missed 2, welcome 1 behind 1, line ann three");
        assert_true(f->chat->remote->is_there);
        assert_false(member_lags(link_member(f)));
        assert_nothing_ignored(f); /* there was no GONE of it, either */
        restart_broker(f);
        assert_false(member_lags(link_member(f))); /* no trace of it is left */
        assert_inbox(f, LINK, "rollcall");
}

/* The inbox may be another one although the old one would still take datagrams. */
static void test_each_hello_connects_anew(void **state)
{
        struct fixture *f = *state;
        admit_ann_and_link(f);
        int old = dup(f->inboxes[LINK]);
        link_lose_inbox(f);
        link_hello(f);
        say(f, ANN, "hi");
        serve(f);
        assert_inbox(f, LINK, "welcome 1, line ann hi");
        assert_string_equal(inbox_read(old), "welcome 1");
        close(old);
}

static void test_a_chatd_that_starts_without_the_inbox(void **state)
{
        struct fixture *f = *state;
        admit_ann_and_link(f);
        link_lose_inbox(f);
        assert_int_equal(restart_broker(f), 1);
        assert_false(f->chat->remote->is_there);
        assert_true(member_lags(link_member(f))); /* chatd does not wait for room in it */
        assert_int_equal(lagging_missed(link_member(f)), 0);
        say(f, ANN, "one");
        serve(f);
        assert_int_equal(lagging_missed(link_member(f)), 1);
        restart_broker(f); /* the number of missed lines is unknown now */
        say(f, ANN, "two");
        serve(f);
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "missed some, welcome 1");
}

static void test_an_inbox_of_somebody_else(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un address;
        path_link(&address, f->dir);
        hello(f, ANN);
        link_hello(f);
        close(f->inboxes[LINK]);
        unlink(address.sun_path);
        assert_int_equal(symlink("/run/systemd/journal/dev-log", address.sun_path), 0);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_INBOX], 1);
        assert_null(link_member(f));
        unlink(address.sun_path);
        link_hello(f); /* without an inbox */
        unlink(address.sun_path);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_INBOX], 2);
        assert_null(link_member(f));
        say(f, ANN, "hi");
        serve(f);
        restart_broker(f);
        assert_null(link_member(f)); /* and no note of it */
}

static void fill_link_inbox(struct fixture *f)
{
        for (unsigned i = 0; !member_lags(link_member(f)); i++) {
                say(f, ANN, "on and on");
                serve(f);
                assert_in_range(i, 0, 10000);
        }
}

static void test_a_full_inbox(void **state)
{
        struct fixture *f = *state;
        struct epoll_event event;
        admit_ann_and_link(f);
        fill_link_inbox(f);
        say(f, ANN, "missed");
        serve(f);
        assert_true(f->chat->remote->is_there);
        uint64_t missed = lagging_missed(link_member(f));
        assert_int_equal(missed, 2);

        link_hello(f); /* chatd cannot send it anything now */
        serve(f);
        inject(f, 1, 1);
        hello(f, BOB);
        serve(f);
        assert_true(member_lags(link_member(f)));
        inbox_read(f->inboxes[LINK]);
        assert_int_equal(epoll_wait(f->epoll, &event, 1, 10000), 1);
        broker_has_room(f->chat, ((struct watch *)event.data.ptr)->member);
        assert_inbox(f, LINK, "missed 3, welcome 2 behind 1");
        broker_settle(f->chat);
        assert_int_equal(epoll_wait(f->epoll, &event, 1, 0), 0);
        say(f, ANN, "again");
        serve(f);
        assert_inbox(f, LINK, "line ann again");
}

/* The link lags, and then its inbox is gone: what it misses is still counted. */
static void test_a_full_inbox_that_goes(void **state)
{
        struct fixture *f = *state;
        struct epoll_event event;
        admit_ann_and_link(f);
        fill_link_inbox(f);
        link_lose_inbox(f);
        assert_int_equal(epoll_wait(f->epoll, &event, 1, 10000), 1);
        broker_has_room(f->chat, ((struct watch *)event.data.ptr)->member);
        broker_settle(f->chat);
        assert_int_equal(epoll_wait(f->epoll, &event, 1, 0), 0); /* it does not keep chatd busy */
        assert_false(f->chat->remote->is_there);
        say(f, ANN, "missed");
        serve(f);
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "missed 2, welcome 1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_inbox_is_gone_and_comes_back),
                TEST(test_each_hello_connects_anew),
                TEST(test_a_chatd_that_starts_without_the_inbox),
                TEST(test_an_inbox_of_somebody_else),
                TEST(test_a_full_inbox),
                TEST(test_a_full_inbox_that_goes),
        };
        return RUN_TESTS(tests);
}
