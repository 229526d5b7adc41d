/* Records that the link hands to members here, and records that it gets from them. */
#include "remote-fixture.h"

static void test_nobody_is_told_of_the_link(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        link_hello(f);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "welcome 1, join bob");
        assert_inbox(f, BOB, "welcome 2");
        assert_inbox(f, LINK, "welcome 1, join bob");
        assert_int_equal(roster_people(&f->chat->roster), 2);
        assert_true(exists(f, "members", ANN));
        assert_int_equal(link_member(f)->pidfd, -1);
}

static void test_it_hears_what_is_said_here_and_nothing_of_its_own(void **state)
{
        struct fixture *f = *state;
        join_ann_and_link(f);
        say(f, ANN, "hi");
        inject(f, 5, 6);
        notice(f, 7, "b is away, with 2 people");
        inject_record(f,
                      &(struct record){
                              .kind = RECORD_JOIN, .id = 99, .number = 8, .name = slice_of("al@c"), .text = {"", 0}});
        inject_record(f,
                      &(struct record){
                              .kind = RECORD_LEAVE, .id = 99, .number = 9, .name = slice_of("al@c"), .text = {"", 0}});
        serve(f);
        assert_inbox(f, LINK, "line ann hi");
        assert_inbox(f, ANN, "line zoe@b 5, line zoe@b 6, notice b is away, with 2 people, join al@c, leave al@c");
        assert_int_equal(f->chat->lines, 3);
}

/* The relayed record has the id of the link for ever, whatever id the link states. */
static void test_injected_records_have_the_id_of_the_link(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct frame frame = {0};
        struct record rec = {0};
        join_ann_and_link(f);
        inject_record(f, &(struct record){.kind = RECORD_LINE,
                                          .id = inbox_id(ANN),
                                          .number = 1ULL << 60,
                                          .name = slice_of("zoe@b"),
                                          .text = slice_of("hi")});
        serve(f);
        ssize_t n = recv(f->inboxes[ANN], buffer, sizeof(buffer), 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        assert_int_equal(record_next(&frame.records, &rec), 1);
        assert_true(rec.id == LINK_ID && rec.number == 1ULL << 60);
}

static void test_numbers_only_grow(void **state)
{
        struct fixture *f = *state;
        join_ann_and_link(f);
        inject(f, 5, 8);
        inject(f, 6, 10);
        serve(f);
        assert_inbox(f, ANN, "line zoe@b 5, line zoe@b 6, line zoe@b 7, line zoe@b 8, line zoe@b 9, line zoe@b 10");
        inject(f, 1, 11);
        serve(f);
        assert_inbox(f, ANN, "line zoe@b 11");
        assert_nothing_ignored(f);
}

static void test_records_that_are_ignored(void **state)
{
        struct fixture *f = *state;
        const uint64_t *ignored = f->chat->complaints.ignored_counts;
        static char long_text[TEXT_MAX_BYTES + 2], long_name[NAME_MAX_BYTES + 2];
        memset(long_text, 'x', TEXT_MAX_BYTES + 1);
        memset(long_name, 'x', NAME_MAX_BYTES + 1);
        memcpy(long_name + NAME_MAX_BYTES - 1, "@b", 2);
        struct record good = {.kind = RECORD_LINE, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("good")};
        struct record bad = good;
        inject_record(f, &good);
        notice(f, 1, "before its HELLO");
        serve(f);
        assert_int_equal(ignored[IGNORED_STRANGER], 2);
        admit_ann_and_link(f);
        inbox_read(f->inboxes[ANN]);

        static const char *const no_names[] = {"zoe", "zoe@", "@b", "zoe@B", "zoe@b@c", "z e@b", "zoe@b:", ""};
        for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
                bad.name = slice_of(no_names[i]);
                inject_record(f, &bad);
                serve(f);
                assert_int_equal(ignored[IGNORED_UNCLEAN], i + 1);
        }
        f->chat->complaints.ignored_counts[IGNORED_UNCLEAN] = 0;
        bad = good;
        bad.text = slice_of("\x1b[2J");
        inject_record(f, &bad);
        bad.text = slice_of(long_text);
        inject_record(f, &bad);
        notice(f, 1, "\xff");
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 3);

        /* by hand, because record_encode() writes no name that is too long */
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        bad = good;
        bad.text = slice_of(long_name);
        bad.name.len = 0;
        n += record_encode(buffer + n, sizeof(buffer) - n, &bad);
        buffer[FRAME_HEADER_BYTES + 3] = NAME_MAX_BYTES + 1;
        send(f->sender, buffer, n, 0);
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 4);

        bad = good;
        bad.kind = RECORD_NOTICE;
        inject_record(f, &bad);
        bad.kind = RECORD_MISSED;
        inject_record(f, &bad);
        put(f, &(struct frame){.type = FRAME_LINE, .id = LINK_ID, .number = 1, .text = slice_of("x")});
        put(f, &(struct frame){.type = FRAME_BYE, .id = LINK_ID});
        put(f, &(struct frame){.type = FRAME_HERE, .id = LINK_ID, .name = slice_of("x"), .address = slice_of("x")});
        put(f, &(struct frame){.type = FRAME_GONE, .id = LINK_ID});
        serve(f);
        assert_int_equal(ignored[IGNORED_TYPE], 6);

        bad = good;
        bad.number = UINT64_MAX;
        inject_record(f, &bad);
        bad.number = UINT64_C(1) << 63;
        inject_record(f, &bad);
        serve(f);
        assert_int_equal(ignored[IGNORED_REPEATED], 2);

        /* a good record, a malformed one, and a good one behind it that cannot be found */
        n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        n += record_encode(buffer + n, sizeof(buffer) - n, &good);
        size_t second = n;
        n += record_encode(buffer + n, sizeof(buffer) - n, &good);
        n += record_encode(buffer + n, sizeof(buffer) - n, &good);
        buffer[second] = 3;
        send(f->sender, buffer, n, 0);
        serve(f);
        assert_int_equal(ignored[IGNORED_MALFORMED], 1);
        assert_inbox(f, ANN, "line zoe@b good");
        assert_inbox(f, LINK, "welcome 1");
        assert_non_null(link_member(f));
}

