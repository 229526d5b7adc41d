#include "deliver.h"

#include <stdio.h>
#include <stdlib.h>

#include <chat/leave.h>
#include <chat/names.h>
#include <chat/safe-text.h>

#include "link-state.h"
#include "number.h"
#include "private.h"

enum {
        /* the most records missing before a message that have numbers */
        DELIVER_MISSING_MAX = (1 << NUMBER_INDEX_BITS) - MESSAGE_MAX_BYTES / RECORD_HEADER_BYTES - 3,
};

_Static_assert(DELIVER_MISSING_MAX > 0, "every record of a message has a number");

void deliver_drop(struct link *l)
{
        free(l->message);
        l->message = NULL;
        gap_close(&l->gap);
}

/* Reports missing lines, unless chatd has them because the message is read again. */
static void deliver_report_missing(struct link *l, const char *host, uint64_t lines, uint64_t number)
{
        if (number > l->relayed_number)
                notices_report_missing(&l->notices, host, lines, number);
}

void deliver_begin(struct link *l, struct network_message *m, struct hosts_message is, struct wire_reader records)
{
        is.own_records = spool_own(l->spool, is.instance);
        struct hosts_irregular irregular = hosts_said(&l->hosts, m->host, &is);
        l->records = records;
        l->next = is.number;
        l->skip = irregular.skip;
        l->message = m;
        uint64_t left = NUMBER_INDEX_MAX - (l->next & NUMBER_INDEX_MAX);
        uint64_t most = left < DELIVER_MISSING_MAX ? left : DELIVER_MISSING_MAX;
        if (irregular.missing_count > most) {
                irregular.unseen_count = irregular.missing_count - most;
                irregular.missing_count = most;
        }
        if (irregular.unseen_count > 0)
                deliver_report_missing(l, m->host, irregular.unseen_count, l->next++);
        gap_open(&l->gap, m->host, is.instance, is.position - irregular.missing_count, is.position,
                 !hosts_has_credit(&l->hosts, m->host, l->now), l->now);
}

/* Returns true if a record of another host may be shown to members here. */
static bool deliver_is_good(const struct record *rec)
{
        if (rec->kind == RECORD_RENAME &&
            (rec->text.len > LOCAL_NAME_MAX_BYTES || !text_is_local_name(rec->text.at, rec->text.len)))
                return false;
        if (rec->room.len > 0 && !name_is_nick(rec->room.at, rec->room.len))
                return false;
        return rec->name.len <= LOCAL_NAME_MAX_BYTES && text_is_local_name(rec->name.at, rec->name.len) &&
               rec->text.len <= TEXT_MAX_BYTES && text_is_clean(rec->text.at, rec->text.len);
}

/* Returns the text of `rec` as chatd gets it. `buffer` has a name of another host. */
static struct slice deliver_text(const struct record *rec, const char *host, char buffer[static NAME_MAX_BYTES + 1])
{
        switch (rec->kind) {
        case RECORD_RENAME:
                snprintf(buffer, NAME_MAX_BYTES + 1, "%.*s@%s", (int)rec->text.len, rec->text.at, host);
                return slice_of(buffer);
        case RECORD_JOIN:
                return slice_of("");
        case RECORD_LEAVE:
                return leave_why(rec->text) != 0 ? rec->text : slice_of("");
        default:
                return rec->text;
        }
}

/* Injects `rec` under its number. Returns false if that must wait. */
static bool deliver_one(struct link *l, const struct record *rec)
{
        char name[NAME_MAX_BYTES + 1], buffer[NAME_MAX_BYTES + 1];
        int len = snprintf(name, sizeof(name), "%.*s@%s", (int)rec->name.len, rec->name.at, l->message->host);
        struct record out = {
                .kind = rec->kind,
                .id = LINK_ID,
                .number = l->next,
                .name = {name, (size_t)len},
                .room = rec->room,
                .styled = rec->styled,
                .is_notice = rec->is_notice,
                .text = deliver_text(rec, l->message->host, buffer),
        };
        while (!inject_record(&l->inject, &out))
                if (!inject_flush(&l->inject, l->now))
                        return false;
        l->lines_in++;
        return true;
}

/* Takes a private message or a reply, "NAME@HOST TEXT". Injects it as "NAME TEXT" if HOST is this host. Returns false
 * if that must wait. */
static bool deliver_private(struct link *l, struct record rec)
{
        char text[TEXT_MAX_BYTES + 1];
        struct slice rest = rec.text, name, host;
        if (!private_address(&rest, &name, &host) || !slice_equal(host, slice_of(l->config->host)))
                return true;
        int len = snprintf(text, sizeof(text), "%.*s %.*s", (int)name.len, name.at, (int)rest.len, rest.at);
        rec.text = (struct slice){text, (size_t)len};
        return deliver_one(l, &rec);
}

/* Takes the next record of the message. Returns false if that must wait. */
static bool deliver_record(struct link *l, const struct record *rec)
{
        if (l->notices.count > 0 && !notices_flush(&l->notices, &l->inject, l->now))
                return false; /* these notices come before the record */
        if (l->skip > 0) {
                l->skip--;
                return true;
        }
        if (l->next <= l->relayed_number)
                return true; /* the record is read again */
        if (rec->kind == RECORD_MISSED) {
                deliver_report_missing(l, l->message->host, rec->number, l->next);
                return true;
        }
        bool is_private = rec->kind == RECORD_PRIVATE || rec->kind == RECORD_REPLY || rec->kind == RECORD_CTCP;
        if (!record_is_of_person(rec) && !is_private && rec->kind != RECORD_ASK)
                return true; /* a STYLE, which goes with its record; or a kind of a later version */
        if (!deliver_is_good(rec)) {
                l->ignored_count++;
                return true;
        }
        return is_private ? deliver_private(l, *rec) : deliver_one(l, rec);
}

/* Continues with records that are missing before the message. Returns false if the gap is still open. */
static bool deliver_fill_gap(struct link *l)
{
        struct record rec;
        uint64_t count, before;
        if (!l->status.is_connected)
                gap_hold(&l->gap, l->now);
        for (;;) {
                if (notices_are_full(&l->notices) && !notices_flush(&l->notices, &l->inject, l->now))
                        return false;
                switch (gap_next(&l->gap, l->network, l->now, &rec, &count)) {
                case GAP_RECORD:
                        before = l->lines_in;
                        if (!deliver_record(l, &rec)) {
                                gap_hold(&l->gap, l->now);
                                return false;
                        }
                        l->repeats += l->lines_in - before;
                        count = 1;
                        break;
                case GAP_MISSING:
                        /* records that were shown the first time */
                        before = l->relayed_number < l->next ? 0 : l->relayed_number - l->next + 1;
                        if (before < count)
                                deliver_report_missing(l, l->message->host, count - before, l->next + count - 1);
                        break;
                case GAP_CLOSED:
                        return true;
                default:
                        return false;
                }
                l->next += count;
                gap_advance(&l->gap, count, l->now);
                if (gap_is_closed(&l->gap))
                        hosts_charge(&l->hosts, l->message->host, gap_open_ms(&l->gap, l->now), l->now);
        }
}

bool deliver_go_on(struct link *l)
{
        struct record rec;
        if (!deliver_fill_gap(l))
                return false;
        struct wire_reader r = l->records;
        while (record_next(&r, &rec) > 0) {
                struct wire_reader behind = r; /* its STYLE has a position of its own */
                record_take_style(&behind, &rec);
                if (!deliver_record(l, &rec))
                        return false;
                l->records = r;
                l->next++;
        }
        deliver_drop(l);
        return true;
}
