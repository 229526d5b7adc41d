/* Names as nicks of IRC, and back. */
#include "../../chat-irc/nick.h"

#include "test.h"

static void assert_nick(const char *name, const char *nick)
{
        char got[IRC_NICK_MAX_BYTES], back[NAME_MAX_BYTES + 1];
        nick_of_name(slice_of(name), got);
        assert_string_equal(got, nick);
        assert_true(nick_to_name(slice_of(nick), back));
        assert_string_equal(back, name);
}

static void test_names_and_nicks(void **state)
{
        (void)state;
        assert_nick("ann", "ann");
        assert_nick("Ann_b.c-9", "Ann_b.c-9");
        assert_nick("ann~2", "ann~2");
        assert_nick("ann@b", "ann/b");
        assert_nick("127.0.0.1:4711", "guest-127.0.0.1-4711");
        assert_nick("127.0.0.1:4711@b", "guest-127.0.0.1-4711/b");
        assert_nick("[::1]:4711", "guest-::1-4711");
        assert_nick("[fe80::1]:4711@b", "guest-fe80::1-4711/b");
        assert_nick("[fe80::1%eth0]:4711", "guest-fe80::1%eth0-4711");
        assert_nick("[fe80::1%a,b]:4711", "\\5bfe80\\3a\\3a1\\25a\\2cb\\5d\\3a4711");
        assert_nick("pid=7,uid=1000", "pid\\3d7\\2cuid\\3d1000");
        assert_nick("7up", "\\37up");
        assert_nick("a/b", "a\\2fb");
        assert_nick("a\\2c", "a\\5c2c");
}

/* A name that was chosen, and a guest's, never have one nick. */
static void test_a_name_like_that_of_a_guest(void **state)
{
        (void)state;
        assert_nick("guest-127.0.0.1-4711", "guest-127.0.0.1-4711~");
        assert_nick("guest-127.0.0.1-4711~", "guest-127.0.0.1-4711~~");
        assert_nick("guest-127.0.0.1-4711~2", "guest-127.0.0.1-4711~2");
        assert_nick("guest-badoka", "guest-badoka");
        assert_nick("guest-1-2", "guest-1-2~");
        assert_nick("guest-", "guest-");
}

/* Every name of up to three characters has a nick of its own that begins with a letter or a "\", and gives the name
 * back. */
static void test_all_short_names(void **state)
{
        (void)state;
        static const char characters[] = "ag-1.:~/\\[],!%";
        size_t n = sizeof(characters) - 1;
        for (size_t i = 0; i < n * n * n; i++) {
                char name[] = {characters[i % n], characters[i / n % n], characters[i / n / n], '\0'};
                char nick[IRC_NICK_MAX_BYTES], back[NAME_MAX_BYTES + 1];
                nick_of_name(slice_of(name), nick);
                assert_true(nick_to_name(slice_of(nick), back));
                assert_string_equal(back, name);
                assert_null(strpbrk(nick, " ,!*?@/"));
                assert_null(strchr(":#&0123456789", nick[0]));
        }
}

static void test_the_longest_names(void **state)
{
        (void)state;
        char name[NAME_MAX_BYTES + 2], nick[IRC_NICK_MAX_BYTES], back[NAME_MAX_BYTES + 1];
        for (int c = 'a'; c >= '!'; c -= 'a' - '!') {
                memset(name, c, sizeof(name));
                name[NAME_MAX_BYTES] = '\0';
                nick_of_name(slice_of(name), nick);
                assert_true(nick_to_name(slice_of(nick), back));
                assert_string_equal(back, name);
        }
        memset(name, 'a', sizeof(name));
        assert_false(nick_to_name((struct slice){name, NAME_MAX_BYTES + 1}, back));
        name[1] = '/'; /* one for the "@", and 95 behind it */
        assert_false(nick_to_name((struct slice){name, NAME_MAX_BYTES + 1}, back));
        assert_true(nick_to_name((struct slice){name, NAME_MAX_BYTES}, back));
}

static void test_channels(void **state)
{
        (void)state;
        struct slice room;
        assert_true(nick_channel_to_room(slice_of("#den"), &room));
        assert_true(slice_equal(room, slice_of("den")));
        static const char *const bad[] = {"", "den", "#", "##den", "#9", "&den", "#a,b", "#gr\xc3\xbc\xc3\x9f"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(nick_channel_to_room(slice_of(bad[i]), &room));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_and_nicks), cmocka_unit_test(test_a_name_like_that_of_a_guest),
                cmocka_unit_test(test_all_short_names), cmocka_unit_test(test_the_longest_names),
                cmocka_unit_test(test_channels),
        };
        return RUN_TESTS(tests);
}
