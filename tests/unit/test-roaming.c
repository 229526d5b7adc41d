/* Members that are in several rooms, or in none. */
#include "requests-fixture.h"

/* Sends a HELLO of a session that roams. */
static void hello_roaming(struct fixture *f, uint32_t who)
{
        hello_with(f, who, (struct frame){.address = slice_of("here:1"), .quiet = true, .roams = true});
}

/* Sends a request about a room, with a text that may be empty. */
static void ask(struct fixture *f, uint32_t who, enum frame_type type, const char *room, const char *text)
{
        struct frame frame = numbered(f, who, type);
        frame.name = slice_of(room);
        frame.text = slice_of(text);
        put(f, &frame);
}

static void enter(struct fixture *f, uint32_t who, const char *room)
{
        ask(f, who, FRAME_ENTER, room, "");
}

static void exit_room(struct fixture *f, uint32_t who, const char *room)
{
        ask(f, who, FRAME_EXIT, room, "");
}

static void say_in(struct fixture *f, uint32_t who, const char *room, const char *text)
{
        ask(f, who, FRAME_ROOM_LINE, room, text);
}

/* Returns the names of the rooms of a member. */
static const char *rooms_of(struct fixture *f, uint32_t who)
{
        static char text[1024];
        size_t len = 0;
        text[0] = '\0';
        for (const struct seat *seat = member(f, who)->seats; seat; seat = seat->other)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "", seat->room->name);
        return text;
}

static bool has_mark(struct fixture *f, uint32_t who)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/%016llx.rooms", f->dir, (unsigned long long)inbox_id(who));
        return lstat(path, &st) == 0;
}

/* Lets ann roam, in the lobby and in the den, where bob is; eve is in the lobby. Everything is read. */
static void begin(struct fixture *f)
{
        hello(f, BOB);
        hello(f, EVE);
        join(f, BOB, "den");
        hello_roaming(f, ANN);
        enter(f, ANN, "lobby");
        enter(f, ANN, "den");
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

/* Lets a session end. Its inbox can be bound again. */
static void leave(struct fixture *f, uint32_t who)
{
        bye(f, who);
        serve(f);
        close(f->inboxes[who]);
        f->inboxes[who] = 0;
        f->numbers[who] = 0;
}

static void test_a_visit(void **state)
{
        struct fixture *f = *state;
        hello(f, EVE);
        hello(f, BOB);
        join(f, BOB, "den");
        hello_roaming(f, ANN);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        inbox_read(f->inboxes[EVE]);
        assert_string_equal(rooms_of(f, ANN), "");
        assert_false(member_is_here(member(f, ANN))); /* nobody knows of it yet */
        assert_inbox(f, ANN, "welcome 3");
        msg(f, EVE, "ann", "psst"); /* except who knows its name */
        serve(f);
        assert_false(member_is_here(member(f, ANN)));
        assert_inbox(f, ANN, "private eve psst");
        assert_inbox(f, EVE, "sent ann psst");
        enter(f, ANN, "lobby"); /* the first room makes it known */
        enter(f, ANN, "den");
        enter(f, ANN, "den");
        say_in(f, ANN, "den", "in the den");
        say_in(f, ANN, "lobby", "in the lobby");
        serve(f);
        assert_inbox(f, EVE, "join ann, line ann in the lobby");
        assert_inbox(f, BOB, "enter den: ann, line den: ann in the den");
        assert_inbox(f, ANN,
                     "answer You are now in lobby, with eve, answer You are now in den, with bob, answer You are "
                     "already in den");
        say(f, BOB, "b");
        say(f, EVE, "e");
        ask(f, ANN, FRAME_ROOM_ACTION, "den", "waves");
        ask(f, ANN, FRAME_ROOM_TOPIC, "den", "tea");
        ask(f, ANN, FRAME_PEOPLE, "den", "");
        serve(f);
        assert_inbox(f, ANN,
                     "line den: bob b, line eve e, answer The topic of den is set, answer 2 people are here: bob, ann "
                     "(you)");
        assert_inbox(f, BOB, "action den: ann waves, topic den: ann tea");
        assert_inbox(f, EVE, "");
        exit_room(f, ANN, "lobby");
        say(f, EVE, "e");
        say(f, BOB, "b");
        say_in(f, ANN, "lobby", "not there");
        ask(f, ANN, FRAME_ROOM_ACTION, "lobby", "is not there");
        serve(f);
        assert_inbox(f, EVE, "exit ann, answer Nobody hears you: nobody else is here");
        assert_inbox(
                f, ANN,
                "answer You left the room lobby, line den: bob b, answer You are not in the room lobby, answer You "
                "are not in the room lobby");
        exit_room(f, ANN, "den");
        msg(f, EVE, "ann", "psst");
        serve(f);
        assert_string_equal(rooms_of(f, ANN), "");
        assert_inbox(f, ANN, "answer You left the room den, private eve psst");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, EVE, "sent ann psst"); /* nobody is told of somebody who is in no room */
        assert_false(has_mark(f, ANN));
}

