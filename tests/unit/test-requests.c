/* Requests of members: names, rooms, private messages, lists of members; including requests that the next chatd meets
 * again. */
#include "../../chatd/notes.h"
#include "../../chatd/reach.h"

#include "../../chatd/arrivals.h"
#include "broker-fixture.h"
#include "inodes.h"

static struct frame numbered(struct fixture *f, uint32_t who, enum frame_type type)
{
        return (struct frame){.type = (uint8_t)type, .id = inbox_id(who), .number = ++f->numbers[who]};
}

static void nick(struct fixture *f, uint32_t who, const char *name)
{
        struct frame frame = numbered(f, who, FRAME_NICK);
        frame.name = slice_of(name);
        put(f, &frame);
}

static void act(struct fixture *f, uint32_t who, const char *text)
{
        struct frame frame = numbered(f, who, FRAME_ACTION);
        frame.text = slice_of(text);
        put(f, &frame);
}

static void msg(struct fixture *f, uint32_t who, const char *to, const char *text)
{
        struct frame frame = numbered(f, who, FRAME_PRIVATE);
        frame.name = slice_of(to);
        frame.text = slice_of(text);
        put(f, &frame);
}

static void who_is_here(struct fixture *f, uint32_t who)
{
        struct frame frame = numbered(f, who, FRAME_WHO);
        put(f, &frame);
}

static void join(struct fixture *f, uint32_t who, const char *room)
{
        struct frame frame = numbered(f, who, FRAME_ROOM);
        frame.name = slice_of(room);
        put(f, &frame);
}

static void set_topic(struct fixture *f, uint32_t who, const char *topic)
{
        struct frame frame = numbered(f, who, FRAME_TOPIC);
        frame.text = slice_of(topic);
        put(f, &frame);
}

static void which_rooms(struct fixture *f, uint32_t who)
{
        struct frame frame = numbered(f, who, FRAME_ROOMS);
        put(f, &frame);
}

/* Lets ann, bob and eve join and read everything. */
static void begin(struct fixture *f)
{
        for (uint32_t who = ANN; who < SESSIONS; who++)
                hello(f, who);
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

static void test_an_action(void **state)
{
        struct fixture *f = *state;
        begin(f);
        act(f, ANN, "waves");
        act(f, ANN, "w\x1bves");
        serve(f);
        assert_inbox(f, BOB, "action ann waves");
        assert_inbox(f, ANN, "");
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 1);
        assert_int_equal(f->chat->lines, 1);
}

static void test_a_name(void **state)
{
        struct fixture *f = *state;
        begin(f);
        say(f, ANN, "I am ann");
        nick(f, ANN, "Zoe");
        say(f, ANN, "I am zoe");
        serve(f);
        assert_inbox(f, BOB, "line ann I am ann, rename ann Zoe, line Zoe I am zoe");
        assert_inbox(f, ANN, "answer You are now called Zoe");
        inbox_read(f->inboxes[EVE]);
        nick(f, BOB, "ann"); /* this name is free now */
        nick(f, EVE, "z0E"); /* this name is taken */
        nick(f, EVE, "e v e");
        nick(f, EVE, "adm1nistrator");
        nick(f, EVE, "eve");
        nick(f, EVE, "Eve"); /* a member's own name in another case is another name */
        serve(f);
        assert_inbox(f, EVE,
                     "rename bob ann, answer The name Zoe is taken, and the two look alike; please choose another\n"
                     "If that is you, on a connection that was lost, try again in half a minute, "
                     "answer A name has 1 to 24 characters and starts with a letter:\nplain letters (no accents), "
                     "digits, - _ and ., "
                     "answer The name adm1nistrator is not allowed here; please choose another, "
                     "answer You are already called eve, answer You are now called Eve");
        assert_inbox(f, ANN, "rename bob ann, probe eve asked for your name, Zoe, rename eve Eve");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, BOB, "answer You are now called ann, rename eve Eve, leave Zoe");
}

