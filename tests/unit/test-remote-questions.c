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
        assert_inbox(f, LINK, "ask " ANSWER_ROOM ": ann who, ask " ANSWER_ROOM ": ann rooms");
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

/* A session of an earlier version asks for text. */
static void test_a_session_of_the_version_before(void **state)
{
        struct fixture *f = *state;
        join_ann_and_link(f);
        put_of(f, &(struct frame){.type = FRAME_WHO, .id = inbox_id(ANN), .number = 1}, REPLY_SINCE - 1);
        put_of(f, &(struct frame){.type = FRAME_ROOMS, .id = inbox_id(ANN), .number = 2}, REPLY_SINCE - 1);
        put_of(f,
               &(struct frame){.type = FRAME_PRIVATE,
                               .id = inbox_id(ANN),
                               .number = 3,
                               .name = slice_of("zoe@b"),
                               .text = slice_of("psst")},
               REPLY_SINCE - 1);
        put_of(f, &(struct frame){.type = FRAME_WHO, .id = inbox_id(ANN), .number = 4}, FRAME_VERSION + 1);
        serve(f);
        assert_inbox(f, LINK, "ask ann who, ask ann rooms, private ann zoe@b psst, ask " ANSWER_ROOM ": ann who");
}

/* Puts a record of zoe on another host into the queue. Returns the text of the one record that the link gets for it,
 * and writes the name of that record's room to `room`. Returns NULL if there is no record. */
static const char *reply_to(struct fixture *f, struct record rec, char room[static NICK_MAX_BYTES + 1])
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        static char text[TEXT_MAX_BYTES];
        struct frame batch = {0};
        struct record got = {0};
        rec.number = f->chat->remote->last + 1;
        rec.name = slice_of("zoe@b");
        inject_record(f, &rec);
        serve(f);
        ssize_t n = recv(f->inboxes[LINK], buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n < 0)
                return NULL;
        assert_int_equal(frame_decode(&batch, buffer, (size_t)n), 0);
        assert_int_equal(batch.type, FRAME_BATCH);
        assert_int_equal(record_next(&batch.records, &got), 1);
        assert_int_equal(wire_left(&batch.records), 0);
        assert_int_equal(got.kind, RECORD_REPLY);
        assert_int_equal(got.number, rec.number);
        assert_true(text_is_clean(got.text.at, got.text.len));
        snprintf(room, NICK_MAX_BYTES + 1, "%.*s", (int)got.room.len, got.room.at);
        snprintf(text, sizeof(text), "%.*s", (int)got.text.len, got.text.at);
        assert_memory_equal(text, "zoe@b ", 6);
        return text + 6;
}

/* Lets a host b reply this to ann. */
static void reply_to_ann(struct fixture *f, const char *room, const char *text)
{
        char addressed[TEXT_MAX_BYTES + 8];
        snprintf(addressed, sizeof(addressed), "ann %s", text);
        inject_record(f, &(struct record){.kind = RECORD_REPLY,
                                          .number = f->chat->remote->last + 1,
                                          .name = slice_of("chat@b"),
                                          .room = slice_of(room),
                                          .text = slice_of(addressed)});
        serve(f);
}

static void begin_with_topic(struct fixture *f)
{
        link_hello(f);
        hello(f, ANN);
        hello(f, BOB);
        put(f, &(struct frame){.type = FRAME_ROOM, .id = inbox_id(BOB), .number = 1, .name = slice_of("den")});
        put(f, &(struct frame){.type = FRAME_TOPIC, .id = inbox_id(BOB), .number = 2, .text = slice_of("t\xc3\xa9")});
        serve(f);
        for (uint32_t who = LINK; who <= BOB; who++)
                inbox_read(f->inboxes[who]);
}

/* Questions, and the sentence that a member reads in the end. The form of the reply does not matter. */
static const struct {
        enum record_kind kind;
        const char *text, *sentence;
} questions[] = {
        {RECORD_ASK, ASK_WHO, "1 person is in lobby: ann; 1 person is in den: bob"},
        {RECORD_ASK, ASK_ROOMS, "lobby: 1 person; den: 1 person; t\xc3\xa9"},
        {RECORD_PRIVATE, "nobody yes?", "there is nobody called nobody there"},
};

/* Each of two hosts may be of this version or of an earlier one. One chatd is both of them here. */
static void test_hosts_of_two_versions(void **state)
{
        struct fixture *f = *state;
        static const char *const rooms[] = {"", ANSWER_ROOM, "answer255", "answer7", "answer", "kitchen"};
        begin_with_topic(f);
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
                for (size_t k = 0; k < sizeof(rooms) / sizeof(rooms[0]); k++) {
                        bool asks = k == 1 || k == 2;
                        char room[NICK_MAX_BYTES + 1], expected[128];
                        struct record rec = {.kind = (uint8_t)questions[i].kind,
                                             .room = slice_of(rooms[k]),
                                             .text = slice_of(questions[i].text)};
                        const char *text = reply_to(f, rec, room);
                        assert_string_equal(room, asks ? rooms[k] : "");
                        assert_int_equal(strcmp(text, questions[i].sentence) == 0, !asks);
                        snprintf(expected, sizeof(expected), "%s chat@b %s", asks ? "answered" : "reply",
                                 questions[i].sentence);
                        reply_to_ann(f, room, text);
                        assert_inbox(f, ANN, expected);
                        assert_inbox(f, BOB, "");
                }
        assert_nothing_ignored(f);
}

