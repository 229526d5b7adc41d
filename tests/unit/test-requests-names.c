/* Names that members take, also among other changes in a batch, and whenever chatd is killed. */
#include "requests-fixture.h"

static void test_a_name(void **state)
{
        struct fixture *f = *state;
        join_all(f);
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

static void add_token(struct fixture *f, const char *name, const char *secret)
{
        struct token token;
        assert_int_equal(token_make(&token, slice_of(name), slice_of(""), slice_of(secret)), 0);
        assert_int_equal(tokens_add(&f->chat->tokens, &token), 0);
}

/* Nobody gets the name of a token, or one that looks like it at a glance, as long as there is the token. */
static void test_a_name_of_a_token(void **state)
{
        struct fixture *f = *state;
        static const char *const wanted[] = {"alarm-1", "Alarm-1", "aIarm-l", "alarrn-1", "alarm_1", "alarm.i"};
        char expected[128];
        assert_int_equal(tokens_read(&f->chat->tokens, f->dir, f->log), 0);
        add_token(f, "alarm-1", "0123456789abcdefABCDEF");
        join_all(f);
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
                snprintf(expected, sizeof(expected), "answer The name %s is not allowed here; please choose another",
                         wanted[i]);
                nick(f, EVE, wanted[i]);
                serve(f);
                assert_inbox(f, EVE, expected);
        }
        nick(f, EVE, "alarm-2");
        serve(f);
        assert_inbox(f, EVE, "answer You are now called alarm-2");
        assert_int_equal(tokens_remove(&f->chat->tokens, slice_of("alarm-1")), 0);
        nick(f, EVE, "alarrn_1");
        serve(f);
        assert_inbox(f, EVE, "answer You are now called alarrn_1");
}

/* When chatd starts, the file may have a token that was not there when a member took its name. Only a newcomer gets
 * another name then. */
static void test_a_member_keeps_the_name_of_a_token(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        assert_int_equal(tokens_read(&f->chat->tokens, f->dir, f->log), 0);
        add_token(f, "bob", "0123456789abcdefABCDEF");
        add_token(f, "eve", "0123456789abcdefABCDEFx");
        bye(f, EVE);
        serve(f);
        kill_broker(f); /* the file is written all the same */
        start_broker(f);
        assert_int_equal(tokens_read(&f->chat->tokens, f->dir, f->log), 0);
        assert_int_equal(f->chat->tokens.count, 2);
        assert_int_equal(recovery_run(f->chat), 2);
        broker_settle(f->chat);
        assert_string_equal(member(f, BOB)->name, "bob");
        here(f, BOB, 0);
        hello(f, EVE);
        serve(f);
        assert_string_equal(member(f, BOB)->name, "bob");
        assert_string_equal(member(f, EVE)->name, "eve~2");
}

static void test_a_name_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        join_all(f);
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
        join_all(f);
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
        assert_string_equal(f->chat->complaints.warnings[0].what, "cannot note a new name");
        assert_int_equal(f->chat->complaints.warnings[0].complaint.unlogged_count, 1);
        assert_string_equal(f->chat->complaints.warnings[1].what, "cannot note a change of room");
        assert_string_equal(f->chat->complaints.warnings[2].what, "cannot note a topic");
        assert_string_equal(f->chat->complaints.warnings[3].what, "");

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
        join_all(f);
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
        join_all(f);
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

enum { STORY = sizeof(story) / sizeof(story[0]), TELLERS = 3 };

/* Puts the entries of the story from `from` on into the queue. */
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

/* chatd dies after it has consumed some frames of a batch. The next chatd handles the rest in the same way, even if no
 * inode is left by then. */
static void test_changes_again(void **state)
{
        struct fixture *f = *state;
        struct seen seen[SESSIONS] = {0};
        join_all(f);
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
        join_all(f);
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

/* Joins and leaves do not share a batch with changes. Otherwise the next chatd would meet them in another state. */
static void test_nobody_comes_or_goes_beside_changes(void **state)
{
        struct fixture *f = *state;
        join_all(f);
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

static void test_one_member_changes_often(void **state)
{
        struct fixture *f = *state;
        join_all(f);
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
        join_all(f);
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

static void ask_for(struct fixture *f, uint32_t who, enum frame_type type, const char *name)
{
        struct frame frame = numbered(f, who, type);
        frame.name = slice_of(name);
        put(f, &frame);
}

static void test_whose_name_it_is(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        ask_for(f, ANN, FRAME_FIND, "BOB");
        ask_for(f, ANN, FRAME_FIND, "bobb");
        ask_for(f, ANN, FRAME_FIND, "zoe");
        ask_for(f, ANN, FRAME_FIND, "two words");
        ask_for(f, ANN, FRAME_FIND, "");
        serve(f);
        assert_inbox(f, ANN,
                     "found bob, found nobody: There is nobody called bobb here. Did you mean bob?, "
                     "found nobody: There is nobody called zoe here; /who lists who is here");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 2);
}

static void test_whose_name_begins_so(void **state)
{
        struct fixture *f = *state;
        join_all(f);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_name),
                TEST(test_a_name_of_a_token),
                TEST(test_a_member_keeps_the_name_of_a_token),
                TEST(test_a_name_outlives_chatd),
                TEST(test_what_cannot_be_noted),
                TEST(test_a_name_again),
                TEST(test_killed_between_mark_and_note),
                TEST(test_changes_share_a_batch),
                TEST(test_changes_again),
                TEST(test_a_change_before_a_second_hello),
                TEST(test_nobody_comes_or_goes_beside_changes),
                TEST(test_one_member_changes_often),
                TEST(test_whose_name_it_is),
                TEST(test_whose_name_begins_so),
                TEST(test_many_names_begin_so),
        };
        return RUN_TESTS(tests);
}