static void test_a_name_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        begin(f);
        nick(f, ANN, "Zoe");
        serve(f);
        assert_int_equal(restart_broker(f), 3);
        assert_string_equal(member(f, ANN)->name, "Zoe");
        here(f, ANN, 1);
        nick(f, ANN, "Joe");
        serve(f);
        assert_int_equal(restart_broker(f), 3);
        assert_string_equal(member(f, ANN)->name, "Joe");
        bye(f, ANN);
        serve(f);
        assert_false(exists(f, "members", ANN));
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/%016llx.renamed", f->dir, (unsigned long long)inbox_id(ANN));
        assert_int_equal(lstat(path, &st), -1);
}

/* If the next chatd meets a change of name again, the others do not see it again, and no other member can have taken
 * the name in between. */
#define NOT_DONE(what) "answer Not done: the chat cannot store " what " right now; try again later"

/* A change that the next chatd would not know of is not made. */
static void test_what_cannot_be_noted(void **state)
{
        struct fixture *f = *state;
        begin(f);
        inodes = 0;
        nick(f, ANN, "Zoe");
        join(f, ANN, "Kitchen");
        set_topic(f, ANN, "all of it");
        say(f, ANN, "still ann");
        nick(f, BOB, "Zoe");
        serve(f);
        assert_inbox(f, ANN, NOT_DONE("a new name") ", " NOT_DONE("a change of room") ", " NOT_DONE("a topic"));
        assert_inbox(f, BOB, "line ann still ann, " NOT_DONE("a new name"));
        assert_inbox(f, EVE, "line ann still ann");
        assert_string_equal(member(f, ANN)->name, "ann");
        assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
        assert_string_equal(member(f, ANN)->seat.room->topic, "");
        assert_int_equal(f->chat->roster.rooms.count, 1);
        assert_int_equal(f->chat->changes.count, 0);
        /* each kind was logged; the second name was counted */
        assert_string_equal(f->chat->warnings[0].what, "cannot note a new name");
        assert_int_equal(f->chat->warnings[0].unlogged, 1);
        assert_string_equal(f->chat->warnings[1].what, "cannot note a change of room");
        assert_string_equal(f->chat->warnings[2].what, "cannot note a topic");
        assert_string_equal(f->chat->warnings[3].what, "");

        restart_broker(f);
        assert_string_equal(member(f, ANN)->name, "ann");
        inodes = INT_MAX;
        nick(f, ANN, "Zoe");
        join(f, ANN, "Kitchen");
        set_topic(f, ANN, "all of it");
        serve(f);
        inodes = 0;
        nick(f, ANN, "Zara"); /* in place of existing notes */
        set_topic(f, ANN, "some of it");
        join(f, ANN, "lobby");
        serve(f);
        assert_string_equal(member(f, ANN)->name, "Zara");
        assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
        restart_broker(f);
        assert_string_equal(member(f, ANN)->name, "Zara");
        assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
        inodes = INT_MAX;
}

static void test_a_name_again(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {0};
        begin(f);
        nick(f, ANN, "Zoe");
        nick(f, BOB, "ann");
        say(f, ANN, "after");
        serve(f);
        inbox_read_new(f->inboxes[EVE], &seen);
        /* the same frames come again, as if they had stayed in the queue */
        f->numbers[ANN] = f->numbers[BOB] = 0;
        nick(f, ANN, "Zoe");
        nick(f, BOB, "ann");
        say(f, ANN, "after");
        say(f, ANN, "new");
        restart_broker(f);
        assert_string_equal(member(f, ANN)->name, "ann");
        assert_string_equal(member(f, BOB)->name, "bob");
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[EVE], &seen), "rollcall, line Zoe new");
        assert_string_equal(member(f, ANN)->name, "Zoe");
        assert_string_equal(member(f, BOB)->name, "ann");
}

