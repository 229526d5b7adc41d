/* Answers as codes (chat/answer.h), and their sentences (chat/sentence.h). */
#include <chat/notice.h>

#include "test.h"

#define NAME                                                                                                           \
        {                                                                                                              \
                "ann", 3                                                                                               \
        }
#define TRY_AGAIN "\nIf that is you, on a connection that was lost, try again in half a minute"
#define UNNOTED(what) "Not done: the chat cannot store " what " right now; try again later"

/* Each code, with details, and what a client called zoe reads. Codes with a list have tests of their own. */
static const struct {
        struct answer answer;
        const char *sentence;
} answers[] = {
        {{.code = ANSWER_RENAMED, .name = NAME}, "You are now called ann"},
        {{.code = ANSWER_NAME_INVALID, .most = 24},
         "A name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), digits, - _ and ."},
        {{.code = ANSWER_NAME_FORBIDDEN, .name = NAME}, "The name ann is not allowed here; please choose another"},
        {{.code = ANSWER_NAME_SAME, .name = NAME}, "You are already called ann"},
        {{.code = ANSWER_NAME_TAKEN, .name = NAME}, "The name ann is taken; please choose another" TRY_AGAIN},
        {{.code = ANSWER_NAME_ALIKE, .name = NAME},
         "The name ann is taken, and the two look alike; please choose another" TRY_AGAIN},
        {{.code = ANSWER_NAME_UNNOTED}, UNNOTED("a new name")},
        {{.code = ANSWER_NAME_WANTED, .name = NAME}, "ann asked for your name, zoe"},
        {{.code = ANSWER_ROOM_INVALID, .most = 24},
         "A room's name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), digits, - _ and "
         "."},
        {{.code = ANSWER_ROOM_SAME, .room = {"den", 3}}, "You are already in den"},
        {{.code = ANSWER_ROOM_SAME, .room = {"lobby", 5}}, "You are already in the lobby"},
        {{.code = ANSWER_ROOM_ALIKE, .room = {"den", 3}},
         "There is a room den, and the two names look alike; /join den goes there"},
        {{.code = ANSWER_ROOM_UNNOTED}, UNNOTED("a change of room")},
        {{.code = ANSWER_NOWHERE_BACK, .room = {"lobby", 5}}, "You are already in the lobby; /quit leaves the chat"},
        {{.code = ANSWER_TOPIC, .room = {"den", 3}, .text = {"100% tea", 8}}, "The topic: 100% tea"},
        {{.code = ANSWER_NO_TOPIC, .room = {"den", 3}}, "den has no topic; /topic TEXT sets one"},
        {{.code = ANSWER_TOPIC_SET, .room = {"den", 3}}, "The topic of den is set"},
        {{.code = ANSWER_TOPIC_REMOVED, .room = {"den", 3}}, "The topic of den is removed"},
        {{.code = ANSWER_TOPIC_TOO_LONG, .most = 256}, "A topic has at most 256 bytes"},
        {{.code = ANSWER_TOPIC_TOO_OFTEN, .room = {"den", 3}, .most = 5, .seconds = 40},
         "The topic of den changed 5 times just now; try again in 40 s"},
        {{.code = ANSWER_TOPIC_UNNOTED}, UNNOTED("a topic")},
        {{.code = ANSWER_NO_HISTORY}, "This chat keeps no history"},
        {{.code = ANSWER_NOBODY_THERE, .name = NAME}, "there is nobody called ann there"},
        {{.code = ANSWER_EXITED, .room = {"den", 3}}, "You left the room den"},
        {{.code = ANSWER_NOT_IN_ROOM, .room = {"den", 3}}, "You are not in the room den"},
        {{.code = ANSWER_TOO_MANY_ROOMS, .most = 20}, "You are in 20 rooms already; leave one of them first"},
        {{.code = ANSWER_POSTED, .name = NAME, .room = {"den", 3}}, "Said in den as ann"},
        {{.code = ANSWER_POSTED_BEFORE, .name = NAME, .room = {"den", 3}},
         "Not said again: ann said a line with this key before"},
        {{.code = ANSWER_TOKEN_UNKNOWN}, "There is no such token"},
        {{.code = ANSWER_TOKEN_ELSEWHERE, .room = {"den", 3}}, "The token is for the room den alone"},
        {{.code = ANSWER_ROOM_EMPTY, .room = {"den", 3}}, "Nobody on this host is in the room den"},
        {{.code = ANSWER_POST_UNNOTED}, "Not said: the chat cannot store the key right now; try again later"},
        {{.code = ANSWER_NOTHING_SAID, .room = {"den", 3}}, "Nothing has been said in den yet"},
        {{.code = ANSWER_NOBODY, .name = NAME}, "There is nobody called ann here; /who lists who is here"},
        {{.code = ANSWER_NOBODY_BUT, .name = NAME, .other = {"anna", 4}},
         "There is nobody called ann here. Did you mean anna?"},
        {{.code = ANSWER_LEFT, .name = NAME}, "ann has left; /who lists who is here"},
        {{.code = ANSWER_LEFT_UNNAMED}, "That person has left; /who lists who is here"},
        {{.code = ANSWER_IS_YOU}, "That is you; the message went to nobody"},
        {{.code = ANSWER_NOT_LINKED}, "This chat is not linked to other hosts"},
        {{.code = ANSWER_TOO_LONG_FOR_HOST}, "Not sent: the text is too long for a message to another host"},
        {{.code = ANSWER_ALONE}, "Nobody hears you: nobody else is here"},
        {{.code = ANSWER_MUTED}, "You are muted: nobody sees what you say"},
        {{.code = ANSWER_NO_MEMORY}, "The chat is out of memory; try again later"},
        {{.code = ANSWER_FULL}, "the chat is full"},
        {{.code = ANSWER_BANNED, .text = {"", 0}}, "you are banned"},
        {{.code = ANSWER_BANNED, .text = {"rude words", 10}}, "you are banned (rude words)"},
        {{.code = ANSWER_NETWORK_FULL, .most = 1}, "1 connection from your network is here already"},
        {{.code = ANSWER_NETWORK_FULL, .most = 3}, "3 connections from your network are here already"},
        {{.code = ANSWER_USER_FULL, .most = 1}, "1 connection from your account is here already"},
        {{.code = ANSWER_USER_FULL, .most = 20}, "20 connections from your account are here already"},
        {{.code = ANSWER_REMOVED, .text = {"", 0}}, "You were removed"},
        {{.code = ANSWER_REMOVED, .text = {"too loud", 8}}, "You were removed: too loud"},
        {{.code = ANSWER_REMOVED_BANNED, .text = {"", 0}}, "You were removed and banned"},
        {{.code = ANSWER_REMOVED_BANNED, .text = {"spam", 4}}, "You were removed and banned: spam"},
        {{.code = ANSWER_MISSED, .count = 1}, "1 line skipped: your session was not running"},
        {{.code = ANSWER_MISSED, .count = 7}, "7 lines skipped: your session was not running"},
        {{.code = ANSWER_MISSED, .count = MISSED_UNKNOWN}, "Some lines were skipped: your session was not running"},
        {{.code = ANSWER_LOST, .count = 1}, "The chat lost its queue: your last line may not have reached everybody"},
        {{.code = ANSWER_LOST, .count = 2},
         "The chat lost its queue: your last 2 lines may not have reached everybody"},
        {{.code = ANSWER_WAITS, .count = 1}, "1 line is still being sent; you leave after that"},
        {{.code = ANSWER_WAITS, .count = 19}, "19 lines are still being sent; you leave after that"},
        {{.code = ANSWER_UNSENT, .count = 1}, "1 line was not sent"},
        {{.code = ANSWER_UNSENT, .count = 2}, "2 lines were not sent"},
        {{.code = ANSWER_UNSENT_AWAY, .count = 1}, "1 line was not sent: the chat is unavailable"},
        {{.code = ANSWER_UNSENT_AWAY, .count = 2}, "2 lines were not sent: the chat is unavailable"},
        {{.code = ANSWER_SHUT_DOWN}, "The chat was shut down"},
        {{.code = ANSWER_SERVES}, "The chat is here"},
        {{.code = ANSWER_UNCONFINED}, "the session has no sandbox on this host"},
        {{.code = ANSWER_UNNAMED}, "the proxy did not say where you come from"},
        {{.code = ANSWER_ARRIVED, .count = 1}, "1 person connected"},
        {{.code = ANSWER_ARRIVED, .count = 212}, "212 people connected"},
        {{.code = ANSWER_OTHERS_ARRIVED, .count = 1}, "1 other connected"},
        {{.code = ANSWER_OTHERS_ARRIVED, .count = 211}, "211 others connected"},
        {{.code = ANSWER_SAID, .name = NAME}, "ann: "},
        {{.code = ANSWER_NOW_MUTED}, "An administrator muted you: nobody sees what you say"},
        {{.code = ANSWER_UNMUTED}, "You are no longer muted"},
        {{.code = ANSWER_HOST_LACKS, .host = {"b", 1}, .count = 1}, "1 line from b is missing"},
        {{.code = ANSWER_HOST_LACKS, .host = {"b", 1}, .count = 7}, "7 lines from b are missing"},
        {{.code = ANSWER_HOST_LACKS, .host = {"b", 1}, .count = MISSED_UNKNOWN}, "lines from b are missing"},
        {{.code = ANSWER_HOST_IS_THIS, .host = {"b", 1}, .name = NAME}, "b is this host: /msg ann says it here"},
        {{.code = ANSWER_HOST_UNKNOWN, .host = {"b", 1}}, "There is no host called b; /who lists the hosts"},
        {{.code = ANSWER_HOST_AWAY, .host = {"b", 1}, .name = NAME},
         "b is away; ann may get the message when it is back"},
};

enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };

static const char *describe_to(const struct answer *a, size_t columns, size_t size)
{
        static char text[TEXT_MAX_BYTES];
        struct slice sentence = sentence_write(a, slice_of("zoe"), columns, text, size);
        assert_ptr_equal(sentence.at, text);
        assert_int_equal(sentence.len, strlen(text));
        return text;
}

static const char *describe(const struct answer *a)
{
        return describe_to(a, SENTENCE_COLUMNS, TEXT_MAX_BYTES);
}

/* Returns the answer as it arrives in a frame. The bytes of the frame are in a buffer that lasts until the next
 * call. */
static struct answer send_answer(const struct answer *a)
{
        static uint8_t bytes[ANSWER_MAX_BYTES], buffer[FRAME_MAX_BYTES + ANSWER_MAX_BYTES];
        struct frame f = {.type = FRAME_ANSWER, .id = 1, .number = 2, .name = slice_of("zoe")};
        struct answer got = {0};
        f.answer = (struct slice){(const char *)bytes, answer_encode(bytes, sizeof(bytes), a)};
        assert_true(f.answer.len > 0);
        size_t n = frame_encode(buffer, sizeof(buffer), &f);
        assert_true(n > 0);
        assert_int_equal(frame_decode(&f, buffer, n), 0);
        assert_int_equal(answer_decode(&got, f.answer), 0);
        return got;
}

