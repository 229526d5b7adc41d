#include "link.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <chat/clock.h>
#include <chat/names.h>
#include <chat/text.h>

#include "log.h"

enum {
        INDEX_BITS = 14,
        SEQUENCE_BITS = 36,
        GENERATION_BITS = 13,
        /* the most records missing before a message that have numbers */
        MISSING_MAX = (1 << INDEX_BITS) - MESSAGE_MAX_BYTES / RECORD_HEADER_BYTES - 3,
        INBOX_AT_ONCE = 64, /* datagrams in one step, before other work */
        MESSAGES_AT_ONCE = NETWORK_QUEUE_MAX,
};

#define SEQUENCE_MAX ((UINT64_C(1) << SEQUENCE_BITS) - 1)
#define GENERATION_MAX ((UINT64_C(1) << GENERATION_BITS) - 1)

_Static_assert(MISSING_MAX > 0, "every record of a message has a number");
_Static_assert(sizeof(struct link_kept) <= SPOOL_KEPT_BYTES, "what is kept has its place in the spool's file");

static uint64_t number_of(uint64_t generation, uint64_t sequence)
{
        return generation << (SEQUENCE_BITS + INDEX_BITS) | sequence << INDEX_BITS;
}

static uint64_t generation_of(uint64_t number)
{
        return number >> (SEQUENCE_BITS + INDEX_BITS);
}

static uint64_t sequence_of(uint64_t number)
{
        return number >> INDEX_BITS & SEQUENCE_MAX;
}

/* ---- notices ---- */

/* Returns the notice at `place` in the queue's order. */
static struct link_notice *notice_at(struct link *l, size_t place)
{
        return &l->notices[(l->first_notice + place) % LINK_NOTICES_ROOM];
}

/* Returns the place of the oldest notice that does not report missing records; `notices_count` if there is none. */
static size_t oldest_news(struct link *l)
{
        size_t place = 0;
        while (place < l->notices_count && notice_at(l, place)->number != 0)
                place++;
        return place;
}

static void give_up(struct link *l, size_t place)
{
        for (l->notices_count--; place < l->notices_count; place++)
                *notice_at(l, place) = *notice_at(l, place + 1);
}

/* Adds a notice. The caller has checked that there is room. */
static void add_notice(struct link *l, uint64_t number, uint64_t to, const char *format, va_list args)
{
        assert(l->notices_count < LINK_NOTICES_ROOM);
        struct link_notice *added = notice_at(l, l->notices_count++);
        added->number = number;
        added->to = to;
        vsnprintf(added->text, sizeof(added->text), format, args);
}

/* Adds a notice for everybody. */
__attribute__((format(printf, 3, 4))) static void notice(struct link *l, uint64_t number, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        add_notice(l, number, 0, format, args);
        va_end(args);
}

/* Adds a notice for one member, unless other notices might then have to wait for room. */
__attribute__((format(printf, 3, 4))) static void tell(struct link *l, uint64_t to, const char *format, ...)
{
        va_list args;
        if (l->notices_count >= LINK_TELLS_MAX)
                return;
        va_start(args, format);
        add_notice(l, 0, to, format, args);
        va_end(args);
}

/* Reports that `lines` of the host are missing; `number` is that of the last of them. Members are told once, even if
 * the message is read again. */
static void notice_missing(struct link *l, const char *host, uint64_t lines, uint64_t number)
{
        if (number <= l->known || number <= l->noticed)
                return;
        l->noticed = number;
        if (lines == MISSED_UNKNOWN)
                notice(l, number, "lines from %s are missing", host);
        else
                notice(l, number, "%" PRIu64 " line%s from %s %s missing", lines, lines == 1 ? "" : "s", host,
                       lines == 1 ? "is" : "are");
}

/* Hands over all that waits. Returns false while it cannot. */
static bool flush(struct link *l)
{
        while (inject_flush(&l->inject, l->now)) {
                const struct link_notice *next = &l->notices[l->first_notice];
                if (l->telling > l->kept->told)
                        l->kept->told = l->telling;
                if (l->notices_count == 0)
                        return true;
                inject_notice(&l->inject, slice_of(next->text), next->to); /* is taken, as no other frame waits */
                l->telling = next->number;
                l->first_notice = (l->first_notice + 1) % LINK_NOTICES_ROOM;
                l->notices_count--;
        }
        return false;
}

/* ---- private messages ---- */

