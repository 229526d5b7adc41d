#include <sys/socket.h>
#include <sys/stat.h>

#include <chat/paths.h>

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
        fd = rundir_bind(dir); /* in place of the dead one */
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
        assert_int_equal(rundir_open(open_to_all), -EPERM); /* somebody could put a socket there before us */
        assert_int_equal(rmdir(open_to_all), 0);
        assert_int_equal(rundir_open("/proc/none"), -ENOENT);
        assert_int_equal(rundir_bind("/proc/none"), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modes),
                cmocka_unit_test(test_a_second_one_is_kept_out),
                cmocka_unit_test(test_a_directory_that_cannot_be),
        };
        return RUN_TESTS(tests);
}
