/* Administrators mute, remove and ban members, also if chatd is killed meanwhile or the disk is slow. */
#include "control-fixture.h"
#include "held-disk.h"
#include "requests-fixture.h"

static void test_a_mute(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        say(f, ANN, "one");
        assert_string_equal(ask(c, "mute|9|ANN"), "end=ok");
        assert_inbox(f, ANN, "notice An administrator muted you: nobody sees what you say");
        assert_string_equal(ask(c, "mute|99|ann"), "end=ok"); /* ann is muted already */
        assert_inbox(f, ANN, "");
        say(f, ANN, "two");
        say(f, ANN, "three");
        serve(f);
        assert_inbox(f, ANN, "answer You are muted: nobody sees what you say"); /* only once */
        act(f, ANN, "x");
        msg(f, ANN, "bob", "psst");
        serve(f);
        assert_inbox(f, ANN,
                     "answer You are muted: nobody sees what you say, "
                     "answer You are muted: nobody sees what you say"); /* each request has an answer */
        assert_inbox(f, BOB, "line ann one");
        assert_int_equal(member(f, ANN)->lines_in, f->numbers[ANN]); /* the session need not send them again */

        kill_and_restart(c);
        here(f, ANN, f->numbers[ANN]);
        say(f, ANN, "four");
        serve(f);
        assert_inbox(f, BOB, "rollcall");
        assert_non_null(strstr(ask(c, "who"), "muted=yes"));
        assert_string_equal(ask(c, "unmute|a|ann"), "end=ok");
        say(f, ANN, "five");
        serve(f);
        assert_inbox(f, BOB, "line ann five");
        assert_inbox(f, ANN,
                     "rollcall, answer You are muted: nobody sees what you say, notice You are no longer muted");
        kill_and_restart(c);
        assert_false(member(f, ANN)->is_muted);
        assert_non_null(strstr(ask(c, "mute|b|zoe"), "end=nobody"));
}

/* A change that the next chatd would not know of is not made, and the administrator is told so. */
static void test_no_inode_is_left(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char failed[512];
        join_all(f);
        snprintf(failed, sizeof(failed),
                 "end=failed text=not done, because chatd cannot note it in %s: No space left on device", f->dir);
        kill_and_restart(c);
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[BOB]);
        inodes = 0;
        assert_string_equal(ask(c, "mute|51|ann"), failed);
        assert_string_equal(ask(c, "mute|51|ann"), failed); /* the request is not remembered as done */
        assert_string_equal(ask(c, "topic|52|lobby|rules"), failed);
        assert_string_equal(ask(c, "unmute|53|ann"), "end=ok");
        say(f, ANN, "heard");
        serve(f);
        assert_inbox(f, BOB, "line ann heard");
        assert_inbox(f, ANN, "");
        kill_and_restart(c);
        assert_false(member(f, ANN)->is_muted);
        inodes = 1;
        assert_string_equal(ask(c, "mute|51|ann"), "end=ok");
        assert_int_equal(inodes, 0);
        kill_and_restart(c);
        assert_true(member(f, ANN)->is_muted);
        /* the change was noted, too, in place of the note before */
        assert_string_equal(ask(c, "mute|51|ann"), "end=ok");
        assert_string_equal(ask(c, "unmute|54|ann"), "end=ok");
        assert_int_equal(inodes, 1);
        assert_string_equal(ask(c, "say|55|hello"), "end=ok");
        inodes = 0;
        assert_string_equal(ask(c, "kick|56|bob"), ""); /* chatctl waits for bob to leave */
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        inodes = INT_MAX;
}

/* chatd dies before or after it writes the mark, and the frame is met again: lines in front of it were relayed, lines
 * behind it were not. */
static void test_killed_while_it_mutes(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct seen seen = {0};
        struct frame mute = {.type = FRAME_MUTE, .id = inbox_id(ANN), .number = 5, .text = slice_of("")};
        join_all(f);
        for (int again = 0; again < 2; again++) {
                f->numbers[ANN] = 0;
                say(f, ANN, "before");
                put(f, &mute);
                say(f, ANN, "behind");
                serve(f);
                assert_true(member(f, ANN)->is_muted);
                restart_broker(f);
                assert_true(member(f, ANN)->is_muted);
        }
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "line ann before, rollcall, rollcall");
}

