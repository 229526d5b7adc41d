/* Shows all that a text contains. Clean text (safe-text.h) harms no terminal, but it can still hide and lie: by
 * invisible characters, by heaps of marks that cover the lines above, and by blanks that push the rest into a row of
 * its own, where it looks like another member's line. Therefore:
 *
 * - an invisible character is shown by its number (<U+200B>), unless it stands where it belongs;
 * - a character has eight marks at most;
 * - a run of blanks of any kind has eight at most. At the beginning it may have 40 columns, because code is indented,
 *   but fewer behind a long name.
 *
 * utf8proc knows the properties of characters. Invisible characters are controls, unassigned characters, and characters
 * that Unicode calls ignorable. In these places an invisible character belongs where it stands:
 *
 * - a joiner (ZWJ, ZWNJ) beside a letter of a script that is written from right to left, because such scripts join
 *   their letters, and beside a virama, which joins letters in India's scripts; also ZWJ between two pictures (UAX #29,
 *   rule GB11). The library has no Joining_Type, so joiners of Mongolian are shown and those between Hebrew letters are
 *   not;
 * - the two selectors for pictures (VS15, VS16) right behind a picture, or in a keycap (1️⃣);
 * - another ignorable mark right behind a letter without case or a mathematical sign: variants of ideographs, of
 *   Mongolian, of Myanmar and the like are such marks;
 * - tags that name a flag, behind the black flag (UTS #51, ED-14a).
 *
 * A session does this with each whole line when it is sent, so the order of typing does not matter. chatd does it
 * again, for sessions and hosts of another version. Doing it a second time changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#include "safe-text.h"
#include "wire.h"

enum {
        REVEAL_MARKS_MAX = 8,
        REVEAL_BLANKS_MAX = 8,
        REVEAL_INDENT_MAX = 40,
        REVEAL_BEGIN_MAX = 66,    /* columns of a name, ": " and blanks; with a time in front they fit one row of 80 */
        REVEAL_NUMBER_BYTES = 16, /* "<U+10FFFF>" */
};

enum {
        REVEAL_ZWNJ = 0x200c,
        REVEAL_ZWJ = 0x200d,
        REVEAL_KEYCAP = 0x20e3,
        REVEAL_VS15 = 0xfe0e,
        REVEAL_VS16 = 0xfe0f,
        REVEAL_BLACK_FLAG = 0x1f3f4,
        REVEAL_TAGS = 0xe0000, /* a tag is this plus an ASCII character */
        REVEAL_TAG_END = 0xe007f,
        REVEAL_FLAG_TAGS_MIN = 3, /* the tags of a flag: two letters or three digits, and one to four more */
        REVEAL_FLAG_TAGS_MAX = 7,
};

/* The state after a part of a text was written. The treatment of the rest depends on nothing else. */
struct reveal {
        uint32_t base;    /* the last character that is neither a mark nor a joiner */
        uint32_t last;    /* the last character of any kind */
        unsigned marks;   /* how many stand behind the base */
        unsigned blanks;  /* how many blanks the text ends with; before anything else, their columns */
        bool inside;      /* the text has something besides blanks */
        size_t tags_left; /* how many tags of the present flag are still to come */
};

enum reveal_kind {
        REVEAL_SEEN,
        REVEAL_BLANK,    /* leaves its place empty */
        REVEAL_MARK,     /* stands on the character before */
        REVEAL_MODIFIER, /* changes the character before, as the tone of a skin does */
        REVEAL_HIDDEN,   /* invisible */
};

static inline const utf8proc_property_t *reveal_property(uint32_t point)
{
        return utf8proc_get_property((utf8proc_int32_t)point);
}

static inline enum reveal_kind reveal_kind(uint32_t point)
{
        if (point < 0x80)
                return point == ' ' ? REVEAL_BLANK : REVEAL_SEEN;
        const utf8proc_property_t *p = reveal_property(point);
        if (p->ignorable || p->category == UTF8PROC_CATEGORY_CN || p->boundclass == UTF8PROC_BOUNDCLASS_CONTROL)
                return REVEAL_HIDDEN;
        switch (p->category) {
        case UTF8PROC_CATEGORY_SK:
                return p->boundclass == UTF8PROC_BOUNDCLASS_EXTEND ? REVEAL_MODIFIER : REVEAL_SEEN;
        case UTF8PROC_CATEGORY_ZS:
                return REVEAL_BLANK;
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME:
                return REVEAL_MARK;
        /* The library takes these blanks for letters or symbols: Braille without a dot, a note without a head, blanks
         * among hieroglyphs */
        default:
                return point == 0x2800 || point == 0x1d159 || point == 0x13441 || point == 0x13442 ? REVEAL_BLANK
                                                                                                   : REVEAL_SEEN;
        }
}

