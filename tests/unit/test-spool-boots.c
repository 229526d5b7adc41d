/* The spool is opened again: after a boot, on another host, as a clone, in a container, or where that fails. */
#include "spool-fixture.h"

static uint64_t read_u64(const struct fixture *f, off_t at)
{
        uint64_t value;
        int fd = open(f->path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(pread(fd, &value, sizeof(value), at), sizeof(value));
        close(fd);
        return value;
}

static void boot_again(struct fixture *f, bool closed)
{
        close_before_boot(f, closed);
        open_spool(f, RING_BYTES);
}

/* Appends five records and sends two of them. Returns their instance. */
static uint64_t send_two_of_five(struct fixture *f)
{
        append(f->spool, 2);
        assert_next(f, 0, 2);
        spool_release(f->spool);
        append(f->spool, 3);
        return spool_instance(f->spool);
}

static void test_another_boot(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = send_two_of_five(f);
        keep(f);
        boot_again(f, true);
        assert_true(is_kept(f, 0));
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(f->lost, 0);
        assert_next(f, 2, 3);
        assert_true(f->chunk.instance == instance);
        keep(f);
        open_again(f);
        assert_kept(f);
}

/* Replaces the directory of notes by another one. The state of other hosts belongs to the old directory. */
static void replace_notes(const struct fixture *f)
{
        char old[128];
        snprintf(old, sizeof(old), "%s.old", f->notes);
        assert_int_equal(rename(f->notes, old), 0);
        assert_int_equal(mkdir(f->notes, 0700), 0);
        rmdir(old);
}

static void test_another_directory(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 2);
        keep(f);
        open_again(f);
        assert_kept(f);
        spool_close(f->spool);
        replace_notes(f);
        open_spool(f, RING_BYTES);
        assert_true(is_kept(f, 0));
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(f->lost, 0);
        assert_next(f, 0, 2);
        spool_release(f->spool);
        keep(f);
        open_again(f);
        assert_kept(f);
        spool_close(f->spool);
        replace_notes(f);
        open_spool(f, 2 * RING_BYTES); /* the file was made anew */
        assert_true(is_kept(f, 0));
        keep(f);
        spool_close(f->spool);
        open_spool(f, 2 * RING_BYTES);
        assert_kept(f);
}

/* Asserts that the next chunk has `count` records of the branch, from `first` on. */
static void assert_next_of(struct fixture *f, uint64_t instance, uint64_t first, uint64_t count)
{
        assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_true(f->chunk.instance == instance);
        assert_int_equal(f->chunk.first, first);
        assert_int_equal(f->chunk.count, count);
        assert_true(is_chunk_right(f->spool, &f->chunk));
}

static void assert_said(const struct fixture *f, size_t count, const struct spool_progress *expected)
{
        struct spool_progress said[BRANCHES_MAX];
        assert_int_equal(spool_progress(f->spool, said, BRANCHES_MAX), count);
        for (size_t i = 0; i < count; i++) {
                assert_true(said[i].instance == expected[i].instance);
                assert_int_equal(said[i].records, expected[i].records);
        }
}

/* Opens a copy of the file, as another machine would. */
static struct fixture *open_clone(const struct fixture *f)
{
        char command[256];
        void *state;
        setup(&state);
        struct fixture *clone = state;
        spool_close(clone->spool);
        snprintf(command, sizeof(command), "cp %s %s", f->path, clone->path);
        assert_int_equal(system(command), 0);
        open_spool(clone, RING_BYTES);
        return clone;
}

/* Waiting records are sent under the identity that they have in both spools, so they count once. Later records have an
 * identity in each. */
