#include "from-chatd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deliver.h"
#include "link-state.h"
#include "log.h"
#include "number.h"
#include "private.h"

enum { FROM_CHATD_TURN = 64 }; /* datagrams in one step, before other work */

/* Drops the present message, and reads again from the last number that chatd has. The message with that number is read
 * again too, because it may not have been relayed to its end: chatd knows which of its records it has. */
static void from_chatd_read_from(struct link *l, uint64_t number)
{
        const struct link_kept *k = l->kept;
        struct network_place from = {0};
        if (k->stream != 0 && number_generation(number) < k->generation) /* chatd has no record of this stream yet */
                from = (struct network_place){.stream = k->stream, .sequence = k->begin};
        else if (k->stream != 0 && number_generation(number) == k->generation)
                from = (struct network_place){.stream = k->stream, .sequence = number_sequence(number) - 1};
        deliver_drop(l);
        inject_rewind(&l->inject, number);
        l->reading = LINK_REWOUND;
        network_read(l->network, from);
}

static void from_chatd_take_welcome(struct link *l)
{
        uint64_t number = l->inbox.number;
        bool again = l->kept->stream != 0 && number < l->inject.hello_number; /* chatd's queue was lost */
        l->hello_at = 0;
        l->relayed_number = number;
        inject_welcome(&l->inject);
        if (l->reading == LINK_WAITS || again)
                from_chatd_read_from(l, number);
}

static void from_chatd_say_hello(struct link *l)
{
        inject_hello(&l->inject);
        l->hello_at = l->now + LINK_HELLO_MS;
}

/* Tells a member that the HOST of its private message to NAME@HOST is away. The message still goes out. */
static void from_chatd_tell_of_absent(struct link *l, const struct record *rec)
{
        struct slice text = rec->text, name, at;
        char host[NAME_MAX_BYTES + 1];
        if (!private_address(&text, &name, &at))
                return;
        snprintf(host, sizeof(host), "%.*s", (int)at.len, at.at);
        enum host_state state = hosts_state(&l->hosts, host, l->now);
        struct answer a = {.host = at, .name = name};
        if (strcmp(host, l->config->host) == 0)
                a.code = ANSWER_HOST_IS_THIS;
        else if (state == HOST_UNKNOWN)
                a.code = ANSWER_HOST_UNKNOWN;
        else if (state == HOST_AWAY)
                a.code = ANSWER_HOST_AWAY;
        if (a.code != 0)
                notices_tell(&l->notices, rec->id, &a);
}

/* Tells members of absent hosts, for the records that were just stored. A kill between the spool and this call keeps
 * the records from coming here again, so a member is told once at most. */
static void from_chatd_look_at_stored(struct link *l)
{
        struct wire_reader records = wire_read(l->inbox.records, l->inbox.records_bytes);
        struct record rec;
        while (record_next_styled(&records, &rec) > 0)
                if ((rec.kind == RECORD_PRIVATE || rec.kind == RECORD_CTCP) && !rec.is_notice)
                        from_chatd_tell_of_absent(l, &rec);
}

bool from_chatd_take(struct link *l)
{
        if (l->inject.broker == (uid_t)-1) { /* the user of chatd is unknown: the datagrams stay in the inbox */
                l->full = true;
                return false;
        }
        for (int i = 0; i < FROM_CHATD_TURN; i++) {
                switch (inbox_take(&l->inbox, l->inject.broker)) {
                case INBOX_NOTHING:
                        l->full = false;
                        return false;
                case INBOX_FULL:
                        l->full = true;
                        return false;
                case INBOX_TAKEN:
                        from_chatd_look_at_stored(l);
                        break;
                case INBOX_WELCOME:
                        from_chatd_take_welcome(l);
                        break;
                case INBOX_ROLLCALL:
                        from_chatd_say_hello(l);
                        break;
                case INBOX_REFUSED: /* hello_at is set, so HELLO will be sent again */
                        log_refused(l->journal, l->inbox.reason);
                        break;
                }
        }
        return true;
}

void from_chatd_connect(struct link *l)
{
        if (l->inject.socket < 0) {
                inject_connect(&l->inject, l->now);
                if (l->inject.socket >= 0)
                        l->hello_at = l->now + LINK_HELLO_MS;
        }
        if (l->inject.socket >= 0 && l->hello_at != 0 && l->now >= l->hello_at)
                from_chatd_say_hello(l);
        if (l->inject.socket >= 0 && l->hello_at == 0 && !l->inbox.has_members)
                from_chatd_say_hello(l); /* records were missed: HELLO asks for the number of members */
}

int64_t from_chatd_drain(struct link *l)
{
        enum inbox_event event = INBOX_FULL; /* if chatd's user is unknown the datagrams stay in the inbox, too */
        for (int i = 0; i < FROM_CHATD_TURN && l->inject.broker != (uid_t)-1; i++) {
                event = inbox_take(&l->inbox, l->inject.broker);
                if (event == INBOX_NOTHING || event == INBOX_FULL)
                        break;
        }
        l->full = event == INBOX_FULL;
        if (event == INBOX_NOTHING)
                return INT64_MAX;
        return l->full ? l->now + LINK_FULL_MS : l->now;
}
