/* Questions that hosts put to each other: who is there, and which rooms there are. */
#include "remote-fixture.h"

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
                TEST(test_who_is_there),
                TEST(test_too_many_questions),
                TEST(test_line_behind_questions),
                TEST(test_one_question),
        };
        return RUN_TESTS(tests);
}