/* A member that shares two rooms with another gets each of its records once. The link gets a copy for each room. */
static void test_two_rooms_in_common(void **state)
{
        struct fixture *f = *state;
        begin(f);
        hello_roaming(f, BOB); /* ignored: it is a member that does not roam */
        link_hello(f);
        serve(f);
        inbox_read(f->inboxes[LINK]);
        leave(f, BOB);
        hello_roaming(f, BOB);
        enter(f, BOB, "den");
        enter(f, BOB, "lobby");
        serve(f);
        inbox_read(f->inboxes[LINK]);
        inbox_read(f->inboxes[BOB]);
        inbox_read(f->inboxes[EVE]);
        nick(f, ANN, "zoe");
        say_in(f, ANN, "den", "d");
        say_in(f, ANN, "lobby", "l");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, BOB, "rename den: ann zoe, line den: zoe d, line zoe l, leave den: zoe");
        assert_inbox(f, EVE, "rename ann zoe, line zoe l, leave zoe");
        assert_inbox(f, LINK,
                     "rename den: ann zoe, rename ann zoe, line den: zoe d, line zoe l, leave den: zoe, leave zoe");
}

/* Somebody who walks from one of the member's rooms to another is seen twice: the member is told both. */
static void test_a_walk_between_two_rooms(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {0};
        begin(f);
        join(f, BOB, "");
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[ANN], &seen), "went den: bob lobby, came bob den");
        f->numbers[BOB]--;
        join(f, BOB, "");
        restart_broker(f);
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[ANN], &seen), "rollcall");
}

static void test_limits(void **state)
{
        struct fixture *f = *state;
        char room[16];
        begin(f);
        for (int n = 3; n <= MEMBER_ROOMS_MAX; n++) {
                snprintf(room, sizeof(room), "room%d", n);
                enter(f, ANN, room);
                serve(f);
                inbox_read(f->inboxes[ANN]);
        }
        enter(f, ANN, "onemore");
        enter(f, ANN, "7th");
        enter(f, ANN, "l0bby");
        enter(f, BOB, "kitchen"); /* no session that does not roam sends these */
        exit_room(f, BOB, "den");
        say(f, ANN, "in which room?");
        join(f, ANN, "kitchen");
        say_in(f, ANN, "\x1b[2J", "in no room");
        serve(f);
        assert_inbox(f, ANN,
                     "answer You are in 20 rooms already; leave one of them first, answer A room's name has 1 to 24 "
                     "characters and starts with a letter:\nplain letters (no accents), digits, - _ and ., answer "
                     "There is a room lobby, and the two names look alike; /join lobby goes there");
        assert_inbox(f, EVE, "");
        assert_inbox(f, BOB, "");
        assert_int_equal(member_rooms(member(f, ANN)), MEMBER_ROOMS_MAX);
        assert_int_equal(f->chat->roster.rooms.count, MEMBER_ROOMS_MAX);
        /* a member that leaves is named in each of its rooms */
        bye(f, ANN);
        serve(f);
        assert_inbox(f, BOB, "leave den: ann");
        assert_int_equal(f->chat->roster.rooms.count, 2);
}

