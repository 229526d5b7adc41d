/* Clean text (chat/safe-text.h), compared with a second implementation of RFC 3629 and Unicode that works on code
 * points.
 *
 * Promises: the cleaner writes the same as the second implementation, so nothing is dropped. Each call writes whole
 * characters that are clean by both implementations. text_is_clean() agrees with the second one, and is true of exactly
 * the texts that cleaning does not change.
 *
 * The revealed form of clean text (chat/reveal.h) is clean, no longer than it may be, and not changed when it is shown
 * again. It has at most the allowed marks and blanks in a row, invisible characters only in the places named there, and
 * everything else of the text, in its order. For text of printable ASCII alone the result is the same with and without
 * the quick test.
 *
 * Rows (chat-session/wrap.h) have all of a text except blanks between them. No row is wider than allowed unless it is a
 * single character or ends in blanks. The rows take no more than the room that a client's buffer reserves for them.
 */
#include <chat/reveal.h>

#include "../../chat-session/grapheme.h"
#include "../../chat-session/wrap.h"

#include "fuzz.h"

struct range {
        uint32_t first, last;
};

/* These characters must not reach another terminal: general category Cc, Bidi_Control and the two separators. */
static const struct range controls[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},
        {0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069},
};

static bool is_control(uint32_t point)
{
        for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
                if (point >= controls[i].first && point <= controls[i].last)
                        return true;
        return false;
}

/* Returns how many bytes the character that begins with this byte has, according to its upper bits, or 0 if no
 * character begins with it. */
static size_t length_of(uint8_t byte)
{
        return byte < 0x80 ? 1 : byte < 0xc0 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf8 ? 4 : 0;
}

/* Returns true if some character of `need` bytes begins with these `have` bytes. With have == need sets *point to its
 * code point. */
static bool is_beginning(const uint8_t *bytes, size_t have, size_t need, uint32_t *point)
{
        static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t low = bytes[0] & (need == 1 ? 0x7fu : 0xffu >> (need + 1)), high;
        for (size_t i = 1; i < have; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return false;
                low = low << 6 | (bytes[i] & 0x3f);
        }
        high = low;
        for (size_t i = have; i < need; i++) {
                low = low << 6;
                high = high << 6 | 0x3f;
        }
        *point = low;
        return high >= smallest[need] && low <= 0x10ffff && !(low >= 0xd800 && high <= 0xdfff);
}

/* Cleans what comes first. Returns its bytes; *len is how many bytes were written to `out`. */
static size_t clean_first(const uint8_t *at, size_t left, char out[static TEXT_CLEAN_MAX], size_t *len)
{
        size_t need = length_of(at[0]), have = 1;
        uint32_t point = 0;
        if (need == 0 || !is_beginning(at, 1, need, &point)) {
                *len = 3;
                memcpy(out, "\ufffd", 3);
                return 1;
        }
        while (have < need && have < left && is_beginning(at, have + 1, need, &point))
                have++;
        if (have < need) {
                *len = 3;
                memcpy(out, "\ufffd", 3);
        } else if (point == '\t') {
                *len = (size_t)snprintf(out, TEXT_CLEAN_MAX, "    ");
        } else if (point < 0x20 || point == 0x7f) {
                *len = (size_t)snprintf(out, TEXT_CLEAN_MAX, "^%c", point == 0x7f ? '?' : (char)(point + '@'));
        } else if (is_control(point)) {
                *len = (size_t)snprintf(out, TEXT_CLEAN_MAX, "<U+%04X>", point);
        } else {
                memcpy(out, at, need);
                *len = need;
        }
        return have;
}

static bool is_clean(const uint8_t *text, size_t size)
{
        for (size_t i = 0; i < size;) {
                char out[TEXT_CLEAN_MAX];
                size_t len, taken = clean_first(text + i, size - i, out, &len);
                if (taken != len || memcmp(out, text + i, len) != 0)
                        return false;
                i += taken;
        }
        return true;
}

/* Cleans the text into `out`, which has room. Returns the bytes written. */
static size_t clean(const uint8_t *text, size_t size, char *out)
{
        struct text_cleaner c = {0};
        size_t total = 0;
        for (size_t i = 0; i <= size; i++) {
                char *piece = malloc(TEXT_CLEAN_MAX); /* so that ASan sees writes beyond its end */
                size_t n = i < size ? text_clean(&c, text[i], piece) : text_clean_end(&c, piece);
                PROMISE(n <= TEXT_CLEAN_MAX, "%zu bytes for one", n);
                PROMISE(text_is_clean(piece, n) && is_clean((const uint8_t *)piece, n), "unclean for byte %zu", i);
                memcpy(out + total, piece, n);
                total += n;
                free(piece);
        }
        return total;
}

