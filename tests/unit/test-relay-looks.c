/* Members that lent the connections of IRC clients: each look, several rooms, and what a session finds out after a
 * kill. */
#include <chat/utc.h>

#include "../../chat-irc/line.h"

#include "relay-fixture.h"

static const enum outlet_look with_id = OUTLET_IRC + LINE_ID + LINE_EXTENDED_JOIN;
static const enum outlet_look with_time = OUTLET_IRC + LINE_TIME;

static const char *const rooms[] = {FIRST_ROOM, "kitchen", "garden"};

static struct room *room_at_index(struct fixture *f, unsigned i)
{
        return rooms_get(&f->roster.rooms, slice_of(rooms[i]));
}

/* Puts a member that roams into each room of which the bit is set, and into no other. */
static void be_in(struct fixture *f, int who, unsigned bits)
{
        for (unsigned i = 0; i < 3; i++) {
                struct seat *seat = member_seat_in(f->members[who], room_at_index(f, i));
                bool wanted = bits >> i & 1;
                if (wanted && !seat)
                        assert_int_equal(roster_enter(&f->roster, f->members[who], room_at_index(f, i)), 0);
                else if (!wanted && seat)
                        roster_exit(&f->roster, seat);
        }
}

static void add_record(struct fixture *f, uint8_t kind, int from, unsigned room, uint64_t number, const char *text)
{
        struct record rec = {.kind = kind,
                             .id = f->members[from]->id,
                             .number = number,
                             .name = slice_of(f->members[from]->name),
                             .text = slice_of(text)};
        if (f->with_styles && record_is_line(&rec) && number % 3 == 0)
                rec.styled = slice_of("\x02styled");
        rec.is_notice = f->with_styles && record_is_line(&rec) && number % 4 == 0;
        if (kind == RECORD_RENAME)
                batch_add_to_rooms_of(&f->batch, f->members[from], NULL, &rec);
        else
                batch_add(&f->batch, f->members[from], room_at_index(f, room), &rec);
}

static void relay(struct fixture *f)
{
        relay_send(&f->relay, &f->batch, &f->roster);
}

static void test_each_client_gets_its_look(void **state)
{
        struct fixture *f = *state;
        lend_in_look(f, 1, OUTLET_IRC);
        lend_in_look(f, 2, with_id);
        batch_begin(&f->batch, f->relay.epoch);
        add_record(f, RECORD_LINE, 0, 0, 7, "hi");
        add_record(f, RECORD_JOIN, 0, 0, 0, "");
        relay(f);
        char expected[256];
        snprintf(expected, sizeof(expected),
                 "@msgid=%016llx-7 :ann!chat@b.example PRIVMSG #lobby :hi\r\n"
                 ":ann!chat@b.example JOIN #lobby * :chat\r\n",
                 (unsigned long long)f->members[0]->id);
        assert_lender_got(f->lenders[1],
                          ":ann!chat@b.example PRIVMSG #lobby :hi\r\n:ann!chat@b.example JOIN #lobby\r\n");
        assert_lender_got(f->lenders[2], expected);
        assert_string_equal(inbox_read(f->inboxes[1]), "");
        assert_string_equal(inbox_read(f->inboxes[2]), "");
}

/* JSON in lines, and in messages of a WebSocket: the first byte of a message says that it is text. */
static void test_json(void **state)
{
        struct fixture *f = *state;
        char expected[1024], got[1024], time[UTC_BYTES];
        const char *id = "\"id\":\"%016llx-7\",\"time\":\"%s\"";
        char with_text[256], with_join[256];
        lend_in_look(f, 1, OUTLET_JSON);
        lend_in_look(f, 2, OUTLET_MESSAGE);
        batch_begin(&f->batch, f->relay.epoch);
        add_record(f, RECORD_LINE, 0, 1, 6, "elsewhere");
        add_record(f, RECORD_LINE, 0, 0, 7, "\"hi\"");
        add_record(f, RECORD_JOIN, 0, 0, 7, "");
        relay(f);
        utc_write(f->batch.texts[OUTLET_JSON].ms, time);
        snprintf(expected, sizeof(expected),
                 "{\"event\":\"line\",%s,\"room\":\"lobby\",\"name\":\"ann\",\"text\":\"\\\"hi\\\"\"}", id);
        snprintf(with_text, sizeof(with_text), expected, (unsigned long long)f->members[0]->id, time);
        snprintf(with_join, sizeof(with_join),
                 "{\"event\":\"join\",\"id\":\"%016llx-7-join\",\"time\":\"%s\",\"room\":\"lobby\",\"name\":\"ann\"}",
                 (unsigned long long)f->members[0]->id, time);
        snprintf(expected, sizeof(expected), "%s\n%s\n", with_text, with_join);
        assert_lender_got(f->lenders[1], expected);
        assert_in_range(strlen(with_text), 100, 125);
        size_t len = collect(f->lenders[2], got, sizeof(got), 0);
        assert_int_equal(len, 2 + strlen(with_text) + 2 + strlen(with_join));
        assert_int_equal((uint8_t)got[0], 0x81);
        assert_int_equal(got[1], strlen(with_text));
        assert_memory_equal(got + 2, with_text, strlen(with_text));
        assert_memory_equal(got + len - strlen(with_join), with_join, strlen(with_join));
}

