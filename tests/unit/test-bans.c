/* Bans: the names and addresses that can be banned, the members that a ban matches, and the file. */
#include <chat/journal.h>

#include "../../chatd/bans.h"

#include "rundir-fixture.h"

struct fixture {
        char *dir;
        int lock;
        struct journal *log;
        struct bans bans;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->log = journal_start("chatd");
        assert_int_equal(bans_read(&f->bans, f->dir, f->log), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        bans_free(&f->bans);
        journal_stop(f->log);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

static struct ban parsed(const char *what, const char *reason)
{
        struct ban ban = {.time = 1700000000, .uid = 1000};
        assert_int_equal(ban_parse(&ban, what), 0);
        snprintf(ban.reason, sizeof(ban.reason), "%s", reason);
        return ban;
}

static int add(struct fixture *f, const char *what)
{
        struct ban ban = parsed(what, "a reason");
        return bans_add(&f->bans, &ban);
}

static int take_back(struct fixture *f, const char *what)
{
        struct ban ban = parsed(what, "");
        return bans_remove(&f->bans, &ban);
}

static bool is_banned(struct fixture *f, const char *name, const char *address)
{
        return bans_find(&f->bans, slice_of(name), address) != NULL;
}

/* Reads the file as the next chatd does. */
static void read_again(struct fixture *f)
{
        bans_free(&f->bans);
        assert_int_equal(bans_read(&f->bans, f->dir, f->log), 0);
}

static void write_file(struct fixture *f, const char *text)
{
        FILE *file = fopen(f->bans.file.path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static void test_what_is_one(void **state)
{
        static const char *const forms[][2] = {
                {"192.0.2.7", "192.0.2.7"},
                {"192.0.2.7:40414", "192.0.2.7"},
                {"192.0.2.7/24", "192.0.2.0/24"},
                {"192.0.2.7/32", "192.0.2.7"},
                {"0.0.0.0/0", "0.0.0.0/0"},
                {"2001:DB8::1", "2001:db8::1"},
                {"[2001:db8::1]:40414", "2001:db8::1"},
                {"[fe80::1%eth0]:1", "fe80::1%eth0"},
                {"fe80::1:2:3%br-0.1/64", "fe80::%br-0.1/64"},
                {"fe80::1%2", "fe80::1%2"},
                {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
                {"::/0", "::/0"},
                {"::ffff:192.0.2.7", "192.0.2.7"},
                {"bob", "bob"},
                {"_apt", "_apt"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
                struct ban ban = parsed(forms[i][0], ""), again;
                assert_string_equal(ban.target, forms[i][1]);
                again = parsed(ban.target, "");
                assert_string_equal(again.target, ban.target);
                assert_int_equal(again.bits, ban.bits);
        }
}

static void test_what_is_none(void **state)
{
        static const char *const forms[] = {
                "",
                "192.0.2",
                "192.0.2.7/33",
                "192.0.2.7/",
                "192.0.2.7/-1",
                "192.0.2.7/8x",
                "/8",
                "2001:db8:",
                "2001::/129",
                "bob/8",
                "b b",
                "bob:",
                "#1",
                "bob@b",
                "1.2.3.4.5",
                "%",
                "-",
                "\xc3\xa9",
                "b\x1b",
                "256.1.1.1",
                "192.0.2.7%eth0",
                "fe80::1%",
                "fe80::1%a234567890123456",
                "fe80::1/64%eth0",
                ":::",
        };
        struct ban ban;
        char long_name[LOCAL_NAME_MAX_BYTES + 2];
        (void)state;
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
                assert_int_equal(ban_parse(&ban, forms[i]), -EINVAL);
        memset(long_name, 'a', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        assert_int_equal(ban_parse(&ban, long_name), -EINVAL);
        long_name[sizeof(long_name) - 2] = '\0';
        assert_int_equal(ban_parse(&ban, long_name), 0);
}

static void test_a_wider_one(void **state)
{
        static const char *const rows[][2] = {
                {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
                {"[2001:db8::7]:40414", "2001:db8::/64"},
                {"2001:db8::7/127", NULL},
                {"2001:db8::/64", NULL},
                {"2001:db8::/32", NULL},
                {"192.0.2.7", NULL},
                {"::ffff:192.0.2.7", NULL},
                {"fe80::1%eth0", NULL},
                {"fe80::1", NULL},
                {"::1", NULL},
                {"bob", NULL},
        };
        char text[NETWORK_MAX_BYTES + 1];
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct ban ban = parsed(rows[i][0], "");
                assert_int_equal(ban_widen(&ban, text), rows[i][1] != NULL);
                if (rows[i][1])
                        assert_string_equal(text, rows[i][1]);
        }
}

static void test_whom_it_matches(void **state)
{
        struct fixture *f = *state;
        assert_false(is_banned(f, "bob", "192.0.2.7:1"));
        add(f, "192.0.2.128/25");
        add(f, "2001:db8::/32");
        add(f, "Bob");
        assert_true(is_banned(f, "192.0.2.200:1", "192.0.2.200:1"));
        assert_true(is_banned(f, "ann", "192.0.2.128:40414"));
        assert_false(is_banned(f, "ann", "192.0.2.127:40414"));
        assert_true(is_banned(f, "ann", "[::ffff:192.0.2.200]:1"));
        assert_true(is_banned(f, "ann", "[2001:db8:1::2]:1"));
        assert_true(is_banned(f, "ann", "[2001:db8:1::2%eth0]:1"));
        assert_false(is_banned(f, "ann", "[2001:db9::2]:1"));
        add(f, "fe80::1%eth0");
        assert_true(is_banned(f, "ann", "[fe80::1%eth0]:1"));
        assert_false(is_banned(f, "ann", "[fe80::1%eth1]:1"));
        assert_false(is_banned(f, "ann", "[fe80::1]:1"));
        add(f, "fe80::/16");
        assert_true(is_banned(f, "ann", "[fe80::1%eth1]:1"));
        assert_true(is_banned(f, "BOB", "198.51.100.1:1"));
        assert_true(is_banned(f, "bob", NULL));
        assert_false(is_banned(f, "b0b", NULL));
        assert_false(is_banned(f, "bobby", NULL));
        assert_false(is_banned(f, "ann", "pid=1,uid=0"));
        assert_false(is_banned(f, "ann", "::"));
        add(f, "0.0.0.0/0");
        assert_true(is_banned(f, "ann", "198.51.100.1:1"));
        assert_false(is_banned(f, "ann", "[2001:db9::2]:1"));
}

static void test_the_file(void **state)
{
        struct fixture *f = *state;
        struct stat st;
        assert_int_equal(add(f, "192.0.2.0/24"), 0);
        assert_int_equal(add(f, "bob"), 0);
        read_again(f);
        assert_int_equal(f->bans.count, 2);
        const struct ban *ban = bans_find(&f->bans, slice_of("bob"), NULL);
        assert_string_equal(ban->target, "bob");
        assert_string_equal(ban->reason, "a reason");
        assert_int_equal(ban->time, 1700000000);
        assert_int_equal(ban->uid, 1000);
        assert_int_equal(stat(f->bans.file.path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        assert_int_equal(add(f, "BOB"), 0); /* replaces the other one */
        assert_int_equal(f->bans.count, 2);
        assert_int_equal(take_back(f, "192.0.2.9/24"), 0);
        assert_int_equal(take_back(f, "192.0.2.9/24"), -ENOENT);
        assert_int_equal(take_back(f, "192.0.2.0/25"), -ENOENT);
        read_again(f);
        assert_int_equal(f->bans.count, 1);
        assert_string_equal(f->bans.list[0].target, "BOB");
}

static void test_bad_lines(void **state)
{
        struct fixture *f = *state;
        char line[2000];
        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        write_file(f, "# a comment\nbob 1 0 why not\nbob\nann 1 0\neve x 0 \neve 1 -1 \n\nzoe 1 0 \x1b[31m\n");
        FILE *file = fopen(f->bans.file.path, "a");
        fprintf(file, "%s\n192.0.2.0/24 5 1000 spam and more\nlast 1 0 ", line);
        fclose(file);
        read_again(f);
        assert_int_equal(f->bans.count, 2);
        assert_string_equal(f->bans.list[0].reason, "why not");
        assert_string_equal(f->bans.list[1].target, "192.0.2.0/24");
}

static void change_file(struct fixture *f, const char *from, const char *to)
{
        static char text[4096];
        FILE *file = fopen(f->bans.file.path, "r+");
        assert_non_null(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        char *found = strstr(text, from);
        assert_non_null(found);
        memcpy(found, to, strlen(to));
        rewind(file);
        fputs(text, file);
        fclose(file);
}

/* Damage costs the ban that it hits. The damaged file is kept once, and reported until it is removed. */
static void test_a_damaged_file(void **state)
{
        struct fixture *f = *state;
        char kept[PATH_MAX];
        struct stat damaged, there;
        snprintf(kept, sizeof(kept), "%s/bans.damaged", f->dir);
        assert_int_equal(add(f, "bob"), 0);
        assert_int_equal(add(f, "192.0.2.7"), 0);
        read_again(f);
        assert_false(f->bans.file.is_damaged);
        assert_int_equal(f->bans.file.changes, 0); /* nothing needs to be written */
        for (int i = 0; i < 2; i++) {
                change_file(f, "192.0.2.", "192.0.3.");
                assert_int_equal(stat(f->bans.file.path, &damaged), 0);
                read_again(f);
                assert_true(f->bans.file.is_damaged);
                assert_true(is_banned(f, "bob", NULL));
                assert_false(is_banned(f, "ann", "192.0.2.7:1"));
                assert_false(is_banned(f, "ann", "192.0.3.7:1"));
                read_again(f); /* the file was written anew, with the ban that is left */
                assert_int_equal(f->bans.file.changes, 0);
                assert_int_equal(f->bans.count, 1);
                assert_true(f->bans.file.is_damaged);
                assert_int_equal(stat(kept, &there), 0);
                assert_int_equal(there.st_ino, damaged.st_ino);
                assert_int_equal(add(f, "192.0.2.7"), 0);
                bans_finish(&f->bans);
        }
        unlink(kept);
        read_again(f);
        assert_false(f->bans.file.is_damaged);
}

/* A damaged file that cannot be kept is not overwritten before the bans change. */
static void test_a_damaged_file_that_cannot_be_kept(void **state)
{
        struct fixture *f = *state;
        char kept[PATH_MAX];
        struct stat damaged, there;
        snprintf(kept, sizeof(kept), "%s/bans.damaged", f->dir);
        assert_int_equal(add(f, "bob"), 0);
        bans_finish(&f->bans);
        change_file(f, "bob", "rob");
        assert_int_equal(stat(f->bans.file.path, &damaged), 0);
        assert_int_equal(mkdir(kept, 0700), 0);
        read_again(f);
        read_again(f);
        assert_int_equal(f->bans.count, 0);
        assert_true(f->bans.file.is_damaged);
        assert_int_equal(stat(f->bans.file.path, &there), 0);
        assert_int_equal(there.st_ino, damaged.st_ino);
}

/* A file that cannot be read is kept when the bans change. */
static void test_a_file_that_cannot_be_read(void **state)
{
        struct fixture *f = *state;
        char kept[PATH_MAX], there[PATH_MAX] = "";
        snprintf(kept, sizeof(kept), "%s/bans.damaged", f->dir);
        bans_free(&f->bans);
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/bans", f->dir);
        assert_int_equal(symlink("bans", path), 0); /* even root cannot read that */
        assert_int_equal(bans_read(&f->bans, f->dir, f->log), -ELOOP);
        assert_true(f->bans.file.is_damaged);
        assert_int_equal(add(f, "bob"), 0);
        read_again(f);
        assert_true(is_banned(f, "bob", NULL));
        assert_true(readlink(kept, there, sizeof(there) - 1) > 0);
        assert_string_equal(there, "bans");
}

/* A file of the version before, or one that a person wrote, gets its checksums at once. */
static void test_a_file_without_checksums(void **state)
{
        struct fixture *f = *state;
        write_file(f, "bob 1 0 why not\n");
        read_again(f);
        assert_false(f->bans.file.is_damaged);
        assert_int_equal(f->bans.count, 1);
        read_again(f);
        assert_int_equal(f->bans.count, 1);
        assert_int_equal(f->bans.file.changes, 0);
}

/* A change stays in effect as long as chatd runs, and the next change tries to write again. */
static void test_it_cannot_be_written(void **state)
{
        struct fixture *f = *state;
        char new[PATH_MAX + 8];
        assert_int_equal(add(f, "bob"), 0);
        bans_finish(&f->bans);
        assert_int_equal(f->bans.file.error, 0);
        snprintf(new, sizeof(new), "%s.new", f->bans.file.path);
        assert_int_equal(mkdir(new, 0700), 0); /* even root cannot write there */
        assert_int_equal(add(f, "zoe"), 0);
        bans_finish(&f->bans);
        assert_int_equal(f->bans.file.error, -EISDIR);
        assert_int_equal(f->bans.file.disk_changes, f->bans.file.changes);
        assert_true(is_banned(f, "zoe", "192.0.2.1:1"));
        rmdir(new);
        assert_int_equal(add(f, "eve"), 0);
        bans_finish(&f->bans);
        assert_int_equal(f->bans.file.error, 0);
        read_again(f);
        assert_int_equal(f->bans.count, 3);
}

static void test_as_many_as_can_be(void **state)
{
        struct fixture *f = *state;
        char line[64];
        FILE *file = fopen(f->bans.file.path, "w");
        for (int i = 0; i < BANS_MAX - 1; i++)
                fprintf(file, "n-%d 1 0 \n", i);
        fclose(file);
        read_again(f);
        assert_int_equal(f->bans.count, BANS_MAX - 1);
        assert_int_equal(add(f, "last"), 0);
        assert_int_equal(add(f, "other"), -ENOSPC);
        assert_int_equal(add(f, "last"), 0);
        snprintf(line, sizeof(line), "n-%d", BANS_MAX - 2);
        assert_true(is_banned(f, line, NULL));
        file = fopen(f->bans.file.path, "a");
        fputs("one-more 1 0 \n", file);
        fclose(file);
        read_again(f);
        assert_int_equal(f->bans.count, BANS_MAX);
        assert_false(is_banned(f, "one-more", NULL));
        assert_true(is_banned(f, "last", NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_one),
                cmocka_unit_test(test_what_is_none),
                TEST(test_a_wider_one),
                TEST(test_whom_it_matches),
                TEST(test_the_file),
                TEST(test_bad_lines),
                TEST(test_a_damaged_file),
                TEST(test_a_damaged_file_that_cannot_be_kept),
                TEST(test_a_file_that_cannot_be_read),
                TEST(test_a_file_without_checksums),
                TEST(test_it_cannot_be_written),
                TEST(test_as_many_as_can_be),
        };
        return RUN_TESTS(tests);
}