static inline unsigned reveal_width(uint32_t point)
{
        return point < 0x80 ? 1 : (unsigned)utf8proc_charwidth((utf8proc_int32_t)point);
}

static inline bool reveal_is_joiner(uint32_t point)
{
        return point == REVEAL_ZWNJ || point == REVEAL_ZWJ;
}

static inline bool reveal_is_picture(uint32_t point)
{
        return reveal_property(point)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static inline bool reveal_is_virama(uint32_t point)
{
        return reveal_property(point)->combining_class == 9;
}

static inline bool reveal_is_from_right(uint32_t point)
{
        const utf8proc_property_t *p = reveal_property(point);
        bool letter = p->category >= UTF8PROC_CATEGORY_LU && p->category <= UTF8PROC_CATEGORY_LO;
        return letter && (p->bidi_class == UTF8PROC_BIDI_CLASS_AL || p->bidi_class == UTF8PROC_BIDI_CLASS_R);
}

/* Returns true if this mark is ignorable, as selectors of variants are. */
static inline bool reveal_selects(uint32_t point)
{
        return reveal_property(point)->bidi_class == UTF8PROC_BIDI_CLASS_NSM;
}

/* Returns the length of the character that begins with this byte. */
static inline size_t reveal_length(uint8_t byte)
{
        if (byte < 0xc0)
                return 1;
        if (byte < 0xe0)
                return 2;
        return byte < 0xf0 ? 3 : 4;
}

/* Returns the character at `*at` and moves `*at` behind it. Returns 0 at the end of the text. */
static inline uint32_t reveal_next(struct slice text, size_t *at)
{
        if (*at == text.len)
                return 0;
        const uint8_t *byte = (const uint8_t *)text.at + *at;
        size_t need = reveal_length(byte[0]);
        uint32_t point = need == 1 ? byte[0] : byte[0] & (0x7fu >> need);
        for (size_t i = 1; i < need && *at + i < text.len; i++)
                point = point << 6 | (byte[i] & 0x3f);
        *at += need < text.len - *at ? need : text.len - *at;
        return point;
}

/* Returns the number of tags from `at` on, including the one that ends them, or 0 if they name no flag. */
static inline size_t reveal_flag_tags(struct slice text, size_t at)
{
        for (size_t n = 1; n <= REVEAL_FLAG_TAGS_MAX + 1; n++) {
                uint32_t point = reveal_next(text, &at), ascii = point - REVEAL_TAGS;
                if (point == REVEAL_TAG_END)
                        return n > REVEAL_FLAG_TAGS_MIN ? n : 0;
                if (!(ascii >= '0' && ascii <= '9') && !(ascii >= 'a' && ascii <= 'z'))
                        break;
        }
        return 0;
}

/* Returns true if the invisible character `point` belongs where it stands; `next` is the character behind it. */
static inline bool reveal_belongs(const struct reveal *r, uint32_t point, uint32_t next)
{
        bool right_behind = r->last == r->base,
             keycap_base = r->base == '#' || r->base == '*' || (r->base >= '0' && r->base <= '9');
        utf8proc_propval_t category = reveal_property(r->base)->category;
        if (r->tags_left > 0)
                return true;
        if (reveal_is_joiner(point))
                return !reveal_is_joiner(r->last) &&
                       (reveal_is_from_right(r->base) || reveal_is_from_right(next) || reveal_is_virama(r->last) ||
                        (reveal_is_virama(next) && r->marks < REVEAL_MARKS_MAX) ||
                        (point == REVEAL_ZWJ && reveal_is_picture(r->base) && reveal_is_picture(next)));
        if (point == REVEAL_VS15 || point == REVEAL_VS16)
                return right_behind &&
                       (reveal_is_picture(r->base) || (point == REVEAL_VS16 && keycap_base && next == REVEAL_KEYCAP));
        return right_behind && reveal_selects(point) &&
               (category == UTF8PROC_CATEGORY_LO || (category == UTF8PROC_CATEGORY_SM && r->base >= 0x80));
}

/* Notes that a character was written. A hidden character must belong there. */
static inline void reveal_note(struct reveal *r, uint32_t point, enum reveal_kind kind)
{
        r->tags_left -= r->tags_left > 0;
        r->last = point;
        if (kind != REVEAL_BLANK)
                r->blanks = 0;
        else
                r->blanks += r->inside ? 1 : reveal_width(point);
        r->inside |= kind != REVEAL_BLANK;
        if (kind == REVEAL_MARK || (kind == REVEAL_HIDDEN && reveal_selects(point))) {
                r->marks++;
        } else if (kind == REVEAL_SEEN || kind == REVEAL_BLANK) {
                r->base = point;
                r->marks = 0;
        }
}

/* Takes the next character at `*at`. Returns what is shown in its place: the character itself, nothing, or `number`.
 * That is the character's number if `by_number`, otherwise "?". */
static inline struct slice reveal_piece(struct reveal *r, struct slice text, size_t *at, bool by_number,
                                        char number[static REVEAL_NUMBER_BYTES])
{
        const size_t begin = *at;
        if (r->last == REVEAL_BLACK_FLAG)
                r->tags_left = reveal_flag_tags(text, begin);
        uint32_t point = reveal_next(text, at);
        size_t behind = *at;
        struct slice piece = {text.at + begin, *at - begin}, none = {text.at, 0};
        enum reveal_kind kind = reveal_kind(point);
        if (kind == REVEAL_BLANK &&
            (r->inside ? r->blanks == REVEAL_BLANKS_MAX : r->blanks + reveal_width(point) > REVEAL_INDENT_MAX))
                return none;
        if (kind == REVEAL_MARK && r->marks == REVEAL_MARKS_MAX)
                return none;
        if (kind == REVEAL_HIDDEN && !reveal_belongs(r, point, reveal_next(text, &behind))) {
                if (by_number)
                        snprintf(number, REVEAL_NUMBER_BYTES, "<U+%04X>", (unsigned)point);
                else
                        strcpy(number, "?");
                piece = slice_of(number);
                point = (uint8_t)number[piece.len - 1];
                kind = REVEAL_SEEN;
        }
        reveal_note(r, point, kind);
        return piece;
}

/* Writes the form of `text` that is shown to `out`. Returns its size in bytes, or SIZE_MAX if it is more than
 * `size`. */
static inline size_t reveal_write(char *out, size_t size, struct slice text, bool by_number)
{
        struct reveal r = {0};
        size_t len = 0;
        for (size_t at = 0; at < text.len;) {
                char number[REVEAL_NUMBER_BYTES];
                struct slice piece = reveal_piece(&r, text, &at, by_number, number);
                if (piece.len > size - len)
                        return SIZE_MAX;
                for (size_t i = 0; i < piece.len; i++) /* few bytes: a call would take longer */
                        out[len++] = piece.at[i];
        }
        return len;
}

/* Returns true if there are more spaces in a row than a line may have inside. The loop looks only at every ninth byte,
 * because any run that is too long covers one of these. */
static inline bool reveal_has_run(struct slice text)
{
        for (size_t at = REVEAL_BLANKS_MAX; at < text.len; at += REVEAL_BLANKS_MAX + 1) {
                size_t begin = at, end = at;
                if (text.at[at] != ' ')
                        continue;
                while (begin > 0 && text.at[begin - 1] == ' ')
                        begin--;
                while (end < text.len && text.at[end] == ' ')
                        end++;
                if (end - begin > REVEAL_BLANKS_MAX)
                        return true;
        }
        return false;
}

/* Returns the form of `text` that is shown: `text` itself if a quick test tells that it hides nothing, otherwise a text
 * in `out`. `text` must be clean. `size`, the room at `out`, must be at least the size of `text`. If there is no room
 * for numbers, each hidden character becomes "?". */
static inline struct slice reveal(struct slice text, char *out, size_t size)
{
        if (text_plain(text.at, text.len) == text.len && !reveal_has_run(text))
                return text;
        size_t len = reveal_write(out, size, text, true);
        if (len == SIZE_MAX)
                len = reveal_write(out, size, text, false);
        return (struct slice){out, len};
}

/* Returns a line without the blanks in front that would push it into the next row, behind a name of `name_len` bytes.
 * `text` must be a result of reveal(). */
static inline struct slice reveal_behind_name(struct slice text, size_t name_len)
{
        size_t begin = name_len + 2, most = begin < REVEAL_BEGIN_MAX ? REVEAL_BEGIN_MAX - begin : 0, width = 0, at = 0;
        for (size_t end = 0; end < text.len; at = end) {
                uint32_t point = reveal_next(text, &end);
                if (reveal_kind(point) != REVEAL_BLANK)
                        break;
                width += reveal_width(point);
        }
        for (size_t cut; at > 0 && width > most; at -= cut) {
                cut = 0;
                width -= reveal_width(reveal_next(text, &cut));
                text = (struct slice){text.at + cut, text.len - cut};
        }
        return text;
}
