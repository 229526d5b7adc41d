#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../chat-session/zone.h"

#include "test.h"

enum { DAY_S = 24 * 3600, YEAR_2026 = 1767225600, YEARS_S = 366 * DAY_S };

/* Rules of every shape: summer time in the north, in the south, or of half an hour; a special time in winter instead;
 * changes on the day before or days after; and no summer time. */
static const char *const rules[] = {
        "UTC0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "EET-2EEST,M4.5.5/0,M10.5.4/24",
        "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
        "<+0545>-5:45",
        "<+14>-14",
        "<-12>12",
};

/* Compares with the C library, which knows the same rules, at each quarter of an hour of some years. (Before 1970 it
 * ignores them.) */
static void test_as_libc(void **state)
{
        (void)state;
        static const int64_t years[] = {0, 946684800, YEAR_2026, YEAR_2026 + YEARS_S, 2208988800};
        for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
                struct zone z;
                assert_true(zone_parse(&z, rules[i]));
                setenv("TZ", rules[i], 1);
                tzset();
                for (size_t y = 0; y < sizeof(years) / sizeof(years[0]); y++)
                        for (time_t t = years[y]; t < years[y] + YEARS_S; t += 899) {
                                struct tm tm;
                                localtime_r(&t, &tm);
                                if (zone_offset_min(&z, t) * 60 != tm.tm_gmtoff)
                                        fail_msg("%s at %lld: %d minutes, not %ld s", rules[i], (long long)t,
                                                 zone_offset_min(&z, t), tm.tm_gmtoff);
                                assert_int_equal(zone_minute_of_day(&z, t), tm.tm_hour * 60 + tm.tm_min);
                        }
        }
        unsetenv("TZ");
}

static void test_what_is_no_rule(void **state)
{
        (void)state;
        static const char *const wrong[] = {
                "",
                "CE-1",
                "CET",
                "CET-",
                "CET-1x",
                "CET-200",
                "CET-25",
                "<+01-1",
                "CET-1CEST",
                "CET-1CEST,",
                "CET-1CEST,M3.5.0",
                "CET-1CEST,M3.5.0,",
                "CET-1CEST,M13.5.0,M10.5.0",
                "CET-1CEST,M3.6.0,M10.5.0",
                "CET-1CEST,M3.5.7,M10.5.0",
                "CET-1CEST,M0.5.0,M10.5.0",
                "CET-1CEST,J79/24,J263/24",
                "CET-1CEST,M3.5.0,M10.5.0/168",
                "CET-1CEST,M3.5.0,M10.5.0/3x",
                "Europe/Berlin",
        };
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                struct zone z = {.standard_min = 1};
                if (zone_parse(&z, wrong[i]))
                        fail_msg("%s is taken", wrong[i]);
                assert_int_equal(zone_offset_min(&z, YEAR_2026 + 180 * DAY_S), 0);
        }
}

static void test_offsets_that_people_type(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                int minutes; /* from UTC */
                const char *name;
        } right[] = {
                {"+2", 120, "UTC+2"},
                {"+0530", 330, "UTC+5:30"},
                {"GMT-3", -180, "UTC-3"},
                {"gmt", 0, "UTC"},
                {"-3", -180, "UTC-3"},
                {"+5:30", 330, "UTC+5:30"},
                {"-9:30", -570, "UTC-9:30"},
                {"+05:45", 345, "UTC+5:45"},
                {"+0", 0, "UTC"},
                {"-0", 0, "UTC"},
                {"UTC", 0, "UTC"},
                {"utc", 0, "UTC"},
                {"UTC+2", 120, "UTC+2"},
                {"utc-00:30", -30, "UTC-0:30"},
                {"+14", 840, "UTC+14"},
                {"-14", -840, "UTC-14"},
                {"+13:59", 839, "UTC+13:59"},
        };
        static const char *const wrong[] = {
                "",      "2",      "+",     "-",      "++2",   "+14:01",     "+15",
                "+2:60", "+2:5",   "+0560", "+05300", "+053",  "+24",        "+1401",
                "+2:",   "+2:300", "+2x",   "+ 2",    "+2 ",   "CET",        "UTC 2",
                "UTC2",  "on",     "local", "+5:30x", "+5:-3", "UTC+14:00x", "+1000000000000000"};
        struct zone z = {0};
        char name[ZONE_NAME_BYTES];
        for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
                assert_true(zone_parse_offset(&z, slice_of(right[i].text)));
                assert_int_equal(zone_offset_min(&z, YEAR_2026), right[i].minutes);
                zone_name(&z, YEAR_2026, name);
                assert_string_equal(name, right[i].name);
        }
        z = (struct zone){.standard_min = 7};
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                if (zone_parse_offset(&z, slice_of(wrong[i])))
                        fail_msg("%s is taken", wrong[i]);
                assert_int_equal(z.standard_min, 7);
        }
}

static void test_the_name_follows_the_season(void **state)
{
        (void)state;
        struct zone z;
        char name[ZONE_NAME_BYTES];
        assert_true(zone_parse(&z, "CET-1CEST,M3.5.0,M10.5.0/3"));
        zone_name(&z, YEAR_2026, name);
        assert_string_equal(name, "UTC+1");
        zone_name(&z, YEAR_2026 + 180 * DAY_S, name);
        assert_string_equal(name, "UTC+2");
}

static void test_the_zone_of_the_host(void **state)
{
        (void)state;
        static const char file[] = "TZif2 and what else is in there\nCET-1CEST,M3.5.0,M10.5.0/3\n";
        char path[] = "/tmp/test-zone.XXXXXX";
        struct zone z, cet;
        int fd = mkstemp(path);
        assert_true(zone_parse(&cet, "CET-1CEST,M3.5.0,M10.5.0/3"));
        setenv("TZ", path, 1);
        for (size_t size = 0; size <= sizeof(file) - 1; size++) { /* including a file that was cut off */
                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(pwrite(fd, file, size, 0), size);
                zone_read(&z);
                assert_int_equal(z.standard_min, size == sizeof(file) - 1 ? cet.standard_min : 0);
        }
        assert_memory_equal(&z, &cet, sizeof(z));
        assert_int_equal(ftruncate(fd, 0), 0);
        for (int i = 0; i < 1000; i++) { /* a file that is longer than what is read of it */
                assert_int_equal(pwrite(fd, "x\n", 2, 2 * i), 2);
                assert_int_equal(pwrite(fd, "EST5\n", 5, 2 * i + 2), 5);
                zone_read(&z);
                assert_int_equal(z.standard_min, -300);
        }
        memset(&z, 1, sizeof(z));
        close(fd);
        unlink(path);
        zone_read(&z);
        assert_int_equal(z.standard_min, 0);
        setenv("TZ", ":EST5", 1);
        zone_read(&z);
        assert_int_equal(z.standard_min, -300);
        unsetenv("TZ");
        zone_read(&z); /* whatever this host has */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_libc),
                cmocka_unit_test(test_what_is_no_rule),
                cmocka_unit_test(test_offsets_that_people_type),
                cmocka_unit_test(test_the_name_follows_the_season),
                cmocka_unit_test(test_the_zone_of_the_host),
        };
        return RUN_TESTS(tests);
}
