#include "output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <chat/assert.h>
#include <chat/safe-text.h>

#include "../chat-session/client-output.h"

#include "numerics.h"

#define ACTION_BEGIN "\001ACTION "
#define ACTION_END "\001"

enum {
        BATCH_BYTES = 12, /* the reference of a batch */
        MESSAGE_TAGS_BYTES = sizeof("batch=") + BATCH_BYTES + sizeof("time=") + OUTPUT_TIME_BYTES +
                             sizeof("msgid=0123456789abcdef-12345678901234567890.1234"),
        LABEL_TAG_BYTES = sizeof("label=") + IRC_LABEL_MAX_BYTES,
        TAGS_BYTES = MESSAGE_TAGS_BYTES > LABEL_TAG_BYTES ? MESSAGE_TAGS_BYTES : LABEL_TAG_BYTES,
        MESSAGE_BYTES = TAGS_BYTES + IRC_LINE_MAX_BYTES,
        ACTION_BYTES = sizeof(ACTION_BEGIN ACTION_END) - 1,
        PIECE_MIN_BYTES = 128, /* a piece that ends at a blank is at least so long, unless it is the last */
        PIECE_SMALL_BYTES = 16,
        FIRST_MAX_BYTES = 32 * 1024, /* of the first message of an answer, in pieces */
        MS_PER_DAY = 24 * 60 * 60 * 1000,
};

/* ---- time ---- */

/* As in Howard Hinnant's days_from_civil: the year begins in March, so that the leap day is its last one. */
unsigned output_days(unsigned year, unsigned month, unsigned day)
{
        year -= month <= 2;
        unsigned era = year / 400, of_era = year % 400;
        unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* gmtime_r(3) is not used, because it may read files the first time, which the sandbox does not allow. The date is found
 * as in Howard Hinnant's days_from_civil. */
void output_time(uint64_t ms, char text[static OUTPUT_TIME_BYTES])
{
        uint64_t days = ms / MS_PER_DAY + 719468, rest = ms % MS_PER_DAY; /* days since 0000-03-01 */
        uint64_t era = days / 146097, of_era = days % 146097;
        uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        uint64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
        uint64_t day = of_year - (153 * month + 2) / 5 + 1;
        month = month < 10 ? month + 3 : month - 9;
        year += era * 400 + (month <= 2);
        snprintf(text, OUTPUT_TIME_BYTES,
                 "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64 "Z",
                 year % 10000, month % 100, day % 100, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60,
                 rest % 1000);
}

/* ---- tags ---- */

/* The tags of one message, while they are being written. */
struct output_tags {
        size_t len;
        char text[TAGS_BYTES + 1];
};

__attribute__((format(printf, 2, 3))) static void output_add_tag(struct output_tags *t, const char *format, ...)
{
        va_list args;
        if (t->len > 0)
                t->text[t->len++] = ';';
        va_start(args, format);
        t->len += (size_t)vsnprintf(t->text + t->len, sizeof(t->text) - t->len, format, args);
        va_end(args);
}

/* Appends the time of a message from a member. */
static void output_add_time(const struct irc *i, struct output_tags *t, uint64_t seconds)
{
        char text[OUTPUT_TIME_BYTES];
        struct timespec now;
        if (!irc_has(i, IRC_SERVER_TIME))
                return;
        clock_gettime(CLOCK_REALTIME, &now);
        output_time(seconds != OUTPUT_NOW ? seconds * 1000
                                          : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
                    text);
        output_add_tag(t, "time=%s", text);
}

/* Appends the id of a message. A text that is too long is several messages, with ids of their own: `piece` counts them
 * from 0. */
static void output_add_id(const struct irc *i, struct output_tags *t, const struct output_origin *from, unsigned piece)
{
        if (!irc_has(i, IRC_MESSAGE_TAGS) || from->number == 0)
                return;
        output_add_tag(t, "msgid=%016" PRIx64 "-%" PRIu64, from->id, from->number);
        if (piece > 0)
                t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, ".%u", piece);
}

static struct slice output_get_tags(const struct output_tags *t)
{
        return (struct slice){t->text, t->len};
}

/* ---- messages ---- */

/* Writes the message without counting it as a line. */
static void output_write(struct irc *i, const struct irc_message *m)
{
        char *at = client_reserve(i->client, MESSAGE_BYTES);
        if (at)
                client_commit(i->client, at + irc_write(m, at));
}

