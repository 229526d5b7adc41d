/* How a client wants to see lines, where that is otherwise than everybody does: with times, in colors, with a bell,
 * without what some people say. All zeros: as everybody. Then chatd may write to the client by itself (chat/outlet.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <chat/display.h>

enum {
        VIEW_IGNORED_MAX = 16,
        VIEW_PARTS_MAX = DISPLAY_PARTS_MAX + 4, /* time, color, its end, bell */
        VIEW_TIME_BYTES = sizeof("[23:59] "),
        VIEW_COLOR_BYTES = sizeof("\x1b[36m"),
};

struct view {
        bool time, bell, color;
        size_t ignored_count;
        char ignored[VIEW_IGNORED_MAX][NAME_MAX_BYTES + 1];
        char time_text[VIEW_TIME_BYTES], color_text[VIEW_COLOR_BYTES]; /* of the line that view_parts() made last */
};

/* Whether lines look as chatd would write them. */
bool view_is_plain(const struct view *v);

/* Whether what this person says is hidden. Names are compared as chat/names.h does. */
bool view_ignores(const struct view *v, struct slice name);

/* Hides what `name` says, or shows it again. Returns false where too many are hidden already. */
bool view_toggle(struct view *v, struct slice name);

/* Somebody has another name: who is hidden stays so. */
void view_rename(struct view *v, struct slice was, struct slice name);

/* The pieces of the line that `r` becomes for somebody who is called `own`, at `now` (seconds since 1970). Returns how
 * many; 0 where it is not shown. They are valid until the next call. */
size_t view_parts(struct view *v, const struct record *r, struct slice own, time_t now,
                  struct slice parts[static VIEW_PARTS_MAX]);
