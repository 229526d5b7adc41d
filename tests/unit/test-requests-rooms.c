/* Rooms and their topics: moves, the lines that each room gets, and the state that the next chatd finds. */
#include "requests-fixture.h"

static void which_rooms(struct fixture *f, uint32_t who)
{
        struct frame frame = numbered(f, who, FRAME_ROOMS);
        put(f, &frame);
}

/* A room that its last member left is a new room for the next one who joins it. */
static void test_a_room_that_ends_within_a_batch(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        join(f, ANN, "kitchen");
        set_topic(f, ANN, "tea");
        serve(f);
        uint64_t batches = f->chat->relay.batches;
        join(f, ANN, "");
        join(f, BOB, "kitchen");
        serve(f);
        assert_int_equal(f->chat->relay.batches, batches + 2);
        assert_string_equal(member(f, BOB)->seat.room->topic, "");
}

static void read_all(struct fixture *f)
{
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

/* Lines, actions and leaves in one batch go to the members of the room alone. */
static void test_a_room(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        say(f, ANN, "one");
        join(f, ANN, "Kitchen");
        say(f, ANN, "two");
        say(f, EVE, "three");
        serve(f);
        assert_inbox(f, BOB, "line ann one, went ann Kitchen, line eve three");
        assert_inbox(f, EVE, "line ann one, went ann Kitchen");
        assert_inbox(f, ANN, "answer You are now in Kitchen, alone, answer Nobody hears you: nobody else is here");
        join(f, BOB, "kitchen");
        say(f, BOB, "here I am");
        act(f, ANN, "cooks");
        say(f, EVE, "who is there?");
        msg(f, EVE, "bob", "psst");
        nick(f, ANN, "Zoe");
        serve(f);
        assert_inbox(f, ANN, "came Kitchen: bob lobby, line Kitchen: bob here I am, answer You are now called Zoe");
        assert_inbox(f, BOB,
                     "answer You are now in Kitchen, with ann, action Kitchen: ann cooks, private eve psst, "
                     "rename Kitchen: ann Zoe");
        assert_inbox(f, EVE, "went bob Kitchen, answer Nobody hears you: nobody else is here, sent bob psst");
        bye(f, BOB);
        say(f, EVE, "alone");
        join(f, ANN, "");
        serve(f);
        assert_inbox(f, ANN, "leave Kitchen: bob, answer You are now in lobby, with eve");
        assert_inbox(f, EVE, "came Zoe Kitchen");
        assert_int_equal(f->chat->roster.rooms.count, 1);
        assert_int_equal(f->chat->roster.rooms.empty_count, 0);
}

static void test_a_room_that_is_none(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        join(f, ANN, "two words");
        join(f, ANN, "Lobby");
        join(f, ANN, "a-name-that-is-much-too-long-for-a-room");
        serve(f);
        assert_inbox(
                f, ANN,
                "answer A room's name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), "
                "digits, - _ and ., "
                "answer You are already in the lobby, "
                "answer A room's name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), "
                "digits, - _ and .");
        assert_inbox(f, BOB, "");
}

static void test_a_topic(void **state)
{
        struct fixture *f = *state;
        char topic[TOPIC_MAX_BYTES + 2] = "";
        join_all(f);
        set_topic(f, ANN, "");
        set_topic(f, ANN, "tea / \xc3\xa9t\xc3\xa9");
        set_topic(f, BOB, "");
        memset(topic, 'x', sizeof(topic) - 1);
        set_topic(f, EVE, topic);
        set_topic(f, EVE, "\033[2J");
        serve(f);
        assert_inbox(f, ANN, "answer lobby has no topic; /topic TEXT sets one, answer The topic of lobby is set");
        assert_inbox(f, BOB, "topic ann tea / \xc3\xa9t\xc3\xa9, answer The topic: tea / \xc3\xa9t\xc3\xa9");
        assert_inbox(f, EVE, "topic ann tea / \xc3\xa9t\xc3\xa9, answer A topic has at most 256 bytes");
        join(f, EVE, "kitchen");
        set_topic(f, EVE, "cakes");
        topic[TOPIC_MAX_BYTES] = '\0';
        set_topic(f, EVE, topic);
        serve(f);
        assert_string_equal(member(f, EVE)->seat.room->topic, topic);
        restart_broker(f);
        assert_string_equal(member(f, EVE)->seat.room->topic, topic);
        assert_string_equal(rooms_first(&f->chat->roster.rooms)->topic, "tea / \xc3\xa9t\xc3\xa9");
        here(f, EVE, 5);
        f->numbers[EVE] = 5;
        set_topic(f, EVE, "pies");
        serve(f);
        read_all(f);
        join(f, BOB, "kitchen");
        which_rooms(f, BOB);
        serve(f);
        assert_inbox(f, BOB,
                     "answer You are now in kitchen, with eve\nThe topic: pies, "
                     "answer lobby: 1 person; tea / \xc3\xa9t\xc3\xa9\nkitchen: 2 people, including you; pies");
        set_topic(f, EVE, "-");
        serve(f);
        assert_inbox(f, BOB, "topic kitchen: eve");
        assert_string_equal(member(f, EVE)->seat.room->topic, "");
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/room:kitchen", f->dir);
        assert_int_equal(lstat(path, &st), -1); /* the next chatd finds none either */
        join(f, BOB, "");
        join(f, EVE, "");
        serve(f);
        assert_int_equal(restart_broker(f), 3); /* an empty room is forgotten with its topic */
        here(f, EVE, f->numbers[EVE]);
        join(f, EVE, "kitchen");
        serve(f);
        assert_string_equal(member(f, EVE)->seat.room->topic, "");
}

static void test_who_is_in_other_rooms(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        join(f, EVE, "kitchen");
        join(f, BOB, "kitchen");
        serve(f);
        read_all(f);
        who_is_here(f, BOB);
        who_is_here(f, ANN);
        serve(f);
        assert_inbox(f, BOB, "answer 2 people are here: eve, bob (you)\n1 person is in lobby: ann");
        assert_inbox(f, ANN, "answer You are alone here: ann (you)\n2 people are in kitchen: eve, bob");
}

static void test_many_rooms(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        for (uint32_t i = 0; i < 1000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                struct member *m =
                        roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0);
                snprintf(name, sizeof(name), "room-%u", i);
                struct room *room = rooms_get(&f->chat->roster.rooms, slice_of(name));
                roster_move(&f->chat->roster, m, room);
                memset(room->topic, 'x', i % 2 ? TOPIC_MAX_BYTES : 0);
        }
        who_is_here(f, ANN);
        which_rooms(f, ANN);
        assert_true(broker_serve(f->chat) >= 0);
        const char *answers = inbox_read(f->inboxes[ANN]);
        assert_non_null(strstr(
                answers, "You are alone here: ann (you)\n1 person is in room-0: member-0\n1 person is in room-1"));
        assert_non_null(strstr(answers, "\n/rooms lists all rooms, answer lobby: 1 person, including you\nroom-0: 1"));
        assert_true(strlen(answers) < 2 * TEXT_MAX_BYTES);
        assert_string_equal(answers + strlen(answers) - 5, " more");
}