static void test_each_code_has_a_sentence(void **state)
{
        (void)state;
        bool has[UINT8_MAX + 1] = {
                [ANSWER_MOVED] = true,      [ANSWER_PEOPLE] = true,     [ANSWER_ROOMS] = true,
                [ANSWER_HOSTS_HERE] = true, [ANSWER_HOSTS_BACK] = true, [ANSWER_HOSTS_AWAY] = true,
                [ANSWER_ENTERED] = true,
        };
        for (size_t i = 0; i < ANSWERS; i++) {
                struct answer got = send_answer(&answers[i].answer);
                assert_string_equal(describe(&answers[i].answer), answers[i].sentence);
                assert_string_equal(describe(&got), answers[i].sentence);
                has[got.code] = true;
        }
        for (unsigned code = 0; code <= UINT8_MAX; code++) {
                struct answer a = {.code = (uint8_t)code};
                if (has[code] != (answer_rule(a.code) != NULL))
                        fail_msg("code %u has no sentence, or no rule", code);
                if (has[code])
                        continue;
                uint8_t bytes[ANSWER_MAX_BYTES];
                assert_int_equal(answer_encode(bytes, sizeof(bytes), &a), 0);
                assert_int_equal(answer_decode(&a, (struct slice){(const char *)&a.code, 1}), -EBADMSG);
                assert_string_equal(describe(&a), "");
        }
}

