#include "from-hosts.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <chat/clock.h>

#include "deliver.h"
#include "link-state.h"
#include "log.h"
#include "number.h"

enum { FROM_HOSTS_TURN = NETWORK_QUEUE_MAX }; /* messages in one step, before other work */

static uint64_t from_hosts_last_number(const struct link *l)
{
        uint64_t last = hosts_last_number(&l->hosts);
        return l->inject.last > last ? l->inject.last : last;
}

/* Returns the number of the first record of a message. Without JetStream, a message without injected records counts,
 * too: otherwise the next message would have its number, as if it were read again. */
static uint64_t from_hosts_number(const struct link *l, const struct network_message *m)
{
        uint64_t last = from_hosts_last_number(l);
        /* Beside a stream an ALIVE has no number: records that are fetched again belong behind the last record. */
        if (m->event == NETWORK_ALIVE && l->kept->stream != 0)
                return last + 1;
        uint64_t sequence = m->place.stream != 0 ? m->place.sequence : number_sequence(last) + 1;
        return number_of(l->kept->generation, sequence & NUMBER_SEQUENCE_MAX);
}

/* Returns true if all records of the message are this host's own, from a time when this host had the label of another
 * host. */
static bool from_hosts_is_own(const struct link *l, const struct message *said, uint64_t count)
{
        uint64_t own = spool_own(l->spool, said->instance);
        return own > said->position && own - said->position >= count;
}

/* Takes a SAID message. Returns true if it is to be injected. */
static bool from_hosts_take_said(struct link *l, struct network_message *m)
{
        struct message said;
        if (message_decode(&said, m->data, m->size) != 0 || said.type != MESSAGE_SAID) {
                l->ignored_count++;
                return false;
        }
        uint64_t count = records_count(said.records);
        if (from_hosts_is_own(l, &said, count))
                return false;
        struct hosts_message is = {.instance = said.instance, .position = said.position, .count = count};
        is.number = from_hosts_number(l, m);
        deliver_begin(l, m, is, said.records);
        return true;
}

/* Reads the stream anew, because this server's replica may lag behind for ever. The records may also never arrive, so
 * the attempts become rarer. */
static void from_hosts_read_anew(struct link *l, int64_t lack_ms)
{
        if (lack_ms < LINK_LACK_STORED_MS || l->now < l->reread_at)
                return;
        bool again = l->now < l->reread_at + 2 * l->reread_ms;
        l->reread_ms = again ? clock_earlier(2 * l->reread_ms, LINK_ANEW_MAX_MS) : LINK_LACK_STORED_MS;
        l->reread_at = l->now + l->reread_ms;
        network_read_anew(l->network);
}

/* Looks for records that the host announced and that did not arrive. Returns for how many ms they have been missing, or
 * 0. `*lack` describes a message without records behind them. */
static int64_t from_hosts_find_lack(struct link *l, const char *host, const struct message *alive,
                                    struct hosts_message *lack)
{
        struct hosts_instance all[1 + MESSAGE_BRANCHES_MAX] = {
                {.instance = alive->instance, .position = alive->position}};
        size_t count = 1, index = 0;
        bool follows = false;
        for (size_t i = 0; i < alive->branches_count; i++, count++)
                all[count] = (struct hosts_instance){.instance = alive->branches[i].instance,
                                                     .position = alive->branches[i].position};
        for (size_t i = 0; i < count; i++)
                all[i].own_records = spool_own(l->spool, all[i].instance);
        int64_t ms = hosts_lack_ms(&l->hosts, host, all, count, l->now, &index, &follows);
        *lack = (struct hosts_message){
                .instance = all[index].instance, .position = all[index].position, .follows = follows};
        return ms;
}

/* Takes an ALIVE message. If the host sent more than arrived, the link reads the stream anew, and finally treats the
 * records as missing before a message without records. Returns true if that message is to be injected. */