/* A newcomer that waits to be announced is announced in the room to which it goes, and in no other. */
static void test_a_room_of_who_was_not_announced(void **state)
{
        struct fixture *f = *state;
        f->chat->arrivals->pace = pace_of(1, 1);
        join_all(f); /* at least eve is left waiting */
        assert_int_equal(member(f, EVE)->arrival, ARRIVAL_WAITING);
        join(f, BOB, "kitchen");
        serve(f);
        read_all(f);
        join(f, EVE, "kitchen");
        serve(f);
        assert_int_equal(member(f, EVE)->arrival, ARRIVAL_ANNOUNCED);
        assert_inbox(f, ANN, "");
        assert_inbox(f, BOB, "join kitchen: eve");
        assert_inbox(f, EVE, "answer You are now in kitchen, with bob");
}

/* The same, if chatd dies when all but the frame's end is done. */
static void test_a_room_of_who_was_not_announced_again(void **state)
{
        struct fixture *f = *state;
        for (int marks = 0; marks < 2; marks++) {
                struct seen bob = {0};
                char path[256];
                hello(f, ANN);
                hello(f, BOB);
                join(f, BOB, "kitchen");
                hello_with(f, EVE, (struct frame){.address = slice_of("here:1"), .quiet = true});
                serve(f);
                inbox_read_new(f->inboxes[BOB], &bob);
                inbox_read(f->inboxes[ANN]);
                join(f, EVE, "kitchen");
                serve(f);
                assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob), "join kitchen: eve");
                f->numbers[EVE] = 0;
                join(f, EVE, "kitchen");
                say(f, EVE, "new");
                snprintf(path, sizeof(path), "%s/members/%016llx.held", f->dir, (unsigned long long)inbox_id(EVE));
                if (marks > 0) /* it died before it could remove the mark */
                        assert_int_equal(symlink("x", path), 0);
                restart_broker(f);
                serve(f);
                assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob), "rollcall, line kitchen: eve new");
                assert_inbox(f, ANN, "rollcall");
                for (uint32_t who = ANN; who < SESSIONS; who++) {
                        bye(f, who);
                        serve(f);
                        close(f->inboxes[who]);
                        f->inboxes[who] = 0;
                        f->numbers[who] = 0;
                }
        }
}