/* Everybody is told of changes in the order of the requests. */
static void test_changes_share_a_batch(void **state)
{
        struct fixture *f = *state;
        begin(f);
        uint64_t batches = f->chat->relay.batches;
        say(f, ANN, "1");
        join(f, BOB, "kitchen");
        nick(f, ANN, "Zoe");
        say(f, ANN, "2");
        say(f, BOB, "3");
        nick(f, EVE, "ann");
        nick(f, ANN, "eve");
        join(f, ANN, "kitchen");
        say(f, BOB, "4");
        serve(f);
        assert_int_equal(f->chat->relay.batches, batches + 1);
        assert_inbox(f, ANN,
                     "went bob kitchen, answer You are now called Zoe, rename eve ann, answer You are now called eve, "
                     "answer You are now in kitchen, with bob, line kitchen: bob 4");
        assert_inbox(f, BOB,
                     "line ann 1, answer You are now in kitchen, alone, answer Nobody hears you: nobody else is here, "
                     "came kitchen: eve lobby");
        assert_inbox(f, EVE,
                     "line ann 1, went bob kitchen, rename ann Zoe, line Zoe 2, answer You are now called ann, "
                     "rename Zoe eve, went eve kitchen");
        join(f, BOB, "");
        join(f, BOB, "kitchen");
        join(f, ANN, "garden");
        join(f, BOB, "");
        join(f, ANN, "");
        serve(f);
        assert_int_equal(f->chat->relay.batches, batches + 2);
        assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
}

/* All change their names, and two change rooms; one after another. */
static const struct {
        uint32_t who;
        enum frame_type type;
        const char *what;
} story[] = {
        {ANN, FRAME_NICK, "x"},   {BOB, FRAME_NICK, "ann"},     {EVE, FRAME_ROOM, "kitchen"},
        {ANN, FRAME_NICK, "bob"}, {BOB, FRAME_ROOM, "kitchen"}, {EVE, FRAME_NICK, "y"},
        {ANN, FRAME_NICK, "z"},   {BOB, FRAME_LINE, "said"},    {EVE, FRAME_ROOM, ""},
};

enum { STORY = sizeof(story) / sizeof(story[0]), TELLERS = 3 };

/* Puts the rest of the story, from there on, into the queue. */
static void tell(struct fixture *f, size_t from)
{
        for (size_t i = from; i < STORY; i++)
                put(f, &(struct frame){
                               .type = (uint8_t)story[i].type,
                               .id = inbox_id(story[i].who),
                               .number = 1 + i / TELLERS,
                               .name = slice_of(story[i].what),
                               .text = slice_of(story[i].what),
                       });
}

/* However many frames of a batch were consumed when chatd died, the next one handles the rest in the same way; even if
 * no inode is left in the meantime. */
static void test_changes_again(void **state)
{
        struct fixture *f = *state;
        struct seen seen[SESSIONS] = {0};
        begin(f);
        tell(f, 0);
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                assert_true(strlen(inbox_read_new(f->inboxes[who], &seen[who])) > 0);
        for (size_t i = 0; i < (size_t)2 * (STORY + 1); i++) {
                inodes = i > STORY ? 0 : INT_MAX;
                tell(f, i % (STORY + 1));
                restart_broker(f);
                serve(f);
                assert_string_equal(member(f, ANN)->name, "z");
                assert_string_equal(member(f, BOB)->name, "ann");
                assert_string_equal(member(f, EVE)->name, "y");
                assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
                assert_string_equal(member(f, BOB)->seat.room->name, "kitchen");
                assert_string_equal(member(f, EVE)->seat.room->name, FIRST_ROOM);
                for (uint32_t who = ANN; who < SESSIONS; who++) {
                        const char *new = inbox_read_new(f->inboxes[who], &seen[who]);
                        assert_null(strstr(new, "rename"));
                        assert_null(strstr(new, "said"));
                        assert_null(strstr(new, "came"));
                        assert_null(strstr(new, "went"));
                        assert_null(strstr(new, "Not done"));
                }
        }
        inodes = INT_MAX;
}

/* The next chatd takes a change of name from the queue, then a second HELLO of the same session. The session is no
 * newcomer, and the change counts. */