/* Returns true if this invisible character may stay in some place. */
static bool may_stay(uint32_t point)
{
        return point == 0x200c || point == 0x200d || (point >= 0xfe00 && point <= 0xfe0f) ||
               (point >= 0xe0030 && point <= 0xe007f) || (point >= 0xe0100 && point <= 0xe01ef) ||
               (point >= 0x180b && point <= 0x180f && point != 0x180e) || point == 0x34f ||
               (point >= 0x17b4 && point <= 0x17b5);
}

static void check_shown(struct slice shown)
{
        unsigned marks = 0, blanks = 0;
        bool inside = false;
        for (size_t at = 0; at < shown.len;) {
                uint32_t point = reveal_next(shown, &at);
                enum reveal_kind kind = reveal_kind(point);
                PROMISE(kind != REVEAL_HIDDEN || may_stay(point), "U+%04X is hidden", point);
                marks = kind == REVEAL_MARK ? marks + 1 : 0;
                blanks = kind == REVEAL_BLANK ? blanks + 1 : 0;
                inside |= kind != REVEAL_BLANK;
                PROMISE(marks <= 8 && blanks <= (inside ? 8 : 40), "%u marks, %u blanks", marks, blanks);
        }
}

/* Checks that all visible characters of `text` that are neither marks nor blanks are in `shown`, in this order. */
static void check_order(struct slice text, struct slice shown)
{
        for (size_t at = 0, shown_at = 0; at < text.len;) {
                uint32_t point = reveal_next(text, &at);
                if (reveal_kind(point) != REVEAL_SEEN)
                        continue;
                while (shown_at < shown.len && reveal_next(shown, &shown_at) != point)
                        ;
                PROMISE(shown_at <= shown.len, "U+%04X is missing", point);
        }
}

static void check_reveal(const char *clean_text, size_t len, size_t size)
{
        char *out = malloc(size + 1), *again = malloc(size + 1);
        struct slice text = {clean_text, len}, shown = reveal(text, out, size);
        PROMISE(shown.len <= size, "%zu bytes in %zu", shown.len, size);
        PROMISE(text_is_clean(shown.at, shown.len), "what is shown is not clean");
        check_shown(shown);
        check_order(text, shown);
        size_t n = reveal_write(again, size, shown, true);
        PROMISE(n == shown.len && memcmp(again, shown.at, n) == 0, "shown again it is another");
        free(out);
        free(again);
}

static void check_rows(struct slice text, size_t columns)
{
        const char *end = text.at;
        size_t rows = 0, size = text.len;
        do {
                struct slice row = wrap_next(&text, columns);
                size_t width = 0;
                rows++;
                for (; end < row.at; end++)
                        PROMISE(*end == ' ', "between rows is %02x", (uint8_t)*end);
                end += row.len;
                PROMISE(text.len == 0 || row.len > 0, "an empty row");
                while (row.len > 0 && row.at[row.len - 1] == ' ')
                        row.len--;
                for (size_t at = 0, next; at < row.len; at = next) {
                        next = grapheme_end(row.at, row.len, at);
                        width += grapheme_width_most(row.at, at, next);
                        PROMISE(width <= columns || next - at == row.len, "a row of more than %zu columns", columns);
                }
        } while (text.len > 0);
        PROMISE(rows <= 2 * size / columns + 2, "%zu rows of %zu bytes", rows, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *out = malloc((size + 1) * TEXT_CLEAN_MAX), *again = malloc((size + 1) * TEXT_CLEAN_MAX * TEXT_CLEAN_MAX);
        size_t len = clean(data, size, out), at = 0;

        for (size_t i = 0; i < size;) {
                char wanted[TEXT_CLEAN_MAX];
                size_t n;
                i += clean_first(data + i, size - i, wanted, &n);
                PROMISE(n <= len - at && memcmp(out + at, wanted, n) == 0, "before byte %zu: not '%.*s'", i, (int)n,
                        wanted);
                at += n;
        }
        PROMISE(at == len, "%zu bytes too many", len - at);

        bool same = len == size && memcmp(out, data, size) == 0;
        PROMISE(text_is_clean((const char *)data, size) == is_clean(data, size), "text_is_clean() is wrong");
        PROMISE(text_is_clean((const char *)data, size) == same, "clean is what cleaning does not change");
        size_t len_again = clean((const uint8_t *)out, len, again);
        PROMISE(len_again == len && memcmp(again, out, len) == 0, "cleaning clean text changes it");
        check_reveal(out, len, len);
        check_reveal(out, len, 4 * len);
        check_rows((struct slice){out, len}, WRAP_COLUMNS_MIN + size % 30);
        free(out);
        free(again);
        return 0;
}
