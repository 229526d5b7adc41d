/* Answers from host to host (chat/reply.h): their letters, and what a host may tell of itself. */
#include <chat/reply.h>
#include <chat/sentence.h>

#include "test.h"

/* Returns an answer as it arrives at another host. */
static struct answer send_answer(const struct answer *a)
{
        static uint8_t bytes[REPLY_ANSWER_MAX_BYTES];
        static char text[REPLY_TEXT_MAX_BYTES];
        struct answer got = {0};
        size_t len = reply_encode(text, a);
        assert_in_range(len, 1, REPLY_TEXT_MAX_BYTES);
        assert_true(text_is_clean(text, len));
        assert_null(memchr(text, ' ', len));
        assert_int_equal(reply_decode(&got, bytes, (struct slice){text, len}), 0);
        assert_int_equal(got.code, a->code);
        return got;
}

static const char *describe(const struct answer *a)
{
        static char text[REPLY_SENTENCE_MAX_BYTES];
        sentence_write(a, (struct slice){"", 0}, 0, text, sizeof(text));
        return text;
}

static void test_letters(void **state)
{
        (void)state;
        uint8_t buffer[REPLY_LIST_MAX_BYTES];
        struct answer_rooms l = reply_list(buffer);
        struct answer nobody = {.code = ANSWER_NOBODY_THERE, .name = slice_of("ann")}, got = send_answer(&nobody);
        assert_true(slice_equal(got.name, slice_of("ann")));
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l);
        got = send_answer(&a);
        assert_string_equal(describe(&got), "nobody is there");
        answer_add_room(&l, &(struct answer_room){.name = slice_of("lobby"), .people = 2});
        answer_add_name(&l, slice_of("ann"));
        answer_add_name(&l, slice_of("[2001:db8::7]:4711"));
        answer_add_room(&l,
                        &(struct answer_room){.name = slice_of("den"), .people = 1, .topic = slice_of("t\xc3\xa9!")});
        answer_add_name(&l, slice_of("eve"));
        a = answer_of_rooms(ANSWER_PEOPLE, &l);
        got = send_answer(&a);
        assert_string_equal(describe(&got), "2 people are in lobby: ann, [2001:db8::7]:4711; 1 person is in den: eve");
        a.code = ANSWER_ROOMS;
        got = send_answer(&a);
        assert_string_equal(describe(&got), "lobby: 2 people; den: 1 person; t\xc3\xa9!");
}

/* Each length of an answer has one form, and no other text is read as it. */
static void test_one_form(void **state)
{
        (void)state;
        for (size_t len = 1; len <= NAME_MAX_BYTES; len++) {
                char name[NAME_MAX_BYTES], text[REPLY_TEXT_MAX_BYTES + 1];
                uint8_t bytes[REPLY_ANSWER_MAX_BYTES];
                struct answer got = {0};
                memset(name, '~', len);
                struct answer a = {.code = ANSWER_NOBODY_THERE, .name = {name, len}};
                size_t n = reply_encode(text, &a);
                assert_int_equal(n, ((len + 3) * 8 + 5) / 6);
                for (size_t cut = 0; cut < n; cut++)
                        assert_int_equal(reply_decode(&got, bytes, (struct slice){text, cut}), -EBADMSG);
                text[n] = 'A';
                assert_int_equal(reply_decode(&got, bytes, (struct slice){text, n + 1}), -EBADMSG);
                for (int c = 0; c < 256; c++) {
                        char again[REPLY_TEXT_MAX_BYTES];
                        text[n - 1] = (char)c;
                        if (reply_decode(&got, bytes, (struct slice){text, n}) < 0)
                                continue;
                        assert_int_equal(reply_encode(again, &got), n);
                        assert_memory_equal(again, text, n);
                }
        }
}