static void test_marks_go_with_the_member(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char path[256];
        struct stat st;
        join_all(f);
        snprintf(path, sizeof(path), "%s/members/%016llx.muted", f->dir, (unsigned long long)inbox_id(ANN));
        assert_string_equal(ask(c, "mute|c|ann"), "end=ok");
        assert_int_equal(lstat(path, &st), 0);
        bye(f, ANN);
        serve(f);
        assert_int_equal(lstat(path, &st), -1);
        assert_int_equal(symlink("-", path), 0); /* a leftover of a chatd that died before it removed it */
        restart_broker(f);
        assert_int_equal(lstat(path, &st), -1);
}

static void test_a_kick(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "kick|d|bob|too loud"), ""); /* bob must leave */
        assert_inbox(f, BOB, "kicked too loud");
        say(f, BOB, "and yet");
        act(f, BOB, "x");
        serve(f);
        assert_inbox(f, BOB, ""); /* nothing follows KICKED */
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        assert_inbox(f, ANN, "leave bob removed");
        assert_non_null(strstr(ask(c, "kick|e|bob"), "end=nobody"));
}

static void test_who_does_not_leave(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char expected[128];
        join_all(f);
        assert_string_equal(ask(c, "kick|f|bob"), "");
        control_settle(f->chat, INT64_MAX - 1); /* much later */
        run(f);
        snprintf(expected, sizeof(expected), "end=stays text=bob pid=%d id=%016llx", (int)getpid(),
                 (unsigned long long)inbox_id(BOB));
        assert_string_equal(answer(c, 0), expected);
        say(f, BOB, "I am still here");
        serve(f);
        assert_inbox(f, ANN, "");
        snprintf(expected, sizeof(expected), "kick|10|#%016llx", (unsigned long long)inbox_id(BOB));
        assert_string_equal(ask(c, expected), "");
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
}

static void test_a_ban(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "ban|11|Bob|was rude"), "end=ok text=Bob");
        assert_inbox(f, BOB, "kicked banned: was rude");
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "leave bob removed");
        close(f->inboxes[BOB]);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, BOB, "refused you are banned (was rude)");
        assert_null(member(f, BOB));
        nick(f, EVE, "BOB");
        serve(f);
        assert_inbox(f, EVE, "leave bob removed, answer The name BOB is not allowed here; please choose another");
        assert_non_null(strstr(ask(c, "bans"), "ban=Bob since="));
        kill_and_restart(c);
        hello_again(f, BOB);
        serve(f);
        assert_null(member(f, BOB));
        assert_string_equal(ask(c, "unban|12|bob"), "end=ok text=bob");
        assert_non_null(strstr(ask(c, "unban|13|bob"), "end=nobody"));
        hello_again(f, BOB);
        serve(f);
        assert_non_null(member(f, BOB));
}

/* A banned member is removed even if chatd dies after the ban; nobody is removed twice. */
static void test_killed_behind_a_ban(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct ban ban = {.reason = ""};
        join_all(f);
        assert_int_equal(ban_parse(&ban, "eve"), 0);
        assert_int_equal(bans_add(&f->chat->bans, &ban), 0);
        kill_and_restart(c);
        ban_check_begin(f->chat); /* the fixture reads the bans only after the recovery */
        run(f);
        assert_inbox(f, EVE, "rollcall, kicked banned");
        assert_inbox(f, BOB, "rollcall");
        run(f);
        assert_inbox(f, EVE, "");
}

static void test_who_lags_is_removed_all_the_same(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        fill_inbox(f, BOB);
        assert_string_equal(ask(c, "kick|1|bob|too loud"), "");
        say(f, ANN, "he is gone");
        serve(f);
        assert_string_equal(after_lagging(f, BOB), "missed 1, kicked too loud");
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");

        fill_inbox(f, EVE);
        assert_string_equal(ask(c, "ban|2|eve|spam"), "end=ok text=eve");
        run(f);
        assert_string_equal(after_lagging(f, EVE), "kicked banned: spam");
}

