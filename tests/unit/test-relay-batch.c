/* Batches: which member gets which records, in one room and in several. */
#include "relay-fixture.h"

/* Returns the number in the header of the next datagram. */
static uint64_t inbox_number(int fd)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct frame frame = {0};
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(n > 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        return frame.number;
}

static void test_everyone_but_the_sender(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "1");
        add(f, 1, "2");
        add(f, 0, "3");
        add(f, 0, "4");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line bob 2");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann 1, line ann 3, line ann 4");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann 1, line bob 2, line ann 3, line ann 4");
        assert_int_equal(f->members[2]->lines_out, 4);
        assert_int_equal(f->members[0]->lines_out, 1);

        batch_begin(&f->batch, f->relay.epoch); /* nothing of the last batch is left */
        add(f, 2, "5");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve 5");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

static void test_joining_and_leaving_within_a_batch(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "before");
        add(f, 2, "own before"); /* as from a session that sends HERE late */
        batch_joins(&f->batch, f->members[2]);
        add(f, 0, "between");
        add(f, 1, "last words");
        batch_leaves(&f->batch, f->members[1]);
        add(f, 2, "after");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_string_equal(inbox_read(f->inboxes[0]), "line eve own before, line bob last words, line eve after");
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann before, line eve own before, line ann between");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann between, line bob last words");
}

static void test_a_batch_is_bounded(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        int n = 0;
        batch_begin(&f->batch, f->relay.epoch);
        while (add(f, 0, "x"))
                n++;
        assert_int_equal(n, BATCH_MAX_RECORDS);
        assert_false(batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES));
        batch_begin(&f->batch, f->relay.epoch);
        memset(text, 'x', TEXT_MAX_BYTES);
        for (n = 0; add(f, 0, text); n++)
                ;
        assert_in_range(n, 14, 15); /* 64 KiB */
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(f->members[1]->lines_out, n);
}

static void test_room_for_several_records(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(batch_has_room_for(&f->batch, BATCH_MAX_RECORDS, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES));
        assert_false(batch_has_room_for(&f->batch, BATCH_MAX_RECORDS + 1, 0));
        assert_false(batch_has_room_for(&f->batch, 1, DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES + 1));
        static char text[TEXT_MAX_BYTES + 1];
        memset(text, 'x', TEXT_MAX_BYTES);
        while (add(f, 0, text))
                ;
        /* too little room for any record, and the exact room for small ones */
        assert_false(batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES));
        size_t each = RECORD_HEADER_BYTES + 4, left = DATAGRAM_MAX_BYTES - f->batch.size, n = left / each;
        assert_true(batch_has_room_for(&f->batch, n, n * each));
        assert_false(batch_has_room_for(&f->batch, n + 1, (n + 1) * each));
        while (n-- > 0)
                assert_true(add(f, 0, "x"));
        assert_false(add(f, 0, "x"));
}

/* A record without room would be lost silently. So chatd ends, and the next chatd takes the frames. */
static void test_a_record_without_room_ends_chatd(void **state)
{
        struct fixture *f = *state;
        const struct record rec = {.kind = RECORD_LINE, .id = 1, .number = 1, .name = slice_of("a"), .text = {"", 0}};
        int status;
        batch_begin(&f->batch, f->relay.epoch);
        while (add(f, 0, "x"))
                ;
        pid_t child = fork();
        if (child == 0) {
                close(STDERR_FILENO);
                signal(SIGABRT, SIG_DFL);
                batch_add_notice(&f->batch, NULL, &rec);
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_a_dead_member_is_found(void **state)
{
        struct fixture *f = *state;
        close(f->inboxes[1]);
        f->inboxes[1] = -1;
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "hi");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_true(member_is_dead(f->members[1]));
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann hi");
}

static void test_members_learn_how_far_their_lines_went(void **state)
{
        struct fixture *f = *state;
        batch_begin(&f->batch, f->relay.epoch);
        batch_take_number(&f->batch, f->members[0], 7);
        add(f, 0, "x");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[1]), 0);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 1, "y");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(inbox_number(f->inboxes[0]), 7); /* the number comes with the lines of others */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "");
        batch_take_number(&f->batch, f->members[0], 8);
        relay_confirm(&f->relay, f->members[0]); /* the number comes in a datagram of its own */
        relay_confirm(&f->relay, f->members[0]);
        assert_string_equal(inbox_read(f->inboxes[0]), "relayed 8");
}

/* Returns a seat of `m`, or NULL if it has none. */
static struct seat *draw_seat(const struct member *m)
{
        unsigned n = m->seats ? draw((unsigned)member_rooms(m)) : 0;
        struct seat *seat = m->seats;
        while (n-- > 0)
                seat = seat->other;
        return seat;
}

/* Adds one more line to the batch. It is for the members in one of the author's rooms, at that moment. */
static void say_in_room(struct fixture *f, unsigned who, size_t number, char expected[MEMBERS][HEARD_MAX_BYTES])
{
        char text[16];
        struct member *m = f->members[who];
        snprintf(text, sizeof(text), "%zu", number);
        struct record rec = {
                .kind = RECORD_LINE,
                .id = m->id,
                .number = number,
                .name = slice_of(m->name),
                .text = slice_of(text),
        };
        struct seat *seat = draw_seat(m);
        if (!seat)
                return;
        batch_add(&f->batch, m, seat->room, &rec);
        for (unsigned i = 0; i < MEMBERS; i++)
                if (i != who && member_seat_in(f->members[i], seat->room))
                        snprintf(expected[i] + strlen(expected[i]), HEARD_MAX_BYTES - strlen(expected[i]), "%s: %s\r\n",
                                 m->name, text);
}

