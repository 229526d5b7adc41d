#include "row.h"

#include "grapheme.h"

#define WRAP_OFF "\x1b[?7l"
#define WRAP_ON "\x1b[?7h"
#define CURSOR_SAVE "\x1b\x37"
#define CURSOR_RESTORE "\x1b\x38"
#define ERASE_RIGHT "\x1b[K"

#define PUT(at, literal) mempcpy(at, literal, sizeof(literal) - 1)

void row_forget(struct row *r)
{
        r->valid = false;
}

void row_resize(struct row *r, uint16_t columns)
{
        r->columns = columns;
        row_forget(r);
}

void row_is_empty(struct row *r)
{
        r->size = r->cursor = 0;
        r->tidy = true;
}

/* Returns how many columns there are for text: one less than the row has, to leave a place for the cursor behind the
 * text. */
static size_t row_text_columns(const struct row *r)
{
        size_t columns = r->columns > 0 ? r->columns : ROW_COLUMNS_DEFAULT;
        return columns > 1 ? columns - 1 : columns;
}

/* Returns the end of the clusters from `begin` on, up to `end`, that fit into `columns` columns. */
static size_t row_fit(struct slice text, size_t begin, size_t end, size_t columns)
{
        while (begin < end) {
                size_t next = grapheme_end(text.at, end, begin), width = grapheme_width(text.at, begin, next);
                if (width > columns)
                        break;
                columns -= width;
                begin = next;
        }
        return begin;
}

bool row_fits(const struct row *r, struct slice text)
{
        return row_fit(text, 0, text.len, row_text_columns(r)) == text.len;
}

/* Returns the byte of the line at which the row must begin so that the cursor is visible. A cursor that was not visible
 * comes to the middle. */
static size_t row_scroll(const struct row *r, struct slice text, size_t cursor)
{
        size_t columns = row_text_columns(r), left = r->offset;
        if (row_fit(text, 0, text.len, columns) == text.len)
                return 0;
        if (left < text.len) /* text in front may have changed, so that `left` is within a character */
                left = grapheme_begin(text.at, text.len, left + 1);
        if ((cursor > left || left == 0) && row_fit(text, left, cursor, columns) >= cursor)
                return left;
        columns /= 2;
        for (left = cursor; left > 0;) {
                size_t begin = grapheme_begin(text.at, text.len, left);
                size_t width = grapheme_width(text.at, begin, left);
                if (width > columns)
                        break;
                columns -= width;
                left = begin;
        }
        return left;
}

/* ---- a change of the row ---- */

/* Returns how many bytes at the beginning are the same in both, in whole characters. */
static size_t row_common(struct slice a, struct slice b)
{
        size_t n = 0;
        while (n < a.len && n < b.len && a.at[n] == b.at[n])
                n++;
        while (n > 0 &&
               ((n < a.len && ((uint8_t)a.at[n] & 0xc0) == 0x80) || (n < b.len && ((uint8_t)b.at[n] & 0xc0) == 0x80)))
                n--;
        return n;
}

static bool row_is_ascii(struct slice text, size_t from)
{
        while (from < text.len && (uint8_t)text.at[from] < 0x80)
                from++;
        return from >= text.len;
}

/* Returns true if the text fits on any terminal. No terminal takes more columns for a character than the character has
 * bytes, whatever the terminal knows of widths or of UTF-8. */
static bool row_is_certain_to_fit(const struct row *r, struct slice text)
{
        return text.len <= (r->columns > 0 ? row_text_columns(r) : ROW_COLUMNS_CERTAIN);
}

/* Moves the cursor `count` columns to the left over ASCII, to the byte `to` of the row. Returns the end of the
 * output. */
static char *row_go_back(char *at, size_t count, size_t to)
{
        if (to == 0 && count > sizeof(ROW_FIRST_COLUMN) - 1)
                return PUT(at, ROW_FIRST_COLUMN);
        memset(at, '\b', count);
        return at + count;
}

/* Writes the text behind the end of the row. Returns the end of the output. */
static char *row_append(struct row *r, struct slice text, char *at)
{
        bool certain = row_is_certain_to_fit(r, text);
        r->tidy = true;
        if (!certain)
                at = PUT(at, WRAP_OFF);
        at = mempcpy(at, text.at + r->size, text.len - r->size);
        if (!certain)
                at = PUT(at, WRAP_ON);
        return at;
}

/* Makes the row show `text`, which differs from the old text from the byte `same` on. Behind that byte and behind both
 * cursors, the two texts must be ASCII. Returns the end of the output. */
static char *row_change(struct row *r, struct slice text, size_t cursor, size_t same, char *at)
{
        bool moves = same == r->size && same == text.len;
        size_t from = moves ? cursor : same, end = moves ? cursor : text.len;
        if (from < r->cursor)
                at = row_go_back(at, r->cursor - from, from);
        else
                from = r->cursor;
        if (end > from)
                at = mempcpy(at, text.at + from, end - from);
        if (text.len < r->size)
                at = PUT(at, ERASE_RIGHT);
        r->tidy = end > from && end == cursor && text.len >= r->size;
        return row_go_back(at, end - cursor, cursor);
}

/* Writes to `*at` what makes the row show `text`. Returns false and writes nothing if the row must be drawn anew. */
static bool row_update(struct row *r, struct slice text, size_t cursor, char **at)
{
        struct slice old_text = {r->text, r->size};
        if (!r->valid || text.len > sizeof(r->text))
                return false;
        size_t same = row_common(old_text, text), first = same;
        if (same == r->size && same == text.len && cursor == r->cursor)
                return true;
        if (same == r->size && r->cursor == same && cursor == text.len) {
                bool joins = same > 0 && same < text.len && grapheme_begin(text.at, text.len, same + 1) < same;
                if (joins && !r->tidy)
                        return false;
                *at = row_append(r, text, *at);
                return true;
        }
        if (first > r->cursor)
                first = r->cursor;
        if (first > cursor)
                first = cursor;
        if (text.len == 0 || !row_is_ascii(old_text, first) || !row_is_ascii(text, first) ||
            !row_is_certain_to_fit(r, text) || !row_is_certain_to_fit(r, old_text))
                return false;
        *at = row_change(r, text, cursor, same, *at);
        return true;
}

/* ---- the whole row ---- */

static char *row_draw_anew(struct slice text, size_t cursor, char *at)
{
        if (text.len == 0)
                return PUT(at, ROW_ERASE);
        at = PUT(at, ROW_FIRST_COLUMN WRAP_OFF);
        at = mempcpy(at, text.at, cursor);
        at = PUT(at, CURSOR_SAVE);
        at = mempcpy(at, text.at + cursor, text.len - cursor);
        return PUT(at, ERASE_RIGHT CURSOR_RESTORE WRAP_ON);
}

size_t row_draw(struct row *r, struct slice text, size_t cursor, char out[static ROW_DRAW_MAX_BYTES])
{
        size_t left = row_scroll(r, text, cursor), end = row_fit(text, left, text.len, row_text_columns(r));
        if (end < cursor)
                end = cursor;
        text = (struct slice){text.at + left, end - left};
        cursor -= left;

        char *at = out;
        if (!row_update(r, text, cursor, &at)) {
                at = row_draw_anew(text, cursor, out);
                r->tidy = cursor == text.len;
        }
        r->valid = text.len <= sizeof(r->text);
        r->offset = left;
        r->cursor = cursor;
        r->size = text.len;
        memcpy(r->text, text.at, r->valid ? text.len : 0);
        return (size_t)(at - out);
}