/* The next chatd removes a lagging member, too, and announces nobody twice. */
static void test_who_lags_is_removed_by_the_next_chatd(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        fill_inbox(f, BOB);
        fill_inbox(f, EVE);
        assert_string_equal(ask(c, "kick|1|bob"), "");
        put(f, &(struct frame){.type = FRAME_KICK, .id = inbox_id(EVE), .number = 2, .text = slice_of("two words")});
        serve(f);
        kill_and_restart(c);
        assert_string_equal(after_lagging(f, BOB), "missed some, kicked ");
        assert_string_equal(after_lagging(f, EVE), "missed some, kicked two words");
        say(f, BOB, "I am still here");
        serve(f);
        assert_inbox(f, ANN, "rollcall");
        bye(f, BOB);
        serve(f);
        assert_false(exists(f, "members", BOB));
        assert_string_equal(ask(c, "unmute|3|eve"), "end=ok"); /* eve leaves all the same */
        say(f, EVE, "may I?");
        serve(f);
        assert_inbox(f, ANN, "leave bob removed");
}

/* Asserts that this member was told to leave, and what the last KICKED in its inbox says. */
static void assert_removed(struct fixture *f, uint32_t who, enum answer_code code, const char *reason)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct answer why = {0};
        struct frame got = {0};
        ssize_t n;
        while ((n = recv(f->inboxes[who], buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
                assert_int_equal(frame_decode(&got, buffer, (size_t)n), 0);
                if (got.type != FRAME_KICKED)
                        continue;
                assert_int_equal(answer_decode(&why, got.answer), 0);
                assert_int_equal(why.code, code);
                assert_true(slice_equal(why.text, slice_of(reason)));
        }
        assert_int_equal(why.code, code);
}

/* A kick for a reason that reads like a ban is no ban, and a ban is no kick. The next chatd reads the same from the
 * notes. */
static void test_a_reason_that_looks_like_a_ban(void **state)
{
        static const char *const reasons[] = {"banned", "banned: spam", " banned: spam", "banned for ever", " ", "",
                                              "x"};
        for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
                void *own;
                char words[64];
                assert_int_equal(begin(&own), 0);
                struct control_fixture *c = own;
                struct fixture *f = &c->base;
                join_all(f);
                snprintf(words, sizeof(words), "kick|1|bob|%s", reasons[i]);
                request(c, 1, words);
                assert_string_equal(ask(c, "ban|2|eve|spam"), "end=ok text=eve");
                run(f);
                for (int again = 0; again < 2; again++) {
                        if (again)
                                kill_and_restart(c);
                        for (uint32_t who = BOB; again && who <= EVE; who++)
                                broker_has_room(f->chat, member(f, who));
                        assert_removed(f, BOB, ANSWER_REMOVED, reasons[i]);
                        assert_removed(f, EVE, ANSWER_REMOVED_BANNED, "spam");
                }
                end(&own);
        }
        (void)state;
}

/* In a note of an earlier version, a text that reads like a ban means a ban. */
static void test_a_note_of_an_earlier_version(void **state)
{
        static const struct {
                const char *note;
                enum answer_code code;
                const char *reason;
        } notes[] = {{"removed ", ANSWER_REMOVED, ""},
                     {"removed too loud", ANSWER_REMOVED, "too loud"},
                     {"removed banned", ANSWER_REMOVED_BANNED, ""},
                     {"removed banned: spam", ANSWER_REMOVED_BANNED, "spam"}};
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char path[256];
        join_all(f);
        for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
                snprintf(path, sizeof(path), "%s/members/%016" PRIx64 ".muted", f->dir, inbox_id(BOB));
                unlink(path);
                assert_int_equal(symlink(notes[i].note, path), 0);
                kill_and_restart(c);
                broker_has_room(f->chat, member(f, BOB));
                assert_removed(f, BOB, notes[i].code, notes[i].reason);
        }
}

/* A request that waits for its answer is not forgotten, however many members a ban removes. */
static void test_a_ban_removes_many(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "say|7|hello"), "end=ok");
        for (int i = 0; i < ADMIN_REMEMBERED; i++) {
                free(member(f, EVE)->removal_reason);
                member(f, EVE)->removal_reason = NULL;
                member(f, EVE)->removal = REMOVAL_NONE;
                assert_non_null(strstr(ask(c, "ban|8|eve|"), "end=ok"));
        }
        inbox_read(f->inboxes[ANN]);
        assert_string_equal(ask(c, "say|7|hello"), "end=ok");
        assert_inbox(f, ANN, "");
}

