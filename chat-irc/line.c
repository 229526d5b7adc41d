#include "line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <chat/safe-text.h>
#include <chat/utc.h>

#define ACTION_BEGIN " :\001ACTION "

/* What stands in front of the words. A CTCP message has a mark at its end, too. */
static const char *const line_begins[] = {[LINE_NO_CTCP] = " :", [LINE_ACTION] = ACTION_BEGIN, [LINE_CTCP] = " :\001"};

enum {
        AROUND_BYTES = LINE_SERVER_MAX_BYTES + sizeof(ACTION_BEGIN) + 32, /* around a name, a target and a text */
        PIECE_MIN_BYTES = 128,  /* a piece that ends at a blank is at least so long, unless it is the last */
        PIECE_SMALL_BYTES = 16, /* names leave at least so much room for a piece */
};

/* ---- the server ---- */

bool line_is_server(const char *name)
{
        return text_is_name(name, strlen(name)) && strlen(name) <= LINE_SERVER_MAX_BYTES && strchr(name, '.') &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == strlen(name);
}

void line_server(char server[static LINE_SERVER_MAX_BYTES + 1])
{
        char host[HOST_NAME_MAX + 1] = "";
        gethostname(host, sizeof(host) - 1);
        snprintf(server, LINE_SERVER_MAX_BYTES + 1, "%.50s%s", host, strchr(host, '.') ? "" : ".chat");
        if (!line_is_server(server))
                snprintf(server, LINE_SERVER_MAX_BYTES + 1, "chat.invalid");
}

/* ---- parts of a message ---- */

static char *line_put(char *at, struct slice text)
{
        return mempcpy(at, text.at, text.len);
}

struct slice line_source(const char *server, struct slice name, char source[static LINE_SOURCE_MAX_BYTES])
{
        const char *host = memrchr(name.at, '@', name.len);
        struct slice place =
                host ? (struct slice){host + 1, (size_t)(name.at + name.len - host - 1)} : slice_of(server);
        char *at = line_put(source + nick_of_name(name, source), slice_of("!chat@"));
        at = line_put(at, place);
        *at = '\0';
        return (struct slice){source, (size_t)(at - source)};
}

struct slice line_channel(struct slice room, char channel[static LINE_CHANNEL_BYTES])
{
        if (room.len == 0)
                room = slice_of(FIRST_ROOM);
        snprintf(channel, LINE_CHANNEL_BYTES, "#%.*s", (int)room.len, room.at);
        return slice_of(channel);
}

/* Returns true if the only parameter of a command is a text. ii(1) drops such a message without a ":" in front of it. */
static bool line_has_text(const char *command)
{
        return strcmp(command, "NICK") == 0 || strcmp(command, "QUIT") == 0 || strcmp(command, "ERROR") == 0;
}

struct irc_message line_message(struct slice source, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = {.tags = {"", 0},
                                .source = source,
                                .command = slice_of(command),
                                .has_text = n > 1 || line_has_text(command)};
        for (; m.params_count < n; m.params_count++)
                m.params[m.params_count] = params[m.params_count];
        return m;
}

/* The tags of one line, while they are being written. */
struct line_tags {
        size_t len;
        char text[LINE_TAGS_MAX_BYTES];
};

__attribute__((format(printf, 2, 3))) static void line_add_tag(struct line_tags *t, const char *format, ...)
{
        va_list args;
        if (t->len > 0)
                t->text[t->len++] = ';';
        va_start(args, format);
        t->len += (size_t)vsnprintf(t->text + t->len, sizeof(t->text) - t->len, format, args);
        va_end(args);
}

/* Writes the tags that all messages of a line have. */
static void line_begin_tags(const struct line *l, struct line_tags *t)
{
        char time[UTC_BYTES];
        t->len = 0;
        if (l->tags.len > 0)
                line_add_tag(t, "%.*s", (int)l->tags.len, l->tags.at);
        if (!(l->form.flags & LINE_TIME))
                return;
        utc_write(l->ms, time);
        line_add_tag(t, "time=%s", time);
}

/* Appends the id of a message. A text that is too long is several messages, with ids of their own: `piece` counts them
 * from 0. */
static void line_add_id(const struct line *l, struct line_tags *t, unsigned piece)
{
        if (!(l->form.flags & LINE_ID) || l->number == 0)
                return;
        line_add_tag(t, "msgid=%016" PRIx64 "-%" PRIu64, l->id, l->number);
        if (piece > 0)
                t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, ".%u", piece);
}

/* ---- what members do ---- */

size_t line_deed(const struct line *l, const char *command, const struct slice *params, size_t n, char *out,
                 size_t size)
{
        char source[LINE_SOURCE_MAX_BYTES];
        struct line_tags tags;
        struct irc_message m = line_message(line_source(l->form.server, l->name, source), command, params, n);
        if (size < LINE_MESSAGE_BYTES)
                return 0;
        line_begin_tags(l, &tags);
        m.tags = (struct slice){tags.text, tags.len};
        return irc_write(&m, out);
}

