#include "message.h"

#include <errno.h>
#include <string.h>

#include <chat/names.h>
#include <chat/safe-text.h>

enum { LINE_END_BYTES = 2 };

/* The characters of a tag's value that have an escape, and the letter behind the "\" of each. */
static const char escaped[] = "; \\\r\n", escapes[] = ":s\\rn";

/* ---- reading ---- */

static void irc_skip_blanks(struct slice *rest)
{
        while (rest->len > 0 && rest->at[0] == ' ') {
                rest->at++;
                rest->len--;
        }
}

struct slice irc_take_word(struct slice *rest)
{
        const char *blank = memchr(rest->at, ' ', rest->len);
        struct slice word = {rest->at, blank ? (size_t)(blank - rest->at) : rest->len};
        rest->at += word.len;
        rest->len -= word.len;
        irc_skip_blanks(rest);
        return word;
}

/* Takes a word that begins with `mark` off `rest`. Returns the word without the mark. Returns an empty slice if the
 * next word begins with something else. */
static struct slice irc_take_marked(struct slice *rest, char mark)
{
        if (rest->len == 0 || rest->at[0] != mark)
                return (struct slice){"", 0};
        struct slice word = irc_take_word(rest);
        return (struct slice){word.at + 1, word.len - 1};
}

static bool irc_is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool irc_is_command(struct slice word)
{
        size_t letters = 0, digits = 0;
        for (size_t i = 0; i < word.len; i++) {
                letters += name_is_letter(word.at[i]);
                digits += irc_is_digit(word.at[i]);
        }
        return word.len > 0 && (letters == word.len || (digits == word.len && digits == 3));
}

int irc_parse(struct irc_message *m, struct slice line)
{
        *m = (struct irc_message){.tags = {"", 0}, .source = {"", 0}, .command = {"", 0}};
        m->tags = irc_take_marked(&line, '@');
        irc_skip_blanks(&line);
        m->source = irc_take_marked(&line, ':');
        if (line.len == 0 && m->tags.len == 0 && m->source.len == 0)
                return 1;
        m->command = irc_take_word(&line);
        if (!irc_is_command(m->command))
                return -EBADMSG;
        while (line.len > 0) {
                bool is_last = line.at[0] == ':' || m->params_count == IRC_PARAMS_MAX - 1;
                size_t colon = line.at[0] == ':';
                m->params[m->params_count++] =
                        is_last ? (struct slice){line.at + colon, line.len - colon} : irc_take_word(&line);
                if (is_last)
                        break;
        }
        return 0;
}

/* A "*" tries to match nothing first. If the rest does not match then, the last "*" takes one character more. */
bool irc_matches(const char *mask, const char *text)
{
        const char *star = NULL, *behind = NULL;
        while (*text != '\0') {
                if (*mask == '*') {
                        star = mask++;
                        behind = text;
                } else if (*mask != '\0' && (*mask == '?' || name_lower(*mask) == name_lower(*text))) {
                        mask++;
                        text++;
                } else if (star) {
                        mask = star + 1;
                        text = ++behind;
                } else {
                        return false;
                }
        }
        return mask[strspn(mask, "*")] == '\0';
}

bool irc_next_tag(struct slice *tags, struct irc_tag *tag)
{
        while (tags->len > 0) {
                const char *semicolon = memchr(tags->at, ';', tags->len);
                struct slice one = {tags->at, semicolon ? (size_t)(semicolon - tags->at) : tags->len};
                size_t taken = one.len + (semicolon != NULL);
                tags->at += taken;
                tags->len -= taken;
                if (one.len == 0)
                        continue;
                const char *equals = memchr(one.at, '=', one.len);
                size_t key = equals ? (size_t)(equals - one.at) : one.len;
                tag->key = (struct slice){one.at, key};
                tag->value = equals ? (struct slice){equals + 1, one.len - key - 1} : (struct slice){"", 0};
                return true;
        }
        return false;
}

bool irc_find_tag(struct slice tags, const char *key, struct slice *value)
{
        struct irc_tag tag;
        bool found = false;
        while (irc_next_tag(&tags, &tag)) {
                if (!slice_equal(tag.key, slice_of(key)))
                        continue;
                *value = tag.value;
                found = true;
        }
        return found;
}

