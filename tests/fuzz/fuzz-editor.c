/* The editor (chat-session/editor.c).
 *
 * Input: the columns of the window, then keys; TAB replaces what is before the cursor's word. It is drawn after every
 * few keys.
 *
 * Promises: the line, and what is in front of the cursor and behind it, is clean and at most TEXT_MAX_BYTES; what is
 * drawn is text of that line, with the cursor where it is or behind the rest of its cluster, and nothing else but the
 * editor's own sequences; it is no wider than the row. Whatever was pushed before, text that follows is taken within
 * EDITOR_SEQUENCE_MAX_BYTES and a few.
 */
#include "../../chat-session/editor.h"
#include "../../chat-session/grapheme.h"

#include "fuzz.h"

static void check_line(const struct editor *e)
{
        PROMISE(e->len <= TEXT_MAX_BYTES && e->cursor <= e->len, "cursor at %zu of %zu", e->cursor, e->len);
        PROMISE(text_is_clean(e->text, e->cursor), "unclean in front of the cursor");
        PROMISE(text_is_clean(e->text + e->cursor, e->len - e->cursor), "unclean behind the cursor");
        PROMISE(e->history_len <= EDITOR_HISTORY_BYTES && e->history_at <= e->history_len, "history at %zu of %zu",
                e->history_at, e->history_len);
}

/* Takes this off what was drawn, if it comes next. */
static bool take(const char **at, const char *end, const char *text)
{
        size_t size = strlen(text);
        if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0)
                return false;
        *at += size;
        return true;
}

static void check_row(struct editor *e)
{
        char out[EDITOR_DRAW_MAX_BYTES];
        const char *at = out, *end = out + editor_draw(e, out);
        size_t shown = e->left, cursor = SIZE_MAX, width = 0;
        PROMISE(end <= out + sizeof(out), "%td bytes", end - out);
        take(&at, end, "\a");
        if (e->len == 0) {
                PROMISE(take(&at, end, EDITOR_ERASE) && at == end, "an empty line that is not erased");
                return;
        }
        PROMISE(take(&at, end, "\x1b[G\x1b[?7l"), "begins otherwise");
        while (!take(&at, end, "\x1b[K\x1b\x38\x1b[?7h")) {
                PROMISE(at < end, "ends otherwise");
                if (take(&at, end, "\x1b\x37"))
                        cursor = shown;
                else
                        PROMISE(shown < e->len && *at++ == e->text[shown++], "draws what is not typed");
        }
        PROMISE(at == end, "something behind its end");
        PROMISE(cursor >= e->cursor && cursor <= e->cursor + GRAPHEME_MAX_BYTES + 4, "the cursor is at %zu, not %zu",
                cursor, e->cursor);
        for (size_t from = e->left, to; from < shown; from = to) {
                to = grapheme_end(e->text, shown, from);
                width += grapheme_width(e->text, from, to);
        }
        size_t columns = e->columns > 0 ? e->columns : EDITOR_COLUMNS_DEFAULT;
        PROMISE(width <= columns, "%zu of %zu columns", width, columns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct editor e;
        if (size == 0)
                return 0;
        memset(&e, 0, sizeof(e));
        editor_resize(&e, data[0]);
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
                if (i % 8 == 0 || i + 1 == size) {
                        check_line(&e);
                        check_row(&e);
                }
        }
        size_t before = e.len;
        e.bell = false;
        for (int i = 0; i < EDITOR_SEQUENCE_MAX_BYTES + 3; i++)
                editor_push(&e, '1');
        PROMISE(e.len > before || e.bell, "text is swallowed");
        return 0;
}
