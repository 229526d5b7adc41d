#include "editor.h"

#include "grapheme.h"
#include "lines.h"

enum {
        CTRL_A = 1,
        CTRL_B = 2,
        CTRL_C = 3,
        CTRL_D = 4,
        CTRL_E = 5,
        CTRL_F = 6,
        CTRL_H = 8,
        CTRL_K = 11,
        CTRL_L = 12,
        CTRL_N = 14,
        CTRL_P = 16,
        CTRL_U = 21,
        CTRL_W = 23,
        DEL = 127,
};

void editor_refuse(struct editor *e)
{
        e->bell = true;
}

/* ---- the text ---- */

/* Replaces the text between `begin` and `end`, and puts the cursor behind it. Returns false if there is no room for
 * it. */
static bool editor_splice(struct editor *e, size_t begin, size_t end, const char *text, size_t size)
{
        if (size > sizeof(e->text) - (e->len - (end - begin))) {
                editor_refuse(e);
                return false;
        }
        memmove(e->text + begin + size, e->text + end, e->len - end);
        memcpy(e->text + begin, text, size);
        e->len += size;
        e->len -= end - begin;
        e->cursor = begin + size;
        e->is_changed = true;
        return true;
}

static void editor_erase(struct editor *e, size_t begin, size_t end)
{
        if (begin < end)
                editor_splice(e, begin, end, "", 0);
        else
                editor_refuse(e);
}

void editor_replace(struct editor *e, size_t begin, struct slice text)
{
        e->is_expanded |= editor_splice(e, begin, e->cursor, text.at, text.len);
}

/* Ends an incomplete character, which becomes U+FFFD, as in every line. */
static void editor_end_character(struct editor *e)
{
        char clean[TEXT_CLEAN_MAX];
        size_t n = text_clean_end(&e->cleaner, clean);
        if (n > 0)
                editor_splice(e, e->cursor, e->cursor, clean, n);
}

static void editor_insert(struct editor *e, uint8_t byte)
{
        char clean[TEXT_CLEAN_MAX];
        size_t n = text_clean(&e->cleaner, byte, clean);
        if (n > 0)
                editor_splice(e, e->cursor, e->cursor, clean, n);
}

static void editor_set_text(struct editor *e, const char *text, size_t len)
{
        memcpy(e->text, text, len);
        e->len = e->cursor = len;
        e->is_changed = true;
}

void editor_discard(struct editor *e)
{
        e->cleaner = (struct text_cleaner){0};
        e->escape = (struct escape){0};
        e->is_expanded = e->is_cut = false;
        e->history_at = e->history_len;
        e->row.offset = 0;
        editor_set_text(e, "", 0);
}

/* ---- moving ---- */

static size_t editor_before(const struct editor *e)
{
        return e->cursor > 0 ? grapheme_begin(e->text, e->len, e->cursor) : 0;
}

static size_t editor_behind(const struct editor *e)
{
        return e->cursor < e->len ? grapheme_end(e->text, e->len, e->cursor) : e->len;
}

static size_t editor_word_before(const struct editor *e)
{
        size_t at = e->cursor;
        while (at > 0 && e->text[at - 1] == ' ')
                at--;
        while (at > 0 && e->text[at - 1] != ' ')
                at--;
        return at;
}

static size_t editor_word_behind(const struct editor *e)
{
        size_t at = e->cursor;
        while (at < e->len && e->text[at] == ' ')
                at++;
        while (at < e->len && e->text[at] != ' ')
                at++;
        return at;
}

static void editor_move(struct editor *e, size_t to)
{
        if (to == e->cursor)
                return;
        e->cursor = to;
        e->is_changed = true;
}

/* ---- the history ---- */

/* Forgets the oldest lines, so that `size` bytes fit behind the last one. */
static void editor_make_room(struct editor *e, size_t size)
{
        size_t oldest = 0;
        while (e->history_len - oldest + size > sizeof(e->history))
                oldest += strlen(e->history + oldest) + 1;
        e->history_len -= oldest;
        memmove(e->history, e->history + oldest, e->history_len);
}

/* Returns the beginning of the entry that ends before `at`, which must not be 0. */
static size_t editor_entry_before(const struct editor *e, size_t at)
{
        at--;
        while (at > 0 && e->history[at - 1] != '\0')
                at--;
        return at;
}

static void editor_remember(struct editor *e)
{
        if (e->len == 0)
                return;
        if (e->history_len > 0) {
                const char *last = e->history + editor_entry_before(e, e->history_len);
                if (strlen(last) == e->len && memcmp(last, e->text, e->len) == 0)
                        return;
        }
        editor_make_room(e, e->len + 1);
        memcpy(e->history + e->history_len, e->text, e->len);
        e->history_len += e->len;
        e->history[e->history_len++] = '\0';
}

void editor_next(struct editor *e)
{
        editor_remember(e);
        editor_discard(e);
}

static void editor_show_older(struct editor *e)
{
        if (e->history_at == 0) {
                editor_refuse(e);
                return;
        }
        if (e->history_at == e->history_len) {
                memcpy(e->draft, e->text, e->len);
                e->draft_len = e->len;
        }
        e->history_at = editor_entry_before(e, e->history_at);
        editor_set_text(e, e->history + e->history_at, strlen(e->history + e->history_at));
        e->is_expanded = true;
}

static void editor_show_newer(struct editor *e)
{
        if (e->history_at == e->history_len) {
                editor_refuse(e);
                return;
        }
        e->history_at += strlen(e->history + e->history_at) + 1;
        if (e->history_at == e->history_len)
                editor_set_text(e, e->draft, e->draft_len);
        else
                editor_set_text(e, e->history + e->history_at, strlen(e->history + e->history_at));
}

