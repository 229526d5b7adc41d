/* The number of the last record of other hosts that was relayed: the next chatd and the link go on from there. */
#include <fcntl.h>
#include <sys/syscall.h>

#include "descriptors.h"
#include "remote-fixture.h"

static struct fixture *looked_at; /* inspected at the next call that removes frames from the queue */
static uint64_t number_before_consume;

static uint64_t number_in_file(const struct fixture *f)
{
        char path[256];
        uint64_t number = UINT64_MAX;
        snprintf(path, sizeof(path), "%s/members/%016llx.relayed", f->dir, (unsigned long long)LINK_ID);
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && read(fd, &number, sizeof(number)) == sizeof(number))
                number = le64toh(number);
        close(fd);
        return number;
}

/* Replaces recvmmsg() of libc. */
int recvmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags, struct timespec *timeout)
{
        if (!(flags & MSG_PEEK) && looked_at)
                number_before_consume = number_in_file(looked_at);
        return (int)syscall(SYS_recvmmsg, fd, headers, n, flags, timeout);
}

static void test_welcome_says_where_it_stands(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        link_hello(f);
        inject(f, 1, 3);
        hello(f, BOB);
        link_hello(f);
        bye(f, ANN);
        hello(f, EVE);
        inject(f, 4, 4);
        serve(f);
        /* everything in front of its HELLO is in front of WELCOME, and nothing else */
        assert_inbox(f, LINK, "welcome 1, join bob, welcome 2 behind 3, leave ann, join eve");
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "welcome 2 behind 4");
        assert_inbox(f, EVE, "welcome 2, line zoe@b 4"); /* ann is gone */
}

/* A frame is relayed as a whole, in the next batch if there is no room. */
static void test_a_batch_of_many_injected_records(void **state)
{
        enum { EACH = 150, FRAMES = 4 };
        struct fixture *f = *state;
        join_ann_and_link(f);
        for (uint64_t i = 0; i < FRAMES; i++)
                inject(f, i * EACH + 1, (i + 1) * EACH);
        serve(f);
        char expected[32];
        const char *at = inbox_read(f->inboxes[ANN]);
        for (unsigned n = 1; n <= FRAMES * EACH; n++) {
                snprintf(expected, sizeof(expected), "line zoe@b %u%s", n, n < FRAMES * EACH ? ", " : "");
                assert_memory_equal(at, expected, strlen(expected));
                at += strlen(expected);
        }
        assert_int_equal(number_in_file(f), FRAMES * EACH);
        assert_int_equal(f->chat->batch.count, EACH); /* three of them make more than 400 */
}

static void test_the_number_is_noted_before_the_frames_are_consumed(void **state)
{
        struct fixture *f = *state;
        link_hello(f);
        serve(f);
        assert_int_equal(number_in_file(f), 0); /* there is a note already */
        inject(f, 7, 9);
        looked_at = f;
        serve(f);
        looked_at = NULL;
        assert_int_equal(number_before_consume, 9);
}

/* Lets ann and the link join, relays the records 1 to 5 in the same batch, and lets both read everything. */
static void join_and_relay_five(struct fixture *f)
{
        hello(f, ANN);
        link_hello(f);
        inject(f, 1, 5);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[LINK]);
}

static void test_the_number_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        join_and_relay_five(f);
        assert_int_equal(restart_broker(f), 1);
        inject(f, 4, 6); /* as from a link that does not know yet */
        serve(f);
        assert_inbox(f, ANN, "rollcall, line zoe@b 6");
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "rollcall, welcome 1 behind 6");
}

/* chatd died after the note and before it consumed the frames: everybody has the lines. */
static void test_what_was_noted_is_not_relayed_again(void **state)
{
        struct fixture *f = *state;
        admit_ann_and_link(f);
        inject(f, 1, 3);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        restart_broker(f);
        inject(f, 1, 3); /* in the queue again */
        inject(f, 4, 4);
        serve(f);
        assert_inbox(f, ANN, "rollcall, line zoe@b 4");
}

static void test_it_hears_what_was_in_front_of_a_hello_that_comes_again(void **state)
{
        struct fixture *f = *state;
        admit_ann_and_link(f);
        inbox_read(f->inboxes[LINK]);
        say(f, ANN, "one");
        link_hello(f);
        say(f, ANN, "two");
        restart_broker(f);
        assert_int_equal(link_member(f)->presence, PRESENT);
        serve(f);
        assert_inbox(f, LINK, "rollcall, line ann one, welcome 1, line ann two");
}

static void test_sessions_that_are_announced_again_are_not_counted_before(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        link_hello(f);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        link_hello(f);
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(BOB),
                               .key = inbox_id(BOB),
                               .name = slice_of("bob"),
                               .address = slice_of("here:1")});
        restart_broker(f); /* bob has a note, and his HELLO was not consumed */
        serve(f);
        assert_inbox(f, LINK, "rollcall, welcome 1, join bob");
}

static void test_no_descriptor_for_the_number(void **state)
{
        struct fixture *f = *state;
        struct rlimit before;
        int taken[FEW_FDS];
        join_and_relay_five(f);
        take_answers(f); /* ann lends nothing, so nothing is given back */

        /* as many as its connection needs */
        roster_remove(&f->chat->roster, link_member(f));
        remote_free(f->chat->remote);
        link_hello(f);
        int n = take_descriptors(&before, taken, 1);
        serve(f);
        free_descriptors(&before, taken, n);
        assert_null(link_member(f));
        assert_inbox(f, LINK, "refused the chat is full");

        inject(f, 6, 6);
        serve(f);
        assert_inbox(f, ANN, "");
        link_hello(f);
        inject(f, 5, 6);
        serve(f);
        assert_inbox(f, LINK, "welcome 1 behind 5");
        assert_inbox(f, ANN, "line zoe@b 6");
}

static void test_a_chatd_that_cannot_read_the_number(void **state)
{
        struct fixture *f = *state;
        char path[256], aside[256];
        join_and_relay_five(f);
        snprintf(path, sizeof(path), "%s/members/%016llx.relayed", f->dir, (unsigned long long)LINK_ID);
        snprintf(aside, sizeof(aside), "%s/aside", f->dir);
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        restart_broker(f);
        say(f, ANN, "hi");
        inject(f, 5, 6); /* chatd cannot know whether that is new */
        link_hello(f);
        serve(f);
        assert_inbox(f, LINK, "rollcall, line ann hi, refused the chat is full");
        assert_inbox(f, ANN, "rollcall");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rename(aside, path), 0);
        link_hello(f);
        inject(f, 5, 6);
        serve(f);
        assert_inbox(f, LINK, "welcome 1 behind 5");
        assert_inbox(f, ANN, "line zoe@b 6");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_welcome_says_where_it_stands),
                TEST(test_a_batch_of_many_injected_records),
                TEST(test_the_number_is_noted_before_the_frames_are_consumed),
                TEST(test_the_number_outlives_chatd),
                TEST(test_what_was_noted_is_not_relayed_again),
                TEST(test_it_hears_what_was_in_front_of_a_hello_that_comes_again),
                TEST(test_sessions_that_are_announced_again_are_not_counted_before),
                TEST(test_no_descriptor_for_the_number),
                TEST(test_a_chatd_that_cannot_read_the_number),
        };
        return RUN_TESTS(tests);
}