/* Takes "NAME@HOST " off `text`. Returns false if the text does not begin so. */
static bool address_next(struct slice *text, struct slice *name, struct slice *host)
{
        struct slice word;
        const char *at = word_next(text, &word) ? memrchr(word.at, '@', word.len) : NULL;
        if (!at || at == word.at)
                return false;
        *name = (struct slice){word.at, (size_t)(at - word.at)};
        *host = (struct slice){at + 1, word.len - name->len - 1};
        return true;
}

/* ---- from chatd ---- */

static void drop_message(struct link *l)
{
        free(l->message);
        l->message = NULL;
        gap_close(&l->gap);
}

/* Drops the present message, and reads again from the last number that chatd has. The message with that number is read
 * again too, because it may not have been relayed to its end: chatd knows which of its records it has. */
static void read_from(struct link *l, uint64_t number)
{
        const struct link_kept *k = l->kept;
        struct network_place from = {0};
        if (k->stream != 0 && generation_of(number) < k->generation) /* chatd has no record of this stream yet */
                from = (struct network_place){.stream = k->stream, .sequence = k->begin};
        else if (k->stream != 0 && generation_of(number) == k->generation)
                from = (struct network_place){.stream = k->stream, .sequence = sequence_of(number) - 1};
        drop_message(l);
        inject_rewind(&l->inject, number);
        l->reading = l->rewound = true;
        network_read(l->network, from);
}

static void take_welcome(struct link *l)
{
        uint64_t number = l->inbox.number;
        bool again = l->kept->stream != 0 && number < l->inject.at_hello; /* chatd's queue was lost */
        l->hello_at = 0;
        l->known = number;
        inject_welcome(&l->inject);
        if (!l->reading || again)
                read_from(l, number);
}

static void say_hello(struct link *l)
{
        inject_hello(&l->inject);
        l->hello_at = l->now + LINK_HELLO_MS;
}

/* Tells a member who sends a private message to NAME@HOST that HOST is not there. The message still goes out. */
static void tell_of_absent(struct link *l, const struct record *rec)
{
        struct slice text = rec->text, name, at;
        char host[NAME_MAX_BYTES + 1];
        if (!address_next(&text, &name, &at))
                return;
        snprintf(host, sizeof(host), "%.*s", (int)at.len, at.at);
        enum host_told state = hosts_state(&l->hosts, host, l->now);
        if (strcmp(host, l->config->host) == 0)
                tell(l, rec->id, "%s is this host: /msg %.*s says it here", host, (int)name.len, name.at);
        else if (state == HOST_UNKNOWN)
                tell(l, rec->id, "There is no host called %s; /who lists the hosts", host);
        else if (state == HOST_AWAY)
                tell(l, rec->id, "%s is away; %.*s may get the message when it is back", host, (int)name.len, name.at);
}

/* Tells members of absent hosts, for the records that were just stored. After a kill between the spool and this call a
 * record does not come here again: so its member is told once at most. */
static void look_at_stored(struct link *l)
{
        struct wire_reader records = wire_read(l->inbox.records, l->inbox.stored);
        struct record rec;
        while (record_next(&records, &rec) > 0)
                if (rec.kind == RECORD_PRIVATE)
                        tell_of_absent(l, &rec);
}

/* Moves datagrams from the inbox to the spool, a bounded number. Returns true if there may be more. */
static bool take_inbox(struct link *l)
{
        if (l->inject.broker == (uid_t)-1) { /* the user of chatd is unknown: the datagrams stay in the inbox */
                l->full = true;
                return false;
        }
        for (int i = 0; i < INBOX_AT_ONCE; i++) {
                switch (inbox_take(&l->inbox, l->inject.broker)) {
                case INBOX_NOTHING:
                        l->full = false;
                        return false;
                case INBOX_FULL:
                        l->full = true;
                        return false;
                case INBOX_TAKEN:
                        look_at_stored(l);
                        break;
                case INBOX_WELCOME:
                        take_welcome(l);
                        break;
                case INBOX_ROLLCALL:
                        say_hello(l);
                        break;
                case INBOX_REFUSED: /* hello_at is set, so HELLO will be sent again */
                        log_refused(l->journal, l->inbox.why);
                        break;
                }
        }
        return true;
}

/* ---- from other hosts ---- */

