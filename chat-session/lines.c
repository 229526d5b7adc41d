#include "lines.h"

#include <chat/safe-text.h>

#include "grapheme.h"

enum {
        ETX = 3, /* ^C */
        EOT = 4, /* ^D */
        BS = 8,
        NAK = 21, /* ^U */
        ETB = 23, /* ^W */
        DEL = 127,
};

void lines_init(struct lines *l, lines_emit *emit, void *user)
{
        l->emit = emit;
        l->user = user;
        l->line_end = 0;
        lines_discard(l);
}

void lines_discard(struct lines *l)
{
        l->escape = (struct escape){0};
        l->is_cut = false;
        l->len = 0;
}

/* Emits a full buffer as a piece. An incomplete character stays for the next piece. */
static void lines_cut(struct lines *l)
{
        size_t open = text_open(l->text, l->len);
        l->emit(l->user, LINES_PIECE, l->text, l->len - open);
        memmove(l->text, l->text + l->len - open, open);
        l->is_cut = true;
        l->len = open;
}

static void lines_append(struct lines *l, uint8_t byte)
{
        if (l->len == sizeof(l->text))
                lines_cut(l);
        l->text[l->len++] = (char)byte;
}

static void lines_end_line(struct lines *l)
{
        l->emit(l->user, l->is_cut ? LINES_LAST : LINES_LINE, l->text, l->len);
        lines_discard(l);
}

static bool lines_is_empty(const struct lines *l)
{
        return l->len == 0 && !l->is_cut;
}

static void lines_erase_character(struct lines *l)
{
        if (l->len > 0)
                l->len = grapheme_begin(l->text, l->len, l->len);
}

static bool lines_is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static void lines_erase_word(struct lines *l)
{
        while (l->len > 0 && lines_is_blank(l->text[l->len - 1]))
                l->len--;
        while (l->len > 0 && !lines_is_blank(l->text[l->len - 1]))
                l->len--;
}

static bool lines_is_key(struct lines *l, uint8_t byte)
{
        enum escape_event event = escape_push(&l->escape, byte);
        return event != ESCAPE_NONE && event != ESCAPE_ALT;
}

void lines_push(struct lines *l, uint8_t byte)
{
        if (line_end_is_second(&l->line_end, byte) || lines_is_key(l, byte))
                return;
        switch (byte) {
        case '\0':
                break;
        case '\r':
        case '\n':
                l->line_end = byte;
                lines_end_line(l);
                break;
        case BS:
        case DEL:
                lines_erase_character(l);
                break;
        case NAK:
                l->len = 0;
                break;
        case ETB:
                lines_erase_word(l);
                break;
        case ETX:
                l->emit(l->user, LINES_INTERRUPT, "", 0);
                break;
        case EOT:
                if (lines_is_empty(l)) {
                        l->emit(l->user, LINES_END, "", 0);
                        break;
                }
                /* fall through */
        default:
                lines_append(l, byte);
        }
}

void lines_push_plain(struct lines *l, const void *text, size_t size)
{
        const uint8_t *at = text;
        l->line_end = 0;
        for (; size > 0 && escape_is_open(&l->escape); size--)
                lines_push(l, *at++);
        for (size_t n; size > 0; at += n, size -= n) {
                if (l->len == sizeof(l->text))
                        lines_cut(l);
                size_t room = sizeof(l->text) - l->len;
                n = size < room ? size : room;
                memcpy(l->text + l->len, at, n);
                l->len += n;
        }
}

void lines_finish(struct lines *l)
{
        if (!lines_is_empty(l))
                lines_end_line(l);
}
