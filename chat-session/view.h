/* How a client wants to see lines, where that is otherwise than everybody does: with times, in colors, with a bell,
 * without what some people say. All zeros: as everybody. Then chatd may write to the client by itself (chat/outlet.h).
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
        /* A line of the past is no older than the host is up, as it is kept in memory, or than this where its directory
         * is on a disk. What is older, or from the future, is not: the clock was set meanwhile. */
        VIEW_PAST_MAX_S = 30 * 24 * 3600,
        VIEW_FUTURE_MAX_S = 3600,
};

struct view {
        bool time, bell, color;
        struct zone zone; /* of all times that are shown */
        struct ignore_list ignored;
        char time_text[VIEW_TIME_BYTES], color_text[VIEW_COLOR_BYTES]; /* of the line that view_parts() made last */
};

/* Whether lines look as chatd would write them. */
bool view_is_plain(const struct view *v);

/* Writes when that was for a line of the past: "(23:59) ", "(2 days ago) ", or "(earlier) " where that cannot be right.
 * The host is up for `uptime` seconds. */
void view_past_time(const struct view *v, uint64_t seconds, uint64_t now, uint64_t uptime,
                    char text[static VIEW_PAST_TIME_BYTES]);

/* The pieces of the line that `r` becomes for somebody who is called `own`, at `now` (seconds since 1970). Returns how
 * many; 0 where it is not shown. They are valid until the next call. */
size_t view_parts(struct view *v, const struct record *r, struct slice own, int64_t now,
                  struct slice parts[static VIEW_PARTS_MAX]);
