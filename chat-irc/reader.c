#include "reader.h"

#include <chat/safe-text.h>

enum { REST_MAX_BYTES = IRC_LINE_MAX_BYTES - 2 };

static bool reader_has_long_tags(const struct reader *r)
{
        return r->tags_len > IRC_CLIENT_TAGS_MAX_BYTES;
}

/* Returns true if the next byte belongs to the tags. */
static bool reader_is_in_tags(const struct reader *r, uint8_t byte)
{
        return r->tags_len == 0 ? r->len == 0 && byte == '@' : r->tags_len > r->len || r->line[r->tags_len - 1] != ' ';
}

static void reader_add(struct reader *r, uint8_t byte)
{
        bool is_tag = reader_is_in_tags(r, byte);
        r->tags_len += is_tag;
        if (is_tag ? reader_has_long_tags(r) : r->len - r->tags_len == REST_MAX_BYTES)
                r->is_cut |= !is_tag;
        else
                r->line[r->len++] = (char)byte;
}

/* Takes bytes of the message behind its tags that are printable ASCII, as most are, and fit. Returns their number. */
static size_t reader_add_plain(struct reader *r, const uint8_t *bytes, size_t size)
{
        if (r->len == 0 || reader_has_long_tags(r) || reader_is_in_tags(r, bytes[0]))
                return 0;
        size_t room = REST_MAX_BYTES - (r->len - r->tags_len);
        size_t plain = text_plain(bytes, size < room ? size : room);
        memcpy(r->line + r->len, bytes, plain);
        r->len += plain;
        return plain;
}

/* Returns how the message is, and sets `line`. Leaves out a character that was cut. */
static enum reader_result reader_complete(struct reader *r, struct slice *line)
{
        size_t left_out = r->is_cut ? text_open(r->line, r->len) : 0;
        *line = (struct slice){r->line, r->len - left_out};
        r->is_complete = true;
        if (reader_has_long_tags(r))
                return READER_TAGS_TOO_LONG;
        return r->is_cut ? READER_CUT : READER_MESSAGE;
}

enum reader_result reader_take(struct reader *r, const uint8_t **bytes, size_t *size, struct slice *line)
{
        if (r->is_complete) {
                r->len = r->tags_len = 0;
                r->is_cut = r->is_complete = false;
        }
        while (*size > 0) {
                size_t plain = reader_add_plain(r, *bytes, *size);
                *bytes += plain;
                *size -= plain;
                if (plain > 0)
                        continue;
                uint8_t byte = *(*bytes)++;
                --*size;
                bool ends = byte == '\r' || byte == '\n';
                if (ends && r->len > 0) {
                        /* without the LF behind the CR: if the next message waited, the LF would wait, too */
                        bool is_pair = byte == '\r' && *size > 0 && **bytes == '\n';
                        *bytes += is_pair;
                        *size -= is_pair;
                        return reader_complete(r, line);
                }
                if (!ends && byte != '\0')
                        reader_add(r, byte);
        }
        return READER_MORE;
}
