/* The broker and its recovery, with sessions that this process plays. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "../../chatd/broker.h"
#include "../../chatd/recovery.h"

#include "inbox-fixture.h"

enum { ANN = 1, BOB, EVE, SESSIONS };

static const char *const names[SESSIONS] = {[ANN] = "ann", [BOB] = "bob", [EVE] = "eve"};

struct fixture {
        char *dir;
        int lock, intake, epoll, sender;
        struct eventlog *log;
        struct broker *broker;
        int inboxes[SESSIONS];
        uint64_t numbers[SESSIONS];
};

static void start_broker(struct fixture *f)
{
        f->broker = calloc(1, sizeof(*f->broker));
        f->epoll = epoll_create1(0);
        assert_int_equal(broker_init(f->broker, f->dir, f->intake, f->epoll, getuid(), f->log), 0);
}

/* As kill -9 would: nothing is said, removed or consumed. */
static void kill_broker(struct fixture *f)
{
        broker_free(f->broker);
        free(f->broker);
        close(f->epoll);
}

static int restart_broker(struct fixture *f)
{
        kill_broker(f);
        start_broker(f);
        int members = recovery_run(f->broker);
        broker_settle(f->broker);
        return members;
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct sockaddr_un address;
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->log = eventlog_start();
        f->sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        path_broker(&address, f->dir);
        assert_int_equal(connect(f->sender, (struct sockaddr *)&address, sizeof(address)), 0);
        start_broker(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        kill_broker(f);
        eventlog_stop(f->log);
        close(f->intake);
        close(f->sender);
        for (int i = 0; i < SESSIONS; i++)
                if (f->inboxes[i] > 0)
                        close(f->inboxes[i]);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

static void put(struct fixture *f, const struct frame *frame)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), frame);
        assert_int_equal(send(f->sender, buffer, n, 0), n);
}

static void hello(struct fixture *f, uint32_t who)
{
        f->inboxes[who] = inbox_bind(f->dir, inbox_id(who));
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(who),
                               .name = slice_of(names[who]),
                               .address = slice_of("here:1")});
}

static void say(struct fixture *f, uint32_t who, const char *text)
{
        put(f, &(struct frame){
                       .type = FRAME_LINE, .id = inbox_id(who), .number = ++f->numbers[who], .text = slice_of(text)});
}

static void bye(struct fixture *f, uint32_t who)
{
        put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(who), .reason = LEAVE_EXIT});
}

static void serve(struct fixture *f)
{
        assert_int_equal(broker_serve(f->broker), 0);
        broker_settle(f->broker);
}

static void assert_inbox(struct fixture *f, uint32_t who, const char *expected)
{
        assert_string_equal(inbox_read(f->inboxes[who]), expected);
}

static bool exists(struct fixture *f, const char *folder, uint32_t who)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s/%016llx", f->dir, folder, (unsigned long long)inbox_id(who));
        return lstat(path, &st) == 0;
}

static void test_a_chat(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome");
        hello(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob");
        assert_inbox(f, BOB, "welcome");
        say(f, ANN, "hi bob");
        say(f, BOB, "hi ann");
        serve(f);
        assert_inbox(f, ANN, "line bob hi ann");
        assert_inbox(f, BOB, "line ann hi bob");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "goodbye");
        assert_inbox(f, BOB, "leave ann");
        assert_int_equal(f->broker->roster.count, 1);
        assert_false(exists(f, "members", ANN));
        assert_int_equal(f->broker->lines, 2);
}

static void test_all_of_it_in_one_batch(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        say(f, ANN, "alone");
        hello(f, BOB);
        say(f, ANN, "two");
        hello(f, EVE);
        bye(f, ANN);
        say(f, BOB, "three");
        serve(f);
        assert_inbox(f, ANN, "welcome, join bob, join eve, goodbye");
        assert_inbox(f, BOB, "welcome, line ann two, join eve, leave ann");
        assert_inbox(f, EVE, "welcome, leave ann, line bob three");
}

static void test_more_than_one_batch_in_a_window(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        unsigned got = 0, sent = 0;
        memset(text, 'x', TEXT_MAX_BYTES);
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        for (; sent < 9; sent++) /* 9 × 4 KiB: the queue takes 10 datagrams where nobody raised its length */
                say(f, ANN, text);
        assert_int_equal(broker_serve(f->broker), 0);
        for (const char *at = inbox_read(f->inboxes[BOB]); (at = strstr(at, "line ann x")); at++)
                got++;
        assert_int_equal(got, sent);
}