/* Writes the beginning of a batch. `param` may be empty. With `has_label`, the batch has the client's label. Returns its
 * number. */
static unsigned output_write_batch(struct irc *i, bool has_label, const char *type, struct slice param)
{
        char reference[BATCH_BYTES];
        struct output_tags tags = {0};
        if (has_label)
                output_add_tag(&tags, "label=%s", i->label.text);
        snprintf(reference, sizeof(reference), "+%u", ++i->batches);
        const struct slice params[] = {slice_of(reference), slice_of(type), param};
        output_tagged(i, output_get_tags(&tags), "BATCH", params, param.len > 0 ? 3 : 2);
        return i->batches;
}

unsigned output_begin_batch(struct irc *i, const char *type, struct slice param)
{
        bool is_answer = i->label.is_active && !i->label.has_first;
        if (!irc_has(i, IRC_BATCH))
                return 0;
        unsigned batch = output_write_batch(i, is_answer, type, param);
        if (is_answer) {
                i->label.text[0] = '\0';
                i->label.is_active = false;
        }
        return batch;
}

void output_end_batch(struct irc *i, unsigned batch)
{
        char reference[BATCH_BYTES];
        snprintf(reference, sizeof(reference), "-%u", batch);
        if (batch > 0)
                output_tagged(i, (struct slice){"", 0}, "BATCH", IRC_PARAMS(slice_of(reference)));
}

/* The first message of an answer is written without a tag, because the tag depends on what follows: takes it back. A long
 * text may be several messages. Returns their size. */
static size_t output_take_first(struct irc *i, char first[static FIRST_MAX_BYTES])
{
        size_t room = client_room(i->client), size = i->label.room > room ? i->label.room - room : 0;
        assert(size <= FIRST_MAX_BYTES);
        memcpy(first, client_take_back(i->client, size), size);
        return size;
}

/* Writes messages again, each with one more tag. */
static void output_write_again(struct irc *i, struct slice messages, struct slice tag)
{
        struct slice line;
        while (messages.len > 0) {
                line_next(&messages, &line); /* with its CR */
                bool has_tags = line.len > 0 && line.at[0] == '@';
                char *at = client_reserve(i->client, 1 + tag.len + 1 + line.len + 1), *end = at;
                if (!at)
                        return;
                *end++ = '@';
                end = mempcpy(end, tag.at, tag.len);
                *end++ = has_tags ? ';' : ' ';
                end = mempcpy(end, line.at + has_tags, line.len - has_tags);
                *end++ = '\n';
                client_commit(i->client, end);
        }
}

/* Begins the batch of the label in front of the first message of the answer. */
static void output_open_label(struct irc *i, struct slice first)
{
        char tag[sizeof("batch=") + BATCH_BYTES];
        i->label.batch = output_write_batch(i, true, "labeled-response", (struct slice){"", 0});
        i->label.is_open = true;
        snprintf(tag, sizeof(tag), "batch=%u", i->label.batch);
        output_write_again(i, first, slice_of(tag));
}

void output_pause_label(struct irc *i)
{
        char first[FIRST_MAX_BYTES];
        if (i->label.has_first && !i->label.is_open)
                output_open_label(i, (struct slice){first, output_take_first(i, first)});
}

void output_end_label(struct irc *i)
{
        char tag[LABEL_TAG_BYTES], first[FIRST_MAX_BYTES];
        struct slice messages = {first, i->label.has_first && !i->label.is_open ? output_take_first(i, first) : 0};
        const char *end = memchr(messages.at, '\n', messages.len);
        bool has_one = end && end + 1 == messages.at + messages.len;
        snprintf(tag, sizeof(tag), "label=%s", i->label.text);
        if (has_one)
                output_write_again(i, messages, slice_of(tag));
        else if (messages.len > 0)
                output_open_label(i, messages);
        if (i->label.is_open)
                output_end_batch(i, i->label.batch);
        else if (!has_one)
                output_tagged(i, slice_of(tag), "ACK", NULL, 0);
}

/* Appends the tag of the label's batch, if the message belongs to a label. */
static void output_add_batch(struct irc *i, struct output_tags *t)
{
        if (!i->label.is_active)
                return;
        if (!i->label.has_first) {
                i->label.has_first = true;
                i->label.room = client_room(i->client);
                return;
        }
        output_pause_label(i);
        output_add_tag(t, "batch=%u", i->label.batch);
}

