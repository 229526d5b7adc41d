/* chatd's answers to sessions of this version, and of the version before. */
#include <chat/leave.h>
#include <chat/notice.h>

#include "../../chatd/arrivals.h"

#include "broker-fixture.h"

enum { BEFORE = 5 };

/* Returns the last frame of this type in an inbox, whose bytes last until the next call. */
static struct frame last_of(int inbox, enum frame_type type)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES], kept[DATAGRAM_MAX_BYTES];
        struct frame f, last = {0};
        ssize_t n;
        while ((n = recv(inbox, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
                assert_int_equal(frame_decode(&f, buffer, (size_t)n), 0);
                if (f.type != type)
                        continue;
                memcpy(kept, buffer, (size_t)n);
                assert_int_equal(frame_decode(&last, kept, (size_t)n), 0);
        }
        assert_int_equal(last.type, type);
        return last;
}

static const struct {
        enum frame_type type, answered;
        const char *name, *text;
        uint64_t key;
        enum answer_code code;
        const char *sentence;
} requests[] = {
        {FRAME_NICK, FRAME_ANSWER, "1st", "", 0, ANSWER_NAME_INVALID,
         "A name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), digits, - _ and ."},
        {FRAME_NICK, FRAME_ANSWER, "Administrator", "", 0, ANSWER_NAME_FORBIDDEN,
         "The name Administrator is not allowed here; please choose another"},
        {FRAME_NICK, FRAME_ANSWER, "Zoe", "", 0, ANSWER_RENAMED, "You are now called Zoe"},
        {FRAME_NICK, FRAME_ANSWER, "Zoe", "", 0, ANSWER_NAME_SAME, "You are already called Zoe"},
        {FRAME_NICK, FRAME_ANSWER, "eve", "", 0, ANSWER_NAME_TAKEN,
         "The name eve is taken; please choose another\n"
         "If that is you, on a connection that was lost, try again in half a minute"},
        {FRAME_NICK, FRAME_ANSWER, "EVE", "", 0, ANSWER_NAME_ALIKE,
         "The name eve is taken, and the two look alike; please choose another\n"
         "If that is you, on a connection that was lost, try again in half a minute"},
        {FRAME_WHO, FRAME_ANSWER, "", "", 0, ANSWER_PEOPLE, "3 people are here: "},
        {FRAME_ROOMS, FRAME_ANSWER, "", "", 0, ANSWER_ROOMS, "lobby: 3 people, including you"},
        {FRAME_TOPIC, FRAME_ANSWER, "", "", 0, ANSWER_NO_TOPIC, "lobby has no topic; /topic TEXT sets one"},
        {FRAME_TOPIC, FRAME_ANSWER, "", "tea", 0, ANSWER_TOPIC_SET, "The topic of lobby is set"},
        {FRAME_TOPIC, FRAME_ANSWER, "", "", 0, ANSWER_TOPIC, "The topic: tea"},
        {FRAME_TOPIC, FRAME_ANSWER, "", "-", 0, ANSWER_TOPIC_REMOVED, "The topic of lobby is removed"},
        {FRAME_ROOM, FRAME_ANSWER, "", "", 0, ANSWER_NOWHERE_BACK,
         "You are already in the lobby; /quit leaves the chat"},
        {FRAME_ROOM, FRAME_ANSWER, "lobby", "", 0, ANSWER_ROOM_SAME, "You are already in the lobby"},
        {FRAME_ROOM, FRAME_ANSWER, "l0bby", "", 0, ANSWER_ROOM_ALIKE,
         "There is a room lobby, and the two names look alike; /join lobby goes there"},
        {FRAME_ROOM, FRAME_ANSWER, "two words", "", 0, ANSWER_ROOM_INVALID,
         "A room's name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), digits, - _ and "
         "."},
        {FRAME_HISTORY, FRAME_ANSWER, "", "", 0, ANSWER_NO_HISTORY, "This chat keeps no history"},
        {FRAME_PRIVATE, FRAME_ANSWER, "Zoe", "hi", 0, ANSWER_IS_YOU, "That is you; the message went to nobody"},
        {FRAME_PRIVATE, FRAME_ANSWER, "nobody", "hi", 0, ANSWER_NOBODY,
         "There is nobody called nobody here; /who lists who is here"},
        {FRAME_PRIVATE, FRAME_ANSWER, "eva", "hi", 0, ANSWER_NOBODY_BUT,
         "There is nobody called eva here. Did you mean eve?"},
        {FRAME_PRIVATE, FRAME_ANSWER, "eve", "hi", 99, ANSWER_LEFT, "eve has left; /who lists who is here"},
        {FRAME_PRIVATE, FRAME_ANSWER, "", "hi", 99, ANSWER_LEFT_UNNAMED,
         "That person has left; /who lists who is here"},
        {FRAME_PRIVATE, FRAME_ANSWER, "eve@b", "hi", 0, ANSWER_NOT_LINKED, "This chat is not linked to other hosts"},
        {FRAME_FIND, FRAME_FOUND, "eva", "", 0, ANSWER_NOBODY_BUT,
         "There is nobody called eva here. Did you mean eve?"},
        {FRAME_ROOM, FRAME_ANSWER, "den", "", 0, ANSWER_MOVED, "You are now in den, alone"},
        {FRAME_ACTION, FRAME_ANSWER, "", "waves", 0, ANSWER_ALONE, "Nobody hears you: nobody else is here"},
};

/* Asserts that this is the sentence of a request. Compares only the beginning of a list of names, because their order
 * differs from chatd to chatd. */
static void assert_sentence(size_t request, struct slice text)
{
        struct slice expected = slice_of(requests[request].sentence);
        if (requests[request].code == ANSWER_PEOPLE && text.len > expected.len)
                text.len = expected.len;
        if (!slice_equal(text, expected))
                fail_msg("%s: %.*s", expected.at, (int)text.len, text.at);
}

/* Makes all requests above. The next chatd meets each request again, and also answers in the form of the session's
 * version. */
static void check_requests(struct fixture *f, uint8_t version)
{
        join_all(f);
        for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
                struct frame asked = {.type = (uint8_t)requests[i].type,
                                      .id = inbox_id(ANN),
                                      .number = i + 1,
                                      .key = requests[i].key,
                                      .name = slice_of(requests[i].name),
                                      .text = slice_of(requests[i].text)};
                for (int again = 0; again < 2; again++) {
                        put_of(f, &asked, version);
                        if (again)
                                restart_broker(f);
                        serve(f);
                        struct frame got = last_of(f->inboxes[ANN], requests[i].answered);
                        struct answer a = {0};
                        char text[TEXT_MAX_BYTES];
                        assert_int_equal(got.number, i + 1);
                        assert_int_equal(got.answer.len > 0, version >= 6);
                        assert_int_equal(got.text.len == 0, version >= 6);
                        if (version < 6) {
                                assert_sentence(i, got.text);
                                continue;
                        }
                        assert_int_equal(answer_decode(&a, got.answer), 0);
                        assert_int_equal(a.code, requests[i].code);
                        assert_sentence(i, sentence_write(&a, got.name, SENTENCE_COLUMNS, text, sizeof(text)));
                }
        }
}

