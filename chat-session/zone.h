/* Time zones, for times of day that people read: a fixed offset from UTC, or that of the host with its summer time.
 *
 * localtime(3) is no help here: it opens files, which the sandbox forbids, and allocates memory, which a session has none
 * of. So a zone is the rule in the last line of a zone's file (RFC 8536, section 3.3), in the form of the environment
 * variable TZ (POSIX, 8.3). It is right from the last change of law on, and that is all that a chat needs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/wire.h>

enum { ZONE_NAME_BYTES = sizeof("UTC+14:00") };

/* The day of a month of each year on which summer time begins or ends: "M3.5.0/2" is the last Sunday of March, 2:00. */
struct zone_change {
        uint8_t month; /* 1 to 12; 0: there is no summer time */
        uint8_t week;  /* 1 to 5; 5 is the last one of the month */
        uint8_t day;   /* 0 is Sunday */
        int32_t at_s;  /* after midnight, in the time that holds before the change */
};

/* All zeros are UTC. */
struct zone {
        int16_t standard_min, summer_min; /* east of Greenwich */
        struct zone_change begins, ends;
};

/* Reads the zone of this host: that of the environment variable TZ, or of /etc/localtime. It is UTC where there is
 * neither, or no rule that zone_parse() knows. */
void zone_read(struct zone *z);

/* Takes a rule, as "CET-1CEST,M3.5.0,M10.5.0/3". Returns false where it is none, or counts days in another way than by
 * month, week and day; `z` is then UTC. */
bool zone_parse(struct zone *z, const char *rule);

/* Takes what people call an offset: "+2", "-3", "+5:30", "+0530", "UTC+2", or "UTC", between 14 hours to either side. Returns
 * false where it is none; `z` is then as it was. */
bool zone_parse_offset(struct zone *z, struct slice text);

/* Returns the minutes from UTC to the zone's time at `seconds` since 1970. */
int zone_offset_min(const struct zone *z, int64_t seconds);

/* Returns the minute of the day, 0 to 1439, that it is in the zone at `seconds` since 1970, also before that. */
unsigned zone_minute_of_day(const struct zone *z, int64_t seconds);

/* Writes how the zone is called at `seconds` since 1970: "UTC", "UTC+2", "UTC-3:30". */
void zone_name(const struct zone *z, int64_t seconds, char name[static ZONE_NAME_BYTES]);
