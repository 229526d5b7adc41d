#include <dirent.h>
#include <fcntl.h>

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

int main(void)
{
        const struct CMUnitTest tests[] = {
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