static void test_a_clone(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 4);
        assert_next(f, 0, 4);
        spool_release(f->spool);
        append(f->spool, 2);
        spool_close(f->spool);
        struct fixture *clone = open_clone(f);
        open_spool(f, RING_BYTES);
        append(f->spool, 3);
        append(clone->spool, 3);
        uint64_t clones = spool_instance(clone->spool);
        assert_true(spool_instance(f->spool) == instance && clones != instance);
        assert_next_of(f, instance, 4, 5);
        assert_said(clone, 2, (const struct spool_progress[]){{clones, 0}, {instance, 4}});
        assert_next_of(clone, instance, 4, 2); /* a chunk belongs to one branch */
        spool_release(clone->spool);
        assert_said(clone, 2, (const struct spool_progress[]){{clones, 0}, {instance, 6}});
        assert_next_of(clone, clones, 0, 3);
        spool_release(clone->spool);
        assert_said(clone, 2, (const struct spool_progress[]){{clones, 3}, {instance, 6}});
        assert_empty(clone);
        assert_int_equal(spool_own(clone->spool, instance), 6);
        assert_int_equal(spool_own(clone->spool, clones), 3);
        assert_int_equal(spool_own(f->spool, instance), 9);
        assert_int_equal(spool_own(f->spool, clones), 0);
        /* each branch can be read again, up to its end */
        assert_true(spool_read(clone->spool, instance, 5, &clone->chunk, clone->buffer, sizeof(clone->buffer)));
        assert_true(clone->chunk.instance == instance && clone->chunk.first == 5 && clone->chunk.count == 1);
        assert_false(spool_read(clone->spool, instance, 6, &clone->chunk, clone->buffer, sizeof(clone->buffer)));
        assert_true(spool_read(clone->spool, clones, 1, &clone->chunk, clone->buffer, sizeof(clone->buffer)));
        assert_true(clone->chunk.instance == clones && clone->chunk.first == 1 && clone->chunk.count == 2);
        assert_false(spool_read(f->spool, clones, 0, &f->chunk, f->buffer, sizeof(f->buffer)));
        open_again(clone);
        assert_true(spool_instance(clone->spool) == clones);
        assert_int_equal(spool_own(clone->spool, instance), 6);
        teardown(&(void *){clone});
}

/* Begins a branch while running, as a clone of a running machine does once it hears of the other. */
static void test_a_branch_begins_at_work(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 2);
        assert_next(f, 0, 2);
        spool_part(f->spool);
        append(f->spool, 3);
        uint64_t newest = spool_instance(f->spool);
        assert_true(newest != instance);
        assert_next_of(f, instance, 0, 2);
        spool_release(f->spool);
        open_again(f);
        assert_true(spool_instance(f->spool) == newest);
        assert_next_of(f, newest, 0, 3);
        for (int i = 0; i < BRANCHES_MAX; i++) /* more than there is room for: the last branch goes on */
                spool_part(f->spool);
        append(f->spool, 1);
        assert_next_of(f, newest, 0, 3);
        spool_release(f->spool);
        assert_next_of(f, spool_instance(f->spool), 0, 1);
}

/* Each boot begins a branch if the last branch has records. Before the room is used up, the file is made anew. Waiting
 * records prevent that. */
static void test_many_boots(void **state)
{
        struct fixture *f = *state;
        for (int boot = 0; boot < 4 * BRANCHES_MAX; boot++) {
                uint64_t before = spool_instance(f->spool), own = spool_own(f->spool, before);
                uint64_t position = spool_position(f->spool);
                boot_again(f, true);
                assert_int_equal(spool_position(f->spool), position);
                assert_true(spool_instance(f->spool) != before);
                assert_int_equal(spool_own(f->spool, before), own);
                if (boot % 3 == 2)
                        continue; /* there are no lines in this boot */
                append(f->spool, 2);
                assert_next_of(f, spool_instance(f->spool), 0, 2);
                spool_release(f->spool);
        }
        assert_in_range(f->spool->branches.count, BRANCHES_CARRIED_MAX, BRANCHES_MAX);
        uint64_t last = 0;
        for (int boot = 0; boot < 2 * BRANCHES_MAX; boot++) { /* without a connection */
                append(f->spool, 1);
                last = spool_instance(f->spool);
                boot_again(f, true);
        }
        assert_int_equal(f->spool->branches.count, BRANCHES_MAX);
        assert_true(spool_instance(f->spool) == last);
        assert_int_equal(spool_waiting(f->spool), 2 * BRANCHES_MAX);
        assert_int_equal(send_all(f, 0), 2 * BRANCHES_MAX);
        boot_again(f, true);
        assert_true(spool_instance(f->spool) != last);
        assert_int_equal(f->lost, 0);
}

