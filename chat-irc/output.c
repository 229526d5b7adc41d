#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <chat/safe-text.h>

#include "../chat-session/client-output.h"

#define ACTION_BEGIN "\001ACTION "
#define ACTION_END "\001"

enum {
        TAGS_BYTES = sizeof("@time=2026-11-30T01:02:03.456Z "),
        MESSAGE_BYTES = TAGS_BYTES + IRC_LINE_MAX_BYTES,
        ACTION_BYTES = sizeof(ACTION_BEGIN ACTION_END) - 1,
        PIECE_MIN_BYTES = 128, /* a piece that ends at a blank is at least so long, unless it is the last */
        PIECE_SMALL_BYTES = 16,
        MS_PER_DAY = 24 * 60 * 60 * 1000,
};

/* ---- time ---- */

/* Writes a time in ms since 1970 as a tag of server-time: ISO 8601, in UTC. gmtime_r(3) is not used, because it may read
 * files the first time, which the sandbox does not allow. The date is found as in Howard Hinnant's days_from_civil. */
static void output_time(uint64_t ms, char text[static TAGS_BYTES])
{
        uint64_t days = ms / MS_PER_DAY + 719468, rest = ms % MS_PER_DAY; /* days since 0000-03-01 */
        uint64_t era = days / 146097, of_era = days % 146097;
        uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        uint64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
        uint64_t day = of_year - (153 * month + 2) / 5 + 1;
        month = month < 10 ? month + 3 : month - 9;
        year += era * 400 + (month <= 2);
        snprintf(text, TAGS_BYTES,
                 "time=%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64
                 "Z",
                 year % 10000, month % 100, day % 100, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60,
                 rest % 1000);
}

/* Returns the tags of a message from a member. */
static struct slice output_tags(const struct irc *i, uint64_t seconds, char text[static TAGS_BYTES])
{
        struct timespec now;
        if (!irc_has(i, IRC_SERVER_TIME))
                return (struct slice){"", 0};
        clock_gettime(CLOCK_REALTIME, &now);
        output_time(seconds != OUTPUT_NOW ? seconds * 1000
                                          : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
                    text);
        return slice_of(text);
}

/* ---- messages ---- */

/* Writes the message without counting it as a line. */
static void output_message(struct irc *i, const struct irc_message *m)
{
        char *at = client_reserve(i->client, MESSAGE_BYTES);
        if (at)
                client_commit(i->client, at + irc_write(m, at));
}

/* Makes a message of these parts. The last one of several parameters is a text. */
static struct irc_message output_make(struct slice source, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = {.tags = {"", 0}, .source = source, .command = slice_of(command), .has_text = n > 1};
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
        char source[OUTPUT_SOURCE_MAX_BYTES], tags[TAGS_BYTES];
        struct irc_message m = output_make(output_source(i, name, source), command, params, n);
        m.tags = output_tags(i, OUTPUT_NOW, tags);
        char *at = client_begin_line(i->client, MESSAGE_BYTES + IRC_RESERVED_BYTES);
        if (at)
                client_end_line(i->client, at + irc_write(&m, at));
}

void output_own(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n)
{
        char source[OUTPUT_SOURCE_MAX_BYTES], tags[TAGS_BYTES];
        struct irc_message m = output_make(output_source(i, name, source), command, params, n);
        m.tags = output_tags(i, OUTPUT_NOW, tags);
        output_message(i, &m);
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

void output_text(struct irc *i, struct slice name, const char *command, struct slice target, struct slice text,
                 bool is_action, uint64_t seconds)
{
        char source[OUTPUT_SOURCE_MAX_BYTES], tags[TAGS_BYTES], wrapped[IRC_LINE_MAX_BYTES];
        struct irc_message m = output_make(output_source(i, name, source), command, IRC_PARAMS(target, slice_of("")));
        size_t room = irc_room_for_last(&m), more = is_action ? ACTION_BYTES : 0;
        if (room < more + PIECE_SMALL_BYTES)
                return; /* no name of this version is so long */
        room -= more;
        m.tags = output_tags(i, seconds, tags);
        size_t pieces = text.len / (room < PIECE_MIN_BYTES ? room - 3 : PIECE_MIN_BYTES - 3) + 1;
        char *at = client_begin_line(i->client, pieces * MESSAGE_BYTES + IRC_RESERVED_BYTES), *end = at;
        if (!at)
                return;
        do {
                struct slice piece = output_take_piece(&text, room);
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

/* ---- names ---- */

struct slice output_quote(struct slice text)
{
        return irc_is_middle(text) && text.len <= IRC_TARGET_MAX_BYTES ? text : slice_of("*");
}

struct slice output_channel(const struct irc *i, char channel[static OUTPUT_CHANNEL_BYTES])
{
        snprintf(channel, OUTPUT_CHANNEL_BYTES, "#%s", i->room);
        return slice_of(channel);
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
