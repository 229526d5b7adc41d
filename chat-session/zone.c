#include "zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZONE_FILE "/etc/localtime"
#define ZONE_DIRECTORY "/usr/share/zoneinfo/"

enum {
        HOUR_S = 3600,
        DAY_S = 24 * HOUR_S,
        DAY_MIN = 24 * 60,
        OFFSET_MAX_MIN = 14 * 60,
        RULE_MAX_BYTES = 128, /* the longest rule of tzdata has 40 */
        NAME_MIN_LETTERS = 3,
        PATH_BYTES = 256,
};

/* ---- the calendar ---- */

/* Returns the days from 1970-01-01 to this day of the Gregorian calendar. The year begins in March, so that the extra
 * day of a leap year is its last. */
static int64_t zone_days_until(int64_t year, int month, int day)
{
        int64_t y = month <= 2 ? year - 1 : year;
        int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
        int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t zone_divide_down(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

static int64_t zone_year_of(int64_t days)
{
        int64_t year = 1970 + zone_divide_down(days * 400, 146097);
        while (zone_days_until(year + 1, 1, 1) <= days)
                year++;
        while (zone_days_until(year, 1, 1) > days)
                year--;
        return year;
}

/* Returns the moment of the change in that year, in seconds since 1970, by a clock that shows the time before the
 * change. */
static int64_t zone_change_in(const struct zone_change *c, int64_t year)
{
        int64_t first = zone_days_until(year, c->month, 1);
        int64_t next = c->month == 12 ? zone_days_until(year + 1, 1, 1) : zone_days_until(year, c->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        int64_t day = first + (c->day - weekday + 7) % 7 + INT64_C(7) * (c->week - 1);
        while (day >= next)
                day -= 7;
        return day * DAY_S + c->at_s;
}

int zone_offset_min(const struct zone *z, int64_t seconds)
{
        if (z->summer_begin.month == 0)
                return z->standard_min;
        int64_t year = zone_year_of(zone_divide_down(seconds + z->standard_min * INT64_C(60), DAY_S));
        int64_t begin = zone_change_in(&z->summer_begin, year) - z->standard_min * INT64_C(60);
        int64_t end = zone_change_in(&z->summer_end, year) - z->summer_min * INT64_C(60);
        bool summer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
        return summer ? z->summer_min : z->standard_min;
}

unsigned zone_minute_of_day(const struct zone *z, int64_t seconds)
{
        int64_t minutes = zone_divide_down(seconds, 60) + zone_offset_min(z, seconds);
        return (unsigned)(minutes - zone_divide_down(minutes, DAY_MIN) * DAY_MIN);
}

void zone_name(const struct zone *z, int64_t seconds, char name[static ZONE_NAME_BYTES])
{
        int offset = zone_offset_min(z, seconds);
        unsigned minutes = (unsigned)abs(offset) % DAY_MIN;
        char sign = offset < 0 ? '-' : '+';
        if (offset == 0)
                snprintf(name, ZONE_NAME_BYTES, "UTC");
        else if (minutes % 60 == 0)
                snprintf(name, ZONE_NAME_BYTES, "UTC%c%u", sign, minutes / 60);
        else
                snprintf(name, ZONE_NAME_BYTES, "UTC%c%u:%02u", sign, minutes / 60, minutes % 60);
}

/* ---- what is read ---- */

/* Takes this character off if it comes next. Returns true if it did. */
static bool zone_take(const char **at, char c)
{
        bool is = **at == c;
        *at += is;
        return is;
}

/* Takes up to `most` digits. Returns false if there is none. */
static bool zone_take_digits(const char **at, int most, int *number)
{
        int n = 0, digits = 0;
        for (; digits < most && isdigit((unsigned char)**at); digits++)
                n = n * 10 + *(*at)++ - '0';
        *number = n;
        return digits > 0;
}

static bool zone_take_number(const char **at, int least, int most, int *number)
{
        return zone_take_digits(at, 3, number) && *number >= least && *number <= most;
}

/* ---- offsets that people type ---- */

bool zone_parse_offset(struct zone *z, struct slice text)
{
        char copy[ZONE_NAME_BYTES] = "";
        const char *at = copy;
        int hours = 0, minutes = 0;
        if (text.len == 0 || text.len >= sizeof(copy))
                return false;
        memcpy(copy, text.at, text.len);
        bool named = strncasecmp(at, "UTC", 3) == 0 || strncasecmp(at, "GMT", 3) == 0;
        at += named ? 3 : 0;
        if (!named || *at != '\0') {
                bool west = zone_take(&at, '-');
                if ((!west && !zone_take(&at, '+')) || !zone_take_digits(&at, 2, &hours))
                        return false;
                bool more = zone_take(&at, ':') || *at != '\0'; /* "+5:30" or "+0530" */
                if (more && (strlen(at) != 2 || !zone_take_digits(&at, 2, &minutes) || minutes > 59))
                        return false;
                minutes = (hours * 60 + minutes) * (west ? -1 : 1);
        }
        if (*at != '\0' || abs(minutes) > OFFSET_MAX_MIN)
                return false;
        *z = (struct zone){.standard_min = (int16_t)minutes};
        return true;
}

/* ---- rules ---- */

/* Takes "[+-]HHH[:MM[:SS]]", in seconds. Returns false if it is malformed. */
static bool zone_take_time(const char **at, int *seconds)
{
        int hours, minutes = 0, rest = 0;
        bool negative = zone_take(at, '-');
        if (!negative)
                zone_take(at, '+');
        if (!zone_take_number(at, 0, 167, &hours) || (zone_take(at, ':') && !zone_take_number(at, 0, 59, &minutes)) ||
            (zone_take(at, ':') && !zone_take_number(at, 0, 59, &rest)))
                return false;
        *seconds = hours * HOUR_S + minutes * 60 + rest;
        if (negative)
                *seconds = -*seconds;
        return true;
}

/* Takes a name, "CET" or "<+01>", which is not shown anywhere. Returns false if there is none. */
static bool zone_take_name(const char **at)
{
        const char *begin = *at;
        if (zone_take(at, '<')) {
                *at += strcspn(*at, ">");
                return zone_take(at, '>');
        }
        while (isalpha((unsigned char)**at))
                (*at)++;
        return *at - begin >= NAME_MIN_LETTERS;
}

/* Takes an offset, which a rule counts to the west. Returns false if it is malformed. */
static bool zone_take_offset(const char **at, int16_t *minutes)
{
        int seconds;
        if (!zone_take_time(at, &seconds) || abs(seconds) >= DAY_S + HOUR_S)
                return false;
        *minutes = (int16_t)(-seconds / 60);
        return true;
}

/* Takes ",M3.5.0/2". Returns false if it is malformed. */
static bool zone_take_change(const char **at, struct zone_change *c)
{
        int month, week, day, seconds = 2 * HOUR_S;
        if (!zone_take(at, ',') || !zone_take(at, 'M') || !zone_take_number(at, 1, 12, &month) || !zone_take(at, '.') ||
            !zone_take_number(at, 1, 5, &week) || !zone_take(at, '.') || !zone_take_number(at, 0, 6, &day) ||
            (zone_take(at, '/') && !zone_take_time(at, &seconds)))
                return false;
        *c = (struct zone_change){(uint8_t)month, (uint8_t)week, (uint8_t)day, seconds};
        return true;
}

/* Takes the part of a rule that is about summer time. Returns false if it is malformed. */
static bool zone_take_summer(const char **at, struct zone *z)
{
        z->summer_min = (int16_t)(z->standard_min + 60);
        if (!zone_take_name(at) || (**at != ',' && !zone_take_offset(at, &z->summer_min)))
                return false;
        return zone_take_change(at, &z->summer_begin) && zone_take_change(at, &z->summer_end);
}

bool zone_parse(struct zone *z, const char *rule)
{
        *z = (struct zone){0};
        if (zone_take_name(&rule) && zone_take_offset(&rule, &z->standard_min) &&
            (*rule == '\0' || zone_take_summer(&rule, z)) && *rule == '\0')
                return true;
        *z = (struct zone){0};
        return false;
}

/* ---- the host's zone ---- */

/* Reads the last line of a zone's file, which is its rule. Returns false if there is none. */
static bool zone_read_rule(const char *path, char rule[static RULE_MAX_BYTES])
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        off_t size = lseek(fd, 0, SEEK_END);
        ssize_t n = pread(fd, rule, RULE_MAX_BYTES, size > RULE_MAX_BYTES ? size - RULE_MAX_BYTES : 0);
        close(fd);
        if (n < 2 || rule[n - 1] != '\n')
                return false;
        rule[n - 1] = '\0';
        const char *begin = memrchr(rule, '\n', (size_t)n - 1);
        if (begin)
                memmove(rule, begin + 1, (size_t)(rule + n - begin - 1));
        return begin != NULL;
}

void zone_read(struct zone *z)
{
        char rule[RULE_MAX_BYTES], path[PATH_BYTES];
        const char *name = getenv("TZ");
        *z = (struct zone){0};
        if (!name) {
                if (zone_read_rule(ZONE_FILE, rule))
                        zone_parse(z, rule);
                return;
        }
        name += name[0] == ':';
        snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : ZONE_DIRECTORY, name);
        if (!zone_parse(z, name) && zone_read_rule(path, rule))
                zone_parse(z, rule);
}