static bool from_hosts_take_alive(struct link *l, struct network_message *m)
{
        struct message alive;
        if (message_decode(&alive, m->data, m->size) != 0 || alive.type != MESSAGE_ALIVE) {
                l->ignored_count++;
                return false;
        }
        hosts_alive(&l->hosts, m->host, alive.members, alive.process, l->now);
        struct hosts_message lack;
        int64_t lack_ms = from_hosts_find_lack(l, m->host, &alive, &lack);
        if (l->kept->stream != 0)
                from_hosts_read_anew(l, lack_ms);
        if (lack_ms < (l->kept->stream != 0 ? LINK_LACK_LOST_MS : LINK_LACK_MS))
                return false;
        lack.number = from_hosts_number(l, m);
        deliver_begin(l, m, lack, (struct wire_reader){0});
        return true;
}

/* Returns true if the stream ends before the place that was read already, as after a power loss of its server: known
 * sequences will come again with other messages. The last message is read again after network_read(), so that one may
 * be missing then. */
static bool from_hosts_was_put_back(const struct link *l, const struct network_message *m)
{
        bool rewound = l->reading == LINK_REWOUND;
        uint64_t last = rewound ? l->inject.last : from_hosts_last_number(l);
        uint64_t end = m->place.sequence + (rewound ? 1 : 0);
        return m->place.stream != 0 && number_generation(last) == l->kept->generation && end < number_sequence(last);
}

/* Takes a BEGIN. If the stream is not the one that was read before, numbers begin anew, above all earlier numbers. */
static void from_hosts_take_begin(struct link *l, const struct network_message *m)
{
        struct link_kept *k = l->kept;
        uint64_t last = number_generation(l->inject.last);
        bool other = m->place.stream != k->stream || last > k->generation || k->generation == 0 ||
                     from_hosts_was_put_back(l, m);
        l->reading = LINK_READS;
        if (!other)
                return;
        k->generation = (last > k->generation ? last : k->generation) % NUMBER_GENERATION_MAX + 1;
        k->begin = m->place.sequence;
        atomic_signal_fence(memory_order_seq_cst); /* the stores above come first, even after kill -9 */
        k->stream = m->place.stream;
        inject_number_above(&l->inject, number_of(k->generation, 0));
}

/* Takes a message. Returns true if it is to be injected; then it is owned by the link. */
static bool from_hosts_take_message(struct link *l, struct network_message *m)
{
        switch (m->event) {
        case NETWORK_BEGIN:
                from_hosts_take_begin(l, m);
                return false;
        case NETWORK_ALIVE:
                return from_hosts_take_alive(l, m);
        default:
                return from_hosts_take_said(l, m);
        }
}

/* Takes the next message of the network. Returns false if there is none. */
static bool from_hosts_take_next(struct link *l)
{
        struct network_message *m = network_next(l->network);
        if (!m)
                return false;
        if (!from_hosts_take_message(l, m))
                free(m);
        return true;
}

/* Reports hosts that came or went. The caller has taken all messages of other hosts, so a host without a recent ALIVE
 * is away. If the link took no messages for LINK_GRACE_MS, all hosts get their time again. */
static void from_hosts_look_for_hosts(struct link *l)
{
        char text[TEXT_MAX_BYTES];
        uint8_t list[HOSTS_NEWS_MAX_BYTES];
        struct answer news;
        if (l->now - l->idle_at > LINK_GRACE_MS)
                hosts_init(&l->hosts, &l->kept->hosts, &l->kept->others, l->now);
        l->idle_at = l->now;
        /* without room, members are told later */
        while (notices_take_news(&l->notices) && hosts_news(&l->hosts, l->now, list, &news)) {
                notices_tell_news(&l->notices, &news);
                notice_sentence(&news, text);
                log_hosts(l->journal, text);
        }
}

bool from_hosts_take(struct link *l)
{
        for (int i = 0; i < FROM_HOSTS_TURN; i++) {
                if (notices_are_full(&l->notices) && !notices_flush(&l->notices, &l->inject, l->now))
                        return false;
                if (l->message && !deliver_go_on(l)) {
                        notices_flush(&l->notices, &l->inject, l->now);
                        /* while connected, the messages that wait decide which hosts are away */
                        if (!l->status.is_connected)
                                from_hosts_look_for_hosts(l);
                        return false;
                }
                if (from_hosts_take_next(l))
                        continue;
                from_hosts_look_for_hosts(l);
                notices_flush(&l->notices, &l->inject, l->now);
                return false;
        }
        return true;
}