/* Everything outlives chatd: that the member roams, its rooms, and that nobody knows of it yet. */
static void test_rooms_outlive_chatd(void **state)
{
        struct fixture *f = *state;
        begin(f);
        leave(f, EVE);
        hello_roaming(f, EVE);
        serve(f);
        assert_int_equal(restart_broker(f), 3);
        assert_string_equal(rooms_of(f, ANN), "den lobby");
        assert_string_equal(rooms_of(f, EVE), "");
        assert_false(member_is_here(member(f, EVE)));
        inbox_read(f->inboxes[BOB]);
        say_in(f, ANN, "den", "after");
        serve(f);
        assert_inbox(f, BOB, "line den: ann after");
        exit_room(f, ANN, "lobby");
        exit_room(f, ANN, "den");
        serve(f);
        assert_int_equal(restart_broker(f), 3);
        assert_string_equal(rooms_of(f, ANN), "");
        assert_true(member(f, ANN)->roams);
        assert_true(has_mark(f, ANN));
}

/* Without an inode for its mark, a session cannot become a member. One that is a member keeps its mark, so all of its
 * steps can be noted. */
static void test_without_inodes(void **state)
{
        struct fixture *f = *state;
        begin(f);
        leave(f, EVE);
        inbox_read(f->inboxes[ANN]);
        inodes = 0;
        hello_roaming(f, EVE);
        exit_room(f, ANN, "den");
        enter(f, ANN, "tea");
        serve(f);
        inodes = INT_MAX;
        assert_inbox(f, EVE, "refused the chat is full");
        assert_false(has_mark(f, EVE));
        assert_inbox(f, ANN, "answer You left the room den, answer You are now in tea, alone");
        restart_broker(f);
        assert_string_equal(rooms_of(f, ANN), "lobby tea");
}

/* ann roams, and so does bob; eve is in one room. */
static const struct {
        uint32_t who;
        enum frame_type type;
        const char *room, *text;
} tale[] = {
        {ANN, FRAME_ENTER, "den", ""},      {BOB, FRAME_ENTER, "den", ""}, {EVE, FRAME_ROOM, "den", ""},
        {ANN, FRAME_EXIT, "lobby", ""},     {BOB, FRAME_NICK, "zoe", ""},  {EVE, FRAME_ROOM, "lobby", ""},
        {ANN, FRAME_ROOM_LINE, "den", "1"}, {BOB, FRAME_EXIT, "tea", ""},  {EVE, FRAME_LINE, "", "2"},
        {ANN, FRAME_ENTER, "lobby", ""},
};

enum { TALE = sizeof(tale) / sizeof(tale[0]), PARTIES = 3 };

static void tell(struct fixture *f, size_t from)
{
        for (size_t i = from; i < TALE; i++)
                put(f, &(struct frame){
                               .type = (uint8_t)tale[i].type,
                               .id = inbox_id(tale[i].who),
                               .number = f->numbers[tale[i].who] + 1 + i / PARTIES,
                               .name = slice_of(tale[i].room),
                               .text = slice_of(tale[i].text),
                       });
}

/* chatd dies after it has consumed some frames of a batch. The next chatd handles the rest in the same way. */
static void test_steps_again(void **state)
{
        struct fixture *f = *state;
        struct seen seen[SESSIONS] = {0};
        hello_roaming(f, ANN);
        enter(f, ANN, "lobby");
        hello_roaming(f, BOB);
        enter(f, BOB, "tea");
        hello(f, EVE);
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read_new(f->inboxes[who], &seen[who]);
        f->numbers[EVE] = 1;
        uint64_t batches = f->chat->relay.batches;
        tell(f, 0);
        serve(f);
        assert_int_equal(f->chat->relay.batches, batches + 1);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                assert_true(strlen(inbox_read_new(f->inboxes[who], &seen[who])) > 0);
        for (size_t i = 0; i <= TALE; i++) {
                tell(f, i);
                restart_broker(f);
                serve(f);
                assert_string_equal(rooms_of(f, ANN), "den lobby");
                assert_string_equal(rooms_of(f, BOB), "den");
                assert_string_equal(rooms_of(f, EVE), "lobby");
                assert_string_equal(member(f, BOB)->name, "zoe");
                for (uint32_t who = ANN; who < SESSIONS; who++) {
                        static const char *const records[] = {"line", "enter", "exit", "rename",
                                                              "went", "came",  "join"};
                        const char *new = inbox_read_new(f->inboxes[who], &seen[who]);
                        for (size_t n = 0; n < sizeof(records) / sizeof(records[0]); n++)
                                if (strstr(new, records[n]))
                                        fail_msg("from frame %zu on, %s gets again: %s", i, names[who], new);
                        assert_null(strstr(new, "Not done"));
                }
        }
}