static void test_sessions_of_this_version(void **state)
{
        check_requests(*state, FRAME_VERSION);
}

static void test_sessions_of_the_version_before(void **state)
{
        check_requests(*state, BEFORE);
}

static void test_sessions_of_the_next_version(void **state)
{
        check_requests(*state, FRAME_VERSION + 1);
}

/* Everybody in a room of many is in the list; a session of the version before gets as many as fit into a text. */
static void test_many_people(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        for (uint32_t i = 0; i < 2000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                assert_non_null(roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0));
        }
        put_of(f, &(struct frame){.type = FRAME_WHO, .id = inbox_id(ANN), .number = 1}, FRAME_VERSION);
        put_of(f, &(struct frame){.type = FRAME_WHO, .id = inbox_id(BOB), .number = 1}, BEFORE);
        assert_true(broker_serve(f->chat) >= 0);
        struct frame got = last_of(f->inboxes[ANN], FRAME_ANSWER);
        struct answer a = {0};
        struct answer_room room = {0};
        struct slice name = {0};
        size_t count = 0;
        assert_int_equal(answer_decode(&a, got.answer), 0);
        assert_int_equal(a.rooms_count, 1);
        assert_int_equal(answer_next_room(&a.rooms, &room), 1);
        assert_true(room.yours);
        assert_int_equal(room.people, 2003);
        while (answer_next_name(&room.names, &name) > 0)
                count++;
        assert_int_equal(count, 2003);
        assert_int_equal(answer_next_room(&a.rooms, &room), 0);
        got = last_of(f->inboxes[BOB], FRAME_ANSWER);
        assert_in_range(got.text.len, TEXT_MAX_BYTES - 200, TEXT_MAX_BYTES);
        assert_memory_equal(got.text.at + got.text.len - 5, " more", 5);
}

