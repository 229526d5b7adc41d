/* Members that lent their clients' connections: what chatd writes there, and clients that are slow. */
#include "relay-fixture.h"

static void test_who_lent_gets_text_and_no_datagram(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "1");
        add(f, 1, "2");
        add(f, 0, "3");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_lender_got(f->lenders[1], "ann: 1\r\nann: 3\r\n");
        assert_string_equal(inbox_read(f->inboxes[0]), "line bob 2");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_string_equal(inbox_read(f->inboxes[2]), "line ann 1, line bob 2, line ann 3");
        assert_int_equal(f->members[1]->lines_out, 2);
        assert_int_equal(loan_lines_out(&f->lenders[1]->loan), 2);
        assert_false(f->members[1]->lent.worth_asking); /* nothing of this makes it worth asking again */
}

struct drawn {
        enum { SAYS, JOINS, LEAVES } what;
        unsigned who, room; /* rooms: 0: the author's room; 1: everybody; otherwise one of the rooms */
        struct record record;
        char text[48];
};

/* Returns the room of a record, or NULL for everybody. */
static struct room *room_of(const struct fixture *f, const struct drawn *d)
{
        const struct rooms *rooms = &f->roster.rooms;
        if (d->room == 0)
                return f->members[d->who]->seat.room;
        return d->room == 1 ? NULL : rooms->all[d->room % rooms->count];
}

static void draw_batch(const struct fixture *f, struct drawn *all, size_t n)
{
        static const uint8_t kinds[] = {RECORD_LINE,  RECORD_LINE,   RECORD_JOIN,
                                        RECORD_LEAVE, RECORD_NOTICE, KIND_OF_LATER};
        for (size_t i = 0; i < n; i++) {
                struct drawn *d = &all[i];
                unsigned dice = draw(8);
                d->what = dice == 0 ? JOINS : dice == 1 ? LEAVES : SAYS;
                d->who = draw(MEMBERS);
                d->room = draw(4);
                snprintf(d->text, sizeof(d->text), "%.*s%zu", (int)draw(20), "abcdefghijklmnopqrst", i);
                d->record = (struct record){
                        .kind = kinds[draw(sizeof(kinds))],
                        .id = f->members[d->who]->id,
                        .number = i,
                        .name = slice_of(f->members[d->who]->name),
                        .text = slice_of(d->text),
                };
                if (d->record.kind == RECORD_NOTICE)
                        d->record.id = ARRIVALS_ID;
        }
}

/* Asserts that the shared page tells the session which records are in `text`. */
static void assert_noted(const struct fixture *f, int who, const char *text)
{
        const struct outlet_batch *shared = f->lenders[who]->loan.batch;
        const struct outlet_page *page = f->lenders[who]->loan.page;
        size_t bytes = 0;
        const uint32_t room = f->members[who]->seat.room->number;
        assert_int_equal(atomic_load(&page->rooms[0]), room);
        assert_int_equal(atomic_load(&page->rooms[1]), 0);
        for (uint32_t i = atomic_load(&page->from); i < atomic_load(&page->to); i++) {
                const struct outlet_record *r = &shared->records[i];
                bool not_for_it = r->id == f->lenders[who]->id || (r->room != 0 && r->room != room);
                bytes += not_for_it ? 0 : r->bytes[OUTLET_TEXT];
        }
        assert_int_equal(bytes, strlen(text));
        assert_int_equal(atomic_load(&page->bytes), bytes);
        assert_int_equal(atomic_load(&page->batch), shared->number);
}

