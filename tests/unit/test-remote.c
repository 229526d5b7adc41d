#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../../chatd/remote.h"
#include "broker-fixture.h"

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
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        inbox_read(f->inboxes[ANN]);
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
        struct frame frame;
        struct record rec = {0};
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[ANN]);
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        inject(f, 5, 8);
        inject(f, 6, 10);
        serve(f);
        assert_inbox(f, ANN, "line zoe@b 5, line zoe@b 6, line zoe@b 7, line zoe@b 8, line zoe@b 9, line zoe@b 10");
        inject(f, 1, 11);
        serve(f);
        assert_inbox(f, ANN, "line zoe@b 11");
        for (int i = 0; i < IGNORED_KINDS; i++)
                assert_int_equal(f->chat->ignored[i], 0);
}

/* Hosts of an earlier version send text that hides something. */
static void test_what_hides_is_shown(void **state)
{
        struct fixture *f = *state;
        struct record rec = {.number = 1, .name = slice_of("zoe@b")};
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[ANN]);
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
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 0);
}

static void test_records_that_are_ignored(void **state)
{
        struct fixture *f = *state;
        const uint64_t *ignored = f->chat->ignored;
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[ANN]);

        static const char *const no_names[] = {"zoe", "zoe@", "@b", "zoe@B", "zoe@b@c", "z e@b", "zoe@b:", ""};
        for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
                bad.name = slice_of(no_names[i]);
                inject_record(f, &bad);
                serve(f);
                assert_int_equal(ignored[IGNORED_UNCLEAN], i + 1);
        }
        f->chat->ignored[IGNORED_UNCLEAN] = 0;
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

static void join_ann_bob_and_link(struct fixture *f)
{
        hello(f, ANN);
        hello(f, BOB);
        link_hello(f);
        serve(f);
        for (uint32_t who = LINK; who <= BOB; who++)
                inbox_read(f->inboxes[who]);
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
        assert_inbox(f, LINK, "private ann zoe@b psst, you");
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
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 1);
        tell.id = inbox_id(BOB); /* a sender that is not the link */
        tell.text = slice_of("forged");
        put(f, &tell);
        serve(f);
        assert_inbox(f, ANN, "");
        assert_int_equal(f->chat->ignored[IGNORED_TYPE], 1);
}

static void test_names_there(void **state)
{
        struct fixture *f = *state;
        struct record rec = {.kind = RECORD_RENAME, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("ann")};
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        inject_record(f, &rec); /* a member there cannot have the name of a member here */
        rec.text = slice_of("ann@b");
        inject_record(f, &rec);
        serve(f);
        assert_inbox(f, ANN, "rename zoe@b ann@b, renamed zoe@b ann@b");
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 1);
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
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 1);

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

static void ask(struct fixture *f, uint64_t number, const char *question)
{
        inject_record(f, &(struct record){.kind = RECORD_ASK,
                                          .number = number,
                                          .name = slice_of("zoe@b"),
                                          .text = slice_of(question)});
}

/* A question from another host is answered with the members here, and a question from here is put to other hosts. */
static void test_who_is_there(void **state)
{
        struct fixture *f = *state;
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        ask(f, 1, ASK_WHO);
        hello(f, ANN);
        hello(f, BOB);
        ask(f, 2, ASK_WHO);
        put(f, &(struct frame){.type = FRAME_ROOM, .id = inbox_id(BOB), .number = 1, .name = slice_of("kitchen")});
        ask(f, 3, ASK_WHO);
        ask(f, 4, ASK_ROOMS);
        ask(f, 5, "how");
        serve(f);
        assert_inbox(f, LINK,
                     "reply chat zoe@b nobody is there, join ann, join bob, "
                     "reply chat zoe@b 2 people are in lobby: ann, bob, came kitchen: bob lobby, "
                     "reply chat zoe@b 1 person is in lobby: ann; 1 person is in kitchen: bob, "
                     "reply chat zoe@b lobby: 1 person; kitchen: 1 person");
        inbox_read(f->inboxes[ANN]);
        put(f, &(struct frame){.type = FRAME_WHO, .id = inbox_id(ANN), .number = 1});
        put(f, &(struct frame){.type = FRAME_ROOMS, .id = inbox_id(ANN), .number = 2});
        serve(f);
        assert_inbox(f, LINK, "ask ann who, ask ann rooms");
        assert_inbox(f, ANN,
                     "answer You are alone here: ann (you)\n1 person is in kitchen: bob, "
                     "answer lobby: 1 person, including you\nkitchen: 1 person");
        inbox_read(f->inboxes[BOB]);
        inject_record(f, &(struct record){.kind = RECORD_REPLY,
                                          .number = 6,
                                          .name = slice_of("chat@b"),
                                          .text = slice_of("ann 1 person is in lobby: zoe")});
        serve(f);
        assert_inbox(f, ANN, "reply chat@b 1 person is in lobby: zoe");
        assert_inbox(f, BOB, "");
}