static void test_each_code_has_a_name(void **state)
{
        (void)state;
        for (uint8_t code = 1; code < ANSWER_CODES; code++) {
                const char *name = answer_rule(code)->name;
                assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
                for (uint8_t other = 1; other < code; other++)
                        assert_string_not_equal(name, answer_rule(other)->name);
        }
}

static struct answer_rooms some_rooms(uint8_t buffer[static ANSWER_ROOMS_MAX_BYTES])
{
        struct answer_rooms l = answer_rooms_begin(buffer);
        assert_true(answer_add_room(
                &l,
                &(struct answer_room){.name = slice_of("den"), .topic = slice_of("tea"), .people = 3, .yours = true}));
        assert_true(answer_add_name(&l, slice_of("ann")));
        assert_true(answer_add_name(&l, slice_of("zoe")));
        assert_true(answer_add_name(&l, slice_of("127.0.0.1:4711")));
        assert_true(answer_add_room(&l, &(struct answer_room){.name = slice_of("lobby"), .people = 1}));
        assert_true(answer_add_name(&l, slice_of("eve")));
        return l;
}

/* Each code is sent with every detail that any code has. The details that its rule lists arrive, and no others. */
static void test_details_round_trip(void **state)
{
        (void)state;
        static uint8_t list[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms l = some_rooms(list);
        for (uint8_t code = 1; code < ANSWER_CODES; code++) {
                struct answer a = {.code = code,
                                   .name = slice_of("ann"),
                                   .other = slice_of("bob"),
                                   .room = slice_of("den"),
                                   .host = slice_of("b"),
                                   .text = slice_of("tea"),
                                   .most = 7,
                                   .count = 8,
                                   .seconds = UINT64_MAX,
                                   .rooms_count = 9,
                                   .rooms = answer_of_rooms(ANSWER_ROOMS, &l).rooms};
                struct answer got = send_answer(&a);
                bool has[DETAIL_ROOMS + 1] = {false};
                for (size_t i = 0; i < ANSWER_DETAILS_MAX; i++)
                        has[answer_rule(code)->details[i]] = true;
                assert_int_equal(got.code, code);
                assert_int_equal(slice_equal(got.name, a.name), has[DETAIL_NAME]);
                assert_int_equal(slice_equal(got.other, a.other), has[DETAIL_OTHER]);
                assert_int_equal(slice_equal(got.room, a.room), has[DETAIL_ROOM]);
                assert_int_equal(slice_equal(got.host, a.host), has[DETAIL_HOST]);
                assert_int_equal(slice_equal(got.text, a.text), has[DETAIL_TEXT]);
                assert_int_equal(got.most == a.most, has[DETAIL_MOST]);
                assert_int_equal(got.count == a.count, has[DETAIL_COUNT]);
                assert_int_equal(got.seconds == a.seconds, has[DETAIL_SECONDS]);
                assert_int_equal(got.rooms_count == a.rooms_count, has[DETAIL_ROOMS]);
                assert_int_equal(wire_left(&got.rooms) == wire_left(&a.rooms), has[DETAIL_ROOMS]);
        }
}

static void test_lists(void **state)
{
        (void)state;
        static uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms l = some_rooms(buffer);
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l), got = send_answer(&a);
        struct answer_room room = {0};
        struct slice name = {0};
        assert_int_equal(got.rooms_count, 2);
        assert_string_equal(describe(&got),
                            "3 people are here: ann, zoe (you), 127.0.0.1:4711\n1 person is in lobby: eve");
        assert_string_equal(describe_to(&got, 0, TEXT_MAX_BYTES),
                            "3 people are here: ann, zoe (you), 127.0.0.1:4711; 1 person is in lobby: eve");
        assert_int_equal(answer_next_room(&got.rooms, &room), 1);
        assert_true(room.yours && room.people == 3 && slice_equal(room.name, slice_of("den")));
        assert_true(slice_equal(room.topic, slice_of("tea")));
        assert_int_equal(answer_next_name(&room.names, &name), 1);
        assert_true(slice_equal(name, slice_of("ann")));

        a.code = ANSWER_MOVED;
        assert_string_equal(describe(&a), "You are now in den, with ann, 127.0.0.1:4711\nThe topic: tea");
        a.code = ANSWER_ROOMS;
        assert_string_equal(describe(&a), "den: 3 people, including you; tea\nlobby: 1 person");
        a.rooms_count = 5;
        assert_string_equal(describe(&a), "den: 3 people, including you; tea\nlobby: 1 person\nand 3 more");
        a.code = ANSWER_PEOPLE;
        assert_non_null(strstr(describe(&a), "\n1 person is in lobby: eve\n/rooms lists all rooms"));

        l = answer_rooms_begin(buffer);
        a = answer_of_rooms(ANSWER_PEOPLE, &l);
        assert_string_equal(describe(&a), "nobody is there");
        a.code = ANSWER_ROOMS;
        assert_string_equal(describe(&a), "nobody is there");
        assert_true(answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = 1, .yours = true}));
        assert_true(answer_add_name(&l, slice_of("zoe")));
        a = answer_of_rooms(ANSWER_MOVED, &l);
        assert_string_equal(describe(&a), "You are now in den, alone");
        a.code = ANSWER_PEOPLE;
        assert_string_equal(describe(&a), "You are alone here: zoe (you)");
}

