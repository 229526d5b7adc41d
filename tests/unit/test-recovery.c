#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#include <chat/clock.h>

#include "../../chatd/notes.h"

#include "broker-fixture.h"

static void relay_and_die(struct fixture *f)
{
        struct dirent *note;
        char noted[16][256];
        int notes = 0;
        struct intake before;
        uint8_t frames[16][FRAME_MAX_BYTES];
        size_t sizes[16];
        assert_int_equal(intake_init(&before, f->intake), 0);
        int n = intake_peek(&before);
        for (int i = 0; i < n; i++) {
                struct datagram d = intake_get(&before, (size_t)i);
                sizes[i] = d.size;
                memcpy(frames[i], d.data, d.size);
        }
        assert_int_equal(intake_rewind(&before), 0);
        intake_free(&before);
        /* marked notes are removed only after the frames are consumed */
        snprintf(noted[0], sizeof(noted[0]), "%s/members", f->dir);
        DIR *dir = opendir(noted[0]);
        while ((note = readdir(dir)))
                if (note->d_name[0] != '.')
                        snprintf(noted[notes++], sizeof(noted[0]), "%s", note->d_name);
        assert_true(broker_serve(f->chat) >= 0);
        for (int i = 0; i < notes; i++) {
                char path[512], target[] = "1 here:1 x";
                if (faccessat(dirfd(dir), noted[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                snprintf(path, sizeof(path), "%.*s.left", NAME_MAX, noted[i]);
                assert_int_equal(symlinkat(target, dirfd(dir), path), 0);
        }
        closedir(dir);
        for (int i = 0; i < n; i++)
                assert_int_equal(send(f->sender, frames[i], sizes[i], 0), sizes[i]);
}

static void test_recovery_knows_the_members(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[BOB]);
        uint64_t epoch = f->chat->relay.epoch;
        assert_int_equal(restart_broker(f), 2);
        assert_true(f->chat->relay.epoch != epoch);
        say(f, ANN, "still here");
        serve(f);
        assert_inbox(f, BOB, "rollcall, line ann still here");
        here(f, BOB, 0);
        serve(f);
        assert_inbox(f, ANN, "rollcall"); /* not announced again */
        assert_int_equal(f->chat->roster.count, 2);
}

/* Returns how many of these inboxes have a roll call. They must have nothing else. */
static size_t count_called(const int *inboxes, size_t n)
{
        size_t called = 0;
        for (size_t i = 0; i < n; i++) {
                const char *got = inbox_read(inboxes[i]);
                called += strcmp(got, "rollcall") == 0;
                assert_true(got[0] == '\0' || strcmp(got, "rollcall") == 0);
        }
        return called;
}

/* One turn of the roll call, and two people more: one answers uncalled, and the other is called in the second turn. */
enum { CROWD = CONTACT_CALLED_MAX + 2 };

/* Sends HELLO or HERE of person `i` of the crowd. */
static void put_person(struct fixture *f, enum frame_type type, uint32_t i)
{
        char name[8];
        snprintf(name, sizeof(name), "p%u", i);
        put(f, &(struct frame){.type = (uint8_t)type,
                               .id = inbox_id(i),
                               .key = inbox_id(i),
                               .name = slice_of(name),
                               .address = slice_of("here:1")});
        serve(f);
}

static void test_the_roll_is_called_a_few_at_a_time(void **state)
{
        struct fixture *f = *state;
        int inboxes[CROWD];
        uint32_t early = 0;
        for (uint32_t i = 0; i < CROWD; i++) {
                inboxes[i] = inbox_bind(f->dir, inbox_id(i));
                put_person(f, FRAME_HELLO, i);
        }
        for (int i = 0; i < CROWD; i++)
                inbox_empty(inboxes[i]);
        assert_int_equal(restart_broker(f), CROWD);
        assert_int_equal(count_called(inboxes, CROWD), CONTACT_CALLED_MAX);
        assert_in_range(contact_call_ms(f->chat), 0, clock_ms() + CONTACT_CALL_MS);

        while (!todo_has(TODO_CALL, member(f, early)))
                early++;
        put_person(f, FRAME_HERE, early); /* it need not be called any more */
        f->chat->contact->call_ms = 0;
        broker_settle(f->chat);
        assert_int_equal(count_called(&inboxes[early], 1), 0);
        assert_int_equal(count_called(inboxes, CROWD), 1);
        assert_int_equal(contact_call_ms(f->chat), INT64_MAX);
        for (int i = 0; i < CROWD; i++)
                close(inboxes[i]);
}

static void test_recovery_announces_who_died_meanwhile(void **state)
{
        struct fixture *f = *state;
        join_ann_and_bob(f);
        close(f->inboxes[ANN]);
        f->inboxes[ANN] = -1;
        for (int i = 0; i < 3; i++) /* each chatd sends GONE, and dies before it serves it */
                restart_broker(f);
        serve(f);
        assert_inbox(f, BOB, "rollcall, rollcall, rollcall, leave ann");
        assert_false(exists(f, "members", ANN));
        assert_false(exists(f, "sessions", ANN));
        restart_broker(f);
        serve(f);
        assert_inbox(f, BOB, "rollcall");
}

static void test_a_batch_that_is_relayed_again_says_the_same(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1");
        say(f, ANN, "before bob");
        hello(f, BOB);
        say(f, ANN, "with bob");
        relay_and_die(f);
        assert_inbox(f, ANN, "answer Nobody hears you: nobody else is here, join bob");
        assert_inbox(f, BOB, "welcome 2, line ann with bob");

        restart_broker(f); /* bob has a note, and his HELLO is in the queue: he must not see "before bob" */
        serve(f);
        assert_inbox(f, ANN, "rollcall, answer Nobody hears you: nobody else is here, join bob");
        assert_inbox(f, BOB, "rollcall, welcome 2, line ann with bob");
}

static void test_what_was_ignored_before_a_hello_is_ignored_again(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        say(f, BOB, "who am I?");
        bye(f, BOB);
        hello(f, BOB);
        relay_and_die(f);
        assert_inbox(f, ANN, "join bob");
        restart_broker(f); /* now bob has a note */
        serve(f);
        assert_inbox(f, ANN, "rollcall, join bob");
        assert_int_equal(f->chat->roster.count, 2);
}

static void test_a_leave_that_is_relayed_again(void **state)
{
        struct fixture *f = *state;
        join_ann_and_bob(f);
        say(f, ANN, "so long");
        bye(f, ANN);
        relay_and_die(f);
        assert_inbox(f, BOB, "line ann so long, leave ann");
        restart_broker(f); /* ann's note is marked: everybody was told, nothing must be repeated */
        serve(f);
        assert_inbox(f, BOB, "rollcall");
        assert_int_equal(f->chat->roster.count, 1);
        assert_int_equal(f->chat->departures.count, 0);
}

static void test_here_and_bye_that_are_relayed_again(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        restart_broker(f);
        inbox_read(f->inboxes[BOB]);
        here(f, ANN, 0);
        bye(f, ANN);
        relay_and_die(f);
        assert_inbox(f, BOB, "leave ann");
        restart_broker(f); /* HERE of a member without a note would be announced */
        serve(f);
        assert_inbox(f, BOB, "rollcall");
        say(f, BOB, "and on");
        restart_broker(f);
        assert_int_equal(f->chat->departures.count, 0);
}

static void test_here_of_a_stranger_is_a_hello(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        inbox_read(f->inboxes[ANN]);
        f->inboxes[BOB] = inbox_bind(f->dir, inbox_id(BOB));
        restart_broker(f);
        assert_inbox(f, BOB, "rollcall");
        here(f, BOB, 5);
        serve(f);
        assert_inbox(f, ANN, "rollcall, join bob");
}

static void test_a_file_without_a_process_is_removed(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un dead, left, binding;
        pid_t child = fork();
        if (child == 0)
                _exit(0);
        waitpid(child, NULL, 0);
        close(inbox_bind(f->dir, inbox_id(EVE)));
        path_inbox(&dead, f->dir, inbox_id(EVE));
        path_binding(&left, f->dir, child, 1);
        path_binding(&binding, f->dir, getpid(), 2);
        assert_int_equal(symlink("-", left.sun_path), 0);
        /* the inbox of a session that is about to rename it */
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&binding, sizeof(binding)), 0);
        restart_broker(f);
        struct stat st;
        assert_int_equal(lstat(dead.sun_path, &st), -1);
        assert_int_equal(lstat(left.sun_path, &st), -1);
        assert_int_equal(lstat(binding.sun_path, &st), 0);
        close(fd);
        restart_broker(f); /* its process lives, but does not read from it */
        assert_int_equal(lstat(binding.sun_path, &st), -1);
}