/* The frames that make a roaming member known come again. */
static void test_an_arrival_again(void **state)
{
        static const char room[] = "den";
        struct fixture *f = *state;
        struct seen bob = {0}, eve = {0};
        hello(f, EVE);
        hello(f, BOB);
        join(f, BOB, room);
        serve(f);
        inbox_read_new(f->inboxes[EVE], &eve);
        inbox_read_new(f->inboxes[BOB], &bob);
        hello_roaming(f, ANN);
        serve(f);
        for (int round = 0; round < 2; round++) {
                f->numbers[ANN] = 0;
                enter(f, ANN, room);
                say_in(f, ANN, room, "hi");
                enter(f, ANN, "lobby");
                if (round > 0)
                        restart_broker(f);
                serve(f);
                assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob),
                                    round == 0 ? "join den: ann, line den: ann hi" : "rollcall");
                assert_string_equal(inbox_read_new(f->inboxes[EVE], &eve), round == 0 ? "enter ann" : "rollcall");
        }
        assert_string_equal(rooms_of(f, ANN), "den lobby");
}

/* A session whose HELLO was lost with the queue is made a member by HERE. It is in no room, and nobody knows of it. */
static void test_here(void **state)
{
        struct fixture *f = *state;
        hello(f, EVE);
        serve(f);
        f->inboxes[BOB] = inbox_bind(f->dir, inbox_id(BOB));
        put(f, &(struct frame){.type = FRAME_HERE,
                               .id = inbox_id(BOB),
                               .key = inbox_id(BOB),
                               .name = slice_of("bob"),
                               .address = slice_of("here:1"),
                               .roams = true});
        serve(f);
        assert_string_equal(rooms_of(f, BOB), "");
        assert_true(member(f, BOB)->roams);
        assert_inbox(f, EVE, "welcome 1");
        enter(f, BOB, "lobby");
        serve(f);
        assert_inbox(f, EVE, "join bob");
}

/* Somebody takes another name, and leaves a room that another member shares with it. If the frames are taken again, that
 * member gets the same copy of the new name. */
static void test_a_copy_again(void **state)
{
        struct fixture *f = *state;
        struct seen bob = {0};
        hello_roaming(f, ANN);
        enter(f, ANN, "aaa");
        enter(f, ANN, "bbb");
        hello_roaming(f, BOB);
        enter(f, BOB, "bbb");
        enter(f, BOB, "aaa");
        serve(f);
        inbox_read_new(f->inboxes[BOB], &bob);
        for (int round = 0; round < 2; round++) {
                f->numbers[ANN] = 2;
                nick(f, ANN, "zoe");
                exit_room(f, ANN, "aaa");
                if (round > 0)
                        restart_broker(f);
                serve(f);
                assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob),
                                    round == 0 ? "rename aaa: ann zoe, exit aaa: zoe" : "rollcall");
        }
}

/* A member that waits to be announced, or is being named, is named in the rooms where it is before it enters another. */
static void test_who_waits_enters_a_room(void **state)
{
        struct fixture *f = *state;
        struct seen bob = {0}, eve = {0};
        char held[256], named[256];
        snprintf(held, sizeof(held), "%s/members/%016llx.held", f->dir, (unsigned long long)inbox_id(ANN));
        snprintf(named, sizeof(named), "%s/members/%016llx.named", f->dir, (unsigned long long)inbox_id(ANN));
        hello(f, EVE);
        hello(f, BOB);
        join(f, BOB, "den");
        serve(f);
        hello_roaming(f, ANN);
        serve(f);
        f->chat->arrivals->pace = pace_of(1, 1);
        f->chat->arrivals->pace.full_at_us = INT64_MAX / 2; /* nobody is named for a long time */
        enter(f, ANN, "lobby");
        serve(f);
        assert_int_equal(member(f, ANN)->arrival, ARRIVAL_WAITING);
        inbox_read_new(f->inboxes[BOB], &bob);
        inbox_read_new(f->inboxes[EVE], &eve);
        for (int round = 0; round < 2; round++) {
                f->numbers[ANN] = 1;
                enter(f, ANN, "den");
                if (round > 0) { /* chatd died before it removed the note that says that ann is being named */
                        assert_int_equal(symlink("-", named), 0);
                        restart_broker(f);
                }
                serve(f);
                assert_string_equal(inbox_read_new(f->inboxes[BOB], &bob), round == 0 ? "enter den: ann" : "rollcall");
                assert_string_equal(inbox_read_new(f->inboxes[EVE], &eve), round == 0 ? "join ann" : "rollcall");
        }
}