static void test_a_change_before_a_second_hello(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {0};
        begin(f);
        uint64_t number = f->numbers[ANN];
        for (int again = 0; again < 2; again++) {
                f->numbers[ANN] = number;
                nick(f, ANN, "Zoe");
                say(f, ANN, "I am zoe");
                hello_again(f, ANN);
                if (again)
                        restart_broker(f);
                serve(f);
                assert_string_equal(member(f, ANN)->name, "Zoe");
        }
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "rename ann Zoe, line Zoe I am zoe, rollcall");
        restart_broker(f);
        assert_string_equal(member(f, ANN)->name, "Zoe");
}

enum { NEWCOMER = 77 };

/* If joins and leaves shared a batch with changes, the next chatd would meet them in another state. */
static void test_nobody_comes_or_goes_beside_changes(void **state)
{
        struct fixture *f = *state;
        begin(f);
        uint64_t batches = f->chat->relay.batches;
        nick(f, ANN, "Zoe");
        bye(f, EVE);
        nick(f, BOB, "eve");
        nick(f, ANN, "bob");
        int inbox = inbox_bind(f->dir, inbox_id(NEWCOMER));
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(NEWCOMER),
                               .key = inbox_id(NEWCOMER),
                               .name = slice_of("eve"),
                               .address = slice_of("here:1")});
        serve(f);
        assert_int_equal(f->chat->relay.batches, batches + 4);
        assert_string_equal(member(f, BOB)->name, "eve");
        assert_string_equal(member(f, ANN)->name, "bob");
        assert_string_equal(member(f, NEWCOMER)->name, "eve~2");
        close(inbox);
}

/* A room that its last member left is a new room for the next one who joins it. */
static void test_a_room_that_ends_within_a_batch(void **state)
{
        struct fixture *f = *state;
        begin(f);
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

static void test_one_member_changes_often(void **state)
{
        struct fixture *f = *state;
        begin(f);
        uint64_t batches = f->chat->relay.batches;
        for (int i = 0; i <= NOTE_CHANGES_MAX; i++)
                nick(f, ANN, i % 2 ? "Zoe" : "Joe");
        serve(f);
        assert_int_equal(f->chat->relay.batches, batches + 2);
        assert_string_equal(member(f, ANN)->name, "Joe");
}

/* chatd was killed after the mark was written and before the note was. */
static void test_killed_between_mark_and_note(void **state)
{
        struct fixture *f = *state;
        struct member *ann;
        char note[256], before[256];
        begin(f);
        snprintf(note, sizeof(note), "%s/members/%016llx", f->dir, (unsigned long long)inbox_id(ANN));
        before[readlink(note, before, sizeof(before) - 1)] = '\0';
        ann = member(f, ANN);
        assert_int_equal(roster_rename(&f->chat->roster, ann, slice_of("Zoe")), 0);
        assert_int_equal(note_name(f->chat->roster.dir, ann, "1 ann"), 0);
        unlink(note);
        assert_int_equal(symlink(before, note), 0);
        restart_broker(f);
        assert_string_equal(member(f, ANN)->name, "ann");
        inbox_read(f->inboxes[BOB]);
        nick(f, ANN, "Zoe");
        serve(f);
        assert_inbox(f, BOB, "rename ann Zoe");
}

static void test_a_private_word(void **state)
{
        struct fixture *f = *state;
        begin(f);
        say(f, ANN, "one");
        msg(f, ANN, "BOB", "psst");
        say(f, ANN, "two");
        msg(f, ANN, "nobody", "psst");
        msg(f, ANN, "ann", "hello me");
        msg(f, ANN, "bob", "p\x1bsst");
        msg(f, ANN, "zoe@b", "psst");
        say(f, EVE, "three");
        serve(f);
        assert_inbox(f, BOB, "line ann one, private ann psst, line ann two, line eve three");
        assert_inbox(f, EVE, "line ann one, line ann two");
        assert_inbox(f, ANN,
                     "sent bob psst, answer There is nobody called nobody here; /who lists who is here, answer That is "
                     "you; the "
                     "message went to nobody, "
                     "answer This chat is not linked to other hosts, line eve three");
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 1);
}