/* Returns what chatd logs from now on, on standard error, up to `word`. */
static const char *read_log(int from, const char *word)
{
        static char all[1 << 16];
        size_t len = 0;
        do {
                ssize_t n = read(from, all + len, sizeof(all) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
                all[len] = '\0';
        } while (!strstr(all, word));
        return all;
}

static size_t count(const char *text, const char *word)
{
        size_t n = 0;
        for (; (text = strstr(text, word)); text++)
                n++;
        return n;
}

/* The frames are met again, as after the death of a chatd that had not consumed them. */
static void test_it_is_logged_once(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        int ends[2], error = dup(STDERR_FILENO);
        char path[256];
        assert_int_equal(pipe(ends), 0);
        join_all(f);
        dup2(ends[1], STDERR_FILENO);
        for (int again = 0; again < 2; again++) {
                put(f, &(struct frame){.type = FRAME_KICK, .id = inbox_id(BOB), .number = 1});
                put(f, &(struct frame){.type = FRAME_MUTE, .id = inbox_id(EVE), .number = 2});
                serve(f);
                snprintf(path, sizeof(path), "%s/members/requests", f->dir);
                assert_int_equal(unlink(path), 0);
                kill_and_restart(c);
        }
        assert_string_equal(ask(c, "say|7|that is all"), "end=ok");
        const char *log = read_log(ends[0], "that is all");
        dup2(error, STDERR_FILENO);
        close(error);
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(count(log, "removed bob"), 1);
        assert_int_equal(count(log, "muted eve"), 1);
}

/* The disk is slow: a ban is in effect at once, the chat goes on, and chatctl gets its answer when the file is
 * written. */
static void test_nobody_waits_for_the_disk(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char path[256];
        struct stat st;
        join_all(f);
        snprintf(path, sizeof(path), "%s/bans", f->dir);
        pthread_mutex_lock(&disk_held);
        request(c, 0, "ban|1|eve|spam");
        run(f);
        request(c, 1, "ban|2|zoe|");
        say(f, ANN, "hello");
        run(f);
        assert_inbox(f, BOB, "line ann hello");
        assert_inbox(f, EVE, "kicked banned: spam, line ann hello");
        assert_string_equal(answer(c, 0), "");
        assert_int_equal(stat(path, &st), -1);
        control_settle(f->chat, INT64_MAX - 1); /* much later */
        run(f);
        assert_non_null(strstr(answer(c, 0), "end=queued text=the change is in effect, but "));
        pthread_mutex_unlock(&disk_held);
        request(c, 0, "unban|3|eve");
        run(f);
        bans_finish(&f->chat->bans);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok text=eve");
        kill_and_restart(c);
        assert_non_null(strstr(ask(c, "bans"), "ban=zoe "));
        assert_null(strstr(ask(c, "bans"), "ban=eve "));
}

/* A change that cannot be written is reported, and is in effect all the same. */
static void test_the_disk_takes_nothing(void **state)
{
        struct control_fixture *c = *state;
        char path[256];
        snprintf(path, sizeof(path), "%s/bans.new", c->base.dir);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_non_null(
                strstr(ask(c, "ban|1|eve|spam"), "end=failed text=in effect only until chatd ends: cannot write "));
        assert_non_null(strstr(ask(c, "bans"), "ban=eve "));
        rmdir(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CONTROL_TEST(test_a_mute),
                CONTROL_TEST(test_no_inode_is_left),
                CONTROL_TEST(test_killed_while_it_mutes),
                CONTROL_TEST(test_marks_go_with_the_member),
                CONTROL_TEST(test_a_kick),
                CONTROL_TEST(test_who_does_not_leave),
                CONTROL_TEST(test_a_ban),
                CONTROL_TEST(test_killed_behind_a_ban),
                CONTROL_TEST(test_who_lags_is_removed_all_the_same),
                CONTROL_TEST(test_who_lags_is_removed_by_the_next_chatd),
                cmocka_unit_test(test_a_reason_that_looks_like_a_ban),
                CONTROL_TEST(test_a_note_of_an_earlier_version),
                CONTROL_TEST(test_a_ban_removes_many),
                CONTROL_TEST(test_it_is_logged_once),
                CONTROL_TEST(test_nobody_waits_for_the_disk),
                CONTROL_TEST(test_the_disk_takes_nothing),
        };
        return RUN_TESTS(tests);
}