/* An earlier chatd, which did not know of roaming, took the HELLO. The answer to the roll call says it again. */
static void test_an_upgrade(void **state)
{
        struct fixture *f = *state;
        char mark[256];
        snprintf(mark, sizeof(mark), "%s/members/%016llx.rooms", f->dir, (unsigned long long)inbox_id(ANN));
        hello_roaming(f, ANN);
        serve(f);
        assert_int_equal(unlink(mark), 0);
        restart_broker(f);
        assert_string_equal(rooms_of(f, ANN), "lobby");
        put(f, &(struct frame){.type = FRAME_HERE,
                               .id = inbox_id(ANN),
                               .key = inbox_id(ANN),
                               .name = slice_of("ann"),
                               .address = slice_of("here:1"),
                               .roams = true});
        serve(f);
        assert_string_equal(rooms_of(f, ANN), "");
        assert_true(has_mark(f, ANN));
        enter(f, ANN, "den");
        serve(f);
        assert_string_equal(rooms_of(f, ANN), "den");
}

/* Past lines have their times in front of them, and their own numbers. */
static void test_past_lines(void **state)
{
        struct fixture *f = *state;
        f->chat->settings.history = 5;
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
        begin(f);
        say(f, BOB, "tea?");
        say_in(f, ANN, "den", "yes");
        serve(f);
        inbox_read(f->inboxes[ANN]);
        leave(f, EVE);
        hello_roaming(f, EVE);
        serve(f);
        assert_inbox(f, EVE, "welcome 3");
        enter(f, EVE, "den");
        serve(f);
        assert_inbox(
                f, EVE,
                "answer You are now in den, with bob, ann, past, time, line den: bob tea?, time, line den: ann yes");
        ask(f, EVE, FRAME_ROOM_HISTORY, "den", "");
        ask(f, EVE, FRAME_ROOM_HISTORY, "lobby", "");
        serve(f);
        assert_inbox(f, EVE,
                     "past, time, line den: bob tea?, time, line den: ann yes, answer You are not in the room lobby");
        exit_room(f, EVE, "den");
        struct frame last_one = numbered(f, EVE, FRAME_ENTER);
        last_one.name = slice_of("den");
        last_one.key = 1;
        put(f, &last_one);
        exit_room(f, EVE, "den");
        last_one.number = ++f->numbers[EVE];
        put_of(f, &last_one, 9); /* which has no such number */
        serve(f);
        assert_inbox(f, EVE,
                     "answer You left the room den, answer You are now in den, with bob, ann, past, time, line den: "
                     "ann yes, "
                     "answer You left the room den, answer You are now in den, with bob, ann, past, time, line den: "
                     "bob tea?, "
                     "time, line den: ann yes");
        history_remove(&f->chat->history, f->dir);
}

/* Notes with content that chatd did not write. */
static void test_a_mark_of_no_rooms(void **state)
{
        static const char *const marks[] = {"\n lobby 7th den den", "1 +den", "x\n lobby den", "9 +\n den lobby",
                                            "7 *den\n den lobby"};
        static const char *const expected[] = {"den lobby", "", "den lobby", "den lobby", "den lobby"};
        struct fixture *f = *state;
        char path[256];
        begin(f);
        snprintf(path, sizeof(path), "%s/members/%016llx.rooms", f->dir, (unsigned long long)inbox_id(ANN));
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
                assert_int_equal(unlink(path), 0);
                assert_int_equal(symlink(marks[i], path), 0);
                restart_broker(f);
                assert_string_equal(rooms_of(f, ANN), expected[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_visit),     TEST(test_two_rooms_in_common), TEST(test_a_walk_between_two_rooms),
                TEST(test_limits),      TEST(test_rooms_outlive_chatd), TEST(test_without_inodes),
                TEST(test_steps_again), TEST(test_an_arrival_again),    TEST(test_here),
                TEST(test_past_lines),  TEST(test_a_copy_again),        TEST(test_who_waits_enters_a_room),
                TEST(test_an_upgrade),  TEST(test_a_mark_of_no_rooms),
        };
        return RUN_TESTS(tests);
}