/* A frame that no member asked for has a code and a text: chatd may not know the version of the receiver. */
static void test_unasked(void **state)
{
        struct fixture *f = *state;
        struct answer a = {0};
        f->chat->settings.members_per_network = 0;
        join_all(f);
        put(f, &(struct frame){.type = FRAME_NICK, .id = inbox_id(ANN), .number = 1, .name = slice_of("bob")});
        serve(f);
        struct frame got = last_of(f->inboxes[BOB], FRAME_PROBE);
        assert_true(slice_equal(got.text, slice_of("ann asked for your name, bob")));
        assert_int_equal(got.key, inbox_id(ANN));
        assert_int_equal(answer_decode(&a, got.answer), 0);
        assert_int_equal(a.code, ANSWER_NAME_WANTED);
        assert_true(slice_equal(a.name, slice_of("ann")));
        bye(f, EVE);
        serve(f);
        close(f->inboxes[EVE]);
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(77));
        chat_refuse(f->chat, inbox_id(77), inbox_id(77), REFUSED_BANNED,
                    &(struct answer){.code = ANSWER_BANNED, .text = slice_of("rude")});
        got = last_of(f->inboxes[EVE], FRAME_REFUSED);
        assert_true(slice_equal(got.text, slice_of("you are banned (rude)")));
        assert_int_equal(answer_decode(&a, got.answer), 0);
        assert_int_equal(a.code, ANSWER_BANNED);
        assert_true(slice_equal(a.text, slice_of("rude")));
}

/* Each member that is removed is told why. The next chatd tells it once more. */
static void test_removals(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *text;
                enum answer_code code;
                const char *why;
        } removals[SESSIONS] = {[ANN] = {"banned for ever", ANSWER_REMOVED, "banned for ever"},
                                [BOB] = {"banned", ANSWER_REMOVED_BANNED, ""},
                                [EVE] = {"banned: rude", ANSWER_REMOVED_BANNED, "rude"}};
        join_all(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                put(f, &(struct frame){.type = FRAME_KICK,
                                       .id = inbox_id(who),
                                       .number = who + 1,
                                       .text = slice_of(removals[who].text)});
        for (int again = 0; again < 2; again++) {
                if (again)
                        restart_broker(f);
                serve(f);
                for (uint32_t who = ANN; who < SESSIONS; who++) {
                        if (again) /* it waits until the inbox has room */
                                broker_has_room(f->chat, member(f, who));
                        struct frame got = last_of(f->inboxes[who], FRAME_KICKED);
                        struct answer a = {0};
                        assert_true(slice_equal(got.text, slice_of(removals[who].text)));
                        assert_int_equal(answer_decode(&a, got.answer), 0);
                        assert_int_equal(a.code, removals[who].code);
                        assert_true(slice_equal(a.text, slice_of(removals[who].why)));
                }
        }
}

/* Returns the answer in the last NOTICE of the inbox. */
static struct answer last_notice(struct fixture *f, uint32_t who)
{
        struct frame got = last_of(f->inboxes[who], FRAME_BATCH);
        struct answer a = {0};
        struct record rec, last = {0};
        while (record_next(&got.records, &rec) > 0)
                last = rec.kind == RECORD_NOTICE ? rec : last;
        assert_int_equal(notice_read(&last, &a), 0);
        return a;
}

