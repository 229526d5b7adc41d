#include "irc-client.h"

#include <stddef.h>

#include <chat/safe-text.h>

#include "../../chat-irc/reader.h"
#include "fuzz.h"

void irc_client_begin(struct irc_client *c, const char *server)
{
        memset(c, 0, offsetof(struct irc_client, batches));
        c->server = server;
}

/* ---- what it sends ---- */

static void irc_client_note_ping(struct irc_client *c, struct slice token)
{
        PROMISE(c->pings_count < IRC_CLIENT_PINGS_MAX && token.len <= sizeof(c->tokens) - c->ping_bytes,
                "too many PINGs for this target");
        memcpy(c->tokens + c->ping_bytes, token.at, token.len);
        c->pings[c->pings_count++] = (struct irc_client_ping){c->ping_bytes, token.len};
        c->ping_bytes += token.len;
}

void irc_client_says(struct irc_client *c, const uint8_t *bytes, size_t n)
{
        enum reader_result result;
        struct slice line;
        struct irc_message m;
        while ((result = reader_take(&c->reader, &bytes, &n, &line)) != READER_MORE)
                if (result != READER_TAGS_TOO_LONG && irc_parse(&m, line) == 0 && text_is_utf8(line.at, line.len) &&
                    slice_equal_case(m.command, slice_of("PING")) && m.params_count > 0)
                        irc_client_note_ping(c, m.params[0]);
}

void irc_client_expects(struct irc_client *c, const char *label)
{
        PROMISE(c->labels_count < IRC_CLIENT_LABELS_MAX, "too many labels for this target");
        strcpy(c->labels[c->labels_count++], label);
}

/* ---- the form of a message ---- */

/* Returns how many bytes behind `byte` belong to its character, and sets the range of the first of them. Returns -1 if
 * no character begins with this byte. The table is table 3-7 of the Unicode Standard. */