/* The room in a private message of another host reaches nobody. */
static void test_the_room_is_for_hosts_alone(void **state)
{
        struct fixture *f = *state;
        join_ann_and_link(f);
        inject_record(f, &(struct record){.kind = RECORD_PRIVATE,
                                          .number = 1,
                                          .name = slice_of("zoe@b"),
                                          .room = slice_of(ANSWER_ROOM),
                                          .text = slice_of("ann psst")});
        serve(f);
        assert_inbox(f, ANN, "private zoe@b psst");
        assert_inbox(f, LINK, "");
}

/* Garbage for an answer is dropped, and counted. */
static void test_garbage(void **state)
{
        struct fixture *f = *state;
        static char longest[REPLY_TEXT_MAX_BYTES + 5];
        char muted[REPLY_TEXT_MAX_BYTES + 1] = "";
        const char *const texts[] = {"", "A", "AAAA", "1 person is in lobby: eve", "!", muted, longest};
        const uint64_t *malformed = &f->chat->complaints.ignored_counts[IGNORED_MALFORMED];
        const uint64_t *of_type = &f->chat->complaints.ignored_counts[IGNORED_TYPE];
        join_ann_and_link(f);
        memset(longest, 'A', sizeof(longest) - 1);
        assert_true(reply_encode(muted, &(struct answer){.code = ANSWER_NOW_MUTED}) > 0);
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                reply_to_ann(f, ANSWER_ROOM, texts[i]);
                assert_inbox(f, ANN, "");
                assert_int_equal(*malformed, i + 1);
                assert_int_equal(f->chat->complaints.ignored_total, i + 1);
        }
        uint64_t last = f->chat->remote->last;
        assert_int_equal(last, sizeof(texts) / sizeof(texts[0]));
        reply_to_ann(f, "kitchen", texts[3]); /* of a later version, or of nobody */
        assert_inbox(f, ANN, "");
        assert_int_equal(*of_type, 1);
        reply_to_ann(f, "", texts[3]);
        assert_inbox(f, ANN, "reply chat@b 1 person is in lobby: eve");
        assert_int_equal(f->chat->complaints.ignored_total, last + 1);
        assert_inbox(f, LINK, "");
}

/* A topic of another host is shown with its hidden characters replaced. */
static void test_a_topic_that_hides_something(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[REPLY_LIST_MAX_BYTES];
        char text[REPLY_TEXT_MAX_BYTES + 1] = "";
        struct answer_rooms l = reply_list(buffer);
        answer_add_room(&l,
                        &(struct answer_room){.name = slice_of("den"), .topic = slice_of("a\xe2\x80\x8b b c d e f g")});
        answer_add_room(&l, &(struct answer_room){.name = slice_of("attic"), .people = 3});
        struct answer a = answer_of_rooms(ANSWER_ROOMS, &l);
        join_ann_and_link(f);
        assert_true(reply_encode(text, &a) > 0);
        reply_to_ann(f, ANSWER_ROOM, text);
        assert_inbox(f, ANN, "answered chat@b den: 0 people; a? b c d e f g; attic: 3 people");
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

/* The longest lists. A member reads the same text for each form of the reply. The text counts the names that do not
 * fit. */
static void test_the_longest_reply(void **state)
{
        struct fixture *f = *state;
        char room[NICK_MAX_BYTES + 1], expected[TEXT_MAX_BYTES];
        unsigned more = 0, listed = 0;
        begin_with_many(f);
        struct record rec = {.kind = RECORD_ASK, .text = slice_of(ASK_WHO)};
        int len = snprintf(expected, sizeof(expected), "answered chat@b %s", reply_to(f, rec, room));
        assert_in_range(len, REPLY_SENTENCE_MAX_BYTES - 2 * SENTENCE_RESERVED, REPLY_SENTENCE_MAX_BYTES + 16);
        for (const char *at = expected; (at = strstr(at, "member-with-a-number")); at++)
                listed++;
        assert_int_equal(sscanf(strstr(expected, " and "), " and %u more", &more), 1);
        assert_in_range(listed + more, 100, 101); /* ann may be among the omitted */
        rec.room = slice_of(ANSWER_ROOM);
        const char *text = reply_to(f, rec, room);
        assert_string_equal(room, ANSWER_ROOM);
        assert_in_range(strlen(text), REPLY_TEXT_MAX_BYTES - 2 * NAME_MAX_BYTES, REPLY_TEXT_MAX_BYTES);
        reply_to_ann(f, room, text);
        assert_inbox(f, ANN, expected);
}

/* Many questions at once. If there is no room for a reply, the question gets none. Nothing else is lost. */
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
                TEST(test_a_session_of_the_version_before),
                TEST(test_hosts_of_two_versions),
                TEST(test_the_room_is_for_hosts_alone),
                TEST(test_garbage),
                TEST(test_a_topic_that_hides_something),
                TEST(test_the_longest_reply),
                TEST(test_too_many_questions),
                TEST(test_line_behind_questions),
                TEST(test_one_question),
        };
        return RUN_TESTS(tests);
}
