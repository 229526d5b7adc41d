/* A session shows its client the answers of chatd, and those of a chatd of the version before. */
#include "../../chat-session/answers.h"

#include "session-fixture.h"

/* Sends a frame as a chatd of version 5 does, which has a text in place of an answer. */
static void tell_before(struct fixture *f, struct frame frame, const char *text)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        frame.id = 1;
        frame.text = slice_of(text);
        size_t n = frame_encode(buffer, sizeof(buffer), &frame) - FRAME_APPENDED_BYTES - sizeof(uint16_t);
        buffer[0] = 5;
        struct frame check = {0};
        assert_int_equal(frame_decode(&check, buffer, n), 0);
        tell_raw(f, buffer, n);
}

static struct fixture *start_greeted(void)
{
        struct fixture *f = start(false);
        assert_greeted(f);
        next_frame(f);
        return f;
}

static void test_codes_become_sentences(void **state)
{
        (void)state;
        struct fixture *f = start_greeted();
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 1, .name = slice_of("Ann")},
                  &(struct answer){.code = ANSWER_RENAMED, .name = slice_of("Ann")});
        assert_shown(f, "*** You are now called Ann\r\n");
        tell_code(f, (struct frame){.type = FRAME_PROBE, .key = 7},
                  &(struct answer){.code = ANSWER_NAME_WANTED, .name = slice_of("bob")});
        assert_shown(f, "*** bob asked for your name, Ann\r\n");
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 2, .name = slice_of("Ann")},
                  &(struct answer){.code = ANSWER_NAME_TAKEN, .name = slice_of("bob")});
        assert_shown(f, "*** The name bob is taken; please choose another\r\n"
                        "*** If that is you, on a connection that was lost, try again in half a minute\r\n");
        tell_code(f, (struct frame){.type = FRAME_FOUND, .number = 3, .name = slice_of("eve")},
                  &(struct answer){.code = ANSWER_NOBODY, .name = slice_of("eve")});
        assert_shown(f, "*** There is nobody called eve here; /who lists who is here\r\n");
        tell_code(f, (struct frame){.type = FRAME_REFUSED},
                  &(struct answer){.code = ANSWER_BANNED, .text = slice_of("rude")});
        assert_shown(f, "*** You cannot join: you are banned (rude)\r\n");
        assert_ended(f);
        stop(f);
}

static void test_removals(void **state)
{
        (void)state;
        static const struct {
                struct answer why;
                const char *shown;
        } removals[] = {
                {{.code = ANSWER_REMOVED, .text = {"", 0}}, "*** You were removed\r\n"},
                {{.code = ANSWER_REMOVED, .text = {"banned: no", 10}}, "*** You were removed: banned: no\r\n"},
                {{.code = ANSWER_REMOVED_BANNED, .text = {"spam", 4}}, "*** You were removed and banned: spam\r\n"},
        };
        for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
                struct fixture *f = start_greeted();
                tell_code(f, (struct frame){.type = FRAME_KICKED, .text = slice_of("of an earlier version")},
                          &removals[i].why);
                assert_shown(f, removals[i].shown);
                stop(f);
        }
        struct fixture *f = start_greeted();
        tell_before(f, (struct frame){.type = FRAME_KICKED}, "banned: spam");
        assert_shown(f, "*** You were removed and banned: spam\r\n");
        stop(f);
}

/* A code is shown, and not the text beside it. */
static void test_a_code_and_a_text(void **state)
{
        (void)state;
        struct fixture *f = start_greeted();
        tell_code(f, (struct frame){.type = FRAME_REFUSED, .text = slice_of("of an earlier version")},
                  &(struct answer){.code = ANSWER_FULL});
        assert_shown(f, "*** You cannot join: the chat is full\r\n");
        assert_ended(f);
        stop(f);
}

