#include "editor.h"

#include "grapheme.h"

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
        ESC = 27,
        DEL = 127,
};

enum state {
        STATE_TEXT,
        STATE_ESC, /* behind ESC */
        STATE_CSI, /* behind ESC [ */
        STATE_SS3, /* behind ESC O */
};

void editor_refuse(struct editor *e)
{
        e->bell = true;
}

/* ---- the text ---- */

/* Puts `text` in the place of what is between `begin` and `end`; the cursor is behind it then. Returns whether there is
 * room for it. */
static bool splice(struct editor *e, size_t begin, size_t end, const char *text, size_t size)
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
        e->changed = true;
        return true;
}

static void erase(struct editor *e, size_t begin, size_t end)
{
        if (begin < end)
                splice(e, begin, end, "", 0);
        else
                editor_refuse(e);
}

void editor_replace(struct editor *e, size_t begin, struct slice text)
{
        e->expanded |= splice(e, begin, e->cursor, text.at, text.len);
}

/* A character that was cut short becomes U+FFFD, as in every line. */
static void end_character(struct editor *e)
{
        char clean[TEXT_CLEAN_MAX];
        size_t n = text_clean_end(&e->cleaner, clean);
        if (n > 0)
                splice(e, e->cursor, e->cursor, clean, n);
}

static void insert(struct editor *e, uint8_t byte)
{
        char clean[TEXT_CLEAN_MAX];
        size_t n = text_clean(&e->cleaner, byte, clean);
        if (n > 0)
                splice(e, e->cursor, e->cursor, clean, n);
}

static void set_text(struct editor *e, const char *text, size_t len)
{
        memcpy(e->text, text, len);
        e->len = e->cursor = len;
        e->changed = true;
}

void editor_discard(struct editor *e)
{
        e->cleaner = (struct text_cleaner){0};
        e->state = STATE_TEXT;
        e->expanded = e->cut = false;
        e->history_at = e->history_len;
        e->row.left = 0;
        set_text(e, "", 0);
}

/* ---- moving ---- */

static size_t before(const struct editor *e)
{
        return e->cursor > 0 ? grapheme_begin(e->text, e->len, e->cursor) : 0;
}

static size_t behind(const struct editor *e)
{
        return e->cursor < e->len ? grapheme_end(e->text, e->len, e->cursor) : e->len;
}

static size_t word_before(const struct editor *e)
{
        size_t at = e->cursor;
        while (at > 0 && e->text[at - 1] == ' ')
                at--;
        while (at > 0 && e->text[at - 1] != ' ')
                at--;
        return at;
}

static size_t word_behind(const struct editor *e)
{
        size_t at = e->cursor;
        while (at < e->len && e->text[at] == ' ')
                at++;
        while (at < e->len && e->text[at] != ' ')
                at++;
        return at;
}

static void move(struct editor *e, size_t to)
{
        if (to == e->cursor)
                return;
        e->cursor = to;
        e->changed = true;
}

/* ---- the history ---- */

/* Forgets the oldest, so that there are `size` bytes behind the last one. */
static void make_room(struct editor *e, size_t size)
{
        size_t oldest = 0;
        while (e->history_len - oldest + size > sizeof(e->history))
                oldest += strlen(e->history + oldest) + 1;
        e->history_len -= oldest;
        memmove(e->history, e->history + oldest, e->history_len);
}

/* Returns where the entry begins that ends before `at`, which is not 0. */
static size_t entry_before(const struct editor *e, size_t at)
{
        at--;
        while (at > 0 && e->history[at - 1] != '\0')
                at--;
        return at;
}

static void remember(struct editor *e)
{
        if (e->len == 0)
                return;
        if (e->history_len > 0) {
                const char *last = e->history + entry_before(e, e->history_len);
                if (strlen(last) == e->len && memcmp(last, e->text, e->len) == 0)
                        return;
        }
        make_room(e, e->len + 1);
        memcpy(e->history + e->history_len, e->text, e->len);
        e->history_len += e->len;
        e->history[e->history_len++] = '\0';
}

void editor_next(struct editor *e)
{
        remember(e);
        editor_discard(e);
}

static void show_older(struct editor *e)
{
        if (e->history_at == 0) {
                editor_refuse(e);
                return;
        }
        if (e->history_at == e->history_len) {
                memcpy(e->draft, e->text, e->len);
                e->draft_len = e->len;
        }
        e->history_at = entry_before(e, e->history_at);
        set_text(e, e->history + e->history_at, strlen(e->history + e->history_at));
        e->expanded = true;
}

static void show_newer(struct editor *e)
{
        if (e->history_at == e->history_len) {
                editor_refuse(e);
                return;
        }
        e->history_at += strlen(e->history + e->history_at) + 1;
        if (e->history_at == e->history_len)
                set_text(e, e->draft, e->draft_len);
        else
                set_text(e, e->history + e->history_at, strlen(e->history + e->history_at));
}

/* ---- keys ---- */

