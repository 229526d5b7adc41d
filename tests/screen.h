/* One row of a terminal on which the editor draws. Terminals disagree on the widths of characters, so there are several
 * kinds.
 *
 * The result of drawing bit by bit is compared with the same text drawn at once on an empty row: cells and cursor must
 * be the same on each terminal. Marks join the character written last, as in xterm. The row is as long as necessary. A
 * text that would wrap on a terminal with `columns` is noted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

#include <chat/wire.h>

enum { SCREEN_CELLS = 8400 };

enum screen_kind {
        SCREEN_LATIN,  /* knows no UTF-8: a column for each byte */
        SCREEN_NARROW, /* a column for each code point, including marks */
        SCREEN_WIDE,   /* two columns for each code point that is not ASCII */
        SCREEN_MARKS,  /* the widths of utf8proc */
        SCREEN_KINDS,
};

struct screen {
        enum screen_kind kind;
        size_t columns;
        /* the character there, with its marks; 0: none; 1: the second column of a wide character */
        uint64_t cells[SCREEN_CELLS];
        size_t used, cursor, saved, last;
        bool no_wrap;
        bool wrapped;
        bool strange; /* an output came that never draws a row */
};

static inline void screen_clear(struct screen *s, enum screen_kind kind, size_t columns)
{
        memset(s->cells, 0, s->used * sizeof(s->cells[0]));
        s->used = s->cursor = s->saved = s->last = 0;
        s->kind = kind;
        s->columns = columns;
        s->no_wrap = s->wrapped = s->strange = false;
}

static inline void screen_put(struct screen *s, uint64_t what)
{
        uint64_t *cell = &s->cells[s->cursor];
        if (*cell == 1 && what != 1)
                cell[-1] = 0;
        if (cell[1] == 1)
                cell[1] = 0;
        *cell = what;
        s->cursor++;
        if (s->used < s->cursor)
                s->used = s->cursor;
        s->wrapped |= !s->no_wrap && s->cursor > s->columns;
}

/* Returns the columns that this terminal takes for the character. */
static inline int screen_width(const struct screen *s, int32_t point)
{
        if (point < 0x80 || s->kind <= SCREEN_NARROW)
                return 1;
        return s->kind == SCREEN_WIDE ? 2 : utf8proc_charwidth(point);
}

static inline void screen_write(struct screen *s, int32_t point)
{
        int width = screen_width(s, point);
        if (width == 0) {
                s->cells[s->last] = s->cells[s->last] * 31 + (uint64_t)point;
                return;
        }
        s->last = s->cursor;
        screen_put(s, (uint64_t)point + 2);
        if (width == 2)
                screen_put(s, 1);
}

static inline void screen_erase_right(struct screen *s)
{
        if (s->cursor > 0 && s->cells[s->cursor] == 1)
                s->cells[s->cursor - 1] = 0;
        while (s->used > s->cursor)
                s->cells[--s->used] = 0;
}

static inline bool screen_take(const char **at, const char *end, const char *text, size_t size)
{
        if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0)
                return false;
        *at += size;
        return true;
}

#define SCREEN_TAKE(literal) screen_take(&at, end, literal, sizeof(literal) - 1)

/* Takes a control sequence. Returns false if there is none. */
static inline bool screen_control(struct screen *s, const char **begin, const char *end)
{
        const char *at = *begin;
        if (SCREEN_TAKE("\r\0"))
                s->cursor = 0;
        else if (SCREEN_TAKE("\b") && s->cursor > 0)
                s->cursor--;
        else if (SCREEN_TAKE("\x1b[K"))
                screen_erase_right(s);
        else if (SCREEN_TAKE("\x1b\x37"))
                s->saved = s->cursor;
        else if (SCREEN_TAKE("\x1b\x38"))
                s->cursor = s->saved;
        else if (SCREEN_TAKE("\x1b[?7l"))
                s->no_wrap = true;
        else if (SCREEN_TAKE("\x1b[?7h"))
                s->no_wrap = false;
        else if (!SCREEN_TAKE("\a"))
                return false;
        *begin = at;
        return true;
}

/* Shows the bytes that were sent. */
static inline void screen_show(struct screen *s, const char *at, size_t size)
{
        const char *end = at + size;
        while (at < end) {
                utf8proc_int32_t point = (uint8_t)*at;
                utf8proc_ssize_t n = 1;
                if (screen_control(s, &at, end))
                        continue;
                s->strange |= point < 0x20;
                if (s->kind != SCREEN_LATIN)
                        n = utf8proc_iterate((const uint8_t *)at, end - at, &point);
                s->strange |= n < 1;
                screen_write(s, point);
                at += n < 1 ? 1 : n;
        }
}

/* Returns true if the row has this text, with the cursor in front of its byte `cursor`. */
static inline bool screen_has(const struct screen *s, struct slice text, size_t cursor)
{
        static struct screen at_once;
        screen_clear(&at_once, s->kind, SIZE_MAX);
        screen_show(&at_once, text.at, cursor);
        at_once.saved = at_once.cursor;
        screen_show(&at_once, text.at + cursor, text.len - cursor);
        size_t used = s->used > at_once.used ? s->used : at_once.used;
        return s->cursor == at_once.saved && memcmp(s->cells, at_once.cells, used * sizeof(s->cells[0])) == 0;
}
