#include <sys/socket.h>
#include <sys/stat.h>

#include <chat/paths.h>

#include "inodes.h"
#include "rundir-fixture.h"

static mode_t mode_of(const char *dir, const char *name)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

static void test_modes(void **state)
{
        (void)state;
        int lock;
        char *dir = rundir_make(&lock);
        assert_int_equal(mode_of(dir, "sessions"), 01730);
        assert_int_equal(mode_of(dir, "members"), 0700);
        int fd = rundir_bind(dir);
        assert_true(fd >= 0);
        assert_int_equal(mode_of(dir, "chatd.sock"), 0660);
        close(fd);
        fd = rundir_bind(dir); /* replaces the dead one */
        assert_true(fd >= 0);
        close(fd);
        rundir_remove(dir, lock);
}

static void test_a_second_one_is_kept_out(void **state)
{
        (void)state;
        int lock;
        char *dir = rundir_make(&lock);
        assert_int_equal(rundir_open(dir), -EWOULDBLOCK);
        close(lock);
        lock = rundir_open(dir);
        assert_true(lock >= 0);
        rundir_remove(dir, lock);
}

static void test_a_directory_that_cannot_be(void **state)
{
        (void)state;
        char open_to_all[] = "/tmp/chat-unit.XXXXXX";
        assert_non_null(mkdtemp(open_to_all));
        assert_int_equal(chmod(open_to_all, 0777), 0);
        assert_int_equal(rundir_open(open_to_all), -EPERM); /* another user could put a socket there before us */
        assert_int_equal(rmdir(open_to_all), 0);
        assert_int_equal(rundir_open("/proc/none"), -ENOENT);
        assert_int_equal(rundir_bind("/proc/none"), -ENOENT);
}

static void assert_note(const char *path, const char *text)
{
        char got[256];
        ssize_t n = readlink(path, got, sizeof(got) - 1);
        assert_true(n > 0);
        got[n] = '\0';
        assert_string_equal(got, text);
}

/* Without free inodes an existing note can be replaced, a new one cannot be made, and notes stay as they are. */
static void test_no_inode_is_left(void **state)
{
        (void)state;
        int lock;
        char *dir = rundir_make(&lock), note[256], new[256], other[256], spare[256];
        snprintf(note, sizeof(note), "%s/members/note", dir);
        snprintf(new, sizeof(new), "%s/members/note.new", dir);
        snprintf(other, sizeof(other), "%s/members/other", dir);
        snprintf(spare, sizeof(spare), "%s/members/.spare", dir);
        assert_int_equal(rundir_replace_note(note, new, "one"), 0);
        inodes = 0;
        for (int i = 0; i < 3; i++) {
                assert_int_equal(rundir_replace_note(note, new, "two"), 0);
                assert_note(note, "two");
                assert_int_equal(rundir_replace_note(other, new, "three"), -ENOSPC);
                assert_false(is_there(other));
                assert_true(is_there(spare));
                assert_int_equal(inodes, 0);
        }
        assert_int_equal(unlink(spare), 0); /* another process took the inode */
        inodes = 0;
        assert_int_equal(rundir_replace_note(note, new, "four"), -ENOSPC);
        assert_note(note, "two");
        inodes = 1;
        assert_int_equal(rundir_replace_note(note, new, "five"), 0);
        assert_note(note, "five");
        assert_true(is_there(spare)); /* the spare file is there again */
        assert_int_equal(rundir_replace_note(note, new, "six"), 0);
        assert_note(note, "six");
        inodes = INT_MAX;
        rundir_remove(dir, lock);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modes),
                cmocka_unit_test(test_a_second_one_is_kept_out),
                cmocka_unit_test(test_a_directory_that_cannot_be),
                cmocka_unit_test(test_no_inode_is_left),
        };
        return RUN_TESTS(tests);
}