/* ---- keys ---- */

/* Obeys a control key. Returns an event for a key that the session must handle. */
static enum editor_event editor_press(struct editor *e, uint8_t key)
{
        switch (key) {
        case '\0':
                break;
        case '\r':
        case '\n':
                return EDITOR_LINE;
        case '\t':
                return EDITOR_COMPLETE;
        case CTRL_C:
                return EDITOR_INTERRUPT;
        case CTRL_D:
                if (e->len == 0)
                        return EDITOR_END;
                editor_erase(e, e->cursor, editor_behind(e));
                break;
        case CTRL_H:
        case DEL:
                editor_erase(e, editor_before(e), e->cursor);
                break;
        case CTRL_U:
                editor_erase(e, 0, e->cursor);
                break;
        case CTRL_K:
                editor_erase(e, e->cursor, e->len);
                break;
        case CTRL_W:
                editor_erase(e, editor_word_before(e), e->cursor);
                break;
        case CTRL_A:
                editor_move(e, 0);
                break;
        case CTRL_E:
                editor_move(e, e->len);
                break;
        case CTRL_B:
                editor_move(e, editor_before(e));
                break;
        case CTRL_F:
                editor_move(e, editor_behind(e));
                break;
        case CTRL_P:
                editor_show_older(e);
                break;
        case CTRL_N:
                editor_show_newer(e);
                break;
        case CTRL_L:
                row_forget(&e->row);
                e->is_changed = true;
                break;
        default:
                editor_refuse(e);
                break;
        }
        return EDITOR_NOTHING;
}

/* Obeys ESC and a character, which is what Alt sends. Returns false if it is no key. */
static bool editor_press_alt(struct editor *e, uint8_t byte)
{
        switch (byte) {
        case 'b':
                editor_move(e, editor_word_before(e));
                return true;
        case 'f':
                editor_move(e, editor_word_behind(e));
                return true;
        case 'd':
                editor_erase(e, e->cursor, editor_word_behind(e));
                return true;
        case DEL:
                editor_erase(e, editor_word_before(e), e->cursor);
                return true;
        default:
                return false;
        }
}

/* Obeys the sequence that has ended: ESC [ or ESC O, parameters, and a final byte. Ignores unknown keys. */
static void editor_press_sequence(struct editor *e)
{
        static const char finals[] = "ABCDHF", numbers[] = "17483";
        static const uint8_t keys[] = {CTRL_P, CTRL_N, CTRL_F, CTRL_B, CTRL_A, CTRL_E};
        static const uint8_t number_keys[] = {CTRL_A, CTRL_A, CTRL_E, CTRL_E, CTRL_D};
        const struct escape *key = &e->escape;
        bool modified = memchr(key->parameters, ';', key->len); /* "1;5": with Control, Alt or Shift */
        const char *at;

        if (modified && (key->final == 'C' || key->final == 'D')) {
                editor_press_alt(e, key->final == 'C' ? 'f' : 'b');
        } else if (key->final == '~' && key->len == 1) {
                at = memchr(numbers, key->parameters[0], sizeof(numbers) - 1);
                /* on an empty line Delete, unlike ^D, does not end the session */
                if (at && (e->len > 0 || key->parameters[0] != '3'))
                        editor_press(e, number_keys[at - numbers]);
        } else {
                at = memchr(finals, key->final, sizeof(finals) - 1);
                if (at)
                        editor_press(e, keys[at - finals]);
        }
}

/* Takes a byte of a key's sequence. Returns false if the byte is no part of one: it is text, or a control character. */
static bool editor_push_key(struct editor *e, uint8_t byte)
{
        switch (escape_push(&e->escape, byte)) {
        case ESCAPE_NONE:
                return false;
        case ESCAPE_PART:
                editor_end_character(e);
                break;
        case ESCAPE_CSI:
        case ESCAPE_SS3:
                editor_press_sequence(e);
                break;
        case ESCAPE_ALT:
                return editor_press_alt(e, byte);
        }
        return true;
}

bool editor_is_full_for(const struct editor *e, uint8_t byte)
{
        bool begins = byte >= ' ' && byte != DEL && !escape_is_open(&e->escape) && e->cleaner.total == 0;
        return begins && e->cursor == e->len && sizeof(e->text) - e->len < TEXT_CLEAN_MAX;
}

bool editor_continues(const struct editor *e, uint8_t byte)
{
        return e->cleaner.total > 0 && byte >= e->cleaner.lowest && byte <= e->cleaner.highest;
}

enum editor_event editor_push(struct editor *e, uint8_t byte)
{
        if (line_end_is_second(&e->line_end, byte) || editor_push_key(e, byte))
                return EDITOR_NOTHING;
        if (byte >= ' ' && byte != DEL) {
                editor_insert(e, byte);
                return EDITOR_NOTHING;
        }
        editor_end_character(e);
        if (byte == '\r' || byte == '\n')
                e->line_end = byte;
        return editor_press(e, byte);
}

/* ---- drawing ---- */

void editor_resize(struct editor *e, uint16_t columns)
{
        row_resize(&e->row, columns);
        e->is_changed = true;
}

size_t editor_draw(struct editor *e, char out[static EDITOR_DRAW_MAX_BYTES])
{
        size_t cursor = e->cursor;
        char *at = out;
        /* After text was inserted in front of a mark that joins, the cursor is in the middle of a cluster. */
        if (cursor > 0 && cursor < e->len)
                cursor = grapheme_end(e->text, e->len, editor_before(e));
        if (e->bell)
                *at++ = '\a';
        e->bell = e->is_changed = false;
        return (size_t)(at - out) + row_draw(&e->row, (struct slice){e->text, e->len}, cursor, at);
}