static void test_a_reply(void **state)
{
        struct fixture *f = *state;
        begin(f);
        struct frame frame = numbered(f, BOB, FRAME_PRIVATE);
        frame.key = inbox_id(ANN);
        frame.text = slice_of("yes?");
        nick(f, ANN, "Zoe");
        put(f, &frame);
        serve(f);
        assert_inbox(f, ANN, "answer You are now called Zoe, private bob yes?");
        bye(f, ANN);
        frame.number = ++f->numbers[BOB];
        put(f, &frame);
        serve(f);
        assert_inbox(f, BOB,
                     "rename ann Zoe, sent Zoe yes?, leave Zoe, answer That person has left; /who lists who is here");
}

/* A private message does not confuse what clients of lent connections see, nor how many lines they are told that they
 * missed. */
static void test_a_private_word_among_lenders(void **state)
{
        struct fixture *f = *state;
        for (uint32_t who = ANN; who < SESSIONS; who++)
                hello(f, who);
        serve(f);
        for (int i = 0; i < 2; i++) { /* chatd asks for their connections when something was relayed to them */
                run_session(f, BOB);
                run_session(f, EVE);
                say(f, ANN, "before");
                serve(f);
        }
        assert_true(member(f, BOB)->lent.client >= 0 && member(f, EVE)->lent.client >= 0);
        say(f, ANN, "by chatd");
        serve(f);
        msg(f, ANN, "bob", "psst");
        say(f, ANN, "after");
        serve(f);
        run_session(f, BOB);
        run_session(f, EVE);
        say(f, ANN, "at last");
        serve(f);
        assert_lender_got(
                f->lenders[BOB],
                "*** eve is connected\r\nann: before\r\nann: before\r\nann: by chatd\r\nann (to you): psst\r\n"
                "ann: after\r\nann: at last\r\n");
        assert_lender_got(f->lenders[EVE],
                          "ann: before\r\nann: before\r\nann: by chatd\r\nann: after\r\nann: at last\r\n");
}

static void test_who(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        who_is_here(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer You are alone here: ann (you)");
        hello(f, BOB);
        hello(f, EVE);
        bye(f, BOB);
        who_is_here(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "join bob, join eve, leave bob, answer 2 people are here: ann (you), eve");
}

static void test_many_are_here(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        for (uint32_t i = 0; i < 2000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                assert_non_null(roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0));
        }
        who_is_here(f, ANN);
        assert_true(broker_serve(f->chat) >= 0);
        const char *answer = inbox_read(f->inboxes[ANN]);
        assert_non_null(strstr(answer, "2001 people are here: ann (you), member-0, "));
        assert_non_null(strstr(answer, " and 1"));
        assert_string_equal(answer + strlen(answer) - 5, " more");
        assert_true(strlen(answer) < TEXT_MAX_BYTES);
        size_t column = 0;
        for (const char *at = answer; *at; at++) {
                column = *at == '\n' ? 0 : column + 1;
                assert_true(column <= 110);
        }
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
        begin(f);
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
        assert_int_equal(f->chat->roster.rooms.empty, 0);
}

static void test_a_room_that_is_none(void **state)
{
        struct fixture *f = *state;
        begin(f);
        join(f, ANN, "two words");
        join(f, ANN, "Lobby");
        join(f, ANN, "a-name-that-is-much-too-long-for-a-room");
        serve(f);
        assert_inbox(f, ANN,
                     "answer A room's name follows the same rules as a person's:\nplain letters (no accents), digits, "
                     "- _ and ., a letter first, 24 at most, "
                     "answer You are already in the lobby, "
                     "answer A room's name follows the same rules as a person's:\nplain letters (no accents), digits, "
                     "- _ and ., a letter first, 24 at most");
        assert_inbox(f, BOB, "");
}