static int make_symlink(const char *path)
{
        return symlink("/dev/null", path);
}

static int make_symlink_to_nothing(const char *path)
{
        return symlink("nothing", path);
}

static int make_file(const char *path)
{
        return close(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static int make_fifo(const char *path)
{
        return mkfifo(path, 0600);
}

static int make_dir(const char *path)
{
        return mkdir(path, 0700);
}

/* Makes a socket that listens as long as the test runs. */
static int make_socket(const char *path, int type)
{
        static int fds[16], next;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        int *fd = &fds[next++ % 16];
        if (*fd > 0)
                close(*fd);
        *fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        return bind(*fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : listen(*fd, 1);
}

static int make_stream(const char *path)
{
        return make_socket(path, SOCK_STREAM);
}

static int make_seqpacket(const char *path)
{
        return make_socket(path, SOCK_SEQPACKET);
}

/* A file that is no inbox would use up an inode for ever, so chatd removes it under any name. Sockets that may be an
 * inbox stay. */
static void test_what_is_no_inbox_is_removed(void **state)
{
        struct fixture *f = *state;
        int (*const makers[])(const char *) = {make_symlink, make_symlink_to_nothing, make_file, make_fifo, make_dir,
                                               make_stream,  make_seqpacket};
        enum { KINDS = sizeof(makers) / sizeof(makers[0]) };
        struct sockaddr_un paths[3 * KINDS];
        struct stat st;
        for (unsigned i = 0; i < KINDS; i++) {
                struct sockaddr_un *three = &paths[(size_t)3 * i];
                path_inbox(&three[0], f->dir, 0x1000 + i);
                path_binding(&three[1], f->dir, getpid(), i);
                snprintf(three[2].sun_path, sizeof(three[2].sun_path), "%s/sessions/other-%u", f->dir, i);
                for (size_t n = 0; n < 3; n++)
                        assert_int_equal(makers[i](three[n].sun_path), 0);
        }
        int stranger = inbox_bind(f->dir, 0x2000);
        restart_broker(f);
        for (size_t i = 0; i < 3 * (size_t)KINDS; i++)
                assert_int_equal(lstat(paths[i].sun_path, &st), -1);
        assert_string_equal(inbox_read(stranger), "rollcall");
        close(stranger);
}

/* A lack of resources in chatd says nothing about an inbox. */
static void test_no_inbox_is_removed_for_lack_of_descriptors(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un binding;
        struct rlimit before;
        struct stat st;
        path_binding(&binding, f->dir, getpid(), 1);
        int stranger = inbox_bind(f->dir, inbox_id(EVE)), fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&binding, sizeof(binding)), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        kill_broker(f);
        start_broker(f);
        int next = dup(fd), failed = 0;
        close(next);
        for (rlim_t more = 0; more < 8; more++) {
                struct rlimit few = {(rlim_t)next + more, before.rlim_max};
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
                failed += recovery_run(f->chat) < 0;
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
                assert_int_equal(lstat(binding.sun_path, &st), 0);
                assert_true(exists(f, "sessions", EVE));
        }
        assert_in_range(failed, 1, 7); /* the first chatd cannot even look, and the last can do everything */
        close(stranger);
        close(fd);
}

/* A member that puts something else in place of its inbox is no longer a member. */
static void test_who_has_no_inbox_any_more_leaves(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un inbox;
        join_ann_and_bob(f);
        path_inbox(&inbox, f->dir, inbox_id(ANN));
        assert_int_equal(unlink(inbox.sun_path), 0);
        assert_int_equal(symlink("/dev/null", inbox.sun_path), 0);
        restart_broker(f);
        serve(f);
        assert_inbox(f, BOB, "rollcall, leave ann");
        assert_int_equal(f->chat->roster.count, 1);
}

/* A chatd may have fewer descriptors than the one before it. */
static void test_too_few_descriptors_for_all(void **state)
{
        enum { MOST_FDS = 64 };
        struct fixture *f = *state;
        struct rlimit before, few;
        int taken[MOST_FDS], n;
        hello(f, ANN);
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        for (uint32_t who = ANN; who <= EVE; who++)
                inbox_read(f->inboxes[who]);
        kill_broker(f);
        start_broker(f);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        few = (struct rlimit){.rlim_cur = MOST_FDS, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        for (n = 0; (taken[n] = dup(f->intake)) >= 0; n++)
                ;
        for (int i = 0; i < 4; i++) /* for one member, and to ask */
                close(taken[--n]);
        int members = recovery_run(f->chat);
        say(f, ANN, "who hears this?");
        serve(f);
        while (n > 0)
                close(taken[--n]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(members, 3);
        serve(f);
        size_t missed = 0;
        for (uint32_t who = ANN; who <= EVE; who++) {
                struct member *m = roster_find(&f->chat->roster, inbox_id(who));
                assert_true(m->fd >= 0);
                if (member_lags(m)) {
                        broker_has_room(f->chat, m);
                        missed += strstr(inbox_read(f->inboxes[who]), "missed some") != NULL;
                }
        }
        assert_in_range(missed, 1, 3); /* every member that missed something was told */
        assert_int_equal(f->chat->roster.count, 3);
}

static void test_lines_of_before_are_confirmed(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        say(f, ANN, "one");
        serve(f);
        inbox_read(f->inboxes[ANN]);
        restart_broker(f);
        assert_null(todo_first(&f->chat->roster.todo, TODO_CONFIRM));
        here(f, ANN, 1);
        serve(f);
        assert_non_null(todo_first(&f->chat->roster.todo, TODO_CONFIRM));
        broker_confirm(f->chat);
        assert_inbox(f, ANN, "rollcall, relayed 1");
        say(f, ANN, "two");
        serve(f);
        broker_finish(f->chat);
        assert_inbox(f, ANN, "relayed 2");
}

static void talk_until_bob_lags(struct fixture *f)
{
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        while (!member_lags(roster_find(&f->chat->roster, inbox_id(BOB)))) {
                say(f, ANN, "on and on");
                serve(f);
        }
}

static void test_who_lagged_is_told(void **state)
{
        struct fixture *f = *state;
        talk_until_bob_lags(f);
        restart_broker(f);
        inbox_read(f->inboxes[BOB]);
        struct member *bob = roster_find(&f->chat->roster, inbox_id(BOB));
        assert_true(member_lags(bob));
        broker_has_room(f->chat, bob);
        assert_inbox(f, BOB, "missed some");
        restart_broker(f);
        assert_false(member_lags(roster_find(&f->chat->roster, inbox_id(BOB))));
}

static void test_who_lagged_and_left(void **state)
{
        struct fixture *f = *state;
        talk_until_bob_lags(f);
        bye(f, BOB);
        serve(f);
        assert_int_equal(f->chat->roster.count, 1);
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/%016llx.lagging", f->dir, (unsigned long long)inbox_id(BOB));
        assert_int_equal(lstat(path, &st), -1);
}

/* ---- members that lent their clients' connections to the chatd that died ---- */

/* Lets all join; ann lends her client's connection. */
static void all_come_and_ann_lends(struct fixture *f)
{
        for (uint32_t who = ANN; who <= EVE; who++) {
                hello(f, who);
                serve(f);
        }
        run_session(f, ANN);
        assert_true(member(f, ANN)->lent.client >= 0);
        assert_lender_got(f->lenders[ANN], "*** bob is connected\r\n*** eve is connected\r\n");
}

static void test_what_chatd_wrote_itself_is_not_shown_again(void **state)
{
        struct fixture *f = *state;
        all_come_and_ann_lends(f);
        for (int deaths = 0; deaths < 3; deaths++) {
                say(f, BOB, "one");
                say(f, ANN, "her own");
                say(f, EVE, "two");
                relay_and_die(f);
                assert_lender_got(f->lenders[ANN], "bob: one\r\neve: two\r\n");
                restart_broker(f);
                assert_false(lent_is_open(&member(f, ANN)->lent));
                say(f, EVE, "three");
                serve(f);
                run_session(f, ANN);
                assert_lender_got(f->lenders[ANN], "eve: three\r\n");
                assert_true(member(f, ANN)->lent.client >= 0); /* ann was asked, behind what was relayed again */
                inbox_read(f->inboxes[BOB]);
                inbox_read(f->inboxes[EVE]);
        }
        bye(f, BOB);
        relay_and_die(f);
        assert_lender_got(f->lenders[ANN], "*** bob is disconnected\r\n");
        restart_broker(f);
        serve(f);
        run_session(f, ANN);
        say(f, EVE, "on");
        serve(f);
        run_session(f, ANN);
        assert_lender_got(f->lenders[ANN], "eve: on\r\n");
}

/* chatd writes to a client without regard to the lines that the client has seen. So it asks for no connection before it
 * has relayed the old frames. */
static void test_nobody_is_asked_before_old_frames_are_relayed(void **state)
{
        struct fixture *f = *state;
        all_come_and_ann_lends(f);
        say(f, BOB, "one");
        relay_and_die(f);
        assert_int_equal(note_seal(f->chat->roster.dir, 1, 2), 0); /* a batch that does not come from the queue */
        restart_broker(f);
        assert_int_equal(f->chat->order.old_frames, 1);
        assert_true(member(f, ANN)->lent.worth_asking);
        assert_int_equal(f->chat->lending->questions, 0);
        run_session(f, ANN);
        assert_lender_got(f->lenders[ANN], "bob: one\r\n*** 2 people connected\r\n");
        serve(f);
        assert_int_equal(f->chat->order.old_frames, 0);
        run_session(f, ANN);
        assert_true(member(f, ANN)->lent.client >= 0);
        say(f, EVE, "two");
        serve(f);
        assert_lender_got(f->lenders[ANN], "eve: two\r\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_recovery_knows_the_members),
                TEST(test_the_roll_is_called_a_few_at_a_time),
                TEST(test_recovery_announces_who_died_meanwhile),
                TEST(test_a_batch_that_is_relayed_again_says_the_same),
                TEST(test_what_was_ignored_before_a_hello_is_ignored_again),
                TEST(test_a_leave_that_is_relayed_again),
                TEST(test_here_and_bye_that_are_relayed_again),
                TEST(test_here_of_a_stranger_is_a_hello),
                TEST(test_a_file_without_a_process_is_removed),
                TEST(test_what_is_no_inbox_is_removed),
                TEST(test_no_inbox_is_removed_for_lack_of_descriptors),
                TEST(test_who_has_no_inbox_any_more_leaves),
                TEST(test_too_few_descriptors_for_all),
                TEST(test_lines_of_before_are_confirmed),
                TEST(test_who_lagged_is_told),
                TEST(test_who_lagged_and_left),
                TEST(test_what_chatd_wrote_itself_is_not_shown_again),
                TEST(test_nobody_is_asked_before_old_frames_are_relayed),
        };
        return RUN_TESTS(tests);
}