/* Puts the records into a batch. The shared memory describes the batch, but only once it is complete. */
static void relay_drawn(struct fixture *f, const struct drawn *all, size_t n)
{
        const struct outlet_batch *shared = f->batch.lent.outlet;
        const struct outlet_record *seen = shared->records;
        batch_begin(&f->batch, f->relay.epoch);
        for (size_t i = 0; i < n; i++) {
                struct member *m = f->members[all[i].who];
                if (all[i].what == JOINS)
                        batch_joins(&f->batch, m);
                else if (all[i].what == LEAVES)
                        batch_leaves(&f->batch, m);
                else if (all[i].record.kind == RECORD_NOTICE)
                        batch_add_notice(&f->batch, room_of(f, &all[i]), &all[i].record);
                else
                        batch_add(&f->batch, m, room_of(f, &all[i]), &all[i].record);
                assert_int_equal(atomic_load(&shared->number), 0);
        }
        relay_send(&f->relay, &f->batch, &f->roster);
        for (size_t i = 0; i < n; i++) {
                if (all[i].what != SAYS)
                        continue;
                assert_int_equal(seen->id, all[i].record.id);
                struct record said = all[i].record;
                said.room = room_of(f, &all[i]) && room_of(f, &all[i])->number > 1 ? slice_of(room_of(f, &all[i])->name)
                                                                                   : (struct slice){"", 0};
                assert_int_equal(seen->key, record_key(&said));
                assert_int_equal(seen->bytes[OUTLET_TEXT], display_bytes(&all[i].record));
                seen++;
        }
        assert_int_equal(seen - shared->records, f->batch.count);
        assert_int_equal(atomic_load(&shared->number), f->batch.count > 0 ? f->relay.batches : 0);
}

/* Each batch goes out twice, as datagrams to all and as text to all. */
static void test_text_is_what_datagrams_are_to_people(void **state)
{
        struct fixture *f = *state;
        struct drawn all[WRITTEN_MAX];
        unsigned ends = 0, nothing = 0;
        for (int i = 0; i < MEMBERS; i++)
                lend(f, i);
        for (int round = 0; round < ROUNDS; round++) {
                size_t n = draw(WRITTEN_MAX + 1);
                struct lent lent[MEMBERS];
                char *expected[MEMBERS];
                uint64_t before[MEMBERS], lines[MEMBERS];
                draw_rooms(f);
                draw_batch(f, all, n);
                for (int i = 0; i < MEMBERS; i++) {
                        lent[i] = f->members[i]->lent;
                        lent_init(&f->members[i]->lent);
                        before[i] = f->members[i]->lines_out;
                }
                relay_drawn(f, all, n);
                for (int i = 0; i < MEMBERS; i++) {
                        expected[i] = strdup(inbox_as_text(f->inboxes[i]));
                        lines[i] = f->members[i]->lines_out - before[i];
                        f->members[i]->lent = lent[i];
                        ends += f->members[i]->share.from > 0 || f->members[i]->share.to < f->batch.count;
                        nothing += lines[i] == 0;
                }
                relay_drawn(f, all, n);
                for (int i = 0; i < MEMBERS; i++) {
                        assert_lender_got(f->lenders[i], expected[i]);
                        assert_string_equal(inbox_read(f->inboxes[i]), "");
                        assert_int_equal(f->members[i]->lines_out - before[i], 2 * lines[i]);
                        if (lines[i] > 0)
                                assert_noted(f, i, expected[i]);
                        free(expected[i]);
                }
        }
        assert_in_range(ends, ROUNDS / 4, MEMBERS * ROUNDS); /* there were some of each */
        assert_in_range(nothing, ROUNDS / 4, MEMBERS * ROUNDS);
}

/* LEAVE is the record that grows most as text. */
static void test_text_has_room_for_a_full_batch(void **state)
{
        static const uint8_t kinds[] = {RECORD_LEAVE, RECORD_JOIN, RECORD_LINE, RECORD_NOTICE};
        struct fixture *f = *state;
        struct record rec = {.id = 9, .name = {"", 0}, .text = {"", 0}};
        lend(f, 1);
        for (size_t i = 0; i < sizeof(kinds); i++) {
                rec.kind = kinds[i];
                batch_begin(&f->batch, f->relay.epoch);
                while (batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES))
                        batch_add_notice(&f->batch, NULL, &rec);
                assert_int_equal(f->batch.count, BATCH_MAX_RECORDS);
                assert_int_equal(f->batch.texts[OUTLET_TEXT].size, BATCH_MAX_RECORDS * display_bytes(&rec));
                assert_in_range(display_bytes(&rec), 0, RECORD_HEADER_BYTES + BATCH_TEXT_MORE_BYTES);
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_string_equal(inbox_as_text(f->inboxes[0]), inbox_as_text(f->inboxes[2]));
        }
}

