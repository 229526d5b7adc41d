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
        /* of what is missing before a message so many have numbers */
        MISSING_MAX = (1 << INDEX_BITS) - MESSAGE_MAX_BYTES / RECORD_HEADER_BYTES - 3,
        INBOX_AT_ONCE = 64, /* datagrams, before it looks at anything else */
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

/* The notice of this place in their order. */
static struct link_notice *notice_at(struct link *l, size_t place)
{
        return &l->notices[(l->first_notice + place) % LINK_NOTICES_ROOM];
}

/* The place of the oldest notice that does not say that something is missing; `notices_count` where each one does. */
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

/* There is room: the caller asked. */
static void add_notice(struct link *l, uint64_t number, uint64_t to, const char *format, va_list args)
{
        assert(l->notices_count < LINK_NOTICES_ROOM);
        struct link_notice *added = notice_at(l, l->notices_count++);
        added->number = number;
        added->to = to;
        vsnprintf(added->text, sizeof(added->text), format, args);
}

/* For everybody. */
__attribute__((format(printf, 3, 4))) static void notice(struct link *l, uint64_t number, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        add_notice(l, number, 0, format, args);
        va_end(args);
}

/* For one member, as long as nobody else has to wait for room because of it. */
__attribute__((format(printf, 3, 4))) static void tell(struct link *l, uint64_t to, const char *format, ...)
{
        va_list args;
        if (l->notices_count >= LINK_TELLS_MAX)
                return;
        va_start(args, format);
        add_notice(l, 0, to, format, args);
        va_end(args);
}

/* Of `lines` of the host that are missing the last has this number. People are told once, also where it is read again.
 * */
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
                inject_notice(&l->inject, slice_of(next->text), next->to); /* which takes it, as nothing else waits */
                l->telling = next->number;
                l->first_notice = (l->first_notice + 1) % LINK_NOTICES_ROOM;
                l->notices_count--;
        }
        return false;
}

/* ---- private words ---- */

/* Takes "NAME@HOST " off `text`. Returns whether it begins so. */
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

/* Drops what is under way, and reads again from behind what chatd has. The message of that number may not have been
 * relayed to its end, so it is read again too: chatd knows what of it it has. */
static void read_from(struct link *l, uint64_t number)
{
        const struct link_kept *k = l->kept;
        struct network_place from = {0};
        if (k->stream != 0 && generation_of(number) < k->generation) /* of this stream it has nothing yet */
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
        bool again = l->kept->stream != 0 && number < l->inject.at_hello; /* its queue was lost */
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

/* Tells who says something to NAME@HOST that HOST is not there. It goes out as any other. */
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

/* Who was killed since it went to the spool does not come here: it is told of once at most. */
static void look_at_stored(struct link *l)
{
        struct wire_reader records = wire_read(l->inbox.records, l->inbox.stored);
        struct record rec;
        while (record_next(&records, &rec) > 0)
                if (rec.kind == RECORD_PRIVATE)
                        tell_of_absent(l, &rec);
}

/* Empties the inbox into the spool, a bounded part of it. Returns whether there is more. */
static bool take_inbox(struct link *l)
{
        if (l->inject.broker == (uid_t)-1) { /* whom to hear is not known: what is there stays there */
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
                case INBOX_REFUSED: /* hello_at is set: it will be said again */
                        log_refused(l->journal, l->inbox.why);
                        break;
                }
        }
        return true;
}

/* ---- from other hosts ---- */

/* Whether a record of another host may be shown to people here. */
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