/* Returns true if a record of another host may be shown to members here. */
static bool is_good(const struct record *rec)
{
        if (rec->kind == RECORD_RENAME &&
            (rec->text.len > LOCAL_NAME_MAX_BYTES || !text_is_local_name(rec->text.at, rec->text.len)))
                return false;
        if (rec->room.len > 0 && !name_is_nick(rec->room.at, rec->room.len))
                return false;
        return rec->name.len <= LOCAL_NAME_MAX_BYTES && text_is_local_name(rec->name.at, rec->name.len) &&
               rec->text.len <= TEXT_MAX_BYTES && text_is_clean(rec->text.at, rec->text.len);
}

/* Injects `rec` under its number. Returns false if that is not possible now. */
static bool inject_one(struct link *l, const struct record *rec)
{
        char name[NAME_MAX_BYTES + 1], called[NAME_MAX_BYTES + 1];
        int len = snprintf(name, sizeof(name), "%.*s@%s", (int)rec->name.len, rec->name.at, l->message->host);
        bool renames = rec->kind == RECORD_RENAME, has_text = rec->kind != RECORD_JOIN;
        if (rec->kind == RECORD_LEAVE) /* the text of other leaves is not shown */
                has_text = slice_equal(rec->text, slice_of(LEAVE_REMOVED));
        if (renames)
                snprintf(called, sizeof(called), "%.*s@%s", (int)rec->text.len, rec->text.at, l->message->host);
        struct record out = {
                .kind = rec->kind,
                .id = LINK_ID,
                .number = l->next,
                .name = {name, (size_t)len},
                .room = rec->room,
                .text = renames    ? slice_of(called)
                        : has_text ? rec->text
                                   : (struct slice){"", 0},
        };
        while (!inject_record(&l->inject, &out))
                if (!inject_flush(&l->inject, l->now))
                        return false;
        l->lines_in++;
        return true;
}

/* Takes a private message or a reply, "NAME@HOST TEXT". Injects it as "NAME TEXT" if HOST is this host. Returns false
 * if that is not possible now. */
static bool take_private(struct link *l, struct record rec)
{
        char text[TEXT_MAX_BYTES + 1];
        struct slice rest = rec.text, name, host;
        if (!address_next(&rest, &name, &host) || !slice_equal(host, slice_of(l->config->host)))
                return true;
        int len = snprintf(text, sizeof(text), "%.*s %.*s", (int)name.len, name.at, (int)rest.len, rest.at);
        rec.text = (struct slice){text, (size_t)len};
        return inject_one(l, &rec);
}

/* Takes the next record of the message. Returns false if that is not possible now. */
static bool take_record(struct link *l, const struct record *rec)
{
        if (l->notices_count > 0 && !flush(l))
                return false; /* these notices come before the record */
        if (l->skip > 0) {
                l->skip--;
                return true;
        }
        if (l->next <= l->known)
                return true; /* the record is read again */
        if (rec->kind == RECORD_MISSED) {
                notice_missing(l, l->message->host, rec->number, l->next);
                return true;
        }
        bool is_private = rec->kind == RECORD_PRIVATE || rec->kind == RECORD_REPLY;
        if (!record_is_of_person(rec) && !is_private && rec->kind != RECORD_ASK)
                return true; /* a kind of a later version */
        if (!is_good(rec)) {
                l->ignored++;
                return true;
        }
        return is_private ? take_private(l, *rec) : inject_one(l, rec);
}