static void test_who_lent_learns_how_far_its_lines_went(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        const struct loan *o = &f->lenders[1]->loan;
        batch_begin(&f->batch, f->relay.epoch);
        batch_take_number(&f->batch, f->members[1], 7); /* in this batch, which may be relayed again */
        add(f, 0, "x");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(loan_relayed(o), 0);
        assert_int_equal(f->members[1]->confirmed_number, 0);
        batch_begin(&f->batch, f->relay.epoch);
        add(f, 0, "y");
        relay_send(&f->relay, &f->batch, &f->roster);
        assert_int_equal(loan_relayed(o), 7);
        assert_int_equal(f->members[1]->confirmed_number, 7);
        batch_take_number(&f->batch, f->members[1], 8);
        assert_true(relay_confirm(&f->relay, f->members[1]));
        assert_int_equal(loan_relayed(o), 8);
        assert_int_equal(f->members[1]->confirmed_number, 8);
        assert_string_equal(inbox_read(f->inboxes[1]), "");
}

static bool has_datagram(int inbox)
{
        char byte;
        return recv(inbox, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void relay_one(struct fixture *f, int from, const char *text)
{
        batch_begin(&f->batch, f->relay.epoch);
        assert_true(add(f, from, text));
        relay_send(&f->relay, &f->batch, &f->roster);
}

/* The length of the batch, and the place where its client takes no more, change from round to round. */
static void test_a_client_that_does_not_take_everything(void **state)
{
        enum { LINES_MAX = 14, STEP = 331, TIMES = 200 };
        static char got[1 << 20], expected[2 * DATAGRAM_MAX_BYTES], text[TEXT_MAX_BYTES];
        struct fixture *f = *state;
        unsigned whole = 0, broken_off = 0;
        memset(text, 'y', sizeof(text) - 1);
        lend(f, 1);
        struct lender *l = f->lenders[1];
        struct member *m = f->members[1];
        for (size_t i = 0; i < TIMES; i++) {
                size_t junk = leave_room(l, i * STEP), lines = 1 + i % LINES_MAX;
                m->lines_out = l->taken = m->lent.datagrams = 0;
                atomic_store(&l->loan.page->datagrams, 0);
                batch_begin(&f->batch, f->relay.epoch);
                add(f, 0, "short");
                add(f, 1, "its own");
                char *end = stpcpy(expected, "ann: short\r\n");
                for (size_t line = 0; line < lines; line++) {
                        assert_true(add(f, 2, text));
                        end = stpcpy(stpcpy(stpcpy(end, "eve: "), text), "\r\n");
                }
                relay_send(&f->relay, &f->batch, &f->roster);
                assert_int_equal(m->lines_out, 1 + lines);
                assert_int_equal(m->lent.datagrams, has_datagram(f->inboxes[1]));
                size_t len = collect(l, got, sizeof(got), 0);
                if (m->lent.datagrams > 0) {
                        stpcpy(end, "ann: behind it\r\n");
                        relay_one(f, 0, "behind it"); /* the connection has room now */
                        assert_int_equal(m->lent.datagrams, 2);
                        assert_int_equal(lender_take(l, f->inboxes[1]), 2);
                        assert_int_equal(m->lines_out, 2 + lines);
                        broken_off += len > junk;
                } else {
                        whole++;
                }
                len = collect_all(l, got, sizeof(got) - 1, len);
                got[len] = '\0';
                assert_string_equal(got + junk, expected);

                relay_one(f, 0, "again");
                assert_lender_got(l, "ann: again\r\n");
                inbox_empty(f->inboxes[0]);
                inbox_empty(f->inboxes[2]);
        }
        assert_in_range(whole, TIMES / 20, TIMES);
        assert_in_range(broken_off, TIMES / 20, TIMES);
}

static void test_who_was_asked_gets_datagrams_meanwhile(void **state)
{
        struct fixture *f = *state;
        struct member *m = f->members[1];
        assert_int_equal(lent_batch_init(&f->batch.lent), 0);
        f->lenders[1] = lender_make(m->id);
        relay_one(f, 0, "before");
        assert_int_equal(lent_ask(&m->lent, m->fd, f->relay.epoch, &f->batch.lent, now_ms), 0);
        relay_one(f, 0, "behind");
        assert_int_equal(lender_take(f->lenders[1], f->inboxes[1]), 3);
        assert_true(lent_answer(&m->lent));
        lender_write(f->lenders[1]);
        relay_one(f, 0, "direct");
        assert_lender_got(f->lenders[1], "ann: before\r\nann: behind\r\nann: direct\r\n");
        assert_int_equal(m->lines_out, 3);
}

static void test_who_lent_and_lags(void **state)
{
        struct fixture *f = *state;
        struct member *m = f->members[1];
        lend(f, 1);
        struct lender *l = f->lenders[1];
        fill(f, 1);
        assert_int_equal(say(f), 0); /* its inbox does not matter */
        assert_lender_got(l, "ann: x\r\n");
        assert_true(loan_claim(&l->loan));
        assert_int_equal(say(f), LAGGING_PATIENCE_MS);
        assert_true(member_lags(m));
        loan_release(&l->loan, &l->client, l->taken);
        say(f); /* the client must not get this line before the notice of missed lines */
        assert_lender_got(l, "");
        assert_int_equal(lagging_missed(m), 2);
        assert_int_equal(m->lines_out, 1);

        relay_resume(&f->relay, &f->roster, m);
        assert_true(member_lags(m));
        inbox_empty(f->inboxes[1]);
        relay_resume(&f->relay, &f->roster, m);
        assert_false(member_lags(m));
        say(f);
        assert_lender_got(l, "");
        assert_int_equal(m->lent.datagrams, 2);
        assert_string_equal(inbox_read(f->inboxes[1]), "missed 2, line ann x");
        l->taken = 2;
        lender_write(l);
        say(f);
        assert_lender_got(l, "ann: x\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
}

/* Sends a member a datagram that it must take before chatd may write to its client. */
static void fall_behind(struct fixture *f, int who)
{
        assert_int_equal(reach_send(f->members[who], &(struct frame){.type = FRAME_RELAYED, .id = f->relay.epoch}), 0);
        assert_true(lent_is_behind(&f->members[who]->lent));
}

/* Lets a session take what is in its inbox in `ms`, if chatd sleeps then. */
static void wake_later(struct fixture *f, int who, int ms)
{
        late = f->lenders[who];
        late_inbox = f->inboxes[who];
        late_ms = now_ms + ms;
}

/* Members that are written to directly, and among them clients that take nothing or a part, and sessions that have the
 * turn. */
static void test_more_members_than_are_prepared_together(void **state)
{
        enum { MANY = 130 };
        static const char expected[] = "ann: x\r\nann: x\r\n";
        static struct lender *lenders[MANY];
        static int inboxes[MANY];
        static size_t left[MANY]; /* bytes in a connection before */
        static char got[1 << 20];
        struct fixture *f = *state;
        lend(f, 1);
        for (uint32_t i = 0; i < MANY; i++) {
                char name[16];
                snprintf(name, sizeof(name), "m%u", i);
                struct member *m = add_member(f, MEMBERS + i, name, &inboxes[i]);
                lenders[i] = lender_make(m->id);
                lend_from(f, m, lenders[i], inboxes[i]);
                left[i] = i % 7 == 0 ? leave_room(lenders[i], i % 2 * 5) : 0;
                if (i % 7 != 0 && i % 11 == 0)
                        assert_true(loan_claim(&lenders[i]->loan));
        }
        say(f);
        say(f);
        assert_int_equal(f->relay.deliveries, 2 * (MANY + MEMBERS - 1));
        for (uint32_t i = 0; i < MANY; i++) {
                unsigned datagrams = lender_take(lenders[i], inboxes[i]);
                if (i % 7 != 0)
                        assert_int_equal(datagrams, i % 11 == 0 ? 2 : 0);
                size_t len = collect_all(lenders[i], got, sizeof(got), 0);
                assert_int_equal(len, left[i] + strlen(expected));
                assert_memory_equal(got + left[i], expected, strlen(expected));
                lender_free(lenders[i]);
                close(inboxes[i]);
        }
}

static void test_who_is_behind_is_waited_for(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        fall_behind(f, 1);
        wake_later(f, 1, 5);
        assert_int_equal(say(f), 5);
        assert_lender_got(f->lenders[1], "ann: x\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_false(f->members[1]->lent.unresponsive);
        assert_int_equal(say(f), 0);
        assert_lender_got(f->lenders[1], "ann: x\r\n");
        assert_int_equal(f->relay.catch_up_ms, now_ms + (5 + 1) * RELAY_CATCH_UP_SHARE);
}

static void test_who_is_behind_is_waited_for_so_long(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        fall_behind(f, 1);
        wake_later(f, 1, RELAY_CATCH_UP_MS + 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
        assert_string_equal(inbox_read(f->inboxes[1]), "relayed 0, line ann x");
        assert_true(f->members[1]->lent.unresponsive);
        assert_lender_got(f->lenders[1], "");
}

static void test_a_slow_client_is_not_waited_for(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        lend(f, 2);
        fall_behind(f, 1);
        assert_true(loan_claim(&f->lenders[1]->loan));
        loan_is_slow(&f->lenders[1]->loan);
        assert_int_equal(say(f), 0);
        assert_int_equal(f->relay.catch_up_ms, 0); /* it does not take the time from others either */
        fall_behind(f, 2);
        wake_later(f, 2, 3);
        assert_int_equal(say(f), 3);
        assert_lender_got(f->lenders[2], "ann: x\r\nann: x\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "relayed 0, line ann x, line ann x");
}

static void test_who_was_waited_for_in_vain_has_to_catch_up_first(void **state)
{
        struct fixture *f = *state;
        lend(f, 1);
        fall_behind(f, 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
        now_ms = f->relay.catch_up_ms;
        assert_int_equal(say(f), 0);
        wake(f, 1);
        assert_int_equal(say(f), 0); /* this line is written directly */
        assert_lender_got(f->lenders[1], "ann: x\r\nann: x\r\nann: x\r\n");
        fall_behind(f, 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
}

static void test_waiting_for_those_behind_has_its_share_of_time(void **state)
{
        enum { PAUSE_MS = (RELAY_CATCH_UP_MS + 1) * RELAY_CATCH_UP_SHARE, TIMES = 300 };
        struct fixture *f = *state;
        lend(f, 1);
        lend(f, 2);
        fall_behind(f, 1);
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);
        fall_behind(f, 2); /* chatd never waited for this member, but the time for waiting is used up */
        now_ms += PAUSE_MS - 1;
        assert_int_equal(say(f), 0);
        now_ms++;
        assert_int_equal(say(f), RELAY_CATCH_UP_MS);

        int64_t waited = 0, begin = now_ms;
        for (int i = 0; i < TIMES; i++) { /* as if it were a new member each time */
                wake(f, 1);
                f->members[1]->lent.unresponsive = false;
                fall_behind(f, 1);
                waited += say(f);
                wake(f, 2);
                inbox_empty(f->lenders[1]->peer);
                inbox_empty(f->lenders[2]->peer);
                now_ms += 100;
        }
        assert_in_range(waited, (now_ms - begin) / RELAY_CATCH_UP_SHARE / 2, (now_ms - begin) / RELAY_CATCH_UP_SHARE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_who_lent_gets_text_and_no_datagram),
                TEST(test_text_is_what_datagrams_are_to_people),
                TEST(test_text_has_room_for_a_full_batch),
                TEST(test_who_lent_learns_how_far_its_lines_went),
                TEST(test_a_client_that_does_not_take_everything),
                TEST(test_who_was_asked_gets_datagrams_meanwhile),
                TEST(test_who_lent_and_lags),
                TEST(test_more_members_than_are_prepared_together),
                TEST(test_who_is_behind_is_waited_for),
                TEST(test_who_is_behind_is_waited_for_so_long),
                TEST(test_a_slow_client_is_not_waited_for),
                TEST(test_who_was_waited_for_in_vain_has_to_catch_up_first),
                TEST(test_waiting_for_those_behind_has_its_share_of_time),
        };
        return RUN_TESTS(tests);
}
