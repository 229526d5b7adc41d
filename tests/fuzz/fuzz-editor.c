/* The editor (chat-session/editor.c).
 *
 * Input: the columns of the window, then keys; TAB replaces the word before the cursor. The editor is drawn after every
 * few keys, less often in a long line. Now and then lines of others come in between.
 *
 * Promises: the line, and the parts in front of the cursor and behind it, are clean and at most TEXT_MAX_BYTES. Each
 * kind of terminal (screen.h) shows a part of that line, with the cursor in its place or behind the rest of its
 * cluster. It shows the same as if the part were drawn on an empty row. The part is no wider than the row, and nothing
 * wraps on a terminal that takes other widths. After any input, text that follows is taken within ESCAPE_MAX_BYTES and
 * a few bytes.
 */
#include "../../chat-session/editor.h"
#include "../../chat-session/grapheme.h"
#include "../screen.h"

#include "fuzz.h"

static void check_line(const struct editor *e)
{
        PROMISE(e->len <= TEXT_MAX_BYTES && e->cursor <= e->len, "cursor at %zu of %zu", e->cursor, e->len);
        PROMISE(text_is_clean(e->text, e->cursor), "unclean in front of the cursor");
        PROMISE(text_is_clean(e->text + e->cursor, e->len - e->cursor), "unclean behind the cursor");
        PROMISE(e->history_len <= EDITOR_HISTORY_BYTES && e->history_at <= e->history_len, "history at %zu of %zu",
                e->history_at, e->history_len);
}

static struct screen screens[SCREEN_KINDS];

/* Makes all terminals show this text, without the editor. */
static void show_before(const char *text)
{
        for (size_t i = 0; i < SCREEN_KINDS; i++) {
                screen_clear(&screens[i], (enum screen_kind)i, SIZE_MAX);
                screen_show(&screens[i], text, strlen(text));
        }
}

static void check_row(struct editor *e)
{
        char out[EDITOR_DRAW_MAX_BYTES];
        size_t size = editor_draw(e, out), width = 0;
        const struct row *r = &e->row;
        struct slice text = {e->text + r->offset, r->size};
        PROMISE(size <= sizeof(out), "%zu bytes", size);
        PROMISE(r->offset + r->size <= e->len && r->cursor <= r->size, "draws what is not typed");
        for (size_t i = 0; i < SCREEN_KINDS; i++) {
                struct screen *s = &screens[i];
                s->columns = r->columns > 0 ? r->columns : ROW_COLUMNS_CERTAIN;
                screen_show(s, out, size);
                PROMISE(!s->strange, "something that is no text and no sequence of ours");
                PROMISE(!s->wrapped, "wraps on the terminal of kind %zu", i);
                PROMISE(screen_has(s, text, r->cursor), "another row on the terminal of kind %zu", i);
        }
        size_t cursor = r->offset + r->cursor;
        PROMISE(cursor >= e->cursor && cursor <= e->cursor + GRAPHEME_MAX_BYTES + 4, "the cursor is at %zu, not %zu",
                cursor, e->cursor);
        for (size_t from = 0, to; from < text.len; from = to) {
                to = grapheme_end(text.at, text.len, from);
                width += grapheme_width(text.at, from, to);
        }
        size_t columns = r->columns > 0 ? r->columns : ROW_COLUMNS_DEFAULT;
        PROMISE(width <= columns, "%zu of %zu columns", width, columns);
        PROMISE(!r->valid || editor_draw(e, out) == 0, "draws what is drawn");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct editor e;
        if (size == 0)
                return 0;
        memset(&e, 0, sizeof(e));
        editor_resize(&e, data[0]);
        show_before("what stood there before");
        for (size_t i = 1; i < size; i++) {
                switch (editor_push(&e, data[i])) {
                case EDITOR_NOTHING:
                        break;
                case EDITOR_LINE:
                        editor_next(&e);
                        break;
                case EDITOR_END:
                        PROMISE(e.len == 0, "an end within a line");
                        break;
                case EDITOR_INTERRUPT:
                        editor_discard(&e);
                        break;
                case EDITOR_COMPLETE:
                        editor_replace(&e, e.cursor > 0 ? grapheme_begin(e.text, e.len, e.cursor) : 0,
                                       slice_of("ann: "));
                        break;
                }
                if (i % (size < 512 ? 8 : 64) == 0 || i + 1 == size) {
                        check_line(&e);
                        check_row(&e);
                }
                if (i % 24 == 0) { /* a line of another member comes */
                        show_before("");
                        row_is_empty(&e.row);
                }
        }
        size_t before = e.len;
        e.bell = false;
        for (int i = 0; i < ESCAPE_MAX_BYTES + 3; i++)
                editor_push(&e, '1');
        PROMISE(e.len > before || e.bell, "text is swallowed");
        return 0;
}
