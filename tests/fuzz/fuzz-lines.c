/* Lines (chat-session/lines.c).
 *
 * Input: a character, and how often it comes first, if at all (so that lines become long enough for pieces); the place
 * where the current line is discarded; then the client's bytes.
 *
 * Promises: the emitted text is the typed text without NULs, keys and erased characters. It is at most TEXT_MAX_BYTES,
 * and comes at once at each end of a line. Only a longer line comes as pieces. No piece except the last is empty or
 * much shorter than possible. ^D on an empty line, and only there, is an end. ^C is an interrupt. After any input, text
 * that follows is taken within ESCAPE_MAX_BYTES and a few bytes.
 */
#include <chat/safe-text.h>

#include "../../chat-session/grapheme.h"
#include "../../chat-session/lines.h"

#include "fuzz.h"

enum { FILL_MAX = 2 * TEXT_MAX_BYTES + 64, INPUT_MAX = 8192, CHARACTER_MAX_BYTES = 4 };

struct expected {
        struct escape escape;
        char piece[TEXT_MAX_BYTES + INPUT_MAX]; /* typed bytes of the current line that are not emitted yet */
        size_t len;
        uint8_t ended;
        bool cut;
        size_t lines, pieces, ends, interrupts;
        size_t got_lines, got_pieces, got_ends, got_interrupts;
};

static void check(void *user, enum lines_event event, const char *text, size_t len)
{
        struct expected *e = user;
        if (event == LINES_END || event == LINES_INTERRUPT) {
                *(event == LINES_END ? &e->got_ends : &e->got_interrupts) += 1;
                PROMISE(len == 0, "an end or interrupt with text");
                return;
        }
        PROMISE(len <= e->len && memcmp(text, e->piece, len) == 0, "%zu bytes that were not typed", len);
        if (event == LINES_PIECE) {
                PROMISE(e->len >= TEXT_MAX_BYTES && len <= TEXT_MAX_BYTES && len > TEXT_MAX_BYTES - CHARACTER_MAX_BYTES,
                        "a short piece: %zu", len);
                e->len -= len;
                memmove(e->piece, e->piece + len, e->len);
                e->cut = true;
                e->got_pieces++;
                return;
        }
        PROMISE(len == e->len, "%zu of %zu bytes", len, e->len);
        PROMISE((event == LINES_LAST) == e->cut, "event %d for a line that was cut: %d", (int)event, e->cut);
        e->len = 0;
        e->cut = false;
        e->got_lines++;
}

/* Erases as a terminal's driver does. */
static void erase(struct expected *e, uint8_t key)
{
        if (key == 21) {
                e->len = 0;
        } else if (key == 23) {
                while (e->len > 0 && strchr(" \t", e->piece[e->len - 1]))
                        e->len--;
                while (e->len > 0 && !strchr(" \t", e->piece[e->len - 1]))
                        e->len--;
        } else if (e->len > 0) {
                e->len = grapheme_begin(e->piece, e->len, e->len);
        }
}

static void push(struct lines *l, struct expected *e, uint8_t byte)
{
        bool second = (e->ended == '\r' && (byte == '\n' || byte == '\0')) || (e->ended == '\n' && byte == '\r');
        bool is_text = false;
        e->ended = 0;
        enum escape_event key = second ? ESCAPE_PART : escape_push(&e->escape, byte);
        if (second || (key != ESCAPE_NONE && key != ESCAPE_ALT) || byte == '\0') {
                /* nothing */
        } else if (byte == '\r' || byte == '\n') {
                e->lines++;
                e->ended = byte;
                e->escape = (struct escape){0};
        } else if (byte == 3) {
                e->interrupts++;
        } else if (byte == 4 && e->len == 0 && !e->cut) {
                e->ends++;
        } else if (byte == 8 || byte == 127 || byte == 21 || byte == 23) {
                erase(e, byte);
        } else {
                is_text = true;
                e->pieces += e->len == TEXT_MAX_BYTES; /* the full piece goes out first */
        }
        lines_push(l, byte);
        if (is_text)
                e->piece[e->len++] = (char)byte;
        PROMISE(e->lines == e->got_lines && e->pieces == e->got_pieces && e->ends == e->got_ends &&
                        e->interrupts == e->got_interrupts,
                "other events than expected at 0x%02x", byte);
}

/* Pushes printable ASCII at once. */
static void push_plain(struct lines *l, struct expected *e, const uint8_t *at, size_t size)
{
        e->ended = 0;
        memcpy(e->piece + e->len, at, size);
        e->len += size;
        lines_push_plain(l, at, size);
        PROMISE(e->len <= TEXT_MAX_BYTES, "%zu bytes wait", e->len);
        e->pieces = e->got_pieces;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const fills[] = {"x", "\u20ac", "\t", "\u202e", "\U0001f600", "\xff", "\xe2\x82", "\x1b"};
        static struct expected e;
        struct choices c = {data, data + (size < INPUT_MAX ? size : INPUT_MAX)};
        struct lines *l = malloc(sizeof(*l));
        uint8_t choice = choose_u8(&c);
        const char *fill = fills[choice % (sizeof(fills) / sizeof(fills[0]))];
        size_t fill_size = choice < 128 ? 0 : choose_u16(&c) % FILL_MAX, discard_at = choose_u16(&c);

        e = (struct expected){0};
        lines_init(l, check, &e);
        for (size_t i = 0; i < fill_size; i++)
                push(l, &e, (uint8_t)fill[i % strlen(fill)]);
        for (size_t i = 0; c.at < c.end; i++) {
                if (i == discard_at) {
                        lines_discard(l);
                        e.len = 0;
                        e.cut = false;
                        e.escape = (struct escape){0};
                }
                size_t plain = text_plain(c.at, (size_t)(c.end - c.at)), most = i < discard_at ? discard_at - i : plain;
                plain = plain > most ? most : plain;
                if (plain > 0 && !escape_is_open(&e.escape)) {
                        push_plain(l, &e, c.at, plain);
                        c.at += plain;
                        i += plain - 1;
                } else {
                        push(l, &e, *c.at++);
                }
        }
        size_t before = e.len, pieces = e.pieces;
        for (int i = 0; i < ESCAPE_MAX_BYTES + 3; i++)
                push(l, &e, '1');
        PROMISE(e.len > before || e.pieces > pieces, "text is swallowed");
        if (e.len > 0 || e.cut)
                e.lines++;
        lines_finish(l);
        PROMISE(e.lines == e.got_lines, "the last line is missing");
        free(l);
        return 0;
}