/* Records for the hosts of one network are not sent to those of another. */
static void test_another_network(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = send_two_of_five(f);
        open_again(f);
        assert_int_equal(spool_foreign(f->spool), 0);
        spool_close(f->spool);
        f->spool = spool_open(f->path, RING_BYTES, f->notes, "other", &f->lost);
        assert_int_equal(f->lost, 0);
        assert_int_equal(spool_foreign(f->spool), 3);
        assert_empty(f);
        assert_int_equal(spool_own(f->spool, instance), 0);
        assert_false(spool_read(f->spool, instance, 0, &f->chunk, f->buffer, sizeof(f->buffer)));
        append(f->spool, 1);
        spool_close(f->spool);
        f->spool = spool_open(f->path, RING_BYTES, f->notes, "other", &f->lost);
        assert_int_equal(spool_foreign(f->spool), 0);
        assert_next_of(f, spool_instance(f->spool), 0, 1);
}

/* Before branches all records belonged to the file's instance. Those that wait are sent under it. */
static void test_a_file_without_branches(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 2; i++) {
                append(f->spool, 2);
                assert_next(f, spool_position(f->spool) - 2, 2);
                spool_release(f->spool);
                append(f->spool, 3);
                uint64_t waits = spool_position(f->spool) - 3, instance = f->spool->instance;
                keep(f);
                close_without_branches(f);
                open_spool(f, RING_BYTES);
                assert_kept(f);
                assert_int_equal(f->lost, 0);
                assert_true(f->spool->instance == instance && spool_instance(f->spool) != instance);
                assert_int_equal(spool_own(f->spool, instance), waits + 3);
                append(f->spool, 1);
                assert_next_of(f, instance, waits, 3);
                open_again(f);
                assert_next_of(f, instance, waits, 3);
                spool_release(f->spool);
                assert_next_of(f, spool_instance(f->spool), 0, 1);
                spool_release(f->spool);
        }
}

static void test_a_directory_that_is_made_later(void **state)
{
        struct fixture *f = *state;
        keep(f);
        spool_close(f->spool);
        rmdir(f->notes);
        open_spool(f, RING_BYTES);
        assert_true(is_kept(f, 0));
        keep(f);
        open_again(f);
        assert_kept(f);
        mkdir(f->notes, 0700); /* made again by its owner */
        open_again(f);
        assert_kept(f);
        open_again(f);
        assert_kept(f);
        spool_close(f->spool);
        replace_notes(f);
        open_spool(f, RING_BYTES);
        assert_true(is_kept(f, 0));
}

static void test_a_power_loss(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = send_two_of_five(f);
        keep(f);
        boot_again(f, false);
        assert_int_equal(f->lost, 3);
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(*(uint8_t *)spool_kept(f->spool), 0);
        assert_empty(f);
        append(f->spool, 1);
        assert_next(f, 0, 1);
}

/* A killed process leaves the file open, and nothing is lost as long as the machine runs. */
static void test_not_closed_in_this_boot(void **state)
{
        struct fixture *f = *state;
        append(f->spool, 2);
        assert_int_equal(read_u64(f, CLOSED_AT) & UINT32_MAX, 0);
        spool_close(f->spool);
        assert_int_equal(read_u64(f, CLOSED_AT) & UINT32_MAX, 1);
        change_file(f, CLOSED_AT, &(uint32_t){0}, sizeof(uint32_t));
        open_spool(f, RING_BYTES);
        assert_int_equal(f->lost, 0);
        assert_next(f, 0, 2);
        open_again(f);
        assert_int_equal(read_u64(f, CLOSED_AT) & UINT32_MAX, 0);
}

