#include <stdio.h>

#include "../../chat-session/view.h"

#include "test.h"

static const struct record line = {.kind = RECORD_LINE, .name = {"bob", 3}, .text = {"hi Ann, it is me", 16}};

/* How a record looks to ann, without its CR LF. */
static const char *shown(struct view *v, const struct record *r, time_t now)
{
        static char text[256];
        struct slice parts[VIEW_PARTS_MAX];
        size_t n = view_parts(v, r, slice_of("ann"), now, parts);
        text[0] = '\0';
        assert_true(n <= VIEW_PARTS_MAX);
        for (size_t i = 0; i < n; i++)
                strncat(text, parts[i].at, parts[i].len);
        return text;
}

static void test_plain(void **state)
{
        (void)state;
        struct view v = {0};
        assert_true(view_is_plain(&v));
        assert_string_equal(shown(&v, &line, 0), "bob: hi Ann, it is me");
}

static void test_time(void **state)
{
        (void)state;
        struct view v = {.time = true};
        assert_false(view_is_plain(&v));
        assert_string_equal(shown(&v, &line, 23 * 3600 + 59 * 60 + 59), "[23:59] bob: hi Ann, it is me");
        assert_string_equal(shown(&v, &line, 86400), "[00:00] bob: hi Ann, it is me");
}

static void test_bell(void **state)
{
        (void)state;
        struct view v = {.bell = true};
        struct record r = line;
        assert_false(view_is_plain(&v));
        assert_string_equal(shown(&v, &line, 0), "bob: hi Ann, it is me\a");
        r.text = slice_of("annoying, hannah");
        assert_string_equal(shown(&v, &r, 0), "bob: annoying, hannah");
        r.text = slice_of("hann ann");
        assert_string_equal(shown(&v, &r, 0), "bob: hann ann\a");
        r.text = slice_of("\xc3\xa4nn");
        assert_string_equal(shown(&v, &r, 0), "bob: \xc3\xa4nn");
        r = (struct record){.kind = RECORD_PRIVATE, .name = slice_of("bob"), .text = slice_of("psst")};
        assert_string_equal(shown(&v, &r, 0), "bob (to you): psst\a");
        r = (struct record){.kind = RECORD_RENAME, .name = slice_of("bob"), .text = slice_of("ann")};
        assert_string_equal(shown(&v, &r, 0), "*** bob is now called ann");
}

static void test_color(void **state)
{
        (void)state;
        struct view v = {.color = true};
        struct record r = {.kind = RECORD_ACTION, .name = slice_of("bob"), .text = slice_of("waves")};
        char before[64];
        assert_false(view_is_plain(&v));
        snprintf(before, sizeof(before), "%s", shown(&v, &line, 0));
        assert_non_null(strstr(before, "mbob\x1b[0m: hi Ann"));
        assert_memory_equal(before, "\x1b[3", 3);
        assert_memory_equal(shown(&v, &r, 0), "* \x1b[3", 5);
        r = (struct record){.kind = RECORD_NOTICE, .name = {"", 0}, .text = slice_of("news")};
        assert_string_equal(shown(&v, &r, 0), "*** news");
}

static void test_everything_at_once(void **state)
{
        (void)state;
        struct view v = {.time = true, .bell = true, .color = true};
        struct record r = {.kind = RECORD_ACTION, .name = slice_of("bob"), .text = slice_of("looks at ann")};
        const char *text = shown(&v, &r, 60);
        assert_memory_equal(text, "[00:01] * \x1b[3", 13);
        assert_string_equal(text + strlen(text) - 13, "looks at ann\a");
}

static void test_ignored(void **state)
{
        (void)state;
        struct view v = {0};
        char name[16];
        struct record join = {.kind = RECORD_JOIN, .name = slice_of("bob"), .text = {"", 0}};
        assert_true(view_toggle(&v, slice_of("BOB")));
        assert_false(view_is_plain(&v));
        assert_string_equal(shown(&v, &line, 0), "");
        assert_string_equal(shown(&v, &join, 0), "*** bob is connected"); /* what he does not say is seen */
        view_rename(&v, slice_of("bob"), slice_of("eve"));
        assert_string_equal(shown(&v, &line, 0), "bob: hi Ann, it is me");
        assert_true(view_ignores(&v, slice_of("eve")));
        assert_true(view_toggle(&v, slice_of("eve")));
        assert_true(view_is_plain(&v));
        for (int i = 0; i < VIEW_IGNORED_MAX; i++) {
                snprintf(name, sizeof(name), "x%c", "abcdefghjkmnopqr"[i]);
                assert_true(view_toggle(&v, slice_of(name)));
        }
        assert_false(view_toggle(&v, slice_of("one-too-many")));
        assert_true(view_toggle(&v, slice_of("xa")));
        assert_int_equal(v.ignored_count, VIEW_IGNORED_MAX - 1);
        assert_true(view_ignores(&v, slice_of("xr")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_bell),
                cmocka_unit_test(test_color),
                cmocka_unit_test(test_everything_at_once),
                cmocka_unit_test(test_ignored),
        };
        return RUN_TESTS(tests);
}