/* Adds a record for all rooms of a member. Everybody in one of them must get it once. */
static void rename_in_rooms(struct fixture *f, unsigned who, size_t number, char expected[MEMBERS][HEARD_MAX_BYTES])
{
        struct member *m = f->members[who];
        struct record rec = {
                .kind = RECORD_RENAME, .id = m->id, .number = number, .name = slice_of(m->name), .text = slice_of("x")};
        if (!m->seats)
                return;
        batch_add_to_rooms_of(&f->batch, m, NULL, &rec);
        for (unsigned i = 0; i < MEMBERS; i++) {
                const struct seat *seat = m->seats;
                while (seat && !member_seat_in(f->members[i], seat->room))
                        seat = seat->other;
                if (i != who && seat)
                        snprintf(expected[i] + strlen(expected[i]), HEARD_MAX_BYTES - strlen(expected[i]),
                                 "*** %s is now called x\r\n", m->name);
        }
}

/* Moves a member to a room; or, if it roams, lets it enter the room or leave it. */
static void move_to(struct fixture *f, struct member *m, struct room *room)
{
        struct seat *seat = member_seat_in(m, room);
        if (!m->roams) {
                batch_exits(&f->batch, m, m->seat.room);
                batch_enters(&f->batch, m, room);
                roster_move(&f->roster, m, room);
        } else if (seat) {
                batch_exits(&f->batch, m, room);
                roster_exit(&f->roster, seat);
        } else {
                batch_enters(&f->batch, m, room);
                assert_int_equal(roster_enter(&f->roster, m, room), 0);
        }
}

/* A member that changes rooms within a batch gets the lines of each room as long as it is there, also if it is sent
 * something else in between. A member of several rooms gets the lines of all of them. */
static void test_rooms_within_a_batch(void **state)
{
        static const char *const rooms[] = {FIRST_ROOM, "kitchen", "garden"};
        struct fixture *f = *state;
        unsigned moves = 0;
        roster_roam(&f->roster, f->members[0]);
        roster_roam(&f->roster, f->members[1]);
        for (int round = 0; round < ROUNDS; round++) {
                char expected[MEMBERS][HEARD_MAX_BYTES] = {""};
                draw_rooms(f);
                batch_begin(&f->batch, f->relay.epoch);
                for (size_t n = draw(WRITTEN_MAX + 1); n > 0; n--) {
                        struct member *m = f->members[draw(MEMBERS)];
                        unsigned dice = draw(8);
                        if (dice < 2) {
                                move_to(f, m, rooms_get(&f->roster.rooms, slice_of(rooms[draw(3)])));
                                moves++;
                        } else if (dice == 2) {
                                batch_tell(&f->batch, m, &(struct frame){.type = FRAME_PROBE, .text = slice_of("?")});
                        } else if (dice == 3) {
                                rename_in_rooms(f, draw(MEMBERS), WRITTEN_MAX - n, expected);
                        } else {
                                say_in_room(f, draw(MEMBERS), WRITTEN_MAX - n, expected);
                        }
                }
                relay_send(&f->relay, &f->batch, &f->roster);
                for (int i = 0; i < MEMBERS; i++)
                        assert_string_equal(inbox_as_text(f->inboxes[i]), expected[i]);
        }
        assert_in_range(moves, ROUNDS, WRITTEN_MAX * ROUNDS);
}

static void test_a_room_without_records_is_not_visited(void **state)
{
        struct fixture *f = *state;
        roster_move(&f->roster, f->members[2], rooms_get(&f->roster.rooms, slice_of("den")));
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(add(f, 0, "x"));
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_true(f->members[1]->share.batch == f->batch.number);
        assert_true(f->members[2]->share.batch != f->batch.number);
        assert_string_equal(inbox_read(f->inboxes[1]), "line ann x");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

static void test_the_batch_before_is_nobodys_any_more(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        const struct outlet_batch *shared = f->lenders[1]->loan.batch; /* as a session sees it */
        assert_int_equal(atomic_load(&shared->number), 0);
        for (uint64_t batch = 1; batch < 4; batch++) {
                batch_begin(&f->batch, f->relay.epoch);
                assert_int_equal(atomic_load(&shared->number), 0);
                add(f, 0, "x");
                assert_int_equal(atomic_load(&shared->number), 0);
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_int_equal(atomic_load(&shared->number), batch);
                assert_int_equal(atomic_load(&f->lenders[1]->loan.page->batch), batch);
                assert_int_equal(shared->records[0].id, f->members[0]->id);
        }
        batch_begin(&f->batch, f->relay.epoch);
        assert_int_equal(atomic_load(&shared->number), 0);
}

static void test_a_batch_of_its_own_alone(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        batch_take_number(&f->batch, f->members[1], 7);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 1, "mine");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_lender_got(f->lenders[1], "");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_int_equal(f->members[1]->lines_out, 0);
        assert_int_equal(atomic_load(&f->lenders[1]->loan.page->batch), 0);
        /* the client was told nothing */
        assert_int_equal(loan_relayed(&f->lenders[1]->loan), 0);
        assert_int_equal(f->members[1]->confirmed_number, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_everyone_but_the_sender),
                TEST(test_joining_and_leaving_within_a_batch),
                TEST(test_a_batch_is_bounded),
                TEST(test_room_for_several_records),
                TEST(test_a_record_without_room_ends_chatd),
                TEST(test_a_dead_member_is_found),
                TEST(test_members_learn_how_far_their_lines_went),
                TEST(test_rooms_within_a_batch),
                TEST(test_a_room_without_records_is_not_visited),
                TEST(test_the_batch_before_is_nobodys_any_more),
                TEST(test_a_batch_of_its_own_alone),
        };
        return RUN_TESTS(tests);
}