static void test_a_topic(void **state)
{
        struct fixture *f = *state;
        char topic[TOPIC_MAX_BYTES + 2] = "";
        begin(f);
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
        begin(f);
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

/* A newcomer that waits to be announced is announced before it changes rooms. */
static void test_a_room_of_who_was_not_announced(void **state)
{
        struct fixture *f = *state;
        f->chat->arrivals->pace = pace_of(1, 1);
        begin(f); /* eve, at least, was one too many */
        assert_int_equal(member(f, EVE)->arrival, ARRIVAL_WAITING);
        join(f, EVE, "kitchen");
        serve(f);
        assert_int_equal(member(f, EVE)->arrival, ARRIVAL_ANNOUNCED);
        assert_inbox(f, ANN, "join eve, went eve kitchen");
        assert_inbox(f, EVE, "answer You are now in kitchen, alone");
}

static void test_a_room_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        char path[256];
        struct stat st;
        begin(f);
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
        begin(f);
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
        /* and a member that goes back, whose room is gone by then */
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
        begin(f);
        for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
                snprintf(path, sizeof(path), "%s/members/%016llx.room", f->dir, (unsigned long long)inbox_id(ANN));
                assert_int_equal(symlink(notes[i], path), 0);
                restart_broker(f);
                assert_string_equal(member(f, ANN)->seat.room->name, FIRST_ROOM);
                assert_int_equal(lstat(path, &st), -1);
        }
}

/* Changes of rooms do not confuse what clients of lent connections see. */
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

static void ask_for(struct fixture *f, uint32_t who, enum frame_type type, const char *name)
{
        struct frame frame = numbered(f, who, type);
        frame.name = slice_of(name);
        put(f, &frame);
}

static void test_whose_name_it_is(void **state)
{
        struct fixture *f = *state;
        begin(f);
        ask_for(f, ANN, FRAME_FIND, "BOB");
        ask_for(f, ANN, FRAME_FIND, "bobb");
        ask_for(f, ANN, FRAME_FIND, "zoe");
        ask_for(f, ANN, FRAME_FIND, "two words");
        ask_for(f, ANN, FRAME_FIND, "");
        serve(f);
        assert_inbox(f, ANN,
                     "found bob, found nobody: There is nobody called bobb here. Did you mean bob?, "
                     "found nobody: There is nobody called zoe here; /who lists who is here");
        assert_int_equal(f->chat->ignored[IGNORED_UNCLEAN], 2);
}

static void test_whose_name_begins_so(void **state)
{
        struct fixture *f = *state;
        begin(f);
        join(f, EVE, "kitchen");
        nick(f, BOB, "annika");
        serve(f);
        inbox_read(f->inboxes[ANN]);
        ask_for(f, ANN, FRAME_COMPLETE, "AN"); /* not the member's own name */
        ask_for(f, ANN, FRAME_COMPLETE, "e");
        ask_for(f, ANN, FRAME_COMPLETE, "");
        serve(f);
        assert_inbox(f, ANN, "names annika, names , names annika");
}

/* If there are more names than fit, as many as fit are listed. */
static void test_many_names_begin_so(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        for (uint32_t i = 0; i < 2000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                assert_non_null(roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0));
        }
        ask_for(f, ANN, FRAME_COMPLETE, "mem");
        assert_true(broker_serve(f->chat) >= 0);
        const char *answer = inbox_read(f->inboxes[ANN]);
        assert_non_null(strstr(answer, "names member-0 member-1 "));
        assert_string_equal(answer + strlen(answer) - 4, " …");
        assert_true(strlen(answer) > TEXT_MAX_BYTES - 100);
}

/* A session of an earlier version does not know that a message was sent. */
static void test_a_private_word_of_an_older_session(void **state)
{
        struct fixture *f = *state;
        uint8_t buffer[FRAME_MAX_BYTES];
        begin(f);
        struct frame frame = numbered(f, ANN, FRAME_PRIVATE);
        frame.name = slice_of("bob");
        frame.text = slice_of("psst");
        size_t size = frame_encode(buffer, sizeof(buffer), &frame) - FRAME_APPENDED_BYTES;
        buffer[0] = 3;
        assert_int_equal(send(f->sender, buffer, size, 0), size);
        serve(f);
        assert_inbox(f, BOB, "private ann psst");
        assert_inbox(f, ANN, "");
}

