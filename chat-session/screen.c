#include "screen.h"

#include <chat/display.h>

#include "charset.h"
#include "client-output.h"
#include "row.h"
#include "wrap.h"

/* Converts the `size` bytes of text at `at` to the client's character set. Returns the end. */
static char *screen_convert(const struct client *c, char *at, size_t size)
{
        return at + (c->charset ? charset_write(c->charset, at, size) : size);
}

void screen_text(struct client *c, const char *text, size_t size)
{
        char *at = client_reserve(c, size);
        if (!at)
                return;
        memcpy(at, text, size);
        client_commit(c, screen_convert(c, at, size));
}

/* Writes a line to `at`, where there must be room, in rows of `columns` columns; all rows except the first are
 * indented. Returns the end. Not inlined: the caller would then use for every line a page of stack that few lines
 * need. */
__attribute__((noinline)) static char *screen_write_rows(char *at, const struct slice *parts, size_t n, size_t columns,
                                                         size_t indent)
{
        char whole[CLIENT_LINE_MAX_BYTES], blanks[WRAP_INDENT_MAX];
        struct slice line = {whole, (size_t)(display_write(whole, parts, n) - whole) - LINE_END_BYTES};
        memset(blanks, ' ', sizeof(blanks));
        for (size_t begin = 0;; begin = indent) {
                struct slice row = wrap_next(&line, columns - begin);
                at = display_write(at, (struct slice[]){{blanks, begin}, row}, 2);
                if (line.len == 0)
                        return at;
        }
}

/* Returns the most bytes that breaking into rows can add to a line of `size` bytes. No character has more columns than
 * bytes, and two successive rows together have more columns than one row has. */
static size_t screen_rows_bytes(size_t size, size_t columns, size_t indent)
{
        return (2 * size / (columns - indent) + 2) * (LINE_END_BYTES + indent);
}

void screen_line_hanging(struct client *c, const struct slice *parts, size_t n, size_t indent)
{
        /* leave out the last column: some terminals break the row behind it */
        size_t columns = c->columns > 0 ? c->columns - 1u : 0, more = 0;
        size_t size = client_line_bytes(parts, n), erase = c->is_row_drawn ? sizeof(ROW_ERASE) - 1 : 0;
        if (indent > WRAP_INDENT_MAX || indent + WRAP_COLUMNS_MIN > columns)
                indent = WRAP_INDENT;
        /* no character has more columns than bytes */
        if (size > columns && size <= CLIENT_LINE_MAX_BYTES && indent + WRAP_COLUMNS_MIN <= columns)
                more = screen_rows_bytes(size, columns, indent);
        char *at = client_begin_line(c, erase + size + more);
        if (!at)
                return;
        char *text = mempcpy(at, ROW_ERASE, erase);
        char *end = more > 0 ? screen_write_rows(text, parts, n, columns, indent) : display_write(text, parts, n);
        c->is_row_drawn = false;
        client_end_line(c, screen_convert(c, text, (size_t)(end - text)));
}

void screen_line(struct client *c, const struct slice *parts, size_t n)
{
        screen_line_hanging(c, parts, n, WRAP_INDENT);
}