static void test_frames_that_are_ignored(void **state)
{
        struct fixture *f = *state;
        const uint64_t *ignored = f->broker->ignored;
        uint8_t raw[FRAME_MAX_BYTES + 200] = {0};
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);

        send(f->sender, "x", 1, 0);
        send(f->sender, "", 0, 0);
        send(f->sender, raw, sizeof(raw), 0);
        serve(f);
        assert_int_equal(ignored[IGNORED_MALFORMED], 3);

        send(f->sender, raw, 100, 0); /* version 0 */
        size_t n = frame_encode(raw, sizeof(raw), &(struct frame){.type = FRAME_GONE, .id = inbox_id(ANN)});
        raw[1] = 99;
        send(f->sender, raw, n, 0);
        put(f, &(struct frame){.type = FRAME_BATCH, .id = inbox_id(ANN)});
        serve(f);
        assert_int_equal(ignored[IGNORED_VERSION], 1);
        assert_int_equal(ignored[IGNORED_TYPE] + ignored[IGNORED_MALFORMED], 3 + 2);

        put(f, &(struct frame){.type = FRAME_LINE, .id = 1ULL << 32 | ANN, .number = 1, .text = slice_of("forged")});
        serve(f);
        assert_int_equal(ignored[IGNORED_FORGED], 1);

        say(f, EVE, "a stranger");
        serve(f);
        assert_int_equal(ignored[IGNORED_STRANGER], 1);

        say(f, ANN, "once");
        f->numbers[ANN]--;
        say(f, ANN, "twice");
        put(f, &(struct frame){
                       .type = FRAME_HELLO, .id = inbox_id(ANN), .name = slice_of("other"), .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_REPEATED], 2);

        say(f, ANN, "\x1b[2J");
        say(f, ANN, "\xff");
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(EVE));
        put(f,
            &(struct frame){
                    .type = FRAME_HELLO, .id = inbox_id(EVE), .name = slice_of("eve\nann"), .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 3);

        put(f, &(struct frame){.type = FRAME_GONE, .id = inbox_id(ANN)}); /* she lives */
        serve(f);
        assert_inbox(f, BOB, "line ann once");
        assert_int_equal(f->broker->roster.count, 2);
}

