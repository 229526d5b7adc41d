/* Lines (chat-session/lines.c).
 *
 * Input: how often which character comes first, if any (lines are long; so pieces come within reach), where the current
 * line is discarded, then what the client types.
 *
 * Promises: what is emitted is clean, and at most TEXT_MAX_BYTES; one behind another it is the cleaned input without
 * its line ends, at once at each end; only a line that is longer comes as pieces, none of them empty, each but the
 * last as long as can be; ^D on an empty line, and only there, is an end.
 */
#include "../../chat-session/lines.h"

#include "fuzz.h"

enum { FILL_MAX = 2 * TEXT_MAX_BYTES + 64, INPUT_MAX = 8192 };

struct expected {
        struct text_cleaner cleaner;
        char line[(FILL_MAX + INPUT_MAX) * TEXT_CLEAN_MAX]; /* cleaned, what there is of it */
        size_t len, emitted;
        bool after_cr;
        size_t lines, ends;
        bool typed; /* something since the line began */
        size_t got_lines, got_ends;
};

static void check(void *user, enum lines_event event, const char *text, size_t len)
{
        struct expected *e = user;
        PROMISE(len <= TEXT_MAX_BYTES, "%zu bytes of text", len);
        PROMISE(text_is_clean(text, len), "unclean text");
        if (event == LINES_END) {
                e->got_ends++;
                PROMISE(len == 0, "an end with text");
                return;
        }
        PROMISE(len <= e->len - e->emitted && memcmp(e->line + e->emitted, text, len) == 0, "not what was typed");
        e->emitted += len;
        bool whole = e->len <= TEXT_MAX_BYTES, last = e->emitted == e->len;
        PROMISE((event == LINES_LINE) == whole, "%s of %zu bytes", event == LINES_LINE ? "a line" : "a piece", e->len);
        PROMISE(event == LINES_LINE || len > 0, "an empty piece");
        PROMISE(last || len > TEXT_MAX_BYTES - TEXT_CLEAN_MAX, "a short piece: %zu bytes", len);
        if (last)
                e->got_lines++;
}

static void begin_line(struct expected *e)
{
        e->cleaner = (struct text_cleaner){0};
        e->len = e->emitted = 0;
        e->typed = false;
}

static void end_line(struct expected *e)
{
        e->len += text_clean_end(&e->cleaner, e->line + e->len);
        e->lines++;
}

/* Returns true when the byte ends the line: then the line begins anew once that has been seen. */
static bool expect(struct expected *e, uint8_t byte)
{
        bool swallowed = e->after_cr && (byte == '\n' || byte == '\0');
        e->after_cr = byte == '\r';
        if (swallowed)
                return false;
        if (byte == '\r' || byte == '\n') {
                end_line(e);
                return true;
        }
        if (byte == 4 && !e->typed) {
                e->ends++;
                return false;
        }
        e->typed = true;
        e->len += text_clean(&e->cleaner, byte, e->line + e->len);
        return false;
}

/* `size` bytes of printable ASCII. */
static void push_plain(struct lines *l, struct expected *e, const uint8_t *at, size_t size)
{
        for (size_t i = 0; i < size; i++)
                expect(e, at[i]);
        lines_push_plain(l, at, size);
}

static void push(struct lines *l, struct expected *e, uint8_t byte)
{
        bool ends = expect(e, byte);
        lines_push(l, byte);
        PROMISE(e->lines == e->got_lines && e->ends == e->got_ends, "%zu lines and %zu ends, not %zu and %zu",
                e->got_lines, e->got_ends, e->lines, e->ends);
        PROMISE(!ends || e->emitted == e->len, "the end of a line is missing");
        if (ends)
                begin_line(e);
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

        begin_line(&e);
        e.after_cr = false;
        e.lines = e.ends = e.got_lines = e.got_ends = 0;
        lines_init(l, check, &e);
        for (size_t i = 0; i < fill_size; i++)
                push(l, &e, (uint8_t)fill[i % strlen(fill)]);
        for (size_t i = 0; c.at < c.end; i++) {
                if (i == discard_at) {
                        lines_discard(l);
                        begin_line(&e);
                }
                size_t plain = text_plain(c.at, (size_t)(c.end - c.at)), most = i < discard_at ? discard_at - i : plain;
                if (plain > most)
                        plain = most;
                if (plain > 0) {
                        push_plain(l, &e, c.at, plain);
                        c.at += plain;
                        i += plain - 1;
                } else {
                        push(l, &e, *c.at++);
                }
        }
        if (e.typed)
                end_line(&e);
        lines_finish(l);
        PROMISE(e.lines == e.got_lines && (!e.typed || e.emitted == e.len), "the last line is missing");
        free(l);
        return 0;
}