static void assert_refused(const struct answer *a)
{
        char text[REPLY_TEXT_MAX_BYTES];
        uint8_t bytes[REPLY_ANSWER_MAX_BYTES];
        struct answer got = {0};
        size_t len = reply_encode(text, a);
        assert_true(len > 0);
        assert_int_equal(reply_decode(&got, bytes, (struct slice){text, len}), -EBADMSG);
}

/* A host tells only these things: its members, its rooms, and that nobody has a name. */
static void test_other_codes(void **state)
{
        (void)state;
        uint8_t buffer[REPLY_LIST_MAX_BYTES];
        struct answer_rooms l = reply_list(buffer);
        answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = 1});
        for (unsigned code = 1; code < ANSWER_CODES; code++) {
                struct answer a = answer_of_rooms((enum answer_code)code, &l);
                a.name = a.other = a.room = a.host = a.text = slice_of("x");
                if (code == ANSWER_PEOPLE || code == ANSWER_ROOMS || code == ANSWER_NOBODY_THERE)
                        send_answer(&a);
                else
                        assert_refused(&a);
        }
}

/* Returns an answer with one room. */
static struct answer with_room(const struct answer_room *room, const char *name)
{
        static uint8_t buffer[REPLY_LIST_MAX_BYTES];
        struct answer_rooms l = reply_list(buffer);
        assert_true(answer_add_room(&l, room));
        if (name)
                assert_true(answer_add_name(&l, slice_of(name)));
        return answer_of_rooms(ANSWER_PEOPLE, &l);
}

static void test_lists_that_cannot_be(void **state)
{
        (void)state;
        struct answer a = with_room(&(struct answer_room){.name = slice_of("den"), .people = 1}, "eve");
        send_answer(&a);
        a.rooms_count = 0;
        assert_refused(&a);
        a = with_room(&(struct answer_room){.name = slice_of("den"), .people = 1, .yours = true}, "eve");
        assert_refused(&a);
        a = with_room(&(struct answer_room){.name = slice_of("den"), .people = 0}, "eve");
        assert_refused(&a);
        a = with_room(&(struct answer_room){.name = slice_of("den"), .people = 1}, "eve@b");
        assert_refused(&a);
        a = with_room(&(struct answer_room){.name = slice_of("no/room"), .people = 1}, NULL);
        assert_refused(&a);
        a = with_room(&(struct answer_room){.name = slice_of("den"), .topic = slice_of("\033c")}, NULL);
        assert_refused(&a);
        a = with_room(&(struct answer_room){.name = slice_of("den"), .people = 1}, "e\te");
        assert_refused(&a);
}

/* A list of more rooms and people than fit says how many there are. Its sentence is that of a list without an end. */
static void test_longest_lists(void **state)
{
        (void)state;
        static uint8_t all[ANSWER_ROOMS_MAX_BYTES], some[REPLY_LIST_MAX_BYTES];
        for (size_t topic_len = 0; topic_len <= 256; topic_len += 64)
                for (size_t rooms = 1; rooms <= 64; rooms *= 2)
                        for (size_t name_len = 1; name_len <= LOCAL_NAME_MAX_BYTES; name_len += 6) {
                                char name[LOCAL_NAME_MAX_BYTES], room[NICK_MAX_BYTES + 1], topic[256];
                                struct answer_rooms l = answer_rooms_begin(all), short_l = reply_list(some);
                                enum answer_code code = topic_len > 0 ? ANSWER_ROOMS : ANSWER_PEOPLE;
                                memset(name, 'n', sizeof(name));
                                memset(topic, 't', sizeof(topic));
                                for (size_t i = 0; i < rooms; i++) {
                                        snprintf(room, sizeof(room), "r%zu", i);
                                        struct answer_room r = {.name = slice_of(room),
                                                                .topic = {topic, topic_len},
                                                                .people = code == ANSWER_ROOMS ? 1 : 2000 / rooms};
                                        answer_add_room(&l, &r);
                                        answer_add_room(&short_l, &r);
                                        for (size_t k = 0; code == ANSWER_PEOPLE && k < r.people; k++) {
                                                answer_add_name(&l, (struct slice){name, name_len});
                                                answer_add_name(&short_l, (struct slice){name, name_len});
                                        }
                                }
                                char expected[REPLY_SENTENCE_MAX_BYTES];
                                struct answer a = answer_of_rooms(code, &l), b = answer_of_rooms(code, &short_l);
                                strcpy(expected, describe(&a));
                                struct answer got = send_answer(&b);
                                assert_int_equal(got.rooms_count, rooms);
                                assert_string_equal(describe(&got), expected);
                                if (code == ANSWER_PEOPLE)
                                        assert_non_null(
                                                strstr(expected, rooms == 1 ? " more" : "; /rooms lists all rooms"));
                        }
        struct answer_rooms l = answer_rooms_begin(all);
        while (answer_add_room(&l, &(struct answer_room){.name = slice_of("den")}))
                ;
        struct answer a = answer_of_rooms(ANSWER_ROOMS, &l);
        char text[REPLY_TEXT_MAX_BYTES];
        assert_int_equal(reply_encode(text, &a), 0);
}