/* Hosts of an earlier version send text with hidden characters. */
static void test_what_hides_is_shown(void **state)
{
        struct fixture *f = *state;
        struct record rec = {.number = 1, .name = slice_of("zoe@b")};
        join_ann_and_link(f);
        static const enum record_kind kinds[] = {RECORD_LINE, RECORD_ACTION, RECORD_TOPIC, RECORD_PRIVATE};
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++, rec.number++) {
                rec.kind = (uint8_t)kinds[i];
                rec.text = slice_of(rec.kind == RECORD_PRIVATE ? "ann hi\u200b          ." : "hi\u200b          .");
                inject_record(f, &rec);
        }
        serve(f);
        assert_inbox(f, ANN,
                     "line zoe@b hi?        ., action zoe@b hi?        ., topic zoe@b hi?        ., "
                     "private zoe@b hi?        .");
        assert_string_equal(roster_find(&f->chat->roster, inbox_id(ANN))->seat.room->topic, "hi?        .");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 0);
}

/* Private messages between members of this host and another. */
static void test_private_words(void **state)
{
        struct fixture *f = *state;
        struct frame to_zoe = {.type = FRAME_PRIVATE,
                               .id = inbox_id(ANN),
                               .number = 1,
                               .name = slice_of("zoe@b"),
                               .text = slice_of("psst, you")};
        struct record from_zoe = {
                .kind = RECORD_PRIVATE, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("bob yes?")};
        join_ann_bob_and_link(f);
        put(f, &to_zoe);
        serve(f);
        assert_inbox(f, LINK, "private " ANSWER_ROOM ": ann zoe@b psst, you");
        assert_inbox(f, BOB, "");
        inject_record(f, &from_zoe);
        from_zoe.number = 2;
        from_zoe.text = slice_of("nobody yes?");
        inject_record(f, &from_zoe);
        from_zoe.number = 3;
        from_zoe.text = slice_of("yes?");
        inject_record(f, &from_zoe);
        serve(f);
        assert_inbox(f, BOB, "private zoe@b yes?");
        assert_inbox(f, ANN, "sent zoe@b psst, you");
        assert_inbox(f, LINK, "reply chat zoe@b there is nobody called nobody there");
        inject_record(f, &(struct record){.kind = RECORD_REPLY,
                                          .number = 4,
                                          .name = slice_of("chat@b"),
                                          .text = slice_of("ann there is nobody called zo there")});
        inject_record(f,
                      &(struct record){
                              .kind = RECORD_REPLY, .number = 5, .name = slice_of("chat@b"), .text = slice_of("zo x")});
        serve(f);
        assert_inbox(f, ANN, "reply chat@b there is nobody called zo there");
        assert_inbox(f, LINK, "");
        assert_int_equal(f->chat->remote->last, 5);
}