/* A notice is addressed to each client by its nick, so chatd does not write it. */
static void test_what_has_no_look_comes_as_datagrams(void **state)
{
        struct fixture *f = *state;
        const struct record notice = {.kind = RECORD_NOTICE, .id = ADMIN_ID, .text = slice_of("tea is ready")};
        lend(f, 0);
        lend_in_look(f, 1, OUTLET_IRC);
        batch_begin(&f->batch, f->relay.epoch);
        add_record(f, RECORD_LINE, 2, 0, 1, "hi");
        batch_add_notice(&f->batch, NULL, &notice);
        relay(f);
        assert_lender_got(f->lenders[0], "eve: hi\r\n*** tea is ready\r\n");
        assert_string_equal(inbox_read(f->inboxes[1]), "line eve hi, notice tea is ready");
}

/* Each "=" of a name is three characters of a nick. */
static void test_what_does_not_fit_comes_as_datagrams(void **state)
{
        struct fixture *f = *state;
        struct record rec = {.kind = RECORD_LINE, .id = 9, .name = slice_of("=======================================")};
        char at[OUTLET_LINE_MAX_BYTES];
        rec.text = slice_of("x");
        size_t size = looks_write(OUTLET_IRC, LENDER_SERVER, &rec, 0, at, sizeof(at));
        lend(f, 0);
        lend_in_look(f, 1, OUTLET_IRC);
        batch_begin(&f->batch, f->relay.epoch);
        size_t n = 0;
        for (; batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + rec.name.len + rec.text.len); n++)
                batch_add_notice(&f->batch, NULL, &rec);
        assert_in_range(n * size, BATCH_TEXT_BYTES / 2, BATCH_TEXT_BYTES);
        assert_true(f->batch.texts[OUTLET_IRC].is_whole);
        rec.name = slice_of("======================================================================");
        rec.text = slice_of("more than one letter");
        batch_begin(&f->batch, f->relay.epoch);
        while (batch_has_room_for(&f->batch, 1, RECORD_HEADER_BYTES + rec.name.len + rec.text.len))
                batch_add_notice(&f->batch, NULL, &rec);
        assert_false(f->batch.texts[OUTLET_IRC].is_whole);
        assert_true(f->batch.texts[OUTLET_TEXT].is_whole);
        relay(f);
        assert_int_equal(f->members[1]->lent.bytes, 0);
        assert_int_equal(f->members[1]->lent.datagrams, 1);
}

/* Draws what happens in a batch. */
static void draw_steps(struct fixture *f, uint64_t round)
{
        static const uint8_t kinds[] = {RECORD_LINE,   RECORD_LINE,  RECORD_ACTION,
                                        RECORD_RENAME, RECORD_TOPIC, RECORD_ENTER};
        for (unsigned n = draw(WRITTEN_MAX); n > 0; n--) {
                char text[24];
                int who = (int)draw(MEMBERS);
                snprintf(text, sizeof(text), "t%llu.%u", (unsigned long long)round, n);
                add_record(f, kinds[draw(sizeof(kinds))], who, draw(3), 100 * round + n, text);
        }
}

/* Each batch goes out twice: as datagrams, which the session writes, and as text. Then chatd dies, and the session knows
 * which records its client has. */