/* Writes an answer to what the client itself did. */
static void output_message(struct irc *i, const struct irc_message *m)
{
        struct irc_message tagged = *m;
        struct output_tags tags = {0};
        output_add_batch(i, &tags);
        tagged.tags = output_get_tags(&tags);
        output_write(i, &tagged);
}

/* Returns true if the only parameter of a command is a text. ii(1) drops such a message without a ":" in front of it. */
static bool output_has_text(const char *command)
{
        return strcmp(command, "NICK") == 0 || strcmp(command, "QUIT") == 0 || strcmp(command, "ERROR") == 0;
}

/* Makes a message of these parts. The last one of several parameters is a text. */
static struct irc_message output_make(struct slice source, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = {.tags = {"", 0},
                                .source = source,
                                .command = slice_of(command),
                                .has_text = n > 1 || output_has_text(command)};
        for (; m.params_count < n; m.params_count++)
                m.params[m.params_count] = params[m.params_count];
        return m;
}

void output_server(struct irc *i, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = output_make(slice_of(i->options->server), command, params, n);
        output_message(i, &m);
}

void output_numeric(struct irc *i, unsigned number, const struct slice *params, size_t n)
{
        struct slice all[IRC_PARAMS_MAX];
        char command[4], nick[IRC_NICK_MAX_BYTES];
        snprintf(command, sizeof(command), "%03u", number % 1000);
        all[0] = output_own_nick(i, nick);
        memcpy(all + 1, params, n * sizeof(*params));
        output_server(i, command, all, n + 1);
}

void output_tagged(struct irc *i, struct slice tags, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = output_make(slice_of(i->options->server), command, params, n);
        m.tags = tags;
        m.has_text = false;
        output_write(i, &m);
}

void output_refuse(struct irc *i, unsigned number, struct slice subject, const char *why)
{
        output_numeric(i, number, IRC_PARAMS(output_quote(subject), slice_of(why)));
}

void output_fail(struct irc *i, struct slice command, const char *code, const struct slice *context, size_t n,
                 const char *why)
{
        struct slice params[IRC_PARAMS_MAX] = {command, slice_of(code)};
        size_t count = 2;
        for (size_t c = 0; c < n; c++)
                params[count++] = output_quote(context[c]);
        params[count++] = slice_of(why);
        output_server(i, "FAIL", params, count);
}

void output_people(struct irc *i, uint64_t people)
{
        char text[80];
        snprintf(text, sizeof(text), "There are %" PRIu64 " users and 0 invisible on 1 servers", people);
        output_numeric(i, RPL_LUSERCLIENT, IRC_PARAMS(slice_of(text)));
        snprintf(text, sizeof(text), "I have %" PRIu64 " clients and 0 servers", people);
        output_numeric(i, RPL_LUSERME, IRC_PARAMS(slice_of(text)));
}

void output_error(struct irc *i, struct slice why)
{
        struct irc_message m = output_make((struct slice){"", 0}, "ERROR", &why, 1);
        output_message(i, &m);
}

void output_notice(struct irc *i, struct slice text)
{
        char nick[IRC_NICK_MAX_BYTES];
        struct slice to = output_own_nick(i, nick), line;
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                output_server(i, "NOTICE", IRC_PARAMS(to, line));
        }
}

void output_from(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n)
{
        char source[OUTPUT_SOURCE_MAX_BYTES];
        struct output_tags tags = {0};
        struct irc_message m = output_make(output_source(i, name, source), command, params, n);
        output_add_time(i, &tags, OUTPUT_NOW);
        m.tags = output_get_tags(&tags);
        char *at = client_begin_line(i->client, MESSAGE_BYTES + IRC_RESERVED_BYTES);
        if (at)
                client_end_line(i->client, at + irc_write(&m, at));
}

void output_own(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n)
{
        char source[OUTPUT_SOURCE_MAX_BYTES];
        struct output_tags tags = {0};
        struct irc_message m = output_make(output_source(i, name, source), command, params, n);
        output_add_batch(i, &tags);
        output_add_time(i, &tags, OUTPUT_NOW);
        m.tags = output_get_tags(&tags);
        output_write(i, &m);
}

/* The parameters of a JOIN: only the channel, unless the client wants the account and the real name, too. */
#define OUTPUT_JOIN_PARAMS(i, channel)                                                                                 \
        (const struct slice[]){channel, slice_of("*"), slice_of(OUTPUT_REAL_NAME)},                                    \
                irc_has(i, IRC_EXTENDED_JOIN) ? 3 : 1