size_t line_join(const struct line *l, struct slice channel, char *out, size_t size)
{
        const struct slice params[] = {channel, slice_of("*"), slice_of(LINE_REAL_NAME)};
        return line_deed(l, "JOIN", params, l->form.flags & LINE_EXTENDED_JOIN ? 3 : 1, out, size);
}

/* ---- what members say ---- */

/* Takes the beginning of `text` off, `room` bytes at most: at a blank if possible, and not within a character. */
static struct slice line_take_piece(struct slice *text, size_t room)
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

size_t line_text_size(struct slice name, struct slice target, struct slice text)
{
        size_t around = 3 * name.len + target.len + AROUND_BYTES, piece = PIECE_MIN_BYTES;
        if (around + piece > IRC_LINE_MAX_BYTES)
                piece = around + PIECE_SMALL_BYTES > IRC_LINE_MAX_BYTES ? PIECE_SMALL_BYTES
                                                                        : IRC_LINE_MAX_BYTES - around;
        return (text.len / (piece - 3) + 1) * LINE_MESSAGE_BYTES;
}

struct line_words line_words(const struct record *r)
{
        struct line_words words = {.text = r->text, .styled = r->styled, .is_notice = r->is_notice};
        if (r->kind == RECORD_ACTION)
                words.ctcp = LINE_ACTION;
        else if (r->kind == RECORD_CTCP)
                words.ctcp = LINE_CTCP;
        return words;
}

size_t line_text(const struct line *l, struct slice target, const struct line_words *words, char *out, size_t size)
{
        char source[LINE_SOURCE_MAX_BYTES];
        const struct irc_message m =
                line_message(line_source(l->form.server, l->name, source), words->is_notice ? "NOTICE" : "PRIVMSG",
                             IRC_PARAMS(target, slice_of("")));
        struct line_tags tags;
        unsigned piece_number = 0;
        struct slice text = words->text, begin = slice_of(line_begins[words->ctcp]);
        struct slice end = slice_of(words->ctcp == LINE_NO_CTCP ? "\r\n" : "\001\r\n");
        size_t room = irc_room_for_last(&m) + 4, more = begin.len + end.len; /* " :" and CR LF are in `more` */
        char *at = out;
        if (room < more + PIECE_SMALL_BYTES || (words->ctcp == LINE_CTCP && room < more + text.len))
                return 0;
        if (words->styled.len > 0 && words->styled.len <= room - more)
                text = words->styled;
        line_begin_tags(l, &tags);
        const size_t common = tags.len;
        do {
                struct slice piece = line_take_piece(&text, room - more);
                if (size - (size_t)(at - out) < LINE_MESSAGE_BYTES)
                        return 0;
                tags.len = common;
                line_add_id(l, &tags, piece_number++);
                at = irc_write_head(&m, (struct slice){tags.text, tags.len}, at);
                at = line_put(at, begin);
                at = line_put(at, piece);
                at = line_put(at, end);
        } while (text.len > 0);
        return (size_t)(at - out);
}

/* ---- records ---- */

bool line_has_form(uint8_t kind)
{
        switch (kind) {
        case RECORD_LINE:
        case RECORD_ACTION:
        case RECORD_JOIN:
        case RECORD_CAME:
        case RECORD_ENTER:
        case RECORD_LEAVE:
        case RECORD_WENT:
        case RECORD_EXIT:
        case RECORD_RENAME:
        case RECORD_TOPIC:
                return true;
        default:
                return false;
        }
}

size_t line_record(const struct line_form *form, const struct record *r, uint64_t ms, char *out, size_t size)
{
        char buffer[LINE_CHANNEL_BYTES], nick[IRC_NICK_MAX_BYTES];
        struct line l = {.form = *form, .name = r->name, .id = r->id, .number = r->number, .ms = ms};
        const struct line_words words = line_words(r);
        struct slice channel = line_channel(r->room, buffer);
        switch (r->kind) {
        case RECORD_LINE:
        case RECORD_ACTION:
                return line_text(&l, channel, &words, out, size);
        case RECORD_JOIN:
        case RECORD_CAME:
        case RECORD_ENTER:
                return line_join(&l, channel, out, size);
        case RECORD_LEAVE:
                return line_deed(&l, "QUIT", IRC_PARAMS(r->text.len > 0 ? r->text : slice_of("disconnected")), out,
                                 size);
        case RECORD_WENT:
                return line_deed(&l, "PART", IRC_PARAMS(channel, r->text), out, size);
        case RECORD_EXIT:
                return line_deed(&l, "PART", IRC_PARAMS(channel), out, size);
        case RECORD_RENAME:
                nick_of_name(r->text, nick);
                return line_deed(&l, "NICK", IRC_PARAMS(slice_of(nick)), out, size);
        case RECORD_TOPIC:
                return line_deed(&l, "TOPIC", IRC_PARAMS(channel, r->text), out, size);
        default:
                return 0;
        }
}