/* Notices of chatd and of the link have a code. */
static void test_notices(void **state)
{
        struct fixture *f = *state;
        uint8_t bytes[NOTICE_ANSWER_MAX_BYTES];
        join_all(f);
        put(f, &(struct frame){.type = FRAME_SAY, .id = ADMIN_ID, .number = 1, .text = slice_of("tea: now")});
        serve(f);
        struct answer a = last_notice(f, ANN);
        assert_int_equal(a.code, ANSWER_SAID);
        assert_true(slice_equal(a.name, slice_of("Administrator")) && slice_equal(a.text, slice_of("tea: now")));
        put(f, &(struct frame){.type = FRAME_MUTE, .id = inbox_id(ANN), .number = 2, .text = slice_of("")});
        serve(f);
        assert_int_equal(last_notice(f, ANN).code, ANSWER_NOW_MUTED);
        put(f, &(struct frame){.type = FRAME_UNMUTE, .id = inbox_id(ANN), .number = 3, .text = slice_of("")});
        serve(f);
        assert_int_equal(last_notice(f, ANN).code, ANSWER_UNMUTED);

        link_hello(f);
        serve(f);
        a = (struct answer){.code = ANSWER_HOST_LACKS, .host = slice_of("b"), .count = 3};
        struct frame missing = {.type = FRAME_NOTICE,
                                .id = LINK_ID,
                                .number = UINT64_C(1) << 63,
                                .text = slice_of("3 lines from b are missing"),
                                .answer = notice_answer(&a, bytes)};
        put(f, &missing);
        serve(f);
        a = last_notice(f, BOB);
        assert_int_equal(a.code, ANSWER_HOST_LACKS);
        assert_int_equal(a.count, 3);
        missing.type = FRAME_TELL;
        missing.key = inbox_id(EVE);
        missing.number++;
        put(f, &missing);
        serve(f);
        assert_int_equal(last_notice(f, EVE).code, ANSWER_HOST_LACKS);

        missing.answer =
                slice_of("\1\3\0a\033c"); /* leaves out an answer that is unclean, or has a name that is too long */
        missing.number++;
        put(f, &missing);
        serve(f);
        struct frame got = last_of(f->inboxes[EVE], FRAME_BATCH);
        struct record rec = {0};
        assert_int_equal(record_next(&got.records, &rec), 1);
        assert_int_equal(rec.answer.len, 0);
        assert_true(slice_equal(rec.text, missing.text));
}

/* All but the first newcomers are counted. */
static void test_arrivals(void **state)
{
        struct fixture *f = *state;
        f->chat->arrivals->pace = pace_of(1, 1);
        f->inboxes[BOB] = inbox_bind(f->dir, inbox_id(BOB));
        hello_again(f, BOB);
        serve(f);
        hello(f, ANN);
        hello(f, EVE);
        serve(f);
        arrivals_announce(f->chat);
        struct answer a = last_notice(f, BOB);
        assert_int_equal(a.code, ANSWER_ARRIVED);
        assert_int_equal(a.count, 2);
        a = last_notice(f, ANN);
        assert_int_equal(a.code, ANSWER_OTHERS_ARRIVED);
        assert_int_equal(a.count, 1);
}

/* The others are told why a member left. If its reason is unknown, they are told no reason. */
static void test_reasons_of_leaving(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        for (uint8_t why = 0; why <= LEAVE_REASONS; why++) {
                put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(EVE), .number = 1, .reason = why});
                serve(f);
                struct frame got = last_of(f->inboxes[ANN], FRAME_BATCH);
                struct record rec = {0};
                assert_int_equal(record_next(&got.records, &rec), 1);
                assert_int_equal(rec.kind, RECORD_LEAVE);
                assert_int_equal(leave_why(rec.text), why < LEAVE_REASONS ? why : 0);
                assert_int_equal(rec.text.len > 0, why > 0 && why < LEAVE_REASONS);
                close(f->inboxes[EVE]);
                hello(f, EVE);
                serve(f);
                inbox_empty(f->inboxes[ANN]);
        }
        close(f->inboxes[EVE]);
        roster_dies(&f->chat->roster, member(f, EVE));
        put(f, &(struct frame){.type = FRAME_GONE, .id = inbox_id(EVE)});
        serve(f);
        struct frame got = last_of(f->inboxes[ANN], FRAME_BATCH);
        struct record rec = {0};
        assert_int_equal(record_next(&got.records, &rec), 1);
        assert_int_equal(leave_why(rec.text), LEAVE_KILLED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_sessions_of_this_version),
                TEST(test_sessions_of_the_version_before),
                TEST(test_sessions_of_the_next_version),
                TEST(test_many_people),
                TEST(test_unasked),
                TEST(test_removals),
                TEST(test_notices),
                TEST(test_reasons_of_leaving),
                TEST(test_arrivals),
        };
        return RUN_TESTS(tests);
}
