/* The names of members whose addresses are hidden. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <chat/names.h>

#include "../../chatd/guests.h"
#include <chat/siphash.h>

#include "rundir-fixture.h"

struct fixture {
        char *dir;
        int lock;
        struct guests guests;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        guests_init(&f->guests, f->dir);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

/* The vectors of the paper, and those of its reference implementation. */
static void test_the_hash(void **state)
{
        uint8_t key[16], data[64];
        (void)state;
        for (uint8_t i = 0; i < sizeof(key); i++)
                key[i] = i;
        for (uint8_t i = 0; i < sizeof(data); i++)
                data[i] = i;
        assert_true(siphash(key, data, 0) == UINT64_C(0x726fdb47dd0e0e31));
        assert_true(siphash(key, data, 1) == UINT64_C(0x74f839c593dc67fd));
        assert_true(siphash(key, data, 8) == UINT64_C(0x93f5f5799a932462));
        assert_true(siphash(key, data, 15) == UINT64_C(0xa129ca6149be45e5));
        assert_true(siphash(key, data, 63) == UINT64_C(0x958a324ceb064572));
}

static const char *name_of(struct fixture *f, const char *address)
{
        static char name[GUESTS_NAME_BYTES + 1];
        const struct network n = network_of(address);
        guests_name(&f->guests, &n, name);
        assert_int_equal(strlen(name), GUESTS_NAME_BYTES);
        return name;
}

static void open_again(struct fixture *f)
{
        guests_init(&f->guests, f->dir);
        assert_int_equal(guests_open(&f->guests), 0);
}

static void test_names(void **state)
{
        struct fixture *f = *state;
        char ann[32], six[32];
        struct stat st;
        char path[PATH_MAX];
        assert_int_equal(guests_open(&f->guests), 0);
        snprintf(ann, sizeof(ann), "%s", name_of(f, "192.0.2.7:40414"));
        snprintf(six, sizeof(six), "%s", name_of(f, "[2001:db8::1]:1"));
        assert_true(name_is_nick(ann, strlen(ann)));
        assert_true(strncmp(ann, "guest-", 6) == 0);
        assert_string_equal(name_of(f, "192.0.2.7:40415"), ann);
        assert_string_equal(name_of(f, "[::ffff:192.0.2.7]:1"), ann);
        assert_string_equal(name_of(f, "[2001:db8::2]:1"), six);
        assert_string_not_equal(name_of(f, "192.0.2.8:40414"), ann);
        assert_string_not_equal(name_of(f, "[2001:db8:0:1::1]:1"), six);
        open_again(f); /* as the next chatd does */
        assert_string_equal(name_of(f, "192.0.2.7:1"), ann);
        snprintf(path, sizeof(path), "%s/" GUESTS_KEY_NAME, f->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0400);
        assert_int_equal(st.st_size, GUESTS_FILE_BYTES);
        unlink(path); /* another key gives other names */
        open_again(f);
        assert_string_not_equal(name_of(f, "192.0.2.7:1"), ann);
}

/* A damaged key is replaced once, and reported. A key of an earlier version, which had no checksum, stays. */
static void test_a_damaged_key(void **state)
{
        struct fixture *f = *state;
        char ann[32], path[PATH_MAX];
        struct stat st;
        snprintf(path, sizeof(path), "%s/" GUESTS_KEY_NAME, f->dir);
        open_again(f);
        for (off_t size = 0; size < GUESTS_FILE_BYTES; size++) {
                snprintf(ann, sizeof(ann), "%s", name_of(f, "192.0.2.7:1"));
                assert_int_equal(truncate(path, size), 0);
                guests_init(&f->guests, f->dir);
                assert_int_equal(guests_open(&f->guests), size != GUESTS_KEY_BYTES);
                assert_int_equal(strcmp(name_of(f, "192.0.2.7:1"), ann) != 0, size != GUESTS_KEY_BYTES);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_size, GUESTS_FILE_BYTES);
        }
        for (int bit = 0; bit < GUESTS_FILE_BYTES * 8; bit++) {
                uint8_t file[GUESTS_FILE_BYTES];
                snprintf(ann, sizeof(ann), "%s", name_of(f, "192.0.2.7:1"));
                assert_int_equal(chmod(path, 0600), 0);
                int fd = open(path, O_RDWR | O_CLOEXEC);
                assert_int_equal(pread(fd, file, sizeof(file), 0), sizeof(file));
                file[bit / 8] = (uint8_t)(file[bit / 8] ^ (1 << bit % 8));
                assert_int_equal(pwrite(fd, file, sizeof(file), 0), sizeof(file));
                close(fd);
                guests_init(&f->guests, f->dir);
                assert_int_equal(guests_open(&f->guests), 1);
                assert_string_not_equal(name_of(f, "192.0.2.7:1"), ann);
                open_again(f);
        }
}

/* If the key cannot be stored there are names all the same, and an error. */
static void test_no_place_for_the_key(void **state)
{
        struct fixture *f = *state;
        guests_init(&f->guests, "/nonexistent");
        assert_int_equal(guests_open(&f->guests), -ENOENT);
        char name[32];
        snprintf(name, sizeof(name), "%s", name_of(f, "192.0.2.7:1"));
        assert_int_equal(guests_open(&f->guests), 0); /* the key in memory stays */
        assert_string_equal(name_of(f, "192.0.2.7:1"), name);
}

/* Among a thousand networks hardly any two have the same word. */
static void test_many(void **state)
{
        enum { MANY = 1000, SAME_MAX = 3 };
        struct fixture *f = *state;
        static char names[MANY][32];
        int same = 0;
        assert_int_equal(guests_open(&f->guests), 0);
        for (int i = 0; i < MANY; i++) {
                char address[32];
                snprintf(address, sizeof(address), "10.0.%d.%d:1", i / 250, i % 250);
                snprintf(names[i], sizeof(names[i]), "%s", name_of(f, address));
                for (int j = 0; j < i; j++)
                        same += strcmp(names[i], names[j]) == 0;
        }
        assert_in_range(same, 0, SAME_MAX);
}

static void test_names_that_only_chatd_gives(void **state)
{
        (void)state;
        assert_true(guests_is_name(slice_of("guest-tolabine")));
        assert_true(guests_is_name(slice_of("Guest-x")));
        assert_true(guests_is_name(slice_of("guest-")));
        assert_false(guests_is_name(slice_of("guest")));
        assert_false(guests_is_name(slice_of("guests-x")));
        assert_false(guests_is_name(slice_of("ann")));
        assert_false(guests_is_name(slice_of("")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_hash),      TEST(test_names),
                TEST(test_a_damaged_key), TEST(test_no_place_for_the_key),
                TEST(test_many),          TEST(test_names_that_only_chatd_gives),
        };
        return RUN_TESTS(tests);
}
