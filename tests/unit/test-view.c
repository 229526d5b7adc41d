#include <stdio.h>

#include "../../chat-session/view.h"

#include "test.h"

static const struct record line = {.kind = RECORD_LINE, .name = {"bob", 3}, .text = {"hi Ann, it is me", 16}};

/* Returns a record as ann sees it, without its CR LF. */
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

static void test_time_in_a_zone(void **state)
{
        (void)state;
        struct view v = {.time = true, .zone = {.standard_min = 330}};
        assert_string_equal(shown(&v, &line, 0), "[05:30] bob: hi Ann, it is me");
        v.zone.standard_min = -60;
        assert_string_equal(shown(&v, &line, 0), "[23:00] bob: hi Ann, it is me");
        assert_string_equal(shown(&v, &line, -1), "[22:59] bob: hi Ann, it is me");
}

static void assert_past(const struct view *v, int64_t age, uint64_t now, uint64_t uptime, const char *expected)
{
        char text[VIEW_PAST_TIME_BYTES];
        view_past_time(v, now - (uint64_t)age, now, uptime, text);
        assert_string_equal(text, expected);
}

static void test_past(void **state)
{
        (void)state;
        enum { HOUR = 3600, DAY = 24 * HOUR, NOON = 20000 * DAY + 12 * HOUR };
        struct view v = {0};
        assert_past(&v, 0, NOON, 0, "(12:00) ");
        assert_past(&v, 60, NOON, 0, "(11:59) ");
        assert_past(&v, DAY - 1, NOON, 0, "(12:00) ");
        assert_past(&v, DAY, NOON, 0, "(1 day ago) ");
        assert_past(&v, 2 * DAY, NOON, 0, "(2 days ago) ");
        assert_past(&v, 30 * DAY, NOON, 0, "(30 days ago) ");
        assert_past(&v, 30 * DAY + 1, NOON, 0, "(earlier) ");
        assert_past(&v, 400 * DAY, NOON, 400 * DAY, "(400 days ago) "); /* a host with such an uptime */
        assert_past(&v, 400 * DAY + 1, NOON, 400 * DAY, "(earlier) ");
        v.zone.standard_min = -4 * 60;
        assert_past(&v, 0, NOON, 0, "(08:00) ");
}

/* The clock is set back, and forward, by minutes, days and decades: no line shows an impossible time. */
static void test_past_where_the_clock_jumps(void **state)
{
        (void)state;
        static const uint64_t times[] = {0,
                                         1,
                                         59,
                                         946684800 /* 2000 */,
                                         1790000000 /* 2026 */,
                                         1791000000,
                                         2208988800 /* 2040 */,
                                         4102444800,
                                         UINT64_MAX};
        enum { TIMES = sizeof(times) / sizeof(times[0]) };
        const struct view v = {0};
        char text[VIEW_PAST_TIME_BYTES];
        assert_past(&v, -60, 1790000000, 100, "(14:14) ");
        assert_past(&v, -3600, 1790000000, 100, "(15:13) ");
        assert_past(&v, -3601, 1790000000, 100, "(earlier) ");
        for (size_t said = 0; said < TIMES; said++)
                for (size_t now = 0; now < TIMES; now++) {
                        uint64_t apart = times[said] > times[now] ? times[said] - times[now] : times[now] - times[said];
                        view_past_time(&v, times[said], times[now], 3600, text);
                        if (apart > VIEW_PAST_MAX_S)
                                assert_string_equal(text, "(earlier) ");
                }
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
        struct record join = {.kind = RECORD_JOIN, .id = 7, .name = slice_of("bob"), .text = {"", 0}}, own = line;
        own.id = 7;
        assert_true(ignored_add(&v.ignore_list, 7, slice_of("bob")));
        assert_false(view_is_plain(&v));
        assert_string_equal(shown(&v, &own, 0), "");
        assert_string_equal(shown(&v, &join, 0), "*** bob is connected"); /* only his words are hidden */
        own.id = 8;                                                       /* another member of this name */
        assert_string_equal(shown(&v, &own, 0), "bob: hi Ann, it is me");
        ignored_remove(&v.ignore_list, ignored_find(&v.ignore_list, 7, slice_of("bob")));
        assert_true(view_is_plain(&v));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_time_in_a_zone),
                cmocka_unit_test(test_past),
                cmocka_unit_test(test_past_where_the_clock_jumps),
                cmocka_unit_test(test_bell),
                cmocka_unit_test(test_color),
                cmocka_unit_test(test_everything_at_once),
                cmocka_unit_test(test_ignored),
        };
        return RUN_TESTS(tests);
}
