/* The input of IRC clients (chat-irc/reader.c, message.c), and names as nicks (nick.c).
 *
 * Input: a byte that says how long the reads are, and the bytes of a client. The same bytes are also taken for a name.
 *
 * Promises: the messages are the same however the bytes are cut into reads. A message has no line end and no NUL, and is
 * within its limits. A message that parses can be written, unless its source or its tags were not those of a message,
 * and the written message parses to the same parts. A written message is one line within the limit, and ends between
 * characters if its text is valid. A name that the chat allows has a nick that gives the name back.
 */
#include <chat/safe-text.h>

#include "../../chat-irc/nick.h"
#include "../../chat-irc/reader.h"

#include "fuzz.h"

static bool are_equal(const struct irc_message *a, const struct irc_message *b)
{
        bool equal = slice_equal(a->tags, b->tags) && slice_equal(a->source, b->source) &&
                     slice_equal(a->command, b->command) && a->params_count == b->params_count;
        for (size_t i = 0; equal && i < a->params_count; i++)
                equal = slice_equal(a->params[i], b->params[i]);
        return equal;
}

static void try_message(struct slice line)
{
        char out[IRC_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES];
        struct irc_message m, again;
        if (irc_parse(&m, line) != 0)
                return;
        size_t size = irc_write(&m, out);
        if (size == 0) /* blanks in front of the parts may have been left out; then there is nothing to compare */
                return;
        PROMISE(size > 2 && memcmp(out + size - 2, "\r\n", 2) == 0, "no line end");
        PROMISE(!memchr(out, '\n', size - 2) && !memchr(out, '\r', size - 2), "more than one line");
        size_t tags = m.tags.len > 0 ? m.tags.len + 2 : 0;
        PROMISE(size - tags <= IRC_LINE_MAX_BYTES, "%zu bytes", size - tags);
        PROMISE(irc_parse(&again, (struct slice){out, size - 2}) == 0, "what was written does not parse");
        if (m.params_count > 0 && m.params[m.params_count - 1].len > irc_room_for_last(&m)) {
                struct slice *whole = &m.params[m.params_count - 1], *cut = &again.params[m.params_count - 1];
                PROMISE(cut->len <= whole->len && memcmp(cut->at, whole->at, cut->len) == 0, "another text");
                PROMISE(!text_is_clean(whole->at, whole->len) || text_is_clean(cut->at, cut->len), "half a character");
                *whole = *cut;
        }
        PROMISE(are_equal(&m, &again), "other parts");
}

static void try_tags(struct slice line)
{
        char plain[IRC_TAGS_MAX_BYTES], written[2 * IRC_TAGS_MAX_BYTES], again[IRC_TAGS_MAX_BYTES];
        size_t n = irc_unescape(line, plain, sizeof(plain));
        PROMISE(n <= line.len, "longer without escapes");
        size_t escaped = irc_escape((struct slice){plain, n}, written, sizeof(written));
        PROMISE(irc_unescape((struct slice){written, escaped}, again, sizeof(again)) == n && !memcmp(plain, again, n),
                "another value");
        PROMISE(!memchr(written, ';', escaped) && !memchr(written, ' ', escaped), "a value that ends early");
}

static void try_name(const uint8_t *data, size_t size)
{
        char nick[IRC_NICK_MAX_BYTES], name[NAME_MAX_BYTES + 1];
        const char *text = (const char *)data;
        if (size > NAME_MAX_BYTES || !(text_is_local_name(text, size) || text_is_remote_name(text, size)))
                return;
        nick_of_name((struct slice){text, size}, nick);
        PROMISE(nick_to_name(slice_of(nick), name) && strlen(name) == size && !memcmp(name, text, size),
                "%.*s is %s, and that is %s", (int)size, text, nick, name);
        PROMISE(irc_is_middle(slice_of(nick)) && !strpbrk(nick, "!@,"), "a wrong nick: %s", nick);
}

/* Reads all input, `step` bytes at a time. Returns a checksum of the messages, and tries each if `tries`. */
static uint64_t read_all(const uint8_t *data, size_t size, size_t step, bool tries)
{
        static struct reader r;
        uint64_t sum = 0;
        r = (struct reader){0};
        for (size_t at = 0; at < size; at += step) {
                const uint8_t *bytes = data + at;
                size_t left = size - at < step ? size - at : step;
                enum reader_result result;
                struct slice line;
                while ((result = reader_take(&r, &bytes, &left, &line)) != READER_MORE) {
                        for (size_t i = 0; i < line.len; i++)
                                sum = sum * 31 + (uint8_t)line.at[i] + 1;
                        sum = sum * 31 + (uint64_t)result;
                        PROMISE(line.len > 0 && line.len <= sizeof(r.line), "%zu bytes", line.len);
                        PROMISE(!memchr(line.at, '\n', line.len) && !memchr(line.at, '\r', line.len) &&
                                        !memchr(line.at, '\0', line.len),
                                "a line end in a message");
                        if (tries) {
                                try_message(line);
                                try_tags(line);
                        }
                }
                PROMISE(left == 0, "%zu bytes are left", left);
        }
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        size_t step = 1 + data[0];
        PROMISE(read_all(data + 1, size - 1, step, true) == read_all(data + 1, size - 1, size, false),
                "reads of %zu bytes give other messages", step);
        try_name(data + 1, size - 1);
        return 0;
}