/* Adds a hundred members with long names, so that the list is long. */
static void add_many(struct fixture *f)
{
        for (uint32_t i = 0; i < 100; i++) {
                char name[NICK_MAX_BYTES + 1];
                snprintf(name, sizeof(name), "member-with-a-number-%u", i);
                assert_non_null(roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0));
        }
}

static void begin_with_many(struct fixture *f)
{
        link_hello(f);
        hello(f, ANN);
        serve(f);
        add_many(f);
        inbox_read(f->inboxes[LINK]);
        inbox_read(f->inboxes[ANN]);
}

/* Many questions at once: a question whose reply finds no room gets none, and nothing else is lost. */
static void test_too_many_questions(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        struct record rec = {.kind = RECORD_ASK, .number = 1, .name = slice_of("z@b"), .text = slice_of(ASK_WHO)};
        begin_with_many(f);
        for (size_t size; (size = record_encode(buffer + n, sizeof(buffer) - n - 64, &rec)) > 0; n += size)
                rec.number++;
        rec.kind = RECORD_LINE;
        n += record_encode(buffer + n, sizeof(buffer) - n, &rec);
        assert_int_equal(send(f->sender, buffer, n, 0), n);
        assert_true(broker_serve(f->chat) > 0);
        assert_int_equal(broker_serve(f->chat), 0);
        assert_true(rec.number > 100);
        assert_inbox(f, ANN, "line z@b who");
        assert_int_equal(f->chat->remote->last, rec.number);
}

static void test_sessions_cannot_inject(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct record rec = {.kind = RECORD_LINE, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("forged")};
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = inbox_id(ANN)});
        n += record_encode(buffer + n, sizeof(buffer) - n, &rec);
        send(f->sender, buffer, n, 0);
        put(f, &(struct frame){.type = FRAME_NOTICE, .id = inbox_id(ANN), .number = 1, .text = slice_of("forged")});
        serve(f);
        assert_int_equal(f->chat->ignored[IGNORED_TYPE], 2);
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
        const uint64_t *ignored = f->chat->ignored;
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[ANN]);
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

static void test_the_number_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        link_hello(f);
        inject(f, 1, 5);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        inbox_read(f->inboxes[ANN]);
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
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

static void test_the_inbox_is_gone_and_comes_back(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        link_hello(f);
        serve(f);
        assert_true(f->chat->remote->is_there);
        link_lose_inbox(f);
        say(f, ANN, "one");
        serve(f);
        assert_false(f->chat->remote->is_there);
        assert_true(link_member(f)->lagging);
        assert_int_equal(roster_people(&f->chat->roster), 1);
        say(f, ANN, "two");
        inject(f, 1, 1); /* it may still speak, and does not miss its own lines */
        serve(f);
        assert_int_equal(link_member(f)->missed, 2);
        assert_inbox(f, ANN, "welcome 1, line zoe@b 1");

        link_hello(f);
        say(f, ANN, "three");
        serve(f);
        assert_inbox(f, LINK, "missed 2, welcome 1 behind 1, line ann three");
        assert_true(f->chat->remote->is_there);
        assert_false(link_member(f)->lagging);
        for (int i = 0; i < IGNORED_KINDS; i++)
                assert_int_equal(f->chat->ignored[i], 0); /* there was no GONE of it, either */
        restart_broker(f);
        assert_false(link_member(f)->lagging); /* no trace of it is left */
        assert_inbox(f, LINK, "rollcall");
}