/* Names are in rows that are as wide as the window. */
static void test_a_list_is_broken_at_the_columns(void **state)
{
        (void)state;
        static uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        for (size_t columns = 30; columns < 200; columns += 7) {
                struct answer_rooms l = answer_rooms_begin(buffer);
                size_t rows = 1, widest = 0;
                answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = 99, .yours = true});
                for (int i = 0; i < 99; i++)
                        assert_true(answer_add_name(&l, slice_of("somebody")));
                struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l);
                struct slice text = slice_of(describe_to(&a, columns, TEXT_MAX_BYTES)), row;
                for (; line_next(&text, &row); rows++) {
                        assert_in_range(row.len, columns - strlen("somebody, "), columns + strlen(", "));
                        widest = row.len > widest ? row.len : widest;
                }
                assert_in_range(row.len, strlen("somebody"), columns);
                assert_in_range(rows, 990 / (columns + 2), 990 / (columns - 9) + 2);
                assert_true(widest > 0);
        }
}

/* A list of more rooms and people than fit says how many there are, and the sentence says how many it omits. */
static void test_long_lists(void **state)
{
        (void)state;
        static uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms l = answer_rooms_begin(buffer);
        size_t names = 0;
        assert_true(answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .people = 9000}));
        while (answer_add_name(&l, slice_of("somebody")))
                names++;
        assert_in_range(names, ANSWER_ROOMS_MAX_BYTES / 9 - 10, ANSWER_ROOMS_MAX_BYTES / 9);
        assert_false(answer_add_room(&l, &(struct answer_room){.name = slice_of("lobby"), .people = 1}));
        assert_false(answer_add_name(&l, slice_of("eve"))); /* eve would be listed in the den */
        struct answer a = answer_of_rooms(ANSWER_PEOPLE, &l), got = send_answer(&a);
        assert_int_equal(got.rooms_count, 2);
        for (size_t size = TEXT_MAX_BYTES; size >= 256; size /= 2) {
                const char *text = describe_to(&got, 0, size);
                unsigned long more = 0, listed = 0;
                assert_in_range(strlen(text), size - 2 * SENTENCE_RESERVED, size - 1);
                for (const char *at = text; (at = strstr(at, "somebody")); at++)
                        listed++;
                assert_int_equal(sscanf(strstr(text, " and "), " and %lu more; /rooms lists all rooms", &more), 1);
                assert_int_equal(listed + more, 9000);
        }

        l = answer_rooms_begin(buffer);
        char topic[ANSWER_TEXT_MAX_BYTES + 1];
        memset(topic, 't', sizeof(topic));
        topic[sizeof(topic) - 1] = '\0';
        for (int i = 0; i < 200; i++)
                answer_add_room(&l, &(struct answer_room){.name = slice_of("den"), .topic = slice_of(topic)});
        a = answer_of_rooms(ANSWER_ROOMS, &l);
        got = send_answer(&a);
        assert_int_equal(got.rooms_count, 200);
        assert_non_null(strstr(describe(&got), "\nand 193 more"));
        a = answer_of_rooms(ANSWER_MOVED, &l);
        got = send_answer(&a);
        assert_non_null(strstr(describe(&got), topic));
}