/* The link can send a notice to one member. */
static void test_it_tells_one(void **state)
{
        struct fixture *f = *state;
        join_ann_bob_and_link(f);
        struct frame tell = {.type = FRAME_TELL,
                             .id = LINK_ID,
                             .number = UINT64_C(1) << 63,
                             .key = inbox_id(ANN),
                             .text = slice_of("b is away")};
        put(f, &tell);
        tell.number++;
        tell.key = inbox_id(EVE); /* a member that left */
        put(f, &tell);
        tell.key = LINK_ID;
        put(f, &tell);
        tell.key = inbox_id(ANN);
        tell.text = slice_of("\x1b[2J");
        put(f, &tell);
        serve(f);
        assert_inbox(f, ANN, "notice b is away");
        assert_inbox(f, BOB, "");
        assert_inbox(f, LINK, "");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);
        tell.id = inbox_id(BOB); /* a sender that is not the link */
        tell.text = slice_of("forged");
        put(f, &tell);
        serve(f);
        assert_inbox(f, ANN, "");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_TYPE], 1);
}

static void test_names_there(void **state)
{
        struct fixture *f = *state;
        struct record rec = {.kind = RECORD_RENAME, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("ann")};
        join_ann_and_link(f);
        inject_record(f, &rec); /* a member there cannot have the name of a member here */
        rec.text = slice_of("ann@b");
        inject_record(f, &rec);
        serve(f);
        assert_inbox(f, ANN, "rename zoe@b ann@b, renamed zoe@b ann@b");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);
}

/* Rooms have members on several hosts. */
static void test_rooms(void **state)
{
        struct fixture *f = *state;
        struct record rec = {.kind = RECORD_LINE, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("hi")};
        struct frame frame = {.type = FRAME_ROOM, .id = inbox_id(ANN), .number = 1, .name = slice_of("kitchen")};
        hello(f, ANN);
        hello(f, BOB);
        link_hello(f);
        put(f, &frame);
        f->numbers[ANN] = 1;
        say(f, ANN, "anybody?");
        serve(f);
        assert_inbox(f, LINK, "welcome 2, came kitchen: ann lobby, line kitchen: ann anybody?");
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[BOB]);

        inject_record(f, &rec);
        rec.number++;
        rec.room = slice_of("Kitchen");
        inject_record(f, &rec);
        rec.number++;
        rec.room = slice_of("garden"); /* no member of this host is in that room */
        inject_record(f, &rec);
        rec.number++;
        rec.room = slice_of("7th");
        inject_record(f, &rec);
        serve(f);
        assert_inbox(f, ANN, "line kitchen: zoe@b hi");
        assert_inbox(f, BOB, "line zoe@b hi");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);

        rec = (struct record){.kind = RECORD_CAME,
                              .number = 5,
                              .name = slice_of("zoe@b"),
                              .text = slice_of(FIRST_ROOM),
                              .room = slice_of("kitchen")};
        inject_record(f, &rec);
        rec.number++;
        rec.text = slice_of("kitchen");
        rec.room = slice_of("garden");
        inject_record(f, &rec);
        rec.number++;
        rec.text = slice_of("garden");
        rec.room = slice_of("");
        inject_record(f, &rec);
        rec.number++;
        rec.text = slice_of("no room");
        inject_record(f, &rec);
        rec = (struct record){.kind = RECORD_TOPIC,
                              .number = 9,
                              .name = slice_of("zoe@b"),
                              .text = slice_of("tea"),
                              .room = slice_of("kitchen")};
        inject_record(f, &rec);
        rec.number++;
        rec.room = slice_of("garden");
        inject_record(f, &rec);
        rec = (struct record){.kind = RECORD_LEAVE,
                              .number = 11,
                              .name = slice_of("zoe@b"),
                              .text = {"", 0},
                              .room = slice_of("kitchen")};
        inject_record(f, &rec);
        serve(f);
        assert_inbox(f, ANN,
                     "came kitchen: zoe@b lobby, went kitchen: zoe@b garden, topic kitchen: zoe@b tea, "
                     "leave kitchen: zoe@b");
        assert_inbox(f, BOB, "went zoe@b kitchen, came zoe@b garden");
        assert_string_equal(member(f, ANN)->seat.room->topic, "tea");
        assert_inbox(f, LINK, "");
}