static void test_a_room_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        char path[256];
        struct stat st;
        join_all(f);
        join(f, ANN, "kitchen");
        join(f, BOB, "kitchen");
        serve(f);
        read_all(f);
        assert_int_equal(restart_broker(f), 3);
        say(f, ANN, "in here");
        say(f, EVE, "out there");
        serve(f);
        assert_inbox(f, BOB, "rollcall, line kitchen: ann in here");
        assert_inbox(f, EVE, "rollcall, answer Nobody hears you: nobody else is here");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, BOB, "leave kitchen: ann");
        snprintf(path, sizeof(path), "%s/members/%016llx.room", f->dir, (unsigned long long)inbox_id(ANN));
        assert_int_equal(lstat(path, &st), -1);
}

/* If the next chatd meets the change of room again, all see the same as before, and nobody sees it twice. */
static void test_a_room_again(void **state)
{
        struct fixture *f = *state;
        struct seen bob = {0}, eve = {0};
        join_all(f);
        join(f, BOB, "kitchen");
        serve(f);
        inbox_read_new(f->inboxes[BOB], &bob);
        inbox_read_new(f->inboxes[EVE], &eve);
        join(f, ANN, "kitchen");
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob), "came kitchen: ann lobby");
        assert_string_equal(inbox_read_new(f->inboxes[EVE], &eve), "went ann kitchen");
        f->numbers[ANN] = 0;
        join(f, ANN, "kitchen");
        say(f, ANN, "new");
        restart_broker(f);
        assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob), "rollcall, line kitchen: ann new");
        assert_string_equal(inbox_read_new(f->inboxes[EVE], &eve), "rollcall");
        assert_inbox(f, ANN,
                     "went bob kitchen, answer You are now in kitchen, with bob, rollcall, "
                     "answer You are now in kitchen, with bob");
        /* a member goes back, and the room that it left is gone by then */
        join(f, ANN, "garden");
        serve(f);
        join(f, ANN, "");
        serve(f);
        inbox_read_new(f->inboxes[EVE], &eve);
        f->numbers[ANN]--;
        restart_broker(f);
        join(f, ANN, "");
        say(f, ANN, "back");
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[EVE], &eve), "rollcall, line ann back");
}

/* Notes with content that chatd did not write. */
static void test_a_note_of_no_room(void **state)
{
        static const char *const notes[] = {"1 lobby two@words", "1 lobby", "x", "kitchen", "1 lobby 7th"};
        struct fixture *f = *state;
        char path[256];
        struct stat st;
        join_all(f);
        for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
                snprintf(path, sizeof(path), "%s/members/%016llx.room", f->dir, (unsigned long long)inbox_id(ANN));
                assert_int_equal(symlink(notes[i], path), 0);
                restart_broker(f);
                assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
                assert_int_equal(lstat(path, &st), -1);
        }
}

/* Clients of lent connections see the right lines when members change rooms. */
static void test_rooms_of_lenders(void **state)
{
        struct fixture *f = *state;
        for (uint32_t who = ANN; who < SESSIONS; who++)
                hello(f, who);
        serve(f);
        for (int i = 0; i < 2; i++) {
                run_session(f, BOB);
                run_session(f, EVE);
                say(f, ANN, "before");
                serve(f);
        }
        join(f, BOB, "kitchen");
        serve(f);
        join(f, ANN, "kitchen");
        serve(f);
        run_session(f, BOB);
        run_session(f, EVE);
        say(f, ANN, "in here");
        say(f, EVE, "out there");
        act(f, ANN, "cooks");
        serve(f);
        say(f, ANN, "still");
        serve(f);
        assert_true(member(f, BOB)->lent.client >= 0 && member(f, EVE)->lent.client >= 0);
        assert_inbox(f, EVE, "answer Nobody hears you: nobody else is here");
        assert_inbox(f, BOB, "");
        assert_lender_got(f->lenders[BOB], "*** eve is connected\r\nann: before\r\nann: before\r\n*** ann came from "
                                           "lobby\r\nann: in here\r\n* ann cooks\r\n"
                                           "ann: still\r\n");
        assert_lender_got(f->lenders[EVE],
                          "ann: before\r\nann: before\r\n*** bob went to kitchen\r\n*** ann went to kitchen\r\n");
}