static int irc_client_more_bytes(uint8_t byte, uint8_t *from, uint8_t *to)
{
        *from = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
        *to = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
        if (byte < 0x80)
                return 0;
        if (byte < 0xc2 || byte > 0xf4)
                return -1;
        return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

static bool irc_client_is_utf8(const char *text, size_t size)
{
        for (size_t at = 0; at < size;) {
                uint8_t from, to;
                int more = irc_client_more_bytes((uint8_t)text[at++], &from, &to);
                if (more < 0 || size - at < (size_t)more)
                        return false;
                for (; more > 0; more--, from = 0x80, to = 0xbf)
                        if ((uint8_t)text[at] < from || (uint8_t)text[at++] > to)
                                return false;
        }
        return true;
}

static void irc_client_check_form(const char *line, size_t size, const struct irc_message *m)
{
        size_t tags = m->tags.len > 0 ? m->tags.len + 2 : 0;
        PROMISE(tags <= IRC_TAGS_MAX_BYTES, "tags of %zu bytes", tags);
        PROMISE(size - tags <= IRC_LINE_MAX_BYTES, "a message of %zu bytes: %.*s", size - tags, (int)size, line);
        PROMISE(irc_client_is_utf8(line, size), "not UTF-8: %.*s", (int)size, line);
        PROMISE(line[0] == '@' ? m->tags.len > 0 : m->tags.len == 0, "tags: %.*s", (int)size, line);
        PROMISE(m->params_count <= IRC_PARAMS_MAX, "%zu parameters", m->params_count);
}

/* ---- batches and labels ---- */

static size_t irc_client_find_batch(const struct irc_client *c, struct slice reference)
{
        size_t n = 0;
        while (n < c->batches_count && !slice_equal(reference, slice_of(c->batches[n])))
                n++;
        return n;
}

static void irc_client_take_batch(struct irc_client *c, const struct irc_message *m)
{
        PROMISE(m->params_count > 0 && m->params[0].len > 1, "a BATCH without a reference");
        char mark = m->params[0].at[0];
        struct slice reference = {m->params[0].at + 1, m->params[0].len - 1};
        size_t n = irc_client_find_batch(c, reference);
        PROMISE(reference.len <= IRC_CLIENT_REFERENCE_MAX_BYTES, "a reference of %zu bytes", reference.len);
        if (mark == '-') {
                PROMISE(n < c->batches_count, "the batch %.*s ends, but is not open", (int)reference.len, reference.at);
                c->batches_count--;
                memmove(c->batches[n], c->batches[n + 1], (c->batches_count - n) * sizeof(c->batches[0]));
                return;
        }
        PROMISE(mark == '+' && m->params_count > 1, "a BATCH that neither begins nor ends");
        unsigned number = (unsigned)strtoul(reference.at, NULL, 10);
        PROMISE(number > c->last_reference, "the reference %u was used before", number);
        PROMISE(c->batches_count < IRC_CLIENT_BATCHES_MAX, "%zu batches are open", c->batches_count);
        c->last_reference = number;
        memcpy(c->batches[c->batches_count], reference.at, reference.len);
        c->batches[c->batches_count++][reference.len] = '\0';
}

static void irc_client_take_label(struct irc_client *c, struct slice label)
{
        PROMISE(c->labels_answered < c->labels_count, "an answer to the label %.*s, which is answered or was not sent",
                (int)label.len, label.at);
        PROMISE(slice_equal(label, slice_of(c->labels[c->labels_answered])), "an answer to the label %.*s, not to %s",
                (int)label.len, label.at, c->labels[c->labels_answered]);
        c->labels_answered++;
}

static void irc_client_take_tags(struct irc_client *c, struct slice tags)
{
        struct irc_tag tag;
        while (irc_next_tag(&tags, &tag)) {
                struct slice again = tags, value;
                char key[32];
                PROMISE(tag.key.len > 0 && tag.key.len < sizeof(key), "a key of %zu bytes", tag.key.len);
                memcpy(key, tag.key.at, tag.key.len);
                key[tag.key.len] = '\0';
                PROMISE(!irc_find_tag(again, key, &value), "two tags %s", key);
                PROMISE(tag.value.len > 0, "the tag %s has no value", key);
                if (strcmp(key, "batch") == 0)
                        PROMISE(irc_client_find_batch(c, tag.value) < c->batches_count, "the batch %.*s is not open",
                                (int)tag.value.len, tag.value.at);
                else if (strcmp(key, "label") == 0)
                        irc_client_take_label(c, tag.value);
        }
}

/* ---- what happens to it ---- */

static size_t irc_client_find_channel(const struct irc_client *c, struct slice channel)
{
        size_t n = 0;
        while (n < c->channels_count && !slice_equal(channel, slice_of(c->channels[n])))
                n++;
        return n;
}

static void irc_client_take_join(struct irc_client *c, struct slice channel)
{
        PROMISE(irc_client_find_channel(c, channel) == c->channels_count, "the client joins %.*s, where it is",
                (int)channel.len, channel.at);
        PROMISE(c->channels_count < IRC_CLIENT_CHANNELS_MAX, "one channel too many");
        PROMISE(channel.len > 1 && channel.len <= IRC_CLIENT_CHANNEL_MAX_BYTES && channel.at[0] == '#',
                "the channel %.*s", (int)channel.len, channel.at);
        memcpy(c->channels[c->channels_count], channel.at, channel.len);
        c->channels[c->channels_count++][channel.len] = '\0';
}

static void irc_client_take_part(struct irc_client *c, struct slice channel)
{
        size_t n = irc_client_find_channel(c, channel);
        PROMISE(n < c->channels_count, "the client leaves %.*s, where it is not", (int)channel.len, channel.at);
        c->channels_count--;
        memmove(c->channels[n], c->channels[n + 1], (c->channels_count - n) * sizeof(c->channels[0]));
}

static void irc_client_take_pong(struct irc_client *c, const struct irc_message *m, size_t size)
{
        PROMISE(m->params_count == 2 && slice_equal(m->params[0], slice_of(c->server)), "a PONG of another form");
        PROMISE(c->pings_answered < c->pings_count, "a PONG without a PING: %.*s", (int)m->params[1].len,
                m->params[1].at);
        const struct irc_client_ping *p = &c->pings[c->pings_answered++];
        const struct slice token = {c->tokens + p->at, p->len}, cut = {token.at, m->params[1].len};
        PROMISE(m->params[1].len <= token.len && slice_equal(cut, m->params[1]), "a PONG %.*s to the PING %.*s",
                (int)m->params[1].len, m->params[1].at, (int)token.len, token.at);
        PROMISE(m->params[1].len == token.len || size > IRC_LINE_MAX_BYTES - 4, "a PONG that is cut at %zu bytes",
                size);
}

static void irc_client_take_own(struct irc_client *c, const struct irc_message *m)
{
        struct slice first = m->params_count > 0 ? m->params[0] : slice_of("");
        if (slice_equal(m->command, slice_of("JOIN")))
                irc_client_take_join(c, first);
        else if (slice_equal(m->command, slice_of("PART")))
                irc_client_take_part(c, first);
        else if (slice_equal(m->command, slice_of("NICK")))
                PROMISE(first.len > 0 && first.len < sizeof(c->nick), "a nick of %zu bytes", first.len);
        if (slice_equal(m->command, slice_of("NICK")))
                snprintf(c->nick, sizeof(c->nick), "%.*s", (int)first.len, first.at);
}

/* Checks by which nick the server addresses the client. Before the 001, that is "*" or the nick that it asked for. */
static void irc_client_check_address(struct irc_client *c, const struct irc_message *m)
{
        struct slice first = m->params_count > 0 ? m->params[0] : slice_of("");
        if (c->nick[0] == '\0' && slice_equal(m->command, slice_of("001")))
                snprintf(c->nick, sizeof(c->nick), "%.*s", (int)first.len, first.at);
        if (c->nick[0] != '\0')
                PROMISE(slice_equal(first, slice_of(c->nick)), "%.*s to %.*s, whose nick is %s", (int)m->command.len,
                        m->command.at, (int)first.len, first.at, c->nick);
        else
                PROMISE(slice_equal(first, slice_of("*")) || name_is_nick(first.at, first.len), "%.*s to %.*s",
                        (int)m->command.len, m->command.at, (int)first.len, first.at);
}

static void irc_client_take_server(struct irc_client *c, const struct irc_message *m, size_t size)
{
        bool is_numeric = m->command.at[0] >= '0' && m->command.at[0] <= '9';
        if (is_numeric || slice_equal(m->command, slice_of("NOTICE")) || slice_equal(m->command, slice_of("CAP")))
                irc_client_check_address(c, m);
        else if (slice_equal(m->command, slice_of("BATCH")))
                irc_client_take_batch(c, m);
        else if (slice_equal(m->command, slice_of("PONG")))
                irc_client_take_pong(c, m, size);
}

static void irc_client_take_line(struct irc_client *c)
{
        struct irc_message m;
        const struct slice line = {c->line, c->len - 2};
        PROMISE(c->len > 2 && c->line[c->len - 2] == '\r', "a line without CR LF: %.*s", (int)c->len, c->line);
        PROMISE(!memchr(line.at, '\r', line.len) && !memchr(line.at, '\0', line.len), "a CR or a NUL in %.*s",
                (int)line.len, line.at);
        PROMISE(irc_parse(&m, line) == 0, "no message: %.*s", (int)line.len, line.at);
        irc_client_check_form(c->line, c->len, &m);
        irc_client_take_tags(c, m.tags);
        size_t size = c->len - (m.tags.len > 0 ? m.tags.len + 2 : 0);
        const char *mark = memchr(m.source.at, '!', m.source.len);
        const struct slice nick = {m.source.at, mark ? (size_t)(mark - m.source.at) : 0};
        if (m.source.len == 0)
                PROMISE(slice_equal(m.command, slice_of("ERROR")), "a message without a source: %.*s", (int)line.len,
                        line.at);
        else if (slice_equal(m.source, slice_of(c->server)))
                irc_client_take_server(c, &m, size);
        else
                PROMISE(nick.len > 0, "the source %.*s", (int)m.source.len, m.source.at);
        if (nick.len > 0 && slice_equal(nick, slice_of(c->nick)))
                irc_client_take_own(c, &m);
}

void irc_client_sees(struct irc_client *c, const char *bytes, size_t n)
{
        while (n > 0) {
                const char *end = memchr(bytes, '\n', n);
                size_t taken = end ? (size_t)(end + 1 - bytes) : n;
                PROMISE(taken <= sizeof(c->line) - c->len, "a line without an end: %.*s", (int)c->len, c->line);
                memcpy(c->line + c->len, bytes, taken);
                c->len += taken;
                bytes += taken;
                n -= taken;
                if (!end)
                        break;
                irc_client_take_line(c);
                c->len = 0;
        }
}

/* ---- the end ---- */

void irc_client_check_channels(const struct irc_client *c, const struct irc *i)
{
        char channel[NICK_MAX_BYTES + 2];
        PROMISE(c->channels_count == i->channels_count, "the client is in %zu channels, and knows of %zu",
                i->channels_count, c->channels_count);
        for (size_t n = 0; n < i->channels_count; n++) {
                snprintf(channel, sizeof(channel), "#%s", i->channels[n].room);
                PROMISE(irc_client_find_channel(c, slice_of(channel)) < c->channels_count,
                        "the client is in %s unknowingly", channel);
        }
}

void irc_client_check_answers(const struct irc_client *c)
{
        PROMISE(c->pings_answered == c->pings_count, "%zu PINGs, and %zu PONGs", c->pings_count, c->pings_answered);
        PROMISE(c->labels_answered == c->labels_count, "%zu labels, and answers to %zu", c->labels_count,
                c->labels_answered);
        PROMISE(c->batches_count == 0, "the batch %s has no end", c->batches[0]);
        PROMISE(c->len == 0, "half a line: %.*s", (int)c->len, c->line);
}