static void test_another_user_is_ignored(void **state)
{
        struct fixture *f = *state;
        if (getuid() != 0)
                skip();
        hello(f, ANN);
        serve(f);
        pid_t child = fork();
        if (child == 0) {
                char text[FRAME_MAX_BYTES];
                uint64_t id = (uint64_t)getpid() << 32;
                size_t n = frame_encode(
                        text, sizeof(text),
                        &(struct frame){
                                .type = FRAME_HELLO, .id = id, .name = slice_of("intruder"), .address = slice_of("a")});
                _exit(setuid(65534) == 0 && send(f->sender, text, n, 0) > 0 ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
        serve(f);
        assert_int_equal(f->broker->ignored[IGNORED_USER], 1);
        assert_int_equal(f->broker->roster.count, 1);
}

static void test_ignored_frames_are_reported_at_a_bounded_rate(void **state)
{
        struct fixture *f = *state;
        assert_false(broker_report_ignored(f->broker, 1000));
        send(f->sender, "x", 1, 0);
        serve(f);
        assert_false(broker_report_ignored(f->broker, 1000));
        assert_int_equal(f->broker->ignored[IGNORED_MALFORMED], 0);
        send(f->sender, "x", 1, 0);
        serve(f);
        assert_true(broker_report_ignored(f->broker, 1000 + IGNORED_REPORT_MS - 1));
        assert_false(broker_report_ignored(f->broker, 1000 + IGNORED_REPORT_MS));
}

static void test_a_killed_session_is_announced_behind_its_words(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        say(f, ANN, "last words");
        close(f->inboxes[ANN]);
        broker_exited(f->broker, roster_find(&f->broker->roster, inbox_id(ANN)));
        broker_settle(f->broker);
        serve(f);
        assert_inbox(f, BOB, "line ann last words, leave ann");
        assert_false(exists(f, "sessions", ANN));
        f->inboxes[ANN] = -1;
}

static void test_gone_behind_bye_says_nothing(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        bye(f, ANN);
        broker_exited(f->broker, roster_find(&f->broker->roster, inbox_id(ANN)));
        broker_settle(f->broker);
        serve(f);
        serve(f);
        assert_inbox(f, BOB, "leave ann");
}

/* Relays what is queued and dies before it is consumed: the same frames are in the queue again. */
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
        /* marked notes are removed behind the consuming only */
        snprintf(noted[0], sizeof(noted[0]), "%s/members", f->dir);
        DIR *dir = opendir(noted[0]);
        while ((note = readdir(dir)))
                if (note->d_name[0] != '.')
                        snprintf(noted[notes++], sizeof(noted[0]), "%s", note->d_name);
        assert_int_equal(broker_serve(f->broker), 0);
        for (int i = 0; i < notes; i++) {
                char path[512], target[] = "1 here:1 x";
                if (faccessat(dirfd(dir), noted[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                snprintf(path, sizeof(path), "%s.left", noted[i]);
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
        uint64_t epoch = f->broker->relay.epoch;
        assert_int_equal(restart_broker(f), 2);
        assert_true(f->broker->relay.epoch != epoch);
        say(f, ANN, "still here");
        serve(f);
        assert_inbox(f, BOB, "rollcall, line ann still here");
        put(f,
            &(struct frame){
                    .type = FRAME_HERE, .id = inbox_id(BOB), .name = slice_of("bob"), .address = slice_of("here:1")});
        serve(f);
        assert_inbox(f, ANN, "rollcall"); /* not announced again */
        assert_int_equal(f->broker->roster.count, 2);
}

static void test_recovery_announces_who_died_meanwhile(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        close(f->inboxes[ANN]);
        f->inboxes[ANN] = -1;
        for (int i = 0; i < 3; i++) /* each one sends GONE, and dies before it serves it */
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
        assert_inbox(f, ANN, "welcome");
        say(f, ANN, "before bob");
        hello(f, BOB);
        say(f, ANN, "with bob");
        relay_and_die(f);
        assert_inbox(f, ANN, "join bob");
        assert_inbox(f, BOB, "welcome, line ann with bob");

        restart_broker(f); /* bob has a note, and his HELLO is in the queue: he must not see "before bob" */
        serve(f);
        assert_inbox(f, ANN, "rollcall, join bob");
        assert_inbox(f, BOB, "rollcall, welcome, line ann with bob");
}

static void test_a_leave_that_is_relayed_again(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        say(f, ANN, "so long");
        bye(f, ANN);
        relay_and_die(f);
        assert_inbox(f, BOB, "line ann so long, leave ann");
        restart_broker(f); /* ann's note is marked: everybody was told, there is nothing to say again */
        serve(f);
        assert_inbox(f, BOB, "rollcall");
        assert_int_equal(f->broker->roster.count, 1);
        assert_int_equal(f->broker->departed.count, 0);
}

static void test_here_and_bye_that_are_relayed_again(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        restart_broker(f);
        inbox_read(f->inboxes[BOB]);
        put(f,
            &(struct frame){
                    .type = FRAME_HERE, .id = inbox_id(ANN), .name = slice_of("ann"), .address = slice_of("here:1")});
        bye(f, ANN);
        relay_and_die(f);
        assert_inbox(f, BOB, "leave ann");
        restart_broker(f); /* the HERE of somebody without a note would be news */
        serve(f);
        assert_inbox(f, BOB, "rollcall");
        say(f, BOB, "and on");
        restart_broker(f);
        assert_int_equal(f->broker->departed.count, 0);
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
        put(f, &(struct frame){.type = FRAME_HERE,
                               .id = inbox_id(BOB),
                               .number = 5,
                               .name = slice_of("bob"),
                               .address = slice_of("here:1")});
        serve(f);
        assert_inbox(f, ANN, "rollcall, join bob");
}

static void test_a_file_without_a_process_is_removed(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un dead, binding;
        pid_t child = fork();
        if (child == 0)
                _exit(0);
        waitpid(child, NULL, 0);
        close(inbox_bind(f->dir, (uint64_t)child << 32));
        close(inbox_bind(f->dir, inbox_id(EVE))); /* its process lives: it may be about to bind it */
        path_inbox(&dead, f->dir, (uint64_t)child << 32);
        path_inbox(&binding, f->dir, inbox_id(EVE));
        restart_broker(f);
        assert_int_equal(access(dead.sun_path, F_OK), -1);
        assert_int_equal(access(binding.sun_path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_chat),
                TEST(test_all_of_it_in_one_batch),
                TEST(test_more_than_one_batch_in_a_window),
                TEST(test_frames_that_are_ignored),
                TEST(test_another_user_is_ignored),
                TEST(test_ignored_frames_are_reported_at_a_bounded_rate),
                TEST(test_a_killed_session_is_announced_behind_its_words),
                TEST(test_gone_behind_bye_says_nothing),
                TEST(test_recovery_knows_the_members),
                TEST(test_recovery_announces_who_died_meanwhile),
                TEST(test_a_batch_that_is_relayed_again_says_the_same),
                TEST(test_a_leave_that_is_relayed_again),
                TEST(test_here_and_bye_that_are_relayed_again),
                TEST(test_here_of_a_stranger_is_a_hello),
                TEST(test_a_file_without_a_process_is_removed),
        };
        return RUN_TESTS(tests);
}