/* An answer that is cut or has bytes behind it is refused. So is a move to no room. */
static void test_damaged_answers(void **state)
{
        (void)state;
        static uint8_t list[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms l = some_rooms(list);
        for (uint8_t code = 1; code < ANSWER_CODES; code++) {
                char bytes[256];
                struct answer got, a = answer_of_rooms((enum answer_code)code, &l);
                a.name = a.other = a.room = a.host = a.text = slice_of("x");
                size_t n = answer_encode(bytes, sizeof(bytes) - 1, &a);
                assert_in_range(n, 1, sizeof(bytes) - 1);
                assert_int_equal(answer_encode(bytes, n - 1, &a), 0);
                assert_int_equal(answer_encode(bytes, n, &a), n);
                for (size_t cut = 0; cut < n; cut++)
                        assert_int_equal(answer_decode(&got, (struct slice){bytes, cut}), -EBADMSG);
                bytes[n] = 0;
                assert_int_equal(answer_decode(&got, (struct slice){bytes, n + 1}), -EBADMSG);
        }
        uint8_t bytes[64];
        struct answer got, nowhere = {.code = ANSWER_MOVED};
        size_t n = answer_encode(bytes, sizeof(bytes), &nowhere);
        assert_int_equal(answer_decode(&got, (struct slice){(const char *)bytes, n}), -EBADMSG);
        nowhere.code = ANSWER_ENTERED;
        n = answer_encode(bytes, sizeof(bytes), &nowhere);
        assert_int_equal(answer_decode(&got, (struct slice){(const char *)bytes, n}), -EBADMSG);
}

/* After damage to any byte, the answer is refused, or all of it is clean. */
static void test_nothing_unclean_is_taken(void **state)
{
        (void)state;
        static uint8_t list[ANSWER_ROOMS_MAX_BYTES];
        static const char damage[] = {0, 1, 2, 7, '\n', '\r', 27, ' ', 127, (char)0x9b, (char)0xff};
        struct answer_rooms l = some_rooms(list);
        unsigned refused = 0, taken = 0;
        for (uint8_t code = 1; code < ANSWER_CODES; code++) {
                char bytes[256];
                struct answer a = answer_of_rooms((enum answer_code)code, &l);
                a.name = a.other = a.room = a.host = slice_of("name");
                a.text = slice_of("text");
                size_t n = answer_encode(bytes, sizeof(bytes), &a);
                for (size_t at = 0; at < n * sizeof(damage); at++) {
                        char was = bytes[at / sizeof(damage)];
                        struct answer got = {0};
                        bytes[at / sizeof(damage)] = damage[at % sizeof(damage)];
                        if (answer_decode(&got, (struct slice){bytes, n}) < 0) {
                                refused++;
                        } else {
                                struct slice text = slice_of(describe(&got)), line;
                                for (bool more = true; more;) {
                                        more = line_next(&text, &line);
                                        assert_true(text_is_clean(line.at, line.len));
                                }
                                taken++;
                        }
                        bytes[at / sizeof(damage)] = was;
                }
                /* in the middle of each string */
                const char *const strings[] = {"name", "text", "ann", "eve", "den", "lobby", "tea"};
                for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
                        char *string = memmem(bytes, n, strings[i], strlen(strings[i]));
                        struct answer got = {0};
                        if (!string)
                                continue;
                        string[1] = 27;
                        assert_int_equal(answer_decode(&got, (struct slice){bytes, n}), -EBADMSG);
                        string[1] = strings[i][1];
                        assert_int_equal(answer_decode(&got, (struct slice){bytes, n}), 0);
                }
        }
        assert_true(refused > 1000 && taken > 100);
}