/* The notice comes once, until there is somebody else. */
static void test_nobody_hears_it(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        say(f, ANN, "one");
        say(f, ANN, "two");
        act(f, ANN, "waves");
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer Nobody hears you: nobody else is here");
        hello(f, BOB);
        say(f, ANN, "three");
        bye(f, BOB);
        act(f, ANN, "waves");
        serve(f);
        assert_inbox(f, ANN, "join bob, leave bob, answer Nobody hears you: nobody else is here");
        join(f, ANN, "kitchen");
        say(f, ANN, "four");
        serve(f);
        assert_inbox(f, ANN, "answer You are now in kitchen, alone, answer Nobody hears you: nobody else is here");
}

/* Requests of strangers, with a number that was there before, and under another member's name are ignored. */
static void test_what_is_ignored(void **state)
{
        struct fixture *f = *state;
        who_is_here(f, ANN);
        serve(f);
        assert_int_equal(f->chat->ignored[IGNORED_STRANGER], 1);
        begin(f);
        f->numbers[ANN] = 0;
        who_is_here(f, ANN);
        serve(f);
        f->numbers[ANN] = 0;
        nick(f, ANN, "Zoe");
        f->numbers[ANN] = UINT64_MAX - 1;
        nick(f, ANN, "Zoe");
        serve(f);
        assert_int_equal(f->chat->ignored[IGNORED_REPEATED], 2);
        assert_string_equal(member(f, ANN)->name, "ann");
}

static void test_to_oneself(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        begin(f);
        text[0] = 'x';
        for (int i = 0; i < 2040; i++)
                memcpy(text + 1 + 2 * i, "\xc3\xa4", 2);
        msg(f, ANN, "ann", text);
        serve(f);
        const char *got = inbox_read(f->inboxes[ANN]);
        assert_int_equal(strncmp(got, "answer ", 7), 0);
        assert_true(text_is_clean(got + 7, strlen(got) - 7));
}