/* The inbox may be another one although the old one would still take datagrams. */
static void test_each_hello_connects_anew(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        link_hello(f);
        serve(f);
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
        link_lose_inbox(f);
        assert_int_equal(restart_broker(f), 1);
        assert_false(f->chat->remote->is_there);
        assert_true(link_member(f)->lagging); /* chatd does not wait for room in it */
        assert_int_equal(link_member(f)->missed, 0);
        say(f, ANN, "one");
        serve(f);
        assert_int_equal(link_member(f)->missed, 1);
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
        assert_int_equal(f->chat->ignored[IGNORED_INBOX], 1);
        assert_null(link_member(f));
        unlink(address.sun_path);
        link_hello(f); /* without an inbox */
        unlink(address.sun_path);
        serve(f);
        assert_int_equal(f->chat->ignored[IGNORED_INBOX], 2);
        assert_null(link_member(f));
        say(f, ANN, "hi");
        serve(f);
        restart_broker(f);
        assert_null(link_member(f)); /* and no note of it */
}

static void fill_link_inbox(struct fixture *f)
{
        for (unsigned i = 0; !link_member(f)->lagging; i++) {
                say(f, ANN, "on and on");
                serve(f);
                assert_in_range(i, 0, 10000);
        }
}

static void test_a_full_inbox(void **state)
{
        struct fixture *f = *state;
        struct epoll_event event;
        hello(f, ANN);
        link_hello(f);
        serve(f);
        fill_link_inbox(f);
        say(f, ANN, "missed");
        serve(f);
        assert_true(f->chat->remote->is_there);
        uint64_t missed = link_member(f)->missed;
        assert_int_equal(missed, 2);

        link_hello(f); /* chatd cannot send it anything now */
        serve(f);
        inject(f, 1, 1);
        hello(f, BOB);
        serve(f);
        assert_true(link_member(f)->lagging);
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
        hello(f, ANN);
        link_hello(f);
        serve(f);
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

/* Takes all descriptors except `left`. Returns how many it took. */
static int take_descriptors(struct rlimit *before, int taken[static 64], int left)
{
        int n = 0;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
        struct rlimit few = {.rlim_cur = 64, .rlim_max = before->rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        while ((taken[n] = dup(STDIN_FILENO)) >= 0)
                n++;
        while (left-- > 0)
                close(taken[--n]);
        return n;
}

static void give_back(const struct rlimit *before, const int *taken, int n)
{
        while (n > 0)
                close(taken[--n]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}

static void test_no_descriptor_for_the_number(void **state)
{
        struct fixture *f = *state;
        struct rlimit before;
        int taken[64];
        hello(f, ANN);
        link_hello(f);
        inject(f, 1, 5);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        take_answers(f); /* ann lends nothing, so nothing is given back */
        inbox_read(f->inboxes[LINK]);

        /* as many as its connection needs */
        roster_remove(&f->chat->roster, link_member(f));
        remote_free(f->chat->remote);
        link_hello(f);
        int n = take_descriptors(&before, taken, 1);
        serve(f);
        give_back(&before, taken, n);
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
        hello(f, ANN);
        link_hello(f);
        inject(f, 1, 5);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[LINK]);
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

/* A line behind questions of one INJECT is longer than the room that their replies leave. */
static void test_line_behind_questions(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        char said[1501];
        memset(said, 'x', 1500);
        said[1500] = 0;
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        struct record rec = {.kind = RECORD_ASK, .number = 0, .name = slice_of("z@b"), .text = slice_of(ASK_WHO)};
        begin_with_many(f);
        for (int i = 0; i < 80; i++) {
                rec.number++;
                n += record_encode(buffer + n, sizeof(buffer) - n, &rec);
        }
        rec.kind = RECORD_LINE;
        rec.number++;
        rec.text = slice_of(said);
        size_t size = record_encode(buffer + n, sizeof(buffer) - n, &rec);
        assert_true(size > 0);
        n += size;
        assert_int_equal(send(f->sender, buffer, n, 0), n);
        assert_true(broker_serve(f->chat) > 0);
        assert_int_equal(f->chat->remote->last, rec.number);
        assert_non_null(strstr(inbox_read(f->inboxes[ANN]), "line z@b xxxx"));
}

/* Lets a member with a long name join; each of its frames becomes 64 records. */
static void hello_with_a_long_name(struct fixture *f)
{
        static char name[LOCAL_NAME_MAX_BYTES + 1];
        memset(name, 'n', LOCAL_NAME_MAX_BYTES);
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(ANN),
                               .key = inbox_id(ANN),
                               .name = slice_of(name),
                               .address = slice_of("here:1")});
}

static void say_many(struct fixture *f, unsigned lines, unsigned each)
{
        char text[TEXT_MAX_BYTES + 1], *at = text;
        for (unsigned i = 0; i < lines; i++) {
                memset(at, 'x', each);
                at += each;
                *at++ = '\n';
        }
        at[-1] = 0;
        put(f, &(struct frame){
                       .type = FRAME_LINE, .id = inbox_id(ANN), .number = f->numbers[ANN] + 1, .text = slice_of(text)});
        f->numbers[ANN] += lines;
}

static unsigned count_of(struct fixture *f, uint32_t who, const char *what)
{
        unsigned n = 0;
        for (const char *got = inbox_read(f->inboxes[who]); (got = strstr(got, what)); got++)
                n++;
        return n;
}

/* One question does not take the place of a line if the batch is nearly full. */
static void test_one_question(void **state)
{
        struct fixture *f = *state;
        static char said[4001];
        link_hello(f);
        hello_with_a_long_name(f);
        hello(f, BOB);
        serve(f);
        add_many(f);
        inbox_read(f->inboxes[BOB]);
        for (int i = 0; i < 6; i++)
                say_many(f, 64, 62); /* 64 * 153 */
        say_many(f, 22, 10);
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        struct record rec = {.kind = RECORD_ASK, .number = 1, .name = slice_of("z@b"), .text = slice_of(ASK_WHO)};
        n += record_encode(buffer + n, sizeof(buffer) - n, &rec);
        memset(said, 'x', 1200);
        rec = (struct record){.kind = RECORD_LINE, .number = 2, .name = slice_of("y@b"), .text = {said, 1200}};
        for (; rec.number < 5; rec.number++)
                n += record_encode(buffer + n, sizeof(buffer) - n, &rec);
        assert_int_equal(send(f->sender, buffer, n, 0), n);
        assert_true(broker_serve(f->chat) > 0);
        broker_serve(f->chat);
        assert_int_equal(f->chat->remote->last, 4);
        assert_int_equal(count_of(f, BOB, "line y@b"), 3);
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
                TEST(test_who_is_there),
                TEST(test_too_many_questions),
                TEST(test_line_behind_questions),
                TEST(test_one_question),
                TEST(test_sessions_cannot_inject),
                TEST(test_only_its_user_speaks_for_the_link),
                TEST(test_welcome_says_where_it_stands),
                TEST(test_a_batch_of_many_injected_records),
                TEST(test_the_number_is_noted_before_the_frames_are_consumed),
                TEST(test_the_number_outlives_chatd),
                TEST(test_what_was_noted_is_not_relayed_again),
                TEST(test_it_hears_what_was_in_front_of_a_hello_that_comes_again),
                TEST(test_sessions_that_are_announced_again_are_not_counted_before),
                TEST(test_the_inbox_is_gone_and_comes_back),
                TEST(test_each_hello_connects_anew),
                TEST(test_a_chatd_that_starts_without_the_inbox),
                TEST(test_an_inbox_of_somebody_else),
                TEST(test_a_full_inbox),
                TEST(test_a_full_inbox_that_goes),
                TEST(test_no_descriptor_for_the_number),
                TEST(test_a_chatd_that_cannot_read_the_number),
                TEST(test_it_takes_no_part_in_what_is_confirmed),
        };
        return RUN_TESTS(tests);
}