static void test_two_processes(void **state)
{
        struct fixture *f = *state;
        uint64_t lost;
        assert_null(spool_open(f->path, RING_BYTES, f->notes, NETWORK, &lost));
        assert_int_equal(errno, EBUSY);
        append(f->spool, 1);
        assert_next(f, 0, 1);
}

static void test_where_no_file_can_be(void **state)
{
        (void)state;
        uint64_t lost;
        assert_null(spool_open("/nonexistent/spool", RING_BYTES, "/", NETWORK, &lost));
        assert_int_equal(errno, ENOENT);
}

enum { CANNOT_MOUNT = 255, LEFT_OVER = 254 };

/* Returns the errno of opening a spool on a disk with room for half of it; in a mount namespace that ends with the
 * process. */
static int open_on_full_disk(const char *dir)
{
        char path[96];
        uint64_t lost;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", dir, "tmpfs", 0, "size=128k") < 0)
                return CANNOT_MOUNT;
        snprintf(path, sizeof(path), "%s/spool", dir);
        int error = spool_open(path, RING_BYTES, dir, NETWORK, &lost) ? 0 : errno;
        snprintf(path, sizeof(path), "%s/spool.new", dir);
        return access(path, F_OK) == 0 ? LEFT_OVER : error; /* an unusable file takes no room */
}

static bool make_run(const char *dir, const char *members, struct statx *st)
{
        return mount("tmpfs", dir, "tmpfs", 0, NULL) == 0 && mkdir(members, 0700) == 0 &&
               statx(AT_FDCWD, members, 0, STATX_INO | STATX_BTIME, st) == 0;
}

/* Restarts a container: /run is another tmpfs, on which the directory has the same inode. Returns an exit status. */
static int start_container_again(struct fixture *f)
{
        struct statx before, now;
        char members[128];
        snprintf(members, sizeof(members), "%s/members", f->notes);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            !make_run(f->notes, members, &before))
                return CANNOT_MOUNT;
        struct spool *s = spool_open(f->path, RING_BYTES, members, NETWORK, &f->lost);
        memset(spool_kept(s), 0xaa, SPOOL_KEPT_BYTES);
        spool_close(s);
        do { /* not within the same tick of the clock */
                if (umount(f->notes) < 0 || !make_run(f->notes, members, &now))
                        return 1;
                if (now.stx_ino != before.stx_ino || now.stx_btime.tv_sec == 0)
                        return CANNOT_MOUNT; /* this kernel's inodes differ */
        } while (memcmp(&now.stx_btime, &before.stx_btime, sizeof(now.stx_btime)) == 0);
        f->spool = spool_open(f->path, RING_BYTES, members, NETWORK, &f->lost);
        return is_kept(f, 0) ? 0 : 2;
}

static void test_a_container_is_started_again(void **state)
{
        struct fixture *f = *state;
        int status;
        spool_close(f->spool);
        f->spool = NULL;
        pid_t child = fork();
        if (child == 0)
                _exit(start_container_again(f));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == CANNOT_MOUNT)
                skip(); /* not root */
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_full_disk(void **state)
{
        struct fixture *f = *state;
        int status;
        pid_t child = fork();
        if (child == 0)
                _exit(open_on_full_disk(f->dir));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == CANNOT_MOUNT)
                skip(); /* not root */
        assert_int_equal(WEXITSTATUS(status), ENOSPC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_another_boot),
                TEST(test_another_directory),
                TEST(test_a_clone),
                TEST(test_a_branch_begins_at_work),
                TEST(test_many_boots),
                TEST(test_another_network),
                TEST(test_a_file_without_branches),
                TEST(test_a_directory_that_is_made_later),
                TEST(test_a_container_is_started_again),
                TEST(test_a_power_loss),
                TEST(test_not_closed_in_this_boot),
                TEST(test_two_processes),
                TEST(test_where_no_file_can_be),
                TEST(test_a_full_disk),
        };
        return RUN_TESTS(tests);
}
