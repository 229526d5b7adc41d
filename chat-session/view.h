/* How a client wants to see lines: with times, in colors, with a bell, without the lines of ignored people. With all
 * zeros it sees lines in their common form, and chatd may write to it by itself (chat/outlet.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/display.h>

#include "ignored.h"
#include "zone.h"

enum {
        VIEW_PARTS_MAX = DISPLAY_PARTS_MAX + 4, /* time, color, its end, bell */
        VIEW_TIME_BYTES = sizeof("[23:59] "),
        VIEW_COLOR_BYTES = sizeof("\x1b[36m"),
        VIEW_PAST_TIME_BYTES = 32,
        /* Past lines are kept in memory, so they are no older than the host's uptime; on a disk they may be as old as
         * this. If a line seems older, or from the future, the clock was set in the meantime. */
        VIEW_PAST_MAX_S = 30 * 24 * 3600,
        VIEW_FUTURE_MAX_S = 3600,
};

struct view {
        bool time, bell, color;
        struct zone zone; /* of all times that are shown */
        struct ignore_list ignore_list;
        char time_text[VIEW_TIME_BYTES], color_text[VIEW_COLOR_BYTES]; /* of the line that view_parts() made last */
};

/* Returns true if lines look as chatd would write them. */
bool view_is_plain(const struct view *v);

/* Writes the time of a past line: "(23:59) ", "(2 days ago) ", or "(earlier) " if the time cannot be right. `uptime` is
 * that of the host, in seconds. */
void view_past_time(const struct view *v, uint64_t seconds, uint64_t now, uint64_t uptime,
                    char text[static VIEW_PAST_TIME_BYTES]);

/* Points `parts` to the pieces of the line that shows `r` to a client called `own`, at `now` (seconds since 1970).
 * Returns how many; 0 if it is not shown. The pieces are valid until the next call. */
size_t view_parts(struct view *v, const struct record *r, struct slice own, int64_t now,
                  struct slice parts[static VIEW_PARTS_MAX]);