size_t irc_unescape(struct slice value, char *out, size_t room)
{
        size_t len = 0;
        for (size_t i = 0; i < value.len && len < room; i++) {
                char c = value.at[i];
                if (c == '\\') {
                        if (++i == value.len)
                                break; /* a "\" at the end stands for nothing */
                        const char *escape = value.at[i] != '\0' ? strchr(escapes, value.at[i]) : NULL;
                        c = value.at[i];
                        if (escape)
                                c = escaped[escape - escapes];
                }
                out[len++] = c;
        }
        return len;
}

size_t irc_escape(struct slice value, char *out, size_t room)
{
        size_t len = 0;
        for (size_t i = 0; i < value.len; i++) {
                const char *special = value.at[i] != '\0' ? strchr(escaped, value.at[i]) : NULL;
                if (room - len < (special ? 2 : 1))
                        break;
                char c = value.at[i];
                if (special) {
                        out[len++] = '\\';
                        c = escapes[special - escaped];
                }
                out[len++] = c;
        }
        return len;
}

/* ---- writing ---- */

/* Returns true if `text` has none of the bytes that end a line. */
static bool irc_is_one_line(struct slice text)
{
        return !memchr(text.at, '\r', text.len) && !memchr(text.at, '\n', text.len) && !memchr(text.at, '\0', text.len);
}

/* Returns true if `text` has no blank and no line end. */
static bool irc_is_word(struct slice text)
{
        return !memchr(text.at, ' ', text.len) && irc_is_one_line(text);
}

bool irc_is_middle(struct slice text)
{
        return text.len > 0 && text.at[0] != ':' && irc_is_word(text);
}

/* Returns the size of the message without its tags and its last parameter. Returns SIZE_MAX if a message cannot have
 * these parts. */
static size_t irc_size_before_last(const struct irc_message *m)
{
        size_t size = (m->source.len > 0 ? m->source.len + 2 : 0) + m->command.len + LINE_END_BYTES;
        if (!irc_is_command(m->command) || !irc_is_word(m->source) || m->params_count > IRC_PARAMS_MAX)
                return SIZE_MAX;
        for (size_t i = 0; i + 1 < m->params_count; i++) {
                if (!irc_is_middle(m->params[i]))
                        return SIZE_MAX;
                size += 1 + m->params[i].len;
        }
        return size;
}

size_t irc_room_for_last(const struct irc_message *m)
{
        size_t size = irc_size_before_last(m);
        return size >= IRC_LINE_MAX_BYTES - 2 ? 0 : IRC_LINE_MAX_BYTES - 2 - size; /* " :" stands in front of it */
}

/* Returns the beginning of `text` that has `room` bytes at most, cut between characters. */
static struct slice irc_cut(struct slice text, size_t room)
{
        if (text.len <= room)
                return text;
        return (struct slice){text.at, room - text_open(text.at, room)};
}

static char *irc_put(char *at, const char *before, struct slice text)
{
        at = mempcpy(at, before, strlen(before));
        return mempcpy(at, text.at, text.len);
}

char *irc_write_head(const struct irc_message *m, struct slice tags, char *at)
{
        if (tags.len > 0) {
                at = irc_put(at, "@", tags);
                *at++ = ' ';
        }
        if (m->source.len > 0) {
                at = irc_put(at, ":", m->source);
                *at++ = ' ';
        }
        at = irc_put(at, "", m->command);
        for (size_t i = 0; i + 1 < m->params_count; i++)
                at = irc_put(at, " ", m->params[i]);
        return at;
}

size_t irc_write(const struct irc_message *m, char *out)
{
        char *at = out;
        size_t size = irc_size_before_last(m), last = m->params_count > 0 ? m->params_count - 1 : 0;
        if (size > IRC_LINE_MAX_BYTES || m->tags.len + 2 > IRC_TAGS_MAX_BYTES || !irc_is_word(m->tags))
                return 0;
        if (m->params_count > 0 && (size > IRC_LINE_MAX_BYTES - 2 || !irc_is_one_line(m->params[last])))
                return 0;
        at = irc_write_head(m, m->tags, at);
        if (m->params_count > 0) {
                struct slice text = irc_cut(m->params[last], IRC_LINE_MAX_BYTES - 2 - size);
                at = irc_put(at, irc_is_middle(text) && !m->has_text ? " " : " :", text);
        }
        at = irc_put(at, "\r\n", (struct slice){"", 0});
        return (size_t)(at - out);
}