/* A few changes are allowed for each room, whichever chatd handles them, and again after a while. */
static void test_topics_that_change_often(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {0};
        join_all(f);
        for (int i = 0; i < TOPIC_CHANGES; i++)
                set_topic(f, i % 2 ? ANN : BOB, "tea");
        set_topic(f, ANN, "-");
        serve(f);
        const char *told = inbox_read_new(f->inboxes[EVE], &seen);
        for (int i = 0; i < TOPIC_CHANGES; i++, told++)
                assert_non_null(told = strstr(told, "topic"));
        assert_null(strstr(told, "topic"));
        assert_non_null(strstr(inbox_read(f->inboxes[ANN]), "answer The topic of lobby changed 5 times just now; try "
                                                            "again in 30 s"));
        /* the same frames again, as if they had not been consumed */
        f->numbers[ANN] = f->numbers[BOB] = 0;
        for (int i = 0; i < TOPIC_CHANGES; i++)
                set_topic(f, i % 2 ? ANN : BOB, "tea");
        set_topic(f, ANN, "-");
        restart_broker(f);
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[EVE], &seen), "rollcall");
        assert_string_equal(rooms_first(&f->chat->roster.rooms)->topic, "tea");
        assert_non_null(strstr(inbox_read(f->inboxes[ANN]), "changed 5 times"));
        set_topic(f, EVE, "");
        join(f, EVE, "kitchen");
        set_topic(f, EVE, "cakes"); /* asking for the topic, or another room's topic, does not count */
        rooms_first(&f->chat->roster.rooms)->changes[rooms_first(&f->chat->roster.rooms)->next_change].ms -=
                TOPIC_CHANGES_MS;
        set_topic(f, BOB, "coffee");
        set_topic(f, BOB, "milk");
        serve(f);
        assert_string_equal(member(f, EVE)->seat.room->topic, "cakes");
        assert_string_equal(rooms_first(&f->chat->roster.rooms)->topic, "coffee");
}

static void test_topic_of_a_crowd(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        join(f, BOB, "kitchen");
        set_topic(f, BOB,
                  "the rules of this room are many, and this topic is a little longer than sixty-four bytes, as topics "
                  "are");
        serve(f);
        for (uint32_t i = 0; i < 400; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-number-%u", i);
                struct member *m =
                        roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0);
                roster_move(&f->chat->roster, m, rooms_find(&f->chat->roster.rooms, slice_of("kitchen")));
        }
        inbox_read(f->inboxes[ANN]);
        join(f, ANN, "kitchen");
        assert_true(broker_serve(f->chat) >= 0);
        const char *got = inbox_read(f->inboxes[ANN]);
        assert_non_null(strstr(got, "The topic: the rules"));
}

/* Lines that were said before the request are shown as past. */
static void test_history_before_live(void **state)
{
        struct fixture *f = *state;
        f->chat->settings.history = 20;
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
        join_all(f);
        say(f, ANN, "hi");
        struct frame frame = numbered(f, BOB, FRAME_HISTORY);
        put(f, &frame);
        serve(f);
        assert_inbox(f, BOB, "line ann hi, past, line ann hi");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_room),
                TEST(test_history_before_live),
                TEST(test_topics_that_change_often),
                TEST(test_topic_of_a_crowd),
                TEST(test_a_room_that_is_none),
                TEST(test_a_topic),
                TEST(test_who_is_in_other_rooms),
                TEST(test_many_rooms),
                TEST(test_a_room_of_who_was_not_announced),
                TEST(test_a_room_of_who_was_not_announced_again),
                TEST(test_a_room_outlives_chatd),
                TEST(test_a_room_again),
                TEST(test_a_room_that_ends_within_a_batch),
                TEST(test_a_note_of_no_room),
                TEST(test_rooms_of_lenders),
        };
        return RUN_TESTS(tests);
}
