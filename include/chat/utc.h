/* Dates and times as programs read them: RFC 3339, in UTC. Pure: gmtime_r(3) may read files the first time, which the
 * sandbox of a session does not allow.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { UTC_BYTES = sizeof("2026-11-30T01:02:03.456Z"), UTC_MS_PER_DAY = 24 * 60 * 60 * 1000 };

/* Returns the number of days from 1970-01-01 to this date, which is not before it. As in Howard Hinnant's
 * days_from_civil: the year begins in March, so that the leap day is its last one. */
static inline unsigned utc_days(unsigned year, unsigned month, unsigned day)
{
        year -= month <= 2;
        unsigned era = year / 400, of_era = year % 400;
        unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Writes the last `n` digits of a number. */
static inline void utc_put_digits(char *at, size_t n, uint64_t number)
{
        for (; n > 0; number /= 10)
                at[--n] = (char)('0' + number % 10);
}

/* Writes a time in ms since 1970. The date is found as in Howard Hinnant's civil_from_days. */
static inline void utc_write(uint64_t ms, char text[static UTC_BYTES])
{
        uint64_t days = ms / UTC_MS_PER_DAY + 719468, rest = ms % UTC_MS_PER_DAY; /* days since 0000-03-01 */
        uint64_t era = days / 146097, of_era = days % 146097;
        uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        uint64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
        uint64_t day = of_year - (153 * month + 2) / 5 + 1;
        month = month < 10 ? month + 3 : month - 9;
        year += era * 400 + (month <= 2);
        memcpy(text, "YYYY-MM-DDThh:mm:ss.mmmZ", UTC_BYTES);
        utc_put_digits(text, 4, year);
        utc_put_digits(text + 5, 2, month);
        utc_put_digits(text + 8, 2, day);
        utc_put_digits(text + 11, 2, rest / 3600000);
        utc_put_digits(text + 14, 2, rest / 60000 % 60);
        utc_put_digits(text + 17, 2, rest / 1000 % 60);
        utc_put_digits(text + 20, 3, rest % 1000);
}
