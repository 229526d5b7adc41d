#include "output.h"

#include <inttypes.h>
#include <stdio.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/safe-text.h>

#include "../chat-session/client-output.h"

#include "numerics.h"

enum {
        BATCH_BYTES = 12, /* the reference of a batch */
        TAG_BYTES = sizeof("label=") + IRC_LABEL_MAX_BYTES,
        MESSAGE_BYTES = TAG_BYTES + IRC_LINE_MAX_BYTES,
        FIRST_MAX_BYTES = 32 * 1024, /* of the first message of an answer, in pieces */
};

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
        char reference[BATCH_BYTES], tag[TAG_BYTES] = "";
        if (has_label)
                snprintf(tag, sizeof(tag), "label=%s", i->label.text);
        snprintf(reference, sizeof(reference), "+%u", ++i->batches);
        const struct slice params[] = {slice_of(reference), slice_of(type), param};
        output_tagged(i, slice_of(tag), "BATCH", params, param.len > 0 ? 3 : 2);
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
        char tag[TAG_BYTES], first[FIRST_MAX_BYTES];
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

/* Writes the tag of the label's batch, if what is written belongs to a label. */
static struct slice output_batch_tag(struct irc *i, char tag[static TAG_BYTES])
{
        tag[0] = '\0';
        if (!i->label.is_active)
                return slice_of(tag);
        if (!i->label.has_first) {
                i->label.has_first = true;
                i->label.room = client_room(i->client);
                return slice_of(tag);
        }
        output_pause_label(i);
        snprintf(tag, TAG_BYTES, "batch=%u", i->label.batch);
        return slice_of(tag);
}

/* Writes an answer to what the client itself did. */
static void output_message(struct irc *i, const struct irc_message *m)
{
        char tag[TAG_BYTES];
        struct irc_message tagged = *m;
        tagged.tags = output_batch_tag(i, tag);
        output_write(i, &tagged);
}

void output_server(struct irc *i, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = line_message(slice_of(i->options->server), command, params, n);
        output_message(i, &m);
}

/* Returns true if there is only room for the ends of answers. */
static bool output_is_almost_full(const struct irc *i)
{
        return client_room(i->client) < IRC_ENDS_BYTES + MESSAGE_BYTES;
}

/* Returns true for the numerics of which a list may have thousands. */
static bool output_is_item(unsigned number)
{
        return number == RPL_WHOREPLY || number == RPL_WHOSPCRPL || number == RPL_NAMREPLY || number == RPL_LIST;
}

void output_numeric(struct irc *i, unsigned number, const struct slice *params, size_t n)
{
        struct slice all[IRC_PARAMS_MAX];
        char command[4], nick[IRC_NICK_MAX_BYTES];
        if (output_is_item(number) && output_is_almost_full(i))
                return;
        snprintf(command, sizeof(command), "%03u", number % 1000);
        all[0] = output_own_nick(i, nick);
        memcpy(all + 1, params, n * sizeof(*params));
        output_server(i, command, all, n + 1);
}

void output_tagged(struct irc *i, struct slice tags, const char *command, const struct slice *params, size_t n)
{
        struct irc_message m = line_message(slice_of(i->options->server), command, params, n);
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
        struct slice params[IRC_PARAMS_MAX] = {output_quote(command), slice_of(code)};
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
        struct irc_message m = line_message((struct slice){"", 0}, "ERROR", &why, 1);
        output_message(i, &m);
}

void output_notice(struct irc *i, struct slice text)
{
        char nick[IRC_NICK_MAX_BYTES];
        struct slice to = output_own_nick(i, nick), line;
        if (!i->label.is_active && output_is_almost_full(i)) {
                client_begin_line(i->client, CLIENT_OUT_MAX_BYTES); /* counts it as skipped */
                return;
        }
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                output_server(i, "NOTICE", IRC_PARAMS(to, line));
        }
}

/* ---- messages of members ---- */

