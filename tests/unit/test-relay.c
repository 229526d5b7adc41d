#include <errno.h>

#include "../../chatd/relay.h"

#include "inbox-fixture.h"

enum { MEMBERS = 3 };

struct fixture {
        char *dir;
        int lock;
        struct roster roster;
        struct relay relay;
        struct member *members[MEMBERS];
        int inboxes[MEMBERS];
};

static int setup(void **state)
{
        static const char *const names[MEMBERS] = {"ann", "bob", "eve"};
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->relay.epoch = 1;
        roster_init(&f->roster, f->dir, getuid());
        for (uint32_t i = 0; i < MEMBERS; i++) {
                f->inboxes[i] = inbox_bind(f->dir, inbox_id(i));
                f->members[i] = roster_add(&f->roster, inbox_id(i), inbox_id(i), slice_of(names[i]), slice_of("a"), 1);
                assert_int_equal(roster_connect(&f->roster, f->members[i]), 0);
        }
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        roster_free(&f->roster);
        for (int i = 0; i < MEMBERS; i++)
                close(f->inboxes[i]);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

/* The number in the header of the next datagram. */
static uint64_t inbox_number(int fd)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct frame frame;
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(n > 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        return frame.number;
}

static int add(struct fixture *f, int from, const char *text)
{
        struct record rec = {.kind = RECORD_LINE,
                             .id = f->members[from]->id,
                             .number = 1,
                             .name = slice_of(f->members[from]->name),
                             .text = slice_of(text)};
        return relay_add(&f->relay, f->members[from], &rec);
}

static void test_everyone_but_the_sender(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "1");
        add(f, 1, "2");
        add(f, 0, "3");
        add(f, 0, "4");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line bob 2");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann 1, line ann 3, line ann 4");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann 1, line bob 2, line ann 3, line ann 4");
        assert_int_equal(f->members[2]->lines_out, 4);
        assert_int_equal(f->members[0]->lines_out, 1);

        relay_begin(&f->relay, &f->roster); /* nothing of the last one is left */
        add(f, 2, "5");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve 5");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

static void test_joining_and_leaving_within_a_batch(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "before");
        add(f, 2, "own before"); /* as of a session that says HERE late */
        relay_joins(&f->relay, f->members[2]);
        add(f, 0, "between");
        add(f, 1, "last words");
        relay_leaves(&f->relay, f->members[1]);
        add(f, 2, "after");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve own before, line bob last words, line eve after");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann before, line eve own before, line ann between");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann between, line bob last words");
}

static void test_a_batch_is_bounded(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        int n = 0;
        relay_begin(&f->relay, &f->roster);
        while (add(f, 0, "x") == 0)
                n++;
        assert_int_equal(n, BATCH_MAX_RECORDS);
        assert_false(relay_has_room(&f->relay));
        relay_begin(&f->relay, &f->roster);
        memset(text, 'x', TEXT_MAX_BYTES);
        for (n = 0; add(f, 0, text) == 0; n++)
                ;
        assert_in_range(n, 14, 15); /* 64 KiB */
        relay_send(&f->relay, &f->roster);
        assert_int_equal(f->members[1]->lines_out, n);
}

static void test_room_for_several_records(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        assert_true(relay_has_room_for(&f->relay, BATCH_MAX_RECORDS, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES));
        assert_false(relay_has_room_for(&f->relay, BATCH_MAX_RECORDS + 1, 0));
        assert_false(relay_has_room_for(&f->relay, 1, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES + 1));
        static char text[TEXT_MAX_BYTES + 1];
        memset(text, 'x', TEXT_MAX_BYTES);
        while (add(f, 0, text) == 0)
                ;
        /* too little room for any record, and as much as there is for small ones */
        assert_false(relay_has_room(&f->relay));
        size_t each = RECORD_HEADER_BYTES + 4, left = DATAGRAM_MAX_BYTES - f->relay.size, n = left / each;
        assert_true(relay_has_room_for(&f->relay, n, n * each));
        assert_false(relay_has_room_for(&f->relay, n + 1, (n + 1) * each));
        while (n-- > 0)
                assert_int_equal(add(f, 0, "x"), 0);
        assert_int_equal(add(f, 0, "x"), -ENOBUFS);
}