static void test_sessions_cannot_inject(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct record rec = {.kind = RECORD_LINE, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("forged")};
        join_ann_and_bob(f);
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = inbox_id(ANN)});
        n += record_encode(buffer + n, sizeof(buffer) - n, &rec);
        send(f->sender, buffer, n, 0);
        put(f, &(struct frame){.type = FRAME_NOTICE, .id = inbox_id(ANN), .number = 1, .text = slice_of("forged")});
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_TYPE], 2);
        assert_inbox(f, BOB, "");
}

/* Sends a HELLO with `id` as user `uid`, from a process of its own; 0: with the id of that process. */
static void hello_as(struct fixture *f, uid_t uid, uint64_t id)
{
        pid_t child = fork();
        if (child == 0) {
                uint8_t buffer[FRAME_MAX_BYTES];
                if (id == 0)
                        id = (uint64_t)getpid() << 32;
                size_t n = frame_encode(
                        buffer, sizeof(buffer),
                        &(struct frame){
                                .type = FRAME_HELLO, .id = id, .name = slice_of("x"), .address = slice_of("x")});
                _exit(setuid(uid) == 0 && send(f->sender, buffer, n, 0) > 0 ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
        serve(f);
}

static void test_only_its_user_speaks_for_the_link(void **state)
{
        enum { SESSION_USER = 65533, LINK_USER = 65534, OTHER_USER = 65532 };
        struct fixture *f = *state;
        const uint64_t *ignored = f->chat->complaints.ignored_counts;
        if (getuid() != 0)
                skip();
        f->chat->session_user = SESSION_USER;
        f->chat->link_user = LINK_USER;
        f->inboxes[LINK] = inbox_bind_link(f->dir);
        hello_as(f, SESSION_USER, LINK_ID);
        hello_as(f, getuid(), LINK_ID);
        assert_int_equal(ignored[IGNORED_FORGED], 2);
        hello_as(f, LINK_USER, 0);
        assert_int_equal(ignored[IGNORED_FORGED], 3);
        hello_as(f, OTHER_USER, LINK_ID);
        assert_int_equal(ignored[IGNORED_USER], 1);
        assert_int_equal(f->chat->roster.count, 0);
        hello_as(f, LINK_USER, LINK_ID);
        assert_int_equal(f->chat->roster.count, 1);
        assert_inbox(f, LINK, "welcome 0");
}

static void test_it_takes_no_part_in_what_is_confirmed(void **state)
{
        struct fixture *f = *state;
        link_hello(f);
        inject(f, 1, 5);
        serve(f);
        assert_null(todo_first(&f->chat->roster.todo, TODO_CONFIRM));
        broker_confirm(f->chat);
        assert_null(todo_first(&f->chat->roster.todo, TODO_CONFIRM));
        assert_inbox(f, LINK, "welcome 0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_nobody_is_told_of_the_link),
                TEST(test_it_hears_what_is_said_here_and_nothing_of_its_own),
                TEST(test_injected_records_have_the_id_of_the_link),
                TEST(test_numbers_only_grow),
                TEST(test_records_that_are_ignored),
                TEST(test_what_hides_is_shown),
                TEST(test_private_words),
                TEST(test_it_tells_one),
                TEST(test_names_there),
                TEST(test_rooms),
                TEST(test_sessions_cannot_inject),
                TEST(test_only_its_user_speaks_for_the_link),
                TEST(test_it_takes_no_part_in_what_is_confirmed),
        };
        return RUN_TESTS(tests);
}