unsigned output_flags(const struct irc *i)
{
        return (irc_has(i, IRC_SERVER_TIME) ? LINE_TIME : 0u) | (irc_has(i, IRC_MESSAGE_TAGS) ? LINE_ID : 0u) |
               (irc_has(i, IRC_EXTENDED_JOIN) ? LINE_EXTENDED_JOIN : 0u);
}

/* Returns a line of this member, in the form that the client wants. */
static struct line output_line(const struct irc *i, struct slice name, struct slice tags)
{
        return (struct line){
                .form = {.flags = output_flags(i), .server = i->options->server},
                .tags = tags,
                .name = name,
                .ms = (uint64_t)clock_realtime_ms(),
        };
}

void output_own(struct irc *i, struct slice name, const char *command, const struct slice *params, size_t n)
{
        char tag[TAG_BYTES];
        const struct line l = output_line(i, name, output_batch_tag(i, tag));
        char *at = client_reserve(i->client, LINE_MESSAGE_BYTES);
        if (at)
                client_commit(i->client, at + line_deed(&l, command, params, n, at, LINE_MESSAGE_BYTES));
}

void output_own_join(struct irc *i, struct slice channel)
{
        char tag[TAG_BYTES];
        const struct line l = output_line(i, talk_name(i->session), output_batch_tag(i, tag));
        char *at = client_reserve(i->client, LINE_MESSAGE_BYTES);
        if (at)
                client_commit(i->client, at + line_join(&l, channel, at, LINE_MESSAGE_BYTES));
}

/* Writes a text, as one line of the chat. */
static void output_say(struct irc *i, const struct line *l, struct slice target, const struct line_words *words)
{
        size_t size = line_text_size(l->name, target, words->text);
        char *at = client_begin_line(i->client, size + IRC_RESERVED_BYTES);
        if (at)
                client_end_line(i->client, at + line_text(l, target, words, at, size));
}

void output_text(struct irc *i, const struct record *r, const struct output_past *past, struct slice target)
{
        char tag[TAG_BYTES] = "";
        if (past && past->batch > 0)
                snprintf(tag, sizeof(tag), "batch=%u", past->batch);
        struct line l = output_line(i, r->name, slice_of(tag));
        const struct line_words words = line_words(r);
        l.id = r->id;
        l.number = r->number;
        if (past)
                l.ms = past->seconds * 1000;
        output_say(i, &l, target, &words);
}

void output_own_text(struct irc *i, uint64_t number, struct slice target, const struct line_words *words)
{
        char tag[TAG_BYTES];
        struct line l = output_line(i, talk_name(i->session), output_batch_tag(i, tag));
        l.id = talk_id(i->session);
        l.number = number;
        output_say(i, &l, target, words);
}

bool output_record(struct irc *i, const struct record *r)
{
        const struct line_form form = {.flags = output_flags(i), .server = i->options->server};
        char channel[LINE_CHANNEL_BYTES];
        if (!line_has_form(r->kind))
                return false;
        size_t size = line_text_size(r->name, line_channel(r->room, channel), r->text);
        char *at = client_begin_line(i->client, size + IRC_RESERVED_BYTES);
        if (at)
                client_end_line(i->client, at + line_record(&form, r, (uint64_t)clock_realtime_ms(), at, size));
        return true;
}

/* ---- names ---- */

struct slice output_quote(struct slice text)
{
        return irc_is_middle(text) && text.len <= IRC_TARGET_MAX_BYTES ? text : slice_of("*");
}

struct slice output_own_nick(const struct irc *i, char nick[static IRC_NICK_MAX_BYTES])
{
        if (i->stage == IRC_TALKING)
                nick_of_name(talk_name(i->session), nick);
        else
                snprintf(nick, IRC_NICK_MAX_BYTES, "%s", i->wanted[0] != '\0' ? i->wanted : "*");
        return slice_of(nick);
}