/* A reader has no room for longer details. */
static void test_details_are_bounded(void **state)
{
        (void)state;
        static uint8_t list[ANSWER_ROOMS_MAX_BYTES];
        static char longest[2 * ANSWER_TEXT_MAX_BYTES];
        struct answer_rooms l = some_rooms(list);
        memset(longest, 'x', sizeof(longest));
        for (uint8_t code = 1; code < ANSWER_CODES; code++) {
                static uint8_t bytes[ANSWER_MAX_BYTES];
                struct answer got, a = answer_of_rooms((enum answer_code)code, &l);
                a.most = a.count = a.seconds = UINT64_MAX;
                const uint8_t *details = answer_rule(code)->details;
                a.name = a.other = a.room = a.host = (struct slice){longest, NAME_MAX_BYTES};
                a.text = (struct slice){longest, ANSWER_TEXT_MAX_BYTES};
                size_t n = answer_encode(bytes, sizeof(bytes), &a);
                assert_in_range(n, 1, ANSWER_DETAILS_MAX_BYTES);
                assert_int_equal(answer_decode(&got, (struct slice){(const char *)bytes, n}), 0);
                assert_in_range(strlen(describe(&got)) + 1, 1, ANSWER_DETAILS_MAX_BYTES); /* nothing of it is cut off */
                bool has_name = memchr(details, DETAIL_NAME, ANSWER_DETAILS_MAX);
                bool has_text = memchr(details, DETAIL_TEXT, ANSWER_DETAILS_MAX);
                a.name.len += has_name;
                a.text.len += has_text;
                n = answer_encode(bytes, sizeof(bytes), &a);
                assert_int_equal(answer_decode(&got, (struct slice){(const char *)bytes, n}),
                                 has_name || has_text ? -EBADMSG : 0);
        }
}

/* A session knows a code if it has the code's version or a later one. */
static void test_versions(void **state)
{
        (void)state;
        for (unsigned code = 0; code <= UINT8_MAX; code++) {
                bool is_code = code >= 1 && code < ANSWER_CODES;
                assert_false(answer_is_known((uint8_t)code, 0));
                assert_false(answer_is_known((uint8_t)code, 5));
                assert_int_equal(answer_is_known((uint8_t)code, FRAME_VERSION), is_code);
                assert_int_equal(answer_is_known((uint8_t)code, FRAME_VERSION + 1), is_code);
        }
}

/* Returns a notice as it arrives in a batch. */
static struct record send_notice(const struct answer *a, char text[static TEXT_MAX_BYTES])
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        uint8_t bytes[NOTICE_ANSWER_MAX_BYTES];
        struct record rec = notice_record(ADMIN_ID, 7, a, text, bytes);
        size_t n = record_encode(buffer, sizeof(buffer), &rec);
        assert_true(n > 0);
        struct wire_reader r = wire_read(buffer, n);
        assert_int_equal(record_next(&r, &rec), 1);
        assert_int_equal(rec.kind, RECORD_NOTICE);
        assert_int_equal(rec.name.len, 0);
        assert_true(record_is_bounded(&rec));
        return rec;
}

/* A notice is a sentence and an answer. */
static void test_notices(void **state)
{
        (void)state;
        char text[TEXT_MAX_BYTES];
        struct answer got = {0};
        for (size_t i = 0; i < ANSWERS; i++) {
                struct record rec = send_notice(&answers[i].answer, text);
                assert_int_equal(notice_read(&rec, &got), 0);
                assert_int_equal(got.code, answers[i].answer.code);
                assert_string_equal(describe(&got), answers[i].sentence);
        }
        struct answer a = {.code = ANSWER_SAID, .name = slice_of("Administrator"), .text = slice_of("tea: at 5")};
        struct record rec = send_notice(&a, text);
        assert_true(slice_equal(rec.text, slice_of("Administrator: tea: at 5")));
        assert_int_equal(notice_read(&rec, &got), 0);
        assert_true(slice_equal(got.text, a.text) && slice_equal(got.name, a.name));
        rec.text.len = 3; /* the text names nobody */
        assert_int_equal(notice_read(&rec, &got), -EBADMSG);
        rec.answer.len = 0; /* as from a link of an early version */
        assert_int_equal(notice_read(&rec, &got), -EBADMSG);
        rec.kind = RECORD_LINE; /* a name is no answer */
        rec.name = slice_of("\1\3");
        assert_int_equal(notice_read(&rec, &got), -EBADMSG);
}

