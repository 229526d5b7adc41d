#include "view.h"

#include <stdio.h>

#include <chat/names.h>

#define COLOR_END "\x1b[0m"
#define BELL "\a"

enum {
        COLORS = 6,
        COLOR_FIRST = 31, /* red to cyan: ECMA-48, SGR */
        DAY_S = 24 * 3600,
};

bool view_is_plain(const struct view *v)
{
        return !v->time && !v->bell && !v->color && v->ignore_list.count == 0;
}

static bool view_is_said(const struct record *r)
{
        return record_is_line(r) || r->kind == RECORD_PRIVATE;
}

static bool view_is_of_word(char c)
{
        return name_is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

/* Returns true if the text has the name as a word, without regard to case. */
static bool view_mentions(struct slice text, struct slice name)
{
        for (size_t at = 0; name.len > 0 && at + name.len <= text.len; at++) {
                size_t end = at + name.len;
                if ((at == 0 || !view_is_of_word(text.at[at - 1])) &&
                    (end == text.len || !view_is_of_word(text.at[end])) &&
                    strncasecmp(text.at + at, name.at, name.len) == 0)
                        return true;
        }
        return false;
}

/* Returns the color of a name. It is the same in any case. */
static unsigned view_color_of(struct slice name)
{
        unsigned hash = 5381;
        for (size_t i = 0; i < name.len; i++)
                hash = hash * 33 + (unsigned char)name_lower(name.at[i]);
        return COLOR_FIRST + hash % COLORS;
}

void view_past_time(const struct view *v, uint64_t seconds, uint64_t now, uint64_t uptime,
                    char text[static VIEW_PAST_TIME_BYTES])
{
        uint64_t age = now > seconds ? now - seconds : 0, ahead = now > seconds ? 0 : seconds - now;
        unsigned days = (unsigned)(age / DAY_S);
        if (ahead > VIEW_FUTURE_MAX_S || age > (uptime > VIEW_PAST_MAX_S ? uptime : VIEW_PAST_MAX_S)) {
                snprintf(text, VIEW_PAST_TIME_BYTES, "(earlier) ");
        } else if (days > 0) {
                snprintf(text, VIEW_PAST_TIME_BYTES, "(%u day%s ago) ", days, days == 1 ? "" : "s");
        } else {
                unsigned minute = zone_minute_of_day(&v->zone, (int64_t)seconds);
                snprintf(text, VIEW_PAST_TIME_BYTES, "(%02u:%02u) ", minute / 60, minute % 60);
        }
}

size_t view_parts(struct view *v, const struct record *r, struct slice own, int64_t now,
                  struct slice parts[static VIEW_PARTS_MAX])
{
        struct slice plain[DISPLAY_PARTS_MAX];
        size_t n = 0, plain_n = display_parts(r, plain);
        if (plain_n == 0 || ignored_hides(&v->ignore_list, r))
                return 0;
        if (v->time) {
                unsigned minute = zone_minute_of_day(&v->zone, now);
                snprintf(v->time_text, sizeof(v->time_text), "[%02u:%02u] ", minute / 60 % 24, minute % 60);
                parts[n++] = slice_of(v->time_text);
        }
        for (size_t i = 0; i < plain_n; i++) {
                bool colored = v->color && plain[i].at == r->name.at && r->name.len > 0;
                if (colored) {
                        snprintf(v->color_text, sizeof(v->color_text), "\x1b[%um", view_color_of(r->name));
                        parts[n++] = slice_of(v->color_text);
                }
                parts[n++] = plain[i];
                if (colored)
                        parts[n++] = slice_of(COLOR_END);
        }
        if (v->bell && view_is_said(r) && (r->kind == RECORD_PRIVATE || view_mentions(r->text, own)))
                parts[n++] = slice_of(BELL);
        return n;
}