static void test_a_dead_member_is_found(void **state)
{
        struct fixture *f = *state;
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "hi");
        relay_send(&f->relay, &f->roster);
        assert_true(f->members[1]->dead);
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann hi");
}

static void test_a_member_that_does_not_read_lags_alone(void **state)
{
        struct fixture *f = *state;
        unsigned sent = 0, missed_after = 0;
        while (!f->members[1]->lagging) {
                relay_begin(&f->relay, &f->roster);
                add(f, 0, "x");
                relay_send(&f->relay, &f->roster);
                sent++;
                assert_string_equal(inbox_read(f->inboxes[2]), "line ann x");
                assert_in_range(sent, 1, 10000);
        }
        for (; missed_after < 5; missed_after++) {
                relay_begin(&f->relay, &f->roster);
                add(f, 0, "missed");
                add(f, 1, "own, not missed");
                relay_send(&f->relay, &f->roster);
        }
        assert_int_equal(f->members[1]->lines_out, sent - 1);
        assert_int_equal(f->members[1]->missed, 1 + missed_after);

        relay_resume(&f->relay, &f->roster, f->members[1]); /* still full */
        assert_true(f->members[1]->lagging);
        inbox_read(f->inboxes[1]);
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_false(f->members[1]->lagging);
        relay_begin(&f->relay, &f->roster);
        add(f, 0, "again");
        relay_send(&f->relay, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[1]), "missed 6, line ann again");
}

static void test_members_learn_how_far_their_lines_went(void **state)
{
        struct fixture *f = *state;
        relay_begin(&f->relay, &f->roster);
        f->members[0]->lines_in = 7;
        add(f, 0, "x");
        relay_send(&f->relay, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[1]), 0);
        relay_begin(&f->relay, &f->roster);
        add(f, 1, "y");
        relay_send(&f->relay, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[0]), 7); /* with what the others say … */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "");
        f->members[0]->lines_in = 8;
        relay_confirm(&f->relay, f->members[0]); /* … or alone */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "relayed 8");
}

static void test_a_lagging_member_that_closes_its_inbox_is_dead(void **state)
{
        struct fixture *f = *state;
        f->members[1]->lagging = true;
        f->members[1]->missed = 1;
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        relay_resume(&f->relay, &f->roster, f->members[1]);
        assert_true(f->members[1]->dead);
        assert_false(f->members[1]->lagging);
}

/* The link is a member that is never dead. */
static void test_a_link_without_an_inbox_lags(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un address;
        int inbox = inbox_bind_link(f->dir);
        struct member *m = roster_add(&f->roster, LINK_ID, 0, slice_of("@link"), slice_of("a"), 1);
        assert_int_equal(roster_connect(&f->roster, m), 0);
        close(inbox);
        for (int i = 0; i < 3; i++) {
                relay_begin(&f->relay, &f->roster);
                add(f, 0, "missed");
                struct record own = {
                        .kind = RECORD_LINE, .id = LINK_ID, .number = 1, .name = slice_of("zoe@b"), .text = {"", 0}};
                assert_int_equal(relay_add(&f->relay, m, &own), 0);
                relay_send(&f->relay, &f->roster);
                assert_true(m->lagging);
        }
        assert_int_equal(m->missed, 3);
        relay_resume(&f->relay, &f->roster, m); /* there is none yet */
        assert_true(m->lagging);
        assert_int_equal(m->missed, 3);

        path_link(&address, f->dir);
        unlink(address.sun_path);
        inbox = inbox_bind_link(f->dir);
        assert_int_equal(roster_connect(&f->roster, m), 0);
        m->dead = false;
        relay_resume(&f->relay, &f->roster, m);
        assert_false(m->lagging);
        assert_string_equal(inbox_read(inbox), "missed 3");
        close(inbox);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_everyone_but_the_sender),
                TEST(test_joining_and_leaving_within_a_batch),
                TEST(test_a_batch_is_bounded),
                TEST(test_room_for_several_records),
                TEST(test_a_dead_member_is_found),
                TEST(test_a_member_that_does_not_read_lags_alone),
                TEST(test_members_learn_how_far_their_lines_went),
                TEST(test_a_lagging_member_that_closes_its_inbox_is_dead),
                TEST(test_a_link_without_an_inbox_lags),
        };
        return RUN_TESTS(tests);
}