/* A control key; those that the session has to see to are events. */
static enum editor_event press(struct editor *e, uint8_t key)
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
                erase(e, e->cursor, behind(e));
                break;
        case CTRL_H:
        case DEL:
                erase(e, before(e), e->cursor);
                break;
        case CTRL_U:
                erase(e, 0, e->cursor);
                break;
        case CTRL_K:
                erase(e, e->cursor, e->len);
                break;
        case CTRL_W:
                erase(e, word_before(e), e->cursor);
                break;
        case CTRL_A:
                move(e, 0);
                break;
        case CTRL_E:
                move(e, e->len);
                break;
        case CTRL_B:
                move(e, before(e));
                break;
        case CTRL_F:
                move(e, behind(e));
                break;
        case CTRL_P:
                show_older(e);
                break;
        case CTRL_N:
                show_newer(e);
                break;
        case CTRL_L:
                row_forget(&e->row);
                e->changed = true;
                break;
        default:
                editor_refuse(e);
                break;
        }
        return EDITOR_NOTHING;
}

/* ESC and a character: Alt. Returns false for what is no key. */
static bool press_alt(struct editor *e, uint8_t byte)
{
        switch (byte) {
        case 'b':
                move(e, word_before(e));
                return true;
        case 'f':
                move(e, word_behind(e));
                return true;
        case 'd':
                erase(e, e->cursor, word_behind(e));
                return true;
        case DEL:
                erase(e, word_before(e), e->cursor);
                return true;
        default:
                return false;
        }
}

/* ESC [ or ESC O, parameters, and this. What is unknown is dropped. */
static void end_sequence(struct editor *e, uint8_t final)
{
        static const char finals[] = "ABCDHF", numbers[] = "17483";
        static const uint8_t keys[] = {CTRL_P, CTRL_N, CTRL_F, CTRL_B, CTRL_A, CTRL_E};
        static const uint8_t numbered[] = {CTRL_A, CTRL_A, CTRL_E, CTRL_E, CTRL_D};
        bool modified = memchr(e->sequence, ';', e->sequence_len); /* "1;5": with Control, Alt or Shift */
        const char *at;

        if (modified && (final == 'C' || final == 'D'))
                press_alt(e, final == 'C' ? 'f' : 'b');
        else if (final == '~' && e->sequence_len == 1 && (at = memchr(numbers, e->sequence[0], sizeof(numbers) - 1)) &&
                 (e->len > 0 || e->sequence[0] != '3')) /* Delete is not ^D there */
                press(e, numbered[at - numbers]);
        else if ((at = memchr(finals, final, sizeof(finals) - 1)))
                press(e, keys[at - finals]);
}

/* Takes a byte of a sequence. Returns false for one that is no part of it, and ends it. */
static bool continue_sequence(struct editor *e, uint8_t byte)
{
        uint8_t state = e->state;
        e->state = STATE_TEXT;
        if (byte >= 0x80 || (byte < ' ' && byte != ESC))
                return false;
        if (state == STATE_ESC && byte != '[' && byte != 'O')
                return press_alt(e, byte);
        if (byte == ESC || byte == DEL)
                return false;
        if (state == STATE_ESC) {
                e->state = byte == '[' ? STATE_CSI : STATE_SS3;
                e->sequence_len = 0;
        } else if (byte >= '@') {
                end_sequence(e, byte);
        } else if (e->sequence_len < sizeof(e->sequence)) {
                e->sequence[e->sequence_len++] = (char)byte;
                e->state = state;
        } else {
                return false;
        }
        return true;
}

bool editor_is_full_for(const struct editor *e, uint8_t byte)
{
        bool begins = byte >= ' ' && byte != DEL && e->state == STATE_TEXT && e->cleaner.need == 0;
        return begins && e->cursor == e->len && sizeof(e->text) - e->len < TEXT_CLEAN_MAX;
}

enum editor_event editor_push(struct editor *e, uint8_t byte)
{
        bool after_cr = e->after_cr;
        e->after_cr = byte == '\r';
        if (after_cr && (byte == '\n' || byte == '\0'))
                return EDITOR_NOTHING;
        if (e->state != STATE_TEXT && continue_sequence(e, byte))
                return EDITOR_NOTHING;
        if (byte >= ' ' && byte != DEL) {
                insert(e, byte);
                return EDITOR_NOTHING;
        }
        end_character(e);
        if (byte == ESC)
                e->state = STATE_ESC;
        return byte == ESC ? EDITOR_NOTHING : press(e, byte);
}

/* ---- drawing ---- */

void editor_resize(struct editor *e, uint16_t columns)
{
        row_resize(&e->row, columns);
        e->changed = true;
}

size_t editor_draw(struct editor *e, char out[static EDITOR_DRAW_MAX_BYTES])
{
        size_t cursor = e->cursor;
        char *at = out;
        /* What was put in front of a mark that joins is in the middle of a cluster. */
        if (cursor > 0 && cursor < e->len)
                cursor = grapheme_end(e->text, e->len, before(e));
        if (e->bell)
                *at++ = '\a';
        e->bell = e->changed = false;
        return (size_t)(at - out) + row_draw(&e->row, (struct slice){e->text, e->len}, cursor, at);
}