/* A list of hosts is cut where a notice has no room for more. */
static void test_hosts_in_a_notice(void **state)
{
        (void)state;
        static uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        char text[TEXT_MAX_BYTES];
        for (size_t len = 1; len <= HOST_MAX_BYTES; len++)
                for (unsigned count = 1; count <= 64; count++) {
                        struct answer_rooms l = answer_rooms_begin(buffer);
                        struct answer_room host = {.name = {"abcdefghijklmnopqrstuvwxyz", len}, .people = UINT64_MAX};
                        struct answer got = {0};
                        size_t listed = 0;
                        for (unsigned i = 0; i < count; i++)
                                assert_true(answer_add_room(&l, &host));
                        struct answer a = answer_of_rooms(ANSWER_HOSTS_AWAY, &l);
                        struct record rec = send_notice(&a, text);
                        assert_true(text_is_clean(rec.text.at, rec.text.len));
                        assert_int_equal(notice_read(&rec, &got), 0);
                        assert_int_equal(got.rooms_count, count);
                        while (answer_next_room(&got.rooms, &host) > 0)
                                listed++;
                        size_t most = NOTICE_HOSTS_MAX_BYTES / (len + 15);
                        assert_int_equal(listed, count < most ? count : most);
                }
        char one[] = "a (12 people) and 1 more are here", some[TEXT_MAX_BYTES];
        struct answer_rooms l = answer_rooms_begin(buffer);
        for (int i = 0; i < 1000; i++)
                answer_add_room(&l, &(struct answer_room){.name = slice_of("a"), .people = 12});
        struct answer many = answer_of_rooms(ANSWER_HOSTS_HERE, &l);
        for (size_t size = TEXT_MAX_BYTES; size >= 256; size /= 2) { /* a sentence counts the hosts that do not fit */
                unsigned named = 0, more = 0;
                sentence_write(&many, (struct slice){"", 0}, 0, some, size);
                for (const char *at = some; (at = strstr(at, "a (12 people)")); at++)
                        named++;
                assert_int_equal(sscanf(strstr(some, " and "), " and %u more are here", &more), 1);
                assert_int_equal(named + more, 1000);
                assert_in_range(strlen(some), size - 2 * SENTENCE_RESERVED, size - 1);
        }
        l = answer_rooms_begin(buffer);
        answer_add_room(&l, &(struct answer_room){.name = slice_of("a"), .people = 12});
        many = answer_of_rooms(ANSWER_HOSTS_HERE, &l);
        many.rooms_count = 2; /* the list lacks one of the two hosts */
        assert_string_equal(describe(&many), one);
        l = answer_rooms_begin(buffer);
        const char *sentences[] = {"b is back, with 1 person", "b (1 person) and c (2 people) are back",
                                   "b (1 person), c (2 people) and d (3 people) are back"};
        for (uint64_t i = 0; i < 3; i++) {
                answer_add_room(&l, &(struct answer_room){.name = {&"bcd"[i], 1}, .people = i + 1});
                struct answer a = answer_of_rooms(ANSWER_HOSTS_BACK, &l);
                assert_string_equal(describe(&a), sentences[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_code_has_a_sentence),
                cmocka_unit_test(test_each_code_has_a_name),
                cmocka_unit_test(test_details_round_trip),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_a_list_is_broken_at_the_columns),
                cmocka_unit_test(test_long_lists),
                cmocka_unit_test(test_notices),
                cmocka_unit_test(test_hosts_in_a_notice),
                cmocka_unit_test(test_damaged_answers),
                cmocka_unit_test(test_nothing_unclean_is_taken),
                cmocka_unit_test(test_details_are_bounded),
                cmocka_unit_test(test_versions),
        };
        return RUN_TESTS(tests);
}
