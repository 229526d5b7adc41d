/* The limits for members of one network and of one user. */
#include "../../chatd/notes.h"
#include "../../chatd/reach.h"

#include "broker-fixture.h"

static void hello_from(struct fixture *f, uint32_t who, const char *address)
{
        hello_with(f, who, (struct frame){.address = slice_of(address)});
}

/* Lets ann and bob join from these addresses. Both must be taken if `taken`, otherwise only ann. */
static void assert_both(struct fixture *f, const char *ann, const char *bob, bool taken)
{
        hello_from(f, ANN, ann);
        hello_from(f, BOB, bob);
        serve(f);
        assert_non_null(member(f, ANN));
        assert_int_equal(member(f, BOB) != NULL, taken);
        assert_true((strstr(inbox_read(f->inboxes[BOB]), "refused") != NULL) == !taken);
        bye(f, ANN);
        bye(f, BOB);
        serve(f);
        for (uint32_t who = ANN; who <= BOB; who++) {
                close(f->inboxes[who]);
                f->inboxes[who] = 0;
                reach_remove_inbox(f->chat->roster.dir, inbox_id(who));
        }
}

static void test_what_counts_as_one(void **state)
{
        struct fixture *f = *state;
        f->chat->settings.members_per_network = f->chat->settings.members_per_user = 1;
        assert_both(f, "192.0.2.7:1", "192.0.2.7:2", false);
        assert_both(f, "192.0.2.7:1", "192.0.2.8:1", true);
        assert_both(f, "192.0.2.7:1", "[::ffff:192.0.2.7]:1", false);
        assert_both(f, "[2001:db8::1]:1", "[2001:db8::2]:1", false);
        assert_both(f, "[2001:db8::1]:1", "[2001:db8::ffff:ffff:ffff:ffff]:1", false);
        assert_both(f, "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", true);
        assert_both(f, "[fe80::1%eth0]:1", "[fe80::2%eth0]:1", true);
        assert_both(f, "[::1]:1", "127.0.0.1:1", true);
        assert_both(f, "pid=7,uid=1000", "pid=8,uid=1000", false);
        assert_both(f, "pid=7,uid=1000", "pid=8,uid=1001", true);
        assert_both(f, "pid=7,uid=1000", "uid=1000", false);
        assert_both(f, "unknown", "unknown", true);
        f->chat->settings.members_per_network = 0;
        assert_both(f, "192.0.2.7:1", "192.0.2.7:2", true);
        assert_both(f, "pid=7,uid=1000", "pid=8,uid=1000", false);
        f->chat->settings.members_per_network = f->chat->settings.members_per_user = 2;
        assert_both(f, "192.0.2.7:1", "192.0.2.7:2", true);
        assert_both(f, "pid=7,uid=1000", "pid=8,uid=1000", true);
        f->chat->settings.members_per_user = 0;
        assert_both(f, "pid=7,uid=1000", "pid=8,uid=1000", true);
        assert_int_equal(f->chat->refusals[REFUSED_CROWDED], 7);
}

/* At the boundary: the last member that may join, the first that may not, and one that takes the place of a member who
 * left. */
static void test_a_place_that_is_free_again(void **state)
{
        struct fixture *f = *state;
        f->chat->settings.members_per_network = 2;
        hello_from(f, ANN, "192.0.2.7:1");
        hello_from(f, BOB, "192.0.2.7:2");
        hello_from(f, EVE, "192.0.2.7:3");
        serve(f);
        assert_non_null(member(f, BOB));
        assert_null(member(f, EVE));
        bye(f, ANN);
        hello_from(f, EVE, "192.0.2.7:4"); /* in one batch with the BYE */
        serve(f);
        assert_non_null(member(f, EVE));
        assert_null(member(f, ANN));
}

/* Members stay even if the limit is lowered, and even if chatd or its queue was lost. */
static void test_who_is_here_stays(void **state)
{
        struct fixture *f = *state;
        hello_from(f, ANN, "192.0.2.7:1");
        hello_from(f, BOB, "192.0.2.7:2");
        serve(f);
        f->chat->settings.members_per_network = 1;
        assert_int_equal(restart_broker(f), 2);
        f->chat->settings.members_per_network = 1;
        serve(f);
        assert_non_null(member(f, BOB));
        hello_from(f, EVE, "192.0.2.7:3");
        serve(f);
        assert_null(member(f, EVE));
        note_remove_departed(f->chat->roster.dir, inbox_id(BOB));
        roster_remove(&f->chat->roster, member(f, BOB));
        put(f, &(struct frame){.type = FRAME_HERE,
                               .id = inbox_id(BOB),
                               .key = inbox_id(BOB),
                               .name = slice_of("bob"),
                               .address = slice_of("192.0.2.7:2")});
        serve(f);
        assert_non_null(member(f, BOB));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_counts_as_one),
                TEST(test_a_place_that_is_free_again),
                TEST(test_who_is_here_stays),
        };
        return RUN_TESTS(tests);
}
