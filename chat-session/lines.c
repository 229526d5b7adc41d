#include "lines.h"

enum { EOT = 4 };

void lines_init(struct lines *l, lines_emit *emit, void *user)
{
        l->emit = emit;
        l->user = user;
        l->after_cr = false;
        lines_discard(l);
}

void lines_discard(struct lines *l)
{
        l->cleaner = (struct text_cleaner){0};
        l->cut = false;
        l->len = 0;
}

static void append(struct lines *l, const char *clean, size_t n)
{
        if (l->len + n > sizeof(l->text)) {
                l->emit(l->user, LINES_PIECE, l->text, l->len);
                l->cut = true;
                l->len = 0;
        }
        memcpy(l->text + l->len, clean, n);
        l->len += n;
}

static void end_line(struct lines *l)
{
        char clean[TEXT_CLEAN_MAX];
        size_t n = text_clean_end(&l->cleaner, clean);
        append(l, clean, n);
        l->emit(l->user, l->cut ? LINES_PIECE : LINES_LINE, l->text, l->len);
        lines_discard(l);
}

static bool is_empty(const struct lines *l)
{
        return l->len == 0 && !l->cut && l->cleaner.need == 0;
}

void lines_push(struct lines *l, uint8_t byte)
{
        bool after_cr = l->after_cr;
        l->after_cr = byte == '\r';

        if (after_cr && (byte == '\n' || byte == '\0'))
                return;
        if (byte == '\r' || byte == '\n')
                end_line(l);
        else if (byte == EOT && is_empty(l))
                l->emit(l->user, LINES_END, "", 0);
        else {
                char clean[TEXT_CLEAN_MAX];
                size_t n = text_clean(&l->cleaner, byte, clean);
                append(l, clean, n);
        }
}

void lines_push_plain(struct lines *l, const void *text, size_t size)
{
        const uint8_t *at = text;
        if (l->cleaner.need > 0) {
                lines_push(l, *at++);
                size--;
        }
        l->after_cr = false;
        for (size_t n; size > 0; at += n, size -= n) {
                size_t room = sizeof(l->text) - l->len;
                n = room == 0 ? 1 : size < room ? size : room;
                append(l, (const char *)at, n);
        }
}

void lines_finish(struct lines *l)
{
        if (!is_empty(l))
                end_line(l);
}
