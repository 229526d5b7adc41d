#include "disguise.h"

#include <ctype.h>
#include <string.h>

#include <chat/reveal.h>

#include "grapheme.h"

/* The characters of confusables.txt (UTS #39) that look like "/" and are no letters of a script, and the wide form of
 * "/". In ascending order, as the next. */
static const uint32_t slashes[] = {0x1735, 0x2041, 0x2044, 0x2215, 0x2571, 0x27cb,
                                   0x29f8, 0x2f03, 0x31d3, 0xff0f, 0x1d23a};

/* Letters that look like "/", and characters that look like a backslash: ordinary text may begin with these. */
static const uint32_t strokes[] = {'\\',   0x2216, 0x29f5, 0x29f9, 0x2cc6, 0x3033,
                                   0x30ce, 0x4e36, 0x4e3f, 0xfe68, 0xff3c};

static bool disguise_is_one_of(uint32_t point, const uint32_t *points, size_t count)
{
        for (size_t i = 0; i < count && points[i] <= point; i++) /* ordinary text ends this at once */
                if (point == points[i])
                        return true;
        return false;
}

static bool disguise_is_slash(uint32_t point)
{
        return disguise_is_one_of(point, slashes, sizeof(slashes) / sizeof(slashes[0]));
}

static bool disguise_is_stroke(uint32_t point)
{
        return disguise_is_one_of(point, strokes, sizeof(strokes) / sizeof(strokes[0]));
}

/* Returns the size of a number like "<U+202E>" at the front of the text: text_clean() shows invisible characters so.
 * Returns 0 for anything else. */
static size_t disguise_shown_by_number(struct slice text)
{
        size_t digits = 0;
        if (text.len < 3 || memcmp(text.at, "<U+", 3) != 0)
                return 0;
        while (3 + digits < text.len && isxdigit((unsigned char)text.at[3 + digits]))
                digits++;
        return digits >= 4 && digits <= 6 && 3 + digits < text.len && text.at[3 + digits] == '>' ? digits + 4 : 0;
}

/* Returns true if the character has no picture of its own. These are blanks, controls, marks, characters that reveal.h
 * calls hidden, and U+FFFD, which stands for bytes that are not text. */
static bool disguise_is_unseen(uint32_t point)
{
        if (point < 0x80)
                return point <= ' ' || point == 0x7f;
        return point == 0xfffd || reveal_kind(point) != REVEAL_SEEN;
}

struct disguise disguise_of(struct slice line)
{
        struct disguise d = {.rest = line, .blanks_only = true, .empty = true};
        while (d.rest.len > 0) {
                size_t next = 0;
                uint32_t point = grapheme_point(d.rest.at, d.rest.len, &next);
                if (point == '/' || disguise_is_slash(point)) {
                        d.slash = next;
                        d.looks_only = point != '/';
                        break;
                }
                if (disguise_is_stroke(point)) {
                        d.slash = next;
                        d.stroke = true;
                        break;
                }
                size_t number_len = disguise_shown_by_number(d.rest);
                if (number_len > 0)
                        next = number_len;
                else if (!disguise_is_unseen(point))
                        break;
                d.empty &= point == '\t' || reveal_kind(point) == REVEAL_BLANK;
                d.blanks_only &= point == ' ' || point == '\t';
                d.rest.at += next;
                d.rest.len -= next;
        }
        d.empty &= d.rest.len == 0;
        return d;
}

size_t disguise_word(struct slice text, char *word, size_t size)
{
        size_t len = 0;
        for (size_t at = 0; at < text.len && text.at[at] != ' ' && text.at[at] != '\t';) {
                size_t from = at, number_len = disguise_shown_by_number((struct slice){text.at + at, text.len - at});
                uint32_t point = grapheme_point(text.at, text.len, &at);
                if (len > 0 && reveal_kind(point) == REVEAL_BLANK)
                        break;
                if (number_len > 0)
                        at = from + number_len;
                if (number_len > 0 || disguise_is_unseen(point) || len + (at - from) >= size)
                        continue;
                memcpy(word + len, text.at + from, at - from);
                if (point < 0x80)
                        word[len] = (char)tolower((int)point);
                len += at - from;
        }
        word[len] = '\0';
        return len;
}
