#include "history.h"

#include <stdio.h>
#include <stdlib.h>

#include <chat/record.h>
#include <chat/utc.h>

#include "channels.h"
#include "output.h"
#include "requests.h"

/* ---- the command ---- */

static const struct {
        char name[8];
        enum irc_history_what what;
        uint8_t references; /* before the limit */
} subcommands[] = {
        {"LATEST", IRC_LATEST, 1}, {"BEFORE", IRC_BEFORE, 1},   {"AFTER", IRC_AFTER, 1},
        {"AROUND", IRC_AROUND, 1}, {"BETWEEN", IRC_BETWEEN, 2},
};

/* Reads a number of `digits` digits at `*at`, and moves behind it and `behind`. Returns false if there is none. */
static bool history_read_number(const char **at, unsigned digits, char behind, unsigned *number)
{
        *number = 0;
        for (; digits > 0; digits--, ++*at) {
                if (**at < '0' || **at > '9')
                        return false;
                *number = *number * 10 + (unsigned)(**at - '0');
        }
        return *(*at)++ == behind;
}

/* Reads a time as utc_write() writes it, in ms since 1970. Returns false if it is none. */
static bool history_read_time(const char *at, uint64_t *ms)
{
        unsigned year, month, day, hour, minute, second, rest;
        if (!history_read_number(&at, 4, '-', &year) || !history_read_number(&at, 2, '-', &month) ||
            !history_read_number(&at, 2, 'T', &day) || !history_read_number(&at, 2, ':', &hour) ||
            !history_read_number(&at, 2, ':', &minute) || !history_read_number(&at, 2, '.', &second) ||
            !history_read_number(&at, 3, 'Z', &rest) || *at != '\0')
                return false;
        if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
                return false;
        *ms = ((((uint64_t)utc_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + rest;
        return true;
}

/* Reads "timestamp=TIME", "msgid=ID" or "*". Returns false if it is none of these. */
static bool history_read_reference(struct slice word, bool may_be_any, struct irc_reference *r)
{
        char text[IRC_REFERENCE_MAX_BYTES], *behind;
        *r = (struct irc_reference){.is_any = may_be_any && slice_equal(word, slice_of("*"))};
        if (r->is_any)
                return true;
        snprintf(text, sizeof(text), "%.*s", (int)word.len, word.at);
        if (word.len >= sizeof(text))
                return false;
        if (strncmp(text, "timestamp=", 10) == 0)
                return history_read_time(text + 10, &r->ms);
        if (strncmp(text, "msgid=", 6) != 0)
                return false;
        r->id = strtoull(text + 6, &behind, 16);
        if (*behind != '-')
                return false;
        r->number = strtoull(behind + 1, NULL, 10);
        return r->number > 0;
}

/* Reads the parameters behind the channel: one or two references, and the limit. */
static bool history_read(struct irc_history *h, const struct irc_message *m, size_t references)
{
        char text[8];
        for (size_t n = 0; n < references; n++)
                if (!history_read_reference(m->params[2 + n], h->what == IRC_LATEST, &h->references[n]))
                        return false;
        snprintf(text, sizeof(text), "%.*s", (int)m->params[2 + references].len, m->params[2 + references].at);
        h->limit = strtoul(text, NULL, 10);
        return h->limit > 0;
}

void history_refuse(struct irc *i, struct slice channel)
{
        size_t n = 0;
        while (subcommands[n].what != i->history.what)
                n++;
        output_fail(i, slice_of("CHATHISTORY"), "INVALID_TARGET", IRC_PARAMS(slice_of(subcommands[n].name), channel),
                    "You are not in that channel");
}

void history_take(struct irc *i, const struct irc_message *m)
{
        size_t n = 0, count = sizeof(subcommands) / sizeof(subcommands[0]);
        struct slice room;
        while (n < count && !slice_equal_case(m->params[0], slice_of(subcommands[n].name)))
                n++;
        if (n == count || m->params_count < 3u + subcommands[n].references) {
                output_fail(i, slice_of("CHATHISTORY"), "INVALID_PARAMS", IRC_PARAMS(m->params[0]),
                            "CHATHISTORY has no such form");
                return;
        }
        i->history = (struct irc_history){.what = subcommands[n].what};
        if (!nick_channel_to_room(m->params[1], &room) || !channels_has(i, room))
                history_refuse(i, m->params[1]);
        else if (!history_read(&i->history, m, subcommands[n].references))
                output_fail(i, slice_of("CHATHISTORY"), "INVALID_PARAMS", IRC_PARAMS(m->params[0]),
                            "A message is named by timestamp= or msgid=");
        else
                requests_send(i, IRC_WISH_HISTORY, m->params[1],
                              (struct frame){.type = FRAME_ROOM_HISTORY, .key = IRC_HISTORY_MAX_LINES, .name = room});
}

/* ---- the answer ---- */

static void history_collect(struct history_lines *l, struct wire_reader records)
{
        struct record r;
        uint64_t seconds = 0;
        l->count = 0;
        while (l->count < IRC_HISTORY_MAX_LINES && record_next_styled(&records, &r) > 0) {
                if (r.kind == RECORD_TIME)
                        seconds = r.number;
                else if (record_is_bounded(&r) && record_is_line(&r))
                        l->all[l->count++] = (struct history_line){seconds, r};
        }
}

/* Returns the index of the first line that is not before the message; with `behind`, of the first line behind it. */
static size_t history_find(const struct history_lines *l, const struct irc_reference *r, bool behind)
{
        size_t n = 0;
        if (r->number == 0) {
                while (n < l->count &&
                       (l->all[n].seconds * 1000 < r->ms || (behind && l->all[n].seconds * 1000 == r->ms)))
                        n++;
                return n;
        }
        while (n < l->count && (l->all[n].record.id != r->id || l->all[n].record.number != r->number))
                n++;
        if (n == l->count) /* it is older than all lines that chatd has */
                return 0;
        return n + behind;
}

/* A part of the lines: from index `from` to before `to`. */
struct history_part {
        size_t from, to;
};

/* Cuts a part to `limit` lines: the first of them, or the last. */
static struct history_part history_cut(struct history_part p, size_t limit, bool keeps_last)
{
        if (p.to <= p.from)
                return (struct history_part){p.from, p.from};
        if (p.to - p.from > limit && keeps_last)
                p.from = p.to - limit;
        else if (p.to - p.from > limit)
                p.to = p.from + limit;
        return p;
}

/* Returns the lines between two messages. The limit counts from the first one on, which may be the later one. */
static struct history_part history_between(const struct irc_history *h, const struct history_lines *l)
{
        const struct irc_reference *first = &h->references[0], *second = &h->references[1];
        bool is_backward = history_find(l, first, true) > history_find(l, second, false);
        const struct irc_reference *earlier = is_backward ? second : first, *later = is_backward ? first : second;
        struct history_part between = {history_find(l, earlier, true), history_find(l, later, false)};
        return history_cut(between, h->limit, is_backward);
}

/* Returns the lines that were asked for. */
static struct history_part history_choose(const struct irc_history *h, const struct history_lines *l)
{
        const struct irc_reference *r = &h->references[0];
        size_t half = h->limit / 2, place;
        switch (h->what) {
        case IRC_LATEST:
                place = r->is_any ? 0 : history_find(l, r, true);
                return history_cut((struct history_part){place, l->count}, h->limit, true);
        case IRC_BEFORE:
                return history_cut((struct history_part){0, history_find(l, r, false)}, h->limit, true);
        case IRC_AFTER:
                return history_cut((struct history_part){history_find(l, r, true), l->count}, h->limit, false);
        case IRC_AROUND:
                place = history_find(l, r, false);
                return history_cut((struct history_part){place > half ? place - half : 0, l->count}, h->limit, false);
        default:
                return history_between(h, l);
        }
}

static void history_show_line(struct irc *i, const struct history_line *line, unsigned batch)
{
        char channel[LINE_CHANNEL_BYTES];
        const struct record *r = &line->record;
        const struct output_past past = {.seconds = line->seconds, .batch = batch};
        output_text(i, r, &past, line_channel(r->room, channel));
}

/* Shows these lines as the answer to a CHATHISTORY. */
static void history_answer(struct irc *i, struct slice channel, const struct history_lines *l)
{
        const struct history_part chosen = history_choose(&i->history, l);
        unsigned batch = output_begin_batch(i, "chathistory", channel);
        for (size_t n = chosen.from; n < chosen.to; n++)
                history_show_line(i, &l->all[n], batch);
        output_end_batch(i, batch);
}

/* Without their times, past lines would look as if they were said now, and bots would answer them. A client that asks
 * for its history need not be shown it when it enters a room. */
void history_show(struct irc *i, const struct irc_request *request, struct wire_reader records)
{
        struct history_lines *lines = &i->past;
        history_collect(lines, records);
        if (request && request->wish == IRC_WISH_HISTORY)
                history_answer(i, slice_of(request->target), lines);
        else if (irc_has(i, IRC_SERVER_TIME) && !irc_has(i, IRC_CHATHISTORY))
                for (size_t n = 0; n < lines->count; n++)
                        history_show_line(i, &lines->all[n], 0);
}

void history_show_none(struct irc *i, const struct irc_request *request)
{
        output_end_batch(i, output_begin_batch(i, "chathistory", slice_of(request->target)));
}