static void test_a_chatd_of_the_version_before(void **state)
{
        (void)state;
        struct fixture *f = start_greeted();
        tell_before(f, (struct frame){.type = FRAME_ANSWER, .number = 1, .name = slice_of("Ann")},
                    "You are now called Ann");
        assert_shown(f, "*** You are now called Ann\r\n");
        tell_before(f, (struct frame){.type = FRAME_ANSWER, .number = 2, .name = slice_of("Ann")},
                    "2 people are here: Ann (you),\nbob");
        assert_shown(f, "*** 2 people are here: Ann (you),\r\n*** bob\r\n");
        tell_before(f, (struct frame){.type = FRAME_PROBE, .key = 7}, "bob asked for your name, Ann");
        assert_shown(f, "*** bob asked for your name, Ann\r\n");
        tell_before(f, (struct frame){.type = FRAME_FOUND, .number = 3, .name = slice_of("eve")}, "Nobody is eve");
        assert_shown(f, "*** Nobody is eve\r\n");
        tell_before(f, (struct frame){.type = FRAME_REFUSED}, "the chat is full");
        assert_shown(f, "*** You cannot join: the chat is full\r\n");
        assert_ended(f);
        stop(f);
}

/* The next chatd answers a request again that the chatd before it had answered. */
static void test_an_answer_is_shown_once(void **state)
{
        (void)state;
        struct fixture *f = start_greeted();
        const struct answer set = {.code = ANSWER_TOPIC_SET, .room = slice_of("den")};
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 4}, &set);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = 2, .number = 4}, &set);
        tell_before(f, (struct frame){.type = FRAME_ANSWER, .number = 4}, "The topic of den is set");
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .id = 3, .number = 5},
                  &(struct answer){.code = ANSWER_IS_YOU});
        assert_shown(f, "*** The topic of den is set\r\n*** That is you; the message went to nobody\r\n");
        stop(f);
}

/* An answer of another host looks like the reply of a host of the version before, under any settings. */
static void test_answers_of_other_hosts(void **state)
{
        (void)state;
        static uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct fixture *f = start_greeted();
        struct answer_rooms l = answer_rooms_begin(buffer);
        answer_add_room(&l, &(struct answer_room){.name = slice_of("lobby"), .people = 12});
        answer_add_name(&l, slice_of("zoe"));
        answer_add_name(&l, slice_of("yan"));
        answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = 1, .topic = slice_of("tea")});
        answer_add_name(&l, slice_of("xu"));
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l);
        tell_host_answer(f, 1, &a);
        tell_record(f, RECORD_REPLY, LINK_ID, 2, "chat@b",
                    "12 people are in lobby: zoe, yan and 10 more; 1 person is in den: xu");
        for (int i = 0; i < 2; i++)
                assert_shown(f, "*** b: 12 people are in lobby: zoe, yan and 10 more; 1 person is in den: xu\r\n");
        a.code = ANSWER_ROOMS;
        a.rooms_count = 3;
        tell_host_answer(f, 3, &a);
        tell_host_answer(f, 4, &(struct answer){.code = ANSWER_NOBODY_THERE, .name = slice_of("zo")});
        assert_shown(f, "*** b: lobby: 12 people; den: 1 person; tea; and 1 more\r\n"
                        "*** b: there is nobody called zo there\r\n");
        type(f, "/color on\n");
        assert_shown(f, "*** /color is on\r\n");
        tell_host_answer(f, 5, &(struct answer){.code = ANSWER_NOBODY_THERE, .name = slice_of("zo")});
        tell_record(f, RECORD_ANSWER, LINK_ID, 6, "chat@b", "\1\3"); /* chatd does not send this */
        tell_record(f, RECORD_REPLY, LINK_ID, 7, "chat@b", "there is nobody called zo there");
        for (int i = 0; i < 2; i++)
                assert_shown(f, "*** b: there is nobody called zo there\r\n");
        stop(f);
}