static void test_text_is_what_the_session_writes(void **state)
{
        static char by_session[1 << 16], by_chatd[1 << 16];
        static struct seen datagrams;
        struct fixture *f = *state;
        unsigned several = 0;
        roster_roam(&f->roster, f->members[0]);
        roster_roam(&f->roster, f->members[1]);
        lend_in_look(f, 1, with_id);
        f->with_styles = true;
        struct lender *l = f->lenders[1];
        for (uint64_t round = 1; round <= ROUNDS; round++) {
                unsigned bits = draw(8);
                be_in(f, 0, draw(8));
                be_in(f, 1, bits);
                roster_move(&f->roster, f->members[2], room_at_index(f, draw(3)));
                l->seen = (struct seen){.epoch = f->relay.epoch};
                f->members[1]->lent.unresponsive = true; /* chatd does not wait for it */
                const uint64_t drawn = draw_state;
                for (int i = 0; i < 2; i++) {
                        batch_begin(&f->batch, f->relay.epoch);
                        draw_state = drawn;
                        draw_steps(f, round);
                        if (i == 0) /* the session has the turn */
                                assert_true(loan_claim(&l->loan));
                        relay(f);
                        unsigned taken = lender_take(l, f->inboxes[1]);
                        lender_write(l);
                        assert_int_equal(taken, i == 0 && l->seen.count > 0);
                        char *into = i == 0 ? by_session : by_chatd;
                        into[collect(l, into, sizeof(by_session) - 1, 0)] = '\0';
                        if (i == 0)
                                datagrams = l->seen;
                        l->seen = (struct seen){.epoch = f->relay.epoch};
                }
                assert_string_equal(by_chatd, by_session);
                loan_end(&l->loan, &l->client, &l->seen, l->id);
                assert_int_equal(l->seen.count, datagrams.count);
                size_t unused = BATCH_MAX_RECORDS - datagrams.count;
                assert_memory_equal(l->seen.last + unused, datagrams.last + unused,
                                    datagrams.count * sizeof(datagrams.last[0]));
                several += datagrams.count > 0 && (bits & (bits - 1)) != 0;
                lend_again(f, 1);
                inbox_empty(f->inboxes[0]);
                inbox_empty(f->inboxes[2]);
        }
        assert_in_range(several, ROUNDS / 8, ROUNDS);
}

/* The client takes a part of a line, and its session writes the rest later, with the same time in it. */
static void test_the_rest_has_the_time_of_the_beginning(void **state)
{
        enum { LINES = 100, STEP = 331, TIMES = 100 };
        static char got[1 << 20], text[300];
        struct fixture *f = *state;
        unsigned broken_off = 0;
        memset(text, 'y', sizeof(text) - 1);
        lend_in_look(f, 1, with_time);
        struct lender *l = f->lenders[1];
        for (size_t i = 0; i < TIMES; i++) {
                size_t junk = leave_room(l, i * STEP);
                batch_begin(&f->batch, f->relay.epoch);
                for (uint64_t line = 0; line < LINES; line++)
                        add_record(f, RECORD_LINE, 0, 0, LINES * i + line + 1, text);
                relay(f);
                uint64_t ms = f->batch.texts[with_time].ms;
                size_t len = collect(l, got, sizeof(got) - 1, 0);
                bool is_part = len > junk && got[len - 1] != '\n';
                char time[UTC_BYTES], expected[512];
                utc_write(ms, time);
                size_t size = (size_t)snprintf(expected, sizeof(expected),
                                               "@time=%s :ann!chat@b.example PRIVMSG #lobby :%s\r\n", time, text);
                wake(f, 1);
                len = collect_all(l, got, sizeof(got) - 1, len);
                got[len] = '\0';
                assert_int_equal(len - junk, LINES * size);
                assert_memory_equal(got + junk, expected, size);
                broken_off += is_part;
                inbox_empty(f->inboxes[2]);
        }
        assert_in_range(broken_off, TIMES / 20, TIMES);
}

/* chatd writes lines for one server, its own. */
static void test_another_server(void **state)
{
        struct fixture *f = *state;
        struct member *m = f->members[1];
        stpcpy(f->batch.lent.server, "c.example");
        assert_int_equal(lent_batch_init(&f->batch.lent), 0);
        for (int i = 0; i < 2; i++) {
                f->lenders[1] = lender_make(m->id);
                f->lenders[1]->look = i == 0 ? OUTLET_IRC : OUTLET_LOOKS;
                assert_int_equal(lent_ask(&m->lent, m->fd, f->relay.epoch, &f->batch.lent, now_ms), 0);
                lender_take(f->lenders[1], f->inboxes[1]);
                assert_false(lent_answer(&m->lent));
                assert_false(lent_is_open(&m->lent));
                lender_free(f->lenders[1]);
        }
        f->lenders[1] = NULL;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_each_client_gets_its_look),
                TEST(test_json),
                TEST(test_what_has_no_look_comes_as_datagrams),
                TEST(test_what_does_not_fit_comes_as_datagrams),
                TEST(test_text_is_what_the_session_writes),
                TEST(test_the_rest_has_the_time_of_the_beginning),
                TEST(test_another_server),
        };
        return RUN_TESTS(tests);
}
