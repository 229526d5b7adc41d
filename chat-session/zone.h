/* Time zones, for times of day that people read: a fixed offset from UTC, or the zone of the host with its summer time.
 *
 * localtime(3) cannot be used: it opens files, which the sandbox forbids, and allocates memory, which a session cannot.
 * So a zone is the rule in the last line of a zone's file (RFC 8536, section 3.3), in the form of the environment
 * variable TZ (POSIX, 8.3). The rule is right for all times since the last change of law, which suffices for a chat.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/wire.h>

enum { ZONE_NAME_BYTES = sizeof("UTC+14:00") };

/* The day of each year on which summer time begins or ends: "M3.5.0/2" is the last Sunday of March, 2:00. */
struct zone_change {
        uint8_t month; /* 1 to 12; 0: there is no summer time */
        uint8_t week;  /* 1 to 5; 5 is the last such week of the month */
        uint8_t day;   /* 0 is Sunday */
        int32_t at_s;  /* after midnight, by a clock that shows the time before the change */
};

/* A zone. All zeros are UTC. */
struct zone {
        int16_t standard_min, summer_min; /* east of Greenwich */
        struct zone_change summer_begin, summer_end;
};

/* Reads the zone of this host: from the environment variable TZ, or from /etc/localtime. It is UTC if there is neither,
 * or no rule that zone_parse() knows. */
void zone_read(struct zone *z);

/* Takes a rule, such as "CET-1CEST,M3.5.0,M10.5.0/3". Returns false, with `z` set to UTC, if it is no rule, or one
 * whose days are not given by month, week and day. */
bool zone_parse(struct zone *z, const char *rule);

/* Takes an offset as people write it: "+2", "-3", "+5:30", "+0530", "UTC+2", or "UTC", up to 14 hours to either side.
 * Returns false and leaves `z` alone if it is none. */
bool zone_parse_offset(struct zone *z, struct slice text);

/* Returns the minutes from UTC to the zone's time at `seconds` since 1970. */
int zone_offset_min(const struct zone *z, int64_t seconds);

/* Returns the minute of the day in the zone, 0 to 1439, at `seconds` since 1970, which may be negative. */
unsigned zone_minute_of_day(const struct zone *z, int64_t seconds);

/* Writes the name of the zone at `seconds` since 1970: "UTC", "UTC+2", "UTC-3:30". */
void zone_name(const struct zone *z, int64_t seconds, char name[static ZONE_NAME_BYTES]);