/* If an answer is damaged or of a later version, the session shows the text beside it. */
static void test_answers_that_it_does_not_know(void **state)
{
        (void)state;
        struct fixture *f = start_greeted();
        uint8_t buffer[FRAME_MAX_BYTES];
        static const struct slice bad[] = {{"\xc8", 1}, {"\0", 1}, {"\1", 1}, {"\1\3\0a\033c", 6}, {"\1\3\0abcd", 7}};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct frame frame = {.type = FRAME_ANSWER, .id = 1, .number = 1 + i, .answer = bad[i]};
                frame.text = slice_of(i == 1 ? "" : "in words");
                tell_raw(f, buffer, frame_encode(buffer, sizeof(buffer), &frame));
        }
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 9}, &(struct answer){.code = ANSWER_MUTED});
        assert_shown(f, "*** in words\r\n***\r\n*** in words\r\n*** in words\r\n*** in words\r\n"
                        "*** You are muted: nobody sees what you say\r\n");
        stop(f);
}

static void tell_people(struct fixture *f, uint64_t number, int people)
{
        static uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms l = answer_rooms_begin(buffer);
        answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = (uint64_t)people, .yours = true});
        for (int i = 0; i < people; i++) {
                char name[24];
                snprintf(name, sizeof(name), "person%d", 100 + i);
                answer_add_name(&l, slice_of(i == 1 ? "zoe" : name));
        }
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = number, .name = slice_of("zoe")}, &a);
}

/* Waits until the client was shown this, among the bytes of telnet and of the edited row. */
static void await_shown(struct fixture *f, const char *expected)
{
        char got[1024];
        size_t len = 0;
        while (!memmem(got, len, expected, strlen(expected))) {
                await(f->client);
                assert_true(len < sizeof(got));
                ssize_t n = read(f->client, got + len, sizeof(got) - len);
                assert_true(n > 0);
                len += (size_t)n;
        }
}

/* A list is as wide as the client's window. If that is unknown, it fits into 80 columns. */
static void test_a_list_suits_the_window(void **state)
{
        (void)state;
        struct fixture *f = start_greeted();
        tell_people(f, 1, 9);
        assert_shown(f, "*** 9 people are here: person100, zoe (you), person102, person103, person104, \r\n"
                        "*** person105, person106, person107, person108\r\n");
        static const char window[] = "\xff\xfb\x1f\xff\xfd\x03\xff\xfa\x1f\x00\x32\x00\x18\xff\xf0";
        assert_int_equal(write(f->client, window, sizeof(window) - 1), sizeof(window) - 1);
        await_shown(f, "\xff\xfd\x1f"); /* DO NAWS: the session has read it */
        tell_people(f, 2, 5);
        await_shown(f, "*** 5 people are here: person100, zoe (you), \r\n*** person102, person103, person104\r\n");
        stop(f);
}

/* In a window of any width no row of a list is wider than the window, and no row is broken too early. */
static void test_any_window(void **state)
{
        (void)state;
        static uint8_t list[ANSWER_ROOMS_MAX_BYTES], bytes[ANSWER_MAX_BYTES];
        struct answer_rooms l = answer_rooms_begin(list);
        answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = 60, .yours = true});
        for (int i = 0; i < 60; i++)
                answer_add_name(&l, slice_of("person"));
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l);
        size_t size = answer_encode(bytes, sizeof(bytes), &a);
        for (size_t columns = 0; columns < 300; columns++) {
                char text[TEXT_MAX_BYTES];
                struct frame frame = {.type = FRAME_ANSWER, .answer = {(const char *)bytes, size}};
                struct slice row;
                size_t widest = 0, most = columns < 26 ? 81 : columns - 1;
                answers_describe(&frame, slice_of("zoe"), columns, text);
                while (line_next(&frame.text, &row))
                        widest = row.len > widest ? row.len : widest;
                /* "*** " is in front, and the last blank may be cut off */
                assert_in_range(widest + 4 - 1, most - strlen("person, ") - 1, most);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_codes_become_sentences),  cmocka_unit_test(test_removals),
                cmocka_unit_test(test_a_code_and_a_text),       cmocka_unit_test(test_a_chatd_of_the_version_before),
                cmocka_unit_test(test_an_answer_is_shown_once), cmocka_unit_test(test_answers_that_it_does_not_know),
                cmocka_unit_test(test_a_list_suits_the_window), cmocka_unit_test(test_any_window),
                cmocka_unit_test(test_answers_of_other_hosts),
        };
        return RUN_TESTS(tests);
}