/* Injects what `rec` says under its number. Returns false while that cannot be. */
static bool inject_one(struct link *l, const struct record *rec)
{
        char name[NAME_MAX_BYTES + 1], called[NAME_MAX_BYTES + 1];
        int len = snprintf(name, sizeof(name), "%.*s@%s", (int)rec->name.len, rec->name.at, l->message->host);
        bool renames = rec->kind == RECORD_RENAME, has_text = rec->kind != RECORD_JOIN;
        if (rec->kind == RECORD_LEAVE) /* nobody says anything by it */
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

/* A private word or a reply, "NAME@HOST TEXT". Injects it where HOST is this one, as "NAME TEXT". Returns false while
 * that cannot be. */
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

/* Does what the next record of the message says. Returns false while that cannot be. */
static bool take_record(struct link *l, const struct record *rec)
{
        if (l->notices_count > 0 && !flush(l))
                return false; /* they stand before it */
        if (l->skip > 0) {
                l->skip--;
                return true;
        }
        if (l->next <= l->known)
                return true; /* it is read again */
        if (rec->kind == RECORD_MISSED) {
                notice_missing(l, l->message->host, rec->number, l->next);
                return true;
        }
        bool is_private = rec->kind == RECORD_PRIVATE || rec->kind == RECORD_REPLY;
        if (!record_is_of_person(rec) && !is_private && rec->kind != RECORD_ASK)
                return true; /* of a later version */
        if (!is_good(rec)) {
                l->ignored++;
                return true;
        }
        return is_private ? take_private(l, *rec) : inject_one(l, rec);
}

/* Goes on with what is missing before the message. Returns false while it cannot. */
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
                        before = l->known < l->next ? 0 : l->known - l->next + 1; /* which were shown the first time */
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

/* Goes on with the message that is being injected. Returns false while it cannot. */
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

/* The number of the first record of a message. Where sequences only count, also those messages are counted of which
 * nothing was injected: else the next one would look as if it were read again. */
static uint64_t number_message(const struct link *l, const struct network_message *m)
{
        uint64_t last = last_number(l);
        if (m->event == NETWORK_ALIVE && l->kept->stream != 0)
                return last + 1; /* there is none: what is had again belongs behind the last one */
        uint64_t sequence = m->place.stream != 0 ? m->place.sequence : sequence_of(last) + 1;
        return number_of(l->kept->generation, sequence & SEQUENCE_MAX);
}

/* `m` is to be injected: `count` records of the host, as `is` says, behind what is missing of them. */
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

/* Returns true if people here said all of it, when this host had the label that is another's by now. */
static bool is_own(const struct link *l, const struct message *said, uint64_t count)
{
        uint64_t own = spool_own(l->spool, said->instance);
        return own > said->position && own - said->position >= count;
}

/* Takes a message that was said. Returns whether it is to be injected. */
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

/* Its replica of the stream may be one that lags behind for ever. Or it will never come, so this gets rarer. */
static void read_anew(struct link *l, int64_t lacks_ms)
{
        if (lacks_ms < LINK_LACK_STORED_MS || l->now < l->anew_at)
                return;
        bool again = l->now < l->anew_at + 2 * l->anew_ms;
        l->anew_ms = again ? clock_earlier(2 * l->anew_ms, LINK_ANEW_MAX_MS) : LINK_LACK_STORED_MS;
        l->anew_at = l->now + l->anew_ms;
        network_read_anew(l->network);
}

/* Looks for something that the host has said and that did not come. Returns for how many ms, or 0; `*lack` is as if a message
 * without records came behind it. */
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

/* Takes a message of a host that is there. Where it said more than came, that is looked for in the stream, and in the
 * end as what is missing before a message without records. Returns whether that is to be injected. */
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

/* Whether the stream ends before what was read of it, as after a power loss of its server: sequences that we know will
 * come again with something else. The last message is read again after network_read(), so that one may be missing then.
 * */
static bool was_put_back(const struct link *l, const struct network_message *m)
{
        uint64_t last = l->rewound ? l->inject.last : last_number(l);
        return m->place.stream != 0 && generation_of(last) == l->kept->generation &&
               m->place.sequence + l->rewound < sequence_of(last);
}

/* What is read from now on may not be what was read before: then numbers begin anew, above all that were. */
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
        atomic_signal_fence(memory_order_seq_cst); /* what is above is there first, also after kill -9 */
        k->stream = m->place.stream;
        inject_number_above(&l->inject, number_of(k->generation, 0));
}

/* Takes the next message of the network. Returns false where there is none. */
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

/* Everything that other hosts sent was looked at, so who was not heard is away. Unless we did not get to look for a
 * while: then they have their time again. */
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
                        return; /* they are told when there is room */
                if (hosts_news(&l->hosts, l->now, text) <= 0)
                        return;
                if (full)
                        give_up(l, oldest);
                notice(l, 0, "%s", text);
                log_hosts(l->journal, text);
        }
}

/* Injects what other hosts said, as far as chatd takes it, a bounded part of it: somebody may publish faster than we
 * look. Returns whether there is more. */
static bool inject_messages(struct link *l)
{
        for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
                if (l->notices_count == LINK_NOTICES_MAX && !flush(l))
                        return false;
                if (l->message && !inject_message(l)) {
                        flush(l);
                        if (!l->status.connected) /* else who is away is only known behind what waits */
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

/* ---- the rest ---- */

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
                say_hello(l); /* something was missed: how many are here? */
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

/* A machine that was cloned while it ran goes on under an instance of its own, and so does the clone. */
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

/* Network= and Host= may have been changed: hosts of another network never come back, and our own label is no other's. */
static void begin_hosts(struct link *l)
{
        struct link_kept *k = l->kept;
        const char *network = l->config->network;
        if (k->network[0] != '\0' && strncmp(k->network, network, sizeof(k->network)) != 0)
                k->hosts = (struct hosts_kept){0};
        atomic_signal_fence(memory_order_seq_cst); /* in this order, also after kill -9 */
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
        if (l->kept->layout != LINK_LAYOUT || l->kept->generation > GENERATION_MAX) /* begin with what comes */
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

/* What chatd asks and answers meanwhile is passed over: the next chat-link says HELLO when it begins. */
int64_t link_drain(struct link *l)
{
        enum inbox_event event = INBOX_FULL; /* where it is not known whom to hear, what is there stays there as well */
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