/* A few changes are allowed for each room, whichever chatd handles them, and again after a while. */
static void test_topics_that_change_often(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {0};
        begin(f);
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
        begin(f);
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

static void test_muted_speaks(void **state)
{
        struct fixture *f = *state;
        begin(f);
        member(f, ANN)->muted = true;
        nick(f, ANN, "bob-is-an-ass");
        join(f, ANN, "bob-go-home");
        serve(f);
        assert_inbox(f, BOB, "");
}

/* Lines that were said before the request are shown as past. */
static void test_history_before_live(void **state)
{
        struct fixture *f = *state;
        f->chat->settings.history = 20;
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
        begin(f);
        say(f, ANN, "hi");
        struct frame frame = numbered(f, BOB, FRAME_HISTORY);
        put(f, &frame);
        serve(f);
        assert_inbox(f, BOB, "line ann hi, past, line ann hi");
}

/* ---- answers and the order ---- */

static void test_an_answer_has_its_place(void **state)
{
        struct fixture *f = *state;
        begin(f);
        say(f, ANN, "before");
        who_is_here(f, BOB);
        say(f, BOB, "mine");
        say(f, ANN, "behind");
        set_topic(f, BOB, "");
        serve(f);
        assert_inbox(f, BOB,
                     "line ann before, answer 3 people are here: ann, bob (you), eve, line ann behind, "
                     "answer lobby has no topic; /topic TEXT sets one");
        assert_inbox(f, EVE, "line ann before, line bob mine, line ann behind");
        who_is_here(f, BOB);
        serve(f); /* a batch of the answer alone */
        assert_inbox(f, BOB, "answer 3 people are here: ann, bob (you), eve");
        assert_inbox(f, EVE, "");
}

/* An answer keeps its place if the member gets lines without its session. */
static void test_an_answer_to_a_lender(void **state)
{
        struct fixture *f = *state;
        begin(f);
        say(f, ANN, "hello");
        serve(f);
        run_session(f, BOB);
        say(f, ANN, "before");
        who_is_here(f, BOB);
        say(f, ANN, "behind");
        serve(f);
        assert_inbox(f, BOB, "line ann before, answer 3 people are here: ann, bob (you), eve, line ann behind");
}

/* Fills the inbox of a session that does not run. */
static void fill_inbox(struct fixture *f, uint32_t who)
{
        const struct frame relayed = {.type = FRAME_RELAYED, .id = f->chat->relay.epoch};
        while (reach_send(member(f, who), &relayed) == 0)
                ;
}

/* Returns what the session gets when it runs again. */
static const char *after_lagging(struct fixture *f, uint32_t who)
{
        assert_true(member(f, who)->lagging);
        inbox_empty(f->inboxes[who]);
        broker_has_room(f->chat, member(f, who));
        assert_false(member(f, who)->lagging);
        return inbox_read(f->inboxes[who]);
}

static void test_an_answer_waits_for_room(void **state)
{
        struct fixture *f = *state;
        begin(f);
        fill_inbox(f, BOB);
        say(f, ANN, "before");
        who_is_here(f, BOB);
        say(f, ANN, "behind");
        nick(f, ANN, "bob");
        serve(f);
        assert_string_equal(after_lagging(f, BOB), "missed 2, answer 3 people are here: ann, bob (you), eve, "
                                                   "probe ann asked for your name, bob");
        say(f, ANN, "again");
        serve(f);
        assert_inbox(f, BOB, "line ann again");
}

/* A member that asks again and again, and reads nothing, uses only a bounded amount of memory. */
static void test_answers_that_wait_are_bounded(void **state)
{
        struct fixture *f = *state;
        static char topic[TOPIC_MAX_BYTES + 1];
        begin(f);
        memset(topic, 't', TOPIC_MAX_BYTES);
        set_topic(f, ANN, topic);
        serve(f);
        fill_inbox(f, BOB);
        size_t asked = 0;
        for (; member(f, BOB)->missed == 0 || !member(f, BOB)->lagging; asked++) {
                assert_in_range(asked, 0, BATCH_LETTERS_MAX_BYTES / TOPIC_MAX_BYTES);
                set_topic(f, BOB, "");
                serve(f);
        }
        assert_in_range(member(f, BOB)->letters.bytes, BATCH_LETTERS_MAX_BYTES / 2, BATCH_LETTERS_MAX_BYTES);
        bye(f, BOB);
        serve(f);
        assert_null(member(f, BOB));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_an_action),
                TEST(test_a_name),
                TEST(test_a_name_outlives_chatd),
                TEST(test_what_cannot_be_noted),
                TEST(test_a_name_again),
                TEST(test_killed_between_mark_and_note),
                TEST(test_a_private_word),
                TEST(test_a_reply),
                TEST(test_a_private_word_among_lenders),
                TEST(test_who),
                TEST(test_many_are_here),
                TEST(test_a_room),
                TEST(test_history_before_live),
                TEST(test_to_oneself),
                TEST(test_topics_that_change_often),
                TEST(test_topic_of_a_crowd),
                TEST(test_muted_speaks),
                TEST(test_a_room_that_is_none),
                TEST(test_a_topic),
                TEST(test_who_is_in_other_rooms),
                TEST(test_many_rooms),
                TEST(test_a_room_of_who_was_not_announced),
                TEST(test_a_room_outlives_chatd),
                TEST(test_a_room_again),
                TEST(test_changes_share_a_batch),
                TEST(test_changes_again),
                TEST(test_a_change_before_a_second_hello),
                TEST(test_nobody_comes_or_goes_beside_changes),
                TEST(test_a_room_that_ends_within_a_batch),
                TEST(test_one_member_changes_often),
                TEST(test_a_note_of_no_room),
                TEST(test_rooms_of_lenders),
                TEST(test_whose_name_it_is),
                TEST(test_whose_name_begins_so),
                TEST(test_many_names_begin_so),
                TEST(test_a_private_word_of_an_older_session),
                TEST(test_nobody_hears_it),
                TEST(test_what_is_ignored),
                TEST(test_an_answer_has_its_place),
                TEST(test_an_answer_to_a_lender),
                TEST(test_an_answer_waits_for_room),
                TEST(test_answers_that_wait_are_bounded),
        };
        return RUN_TESTS(tests);
}