/* Texts that are not letters, and texts that are too long. */
static void test_garbage(void **state)
{
        (void)state;
        static char longest[REPLY_TEXT_MAX_BYTES + 4];
        uint8_t bytes[REPLY_ANSWER_MAX_BYTES];
        struct answer got = {0};
        const char *const texts[] = {
                "", "A", "AA", "AAA", "AAAA", "=", "SgMAYW5u=", "SgMAYW5u ", "1 person is in lobby"};
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_int_equal(reply_decode(&got, bytes, slice_of(texts[i])), -EBADMSG);
        memset(longest, 'A', sizeof(longest));
        for (size_t len = REPLY_TEXT_MAX_BYTES - 8; len <= sizeof(longest); len++)
                assert_int_equal(reply_decode(&got, bytes, (struct slice){longest, len}), -EBADMSG);
        assert_int_equal(reply_read_letters((struct slice){longest, REPLY_TEXT_MAX_BYTES}, bytes).len, sizeof(bytes));
        assert_int_equal(reply_read_letters((struct slice){longest, REPLY_TEXT_MAX_BYTES + 2}, bytes).len, 0);
        assert_int_equal(reply_read_letters(slice_of("AB"), bytes).len, 0); /* bits that mean nothing */
        assert_int_equal(reply_read_letters(slice_of("AQ"), bytes).len, 1);
        assert_int_equal(bytes[0], 1);
        assert_int_equal(reply_read_letters(slice_of("-_9z"), bytes).len, 3);
        assert_memory_equal(bytes, "\xfb\xff\x73", 3);
}

/* The name of the room states the version of the answers that a host asks for. */
static void test_versions(void **state)
{
        (void)state;
        char name[NICK_MAX_BYTES + 1];
        for (unsigned version = 0; version < 256; version++) {
                struct slice room = reply_room(version, name);
                unsigned known = version < FRAME_VERSION ? version : FRAME_VERSION;
                assert_int_equal(room.len > 0, version >= REPLY_SINCE);
                assert_int_equal(reply_version(room), version >= REPLY_SINCE ? known : 0);
                assert_true(room.len == 0 || name_is_nick(room.at, room.len));
        }
        assert_int_equal(reply_version(slice_of("answer255")), 255);
        const char *const others[] = {"",         "answer",   "answer7",    "answer0",
                                      "answer8x", "answer-8", "answer1000", "kitchen"};
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                assert_int_equal(reply_version(slice_of(others[i])), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_letters),       cmocka_unit_test(test_one_form),
                cmocka_unit_test(test_other_codes),   cmocka_unit_test(test_lists_that_cannot_be),
                cmocka_unit_test(test_longest_lists), cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_versions),
        };
        return RUN_TESTS(tests);
}