void output_own_join(struct irc *i, struct slice channel)
{
        output_own(i, talk_name(i->session), "JOIN", OUTPUT_JOIN_PARAMS(i, channel));
}

void output_join(struct irc *i, struct slice name, struct slice channel)
{
        output_from(i, name, "JOIN", OUTPUT_JOIN_PARAMS(i, channel));
}

/* Takes the beginning of `text` off, `room` bytes at most: at a blank if possible, and not within a character. */
static struct slice output_take_piece(struct slice *text, size_t room)
{
        size_t len = text->len;
        if (len > room) {
                const char *blank = memrchr(text->at, ' ', room);
                len = blank && blank - text->at >= PIECE_MIN_BYTES ? (size_t)(blank + 1 - text->at)
                                                                   : room - text_open(text->at, room);
        }
        struct slice piece = {text->at, len};
        text->at += len;
        text->len -= len;
        return piece;
}

/* Writes a text. With `is_own`, it is an answer to what the client itself said. */
static void output_say(struct irc *i, const struct output_origin *from, const char *command, struct slice target,
                       struct slice text, bool is_action, bool is_own)
{
        char source[OUTPUT_SOURCE_MAX_BYTES], wrapped[IRC_LINE_MAX_BYTES];
        struct irc_message m =
                output_make(output_source(i, from->name, source), command, IRC_PARAMS(target, slice_of("")));
        struct output_tags common = {0};
        unsigned piece_number = 0;
        size_t room = irc_room_for_last(&m), more = is_action ? ACTION_BYTES : 0;
        if (room < more + PIECE_SMALL_BYTES)
                return; /* no name of this version is so long */
        room -= more;
        if (is_own)
                output_add_batch(i, &common);
        else if (from->batch > 0)
                output_add_tag(&common, "batch=%u", from->batch);
        output_add_time(i, &common, from->seconds);
        size_t pieces = text.len / (room < PIECE_MIN_BYTES ? room - 3 : PIECE_MIN_BYTES - 3) + 1;
        char *at = client_begin_line(i->client, pieces * MESSAGE_BYTES + IRC_RESERVED_BYTES), *end = at;
        if (!at)
                return;
        do {
                struct slice piece = output_take_piece(&text, room);
                struct output_tags tags = common;
                output_add_id(i, &tags, from, piece_number++);
                m.tags = output_get_tags(&tags);
                if (is_action) {
                        int len = snprintf(wrapped, sizeof(wrapped), ACTION_BEGIN "%.*s" ACTION_END, (int)piece.len,
                                           piece.at);
                        piece = (struct slice){wrapped, (size_t)len};
                }
                m.params[1] = piece;
                end += irc_write(&m, end);
        } while (text.len > 0);
        client_end_line(i->client, end);
}

void output_text(struct irc *i, const struct output_origin *from, const char *command, struct slice target,
                 struct slice text, bool is_action)
{
        output_say(i, from, command, target, text, is_action, false);
}

void output_own_text(struct irc *i, uint64_t number, const char *command, struct slice target, struct slice text,
                     bool is_action)
{
        const struct output_origin from = {.name = talk_name(i->session), .id = talk_id(i->session), .number = number};
        output_say(i, &from, command, target, text, is_action, true);
}

/* ---- names ---- */

struct slice output_quote(struct slice text)
{
        return irc_is_middle(text) && text.len <= IRC_TARGET_MAX_BYTES ? text : slice_of("*");
}

struct slice output_source(const struct irc *i, struct slice name, char source[static OUTPUT_SOURCE_MAX_BYTES])
{
        char nick[IRC_NICK_MAX_BYTES];
        const char *host = memrchr(name.at, '@', name.len);
        nick_of_name(name, nick);
        if (host)
                snprintf(source, OUTPUT_SOURCE_MAX_BYTES, "%s!chat@%.*s", nick, (int)(name.at + name.len - host - 1),
                         host + 1);
        else
                snprintf(source, OUTPUT_SOURCE_MAX_BYTES, "%s!chat@%s", nick, i->options->server);
        return slice_of(source);
}

struct slice output_own_nick(const struct irc *i, char nick[static IRC_NICK_MAX_BYTES])
{
        if (i->stage == IRC_TALKING)
                nick_of_name(talk_name(i->session), nick);
        else
                snprintf(nick, IRC_NICK_MAX_BYTES, "%s", i->wanted[0] != '\0' ? i->wanted : "*");
        return slice_of(nick);
}