/* Continues with records that are missing before the message. Returns false if the gap is still open. */
static bool fill_gap(struct link *l)
{
        struct record rec;
        uint64_t count, before;
        if (!l->status.connected)
                gap_hold(&l->gap, l->now);
        for (;;) {
                if (l->notices_count == LINK_NOTICES_MAX && !flush(l))
                        return false;
                switch (gap_next(&l->gap, l->network, l->now, &rec, &count)) {
                case GAP_RECORD:
                        before = l->lines_in;
                        if (!take_record(l, &rec)) {
                                gap_hold(&l->gap, l->now);
                                return false;
                        }
                        l->had_again += l->lines_in - before;
                        count = 1;
                        break;
                case GAP_MISSING:
                        /* records that were shown the first time */
                        before = l->known < l->next ? 0 : l->known - l->next + 1;
                        if (before < count)
                                notice_missing(l, l->message->host, count - before, l->next + count - 1);
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

/* Continues with the message that is being injected. Returns false if it cannot be finished now. */
static bool inject_message(struct link *l)
{
        struct record rec;
        if (!fill_gap(l))
                return false;
        struct wire_reader r = l->records;
        while (record_next(&r, &rec) > 0) {
                if (!take_record(l, &rec))
                        return false;
                l->records = r;
                l->next++;
        }
        drop_message(l);
        return true;
}

static uint64_t last_number(const struct link *l)
{
        uint64_t said = hosts_last_number(&l->hosts);
        return l->inject.last > said ? l->inject.last : said;
}

/* Returns the number of the first record of a message. Without JetStream, messages of which nothing was injected count,
 * too: else the next message would look as if it were read again. */
static uint64_t number_message(const struct link *l, const struct network_message *m)
{
        uint64_t last = last_number(l);
        if (m->event == NETWORK_ALIVE && l->kept->stream != 0)
                /* the message has no number: records that are fetched again belong behind the last record */
                return last + 1;
        uint64_t sequence = m->place.stream != 0 ? m->place.sequence : sequence_of(last) + 1;
        return number_of(l->kept->generation, sequence & SEQUENCE_MAX);
}

/* Begins to inject `m`: `count` records of the host, as in `is`, and before them those that are missing. */
static void begin_message(struct link *l, struct network_message *m, struct hosts_message is,
                          struct wire_reader records)
{
        uint64_t numbers = (UINT64_C(1) << INDEX_BITS) - 1;
        is.number = number_message(l, m);
        is.own = spool_own(l->spool, is.instance);
        struct hosts_irregular how = hosts_said(&l->hosts, m->host, &is);
        l->records = records;
        l->next = is.number;
        l->skip = how.skipped;
        l->message = m;
        uint64_t left = numbers - (l->next & numbers), most = left < MISSING_MAX ? left : MISSING_MAX;
        if (how.missing > most) {
                how.unseen = how.missing - most;
                how.missing = most;
        }
        if (how.unseen > 0)
                notice_missing(l, m->host, how.unseen, l->next++);
        gap_open(&l->gap, m->host, is.instance, is.position - how.missing, is.position,
                 !hosts_has_credit(&l->hosts, m->host, l->now), l->now);
}

/* Returns true if all of its records are of this host, from a time when it had the label that another host has now. */
static bool is_own(const struct link *l, const struct message *said, uint64_t count)
{
        uint64_t own = spool_own(l->spool, said->instance);
        return own > said->position && own - said->position >= count;
}

/* Takes a SAID message. Returns true if it is to be injected. */
static bool take_said(struct link *l, struct network_message *m)
{
        struct message said;
        if (message_decode(&said, m->data, m->size) != 0 || said.type != MESSAGE_SAID) {
                l->ignored++;
                return false;
        }
        uint64_t count = records_count(said.records);
        if (is_own(l, &said, count))
                return false;
        begin_message(l, m,
                      (struct hosts_message){.instance = said.instance, .position = said.position, .count = count},
                      said.records);
        return true;
}

/* Reads the stream anew, because this server's replica may lag behind for ever. The records may also never arrive, so
 * the attempts become rarer. */
static void read_anew(struct link *l, int64_t lacks_ms)
{
        if (lacks_ms < LINK_LACK_STORED_MS || l->now < l->anew_at)
                return;
        bool again = l->now < l->anew_at + 2 * l->anew_ms;
        l->anew_ms = again ? clock_earlier(2 * l->anew_ms, LINK_ANEW_MAX_MS) : LINK_LACK_STORED_MS;
        l->anew_at = l->now + l->anew_ms;
        network_read_anew(l->network);
}

/* Looks for records that the host announced and that did not arrive. Returns for how many ms they have lacked, or 0.
 * `*lack` describes a message without records behind them. */
static int64_t find_lack(struct link *l, const char *host, const struct message *alive, struct hosts_message *lack)
{
        struct hosts_instance all[1 + MESSAGE_BEFORE_MAX] = {
                {.instance = alive->instance, .position = alive->position}};
        size_t count = 1, which = 0;
        bool follows = false;
        for (size_t i = 0; i < alive->before_count; i++, count++)
                all[count] = (struct hosts_instance){.instance = alive->before[i].instance,
                                                     .position = alive->before[i].position};
        for (size_t i = 0; i < count; i++)
                all[i].own = spool_own(l->spool, all[i].instance);
        int64_t ms = hosts_lack_ms(&l->hosts, host, all, count, l->now, &which, &follows);
        *lack = (struct hosts_message){
                .instance = all[which].instance, .position = all[which].position, .follows = follows};
        return ms;
}

/* Takes an ALIVE message. If the host sent more than arrived, the link reads the stream anew, and finally treats the
 * records as missing before a message without records. Returns true if that message is to be injected. */
static bool take_alive(struct link *l, struct network_message *m)
{
        struct message alive;
        if (message_decode(&alive, m->data, m->size) != 0 || alive.type != MESSAGE_ALIVE) {
                l->ignored++;
                return false;
        }
        hosts_alive(&l->hosts, m->host, alive.members, alive.process, l->now);
        struct hosts_message lack;
        int64_t lacks_ms = find_lack(l, m->host, &alive, &lack);
        if (l->kept->stream != 0)
                read_anew(l, lacks_ms);
        if (lacks_ms < (l->kept->stream != 0 ? LINK_LACK_LOST_MS : LINK_LACK_MS))
                return false;
        begin_message(l, m, lack, (struct wire_reader){0});
        return true;
}

/* Returns true if the stream ends before the place that was read already, as after a power loss of its server: known
 * sequences will come again with other messages. The last message is read again after network_read(), so that one may
 * be missing then. */
static bool was_put_back(const struct link *l, const struct network_message *m)
{
        uint64_t last = l->rewound ? l->inject.last : last_number(l);
        return m->place.stream != 0 && generation_of(last) == l->kept->generation &&
               m->place.sequence + l->rewound < sequence_of(last);
}

/* Takes a BEGIN. If the stream is not the one that was read before, numbers begin anew, above all earlier numbers. */
static void take_begin(struct link *l, const struct network_message *m)
{
        struct link_kept *k = l->kept;
        uint64_t last = generation_of(l->inject.last);
        bool other = m->place.stream != k->stream || last > k->generation || k->generation == 0 || was_put_back(l, m);
        l->rewound = false;
        if (!other)
                return;
        k->generation = (last > k->generation ? last : k->generation) % GENERATION_MAX + 1;
        k->begin = m->place.sequence;
        atomic_signal_fence(memory_order_seq_cst); /* the stores above come first, even after kill -9 */
        k->stream = m->place.stream;
        inject_number_above(&l->inject, number_of(k->generation, 0));
}

/* Takes the next message of the network. Returns false if there is none. */
static bool next_message(struct link *l)
{
        struct network_message *m = network_next(l->network);
        if (!m)
                return false;
        if (m->event == NETWORK_BEGIN)
                take_begin(l, m);
        else if (m->event == NETWORK_ALIVE ? take_alive(l, m) : take_said(l, m))
                return true;
        free(m);
        return true;
}

/* Reports hosts that came or went. All messages of other hosts were taken before this, so a host without a recent ALIVE
 * is away. If the link took no messages for LINK_GRACE_MS, all hosts get their time again. */
static void look_for_hosts(struct link *l)
{
        char text[TEXT_MAX_BYTES];
        if (l->now - l->looked_at > LINK_GRACE_MS)
                hosts_init(&l->hosts, &l->kept->hosts, &l->kept->others, l->now);
        l->looked_at = l->now;
        for (;;) {
                bool full = l->notices_count >= LINK_NOTICES_MAX;
                size_t oldest = full ? oldest_news(l) : 0;
                if (full && oldest == l->notices_count)
                        return; /* members are told when there is room */
                if (hosts_news(&l->hosts, l->now, text) <= 0)
                        return;
                if (full)
                        give_up(l, oldest);
                notice(l, 0, "%s", text);
                log_hosts(l->journal, text);
        }
}

/* Injects messages of other hosts, as far as chatd takes them. The number is bounded, because a host may publish faster
 * than the link reads. Returns true if there may be more. */
static bool inject_messages(struct link *l)
{
        for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
                if (l->notices_count == LINK_NOTICES_MAX && !flush(l))
                        return false;
                if (l->message && !inject_message(l)) {
                        flush(l);
                        /* while connected, the messages that wait decide which hosts are away */
                        if (!l->status.connected)
                                look_for_hosts(l);
                        return false;
                }
                if (next_message(l))
                        continue;
                look_for_hosts(l);
                flush(l);
                return false;
        }
        return true;
}

/* ---- other work ---- */

static void connect_chatd(struct link *l)
{
        if (l->inject.socket < 0) {
                inject_connect(&l->inject, l->now);
                if (l->inject.socket >= 0)
                        l->hello_at = l->now + LINK_HELLO_MS;
        }
        if (l->inject.socket >= 0 && l->hello_at != 0 && l->now >= l->hello_at)
                say_hello(l);
        if (l->inject.socket >= 0 && l->hello_at == 0 && !l->inbox.counted)
                say_hello(l); /* records were missed: HELLO asks for the number of members */
}

static void tell_network(struct link *l)
{
        if (l->inbox.counted)
                network_count(l->network, l->inbox.members);
        if (l->published == spool_position(l->spool))
                return;
        l->published = spool_position(l->spool);
        network_publish(l->network);
}

/* Begins a branch after a clone of the running machine was found; the clone does the same. */
static void part_from_clone(struct link *l)
{
        if (l->status.clone == spool_instance(l->spool))
                spool_part(l->spool);
}

static int64_t wake_at(const struct link *l)
{
        int64_t wake = clock_earlier(hosts_wake_ms(&l->hosts, l->now), l->now + LINK_GRACE_MS / 2);
        if (l->inject.socket < 0)
                wake = clock_earlier(wake, l->inject.retry_at);
        else if (l->hello_at != 0)
                wake = clock_earlier(wake, l->hello_at);
        if (l->message)
                wake = clock_earlier(wake, gap_wake_ms(&l->gap));
        if (l->full)
                wake = clock_earlier(wake, l->now + LINK_FULL_MS);
        return wake;
}

/* Adapts the hosts to Network= and Host=, which may have been changed: hosts of another network never come back, and
 * this host's label is no other host's. */
static void begin_hosts(struct link *l)
{
        struct link_kept *k = l->kept;
        const char *network = l->config->network;
        if (k->network[0] != '\0' && strncmp(k->network, network, sizeof(k->network)) != 0)
                k->hosts = (struct hosts_kept){0};
        atomic_signal_fence(memory_order_seq_cst); /* the stores above come first, even after kill -9 */
        snprintf(k->network, sizeof(k->network), "%s", network);
        hosts_init(&l->hosts, &k->hosts, &k->others, l->now);
        hosts_forget(&l->hosts, l->config->host);
}

int link_begin(struct link *l, const struct config *c, const char *run_dir, int inbox, struct spool *spool,
               struct network *network, struct journal *journal, uint64_t lost)
{
        l->config = c;
        l->journal = journal;
        l->spool = spool;
        l->network = network;
        l->now = clock_ms();
        l->kept = spool_kept(spool);
        if (l->kept->layout != LINK_LAYOUT || l->kept->generation > GENERATION_MAX) /* of no use here: begin anew */
                *l->kept = (struct link_kept){.layout = LINK_LAYOUT};
        l->noticed = l->kept->told;
        begin_hosts(l);
        inject_init(&l->inject, run_dir);
        int r = inbox_init(&l->inbox, inbox, spool);
        if (r < 0)
                return r;
        log_started(journal, l);
        if (lost > 0) {
                log_lost(journal, lost);
                inbox_note_missing(&l->inbox, lost);
        }
        if (spool_left(spool) > 0)
                log_left(journal, spool_left(spool));
        return 0;
}

int64_t link_work(struct link *l)
{
        l->now = clock_ms();
        connect_chatd(l);
        bool more = take_inbox(l);
        tell_network(l);
        part_from_clone(l);
        inject_flush(&l->inject, l->now);
        if (l->reading)
                more |= inject_messages(l);
        int64_t wake = clock_earlier(wake_at(l), log_status(l));
        return more ? l->now : wake;
}

/* Passes over questions and answers of chatd: the next chat-link sends HELLO when it begins. */
int64_t link_drain(struct link *l)
{
        enum inbox_event event = INBOX_FULL; /* if chatd's user is unknown the datagrams stay in the inbox, too */
        l->now = clock_ms();
        for (int i = 0; i < INBOX_AT_ONCE && l->inject.broker != (uid_t)-1; i++) {
                event = inbox_take(&l->inbox, l->inject.broker);
                if (event == INBOX_NOTHING || event == INBOX_FULL)
                        break;
        }
        l->full = event == INBOX_FULL;
        return event == INBOX_NOTHING ? INT64_MAX : l->full ? l->now + LINK_FULL_MS : l->now;
}

void link_end(struct link *l)
{
        drop_message(l);
        inject_close(&l->inject);
}
