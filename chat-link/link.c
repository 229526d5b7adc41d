#include "link.h"

#include <stdatomic.h>
#include <stdio.h>

#include <chat/clock.h>

#include "deliver.h"
#include "from-chatd.h"
#include "from-hosts.h"
#include "log.h"
#include "number.h"

_Static_assert(sizeof(struct link_kept) <= SPOOL_KEPT_BYTES, "what is kept has its place in the spool's file");

static void link_tell_network(struct link *l)
{
        if (l->inbox.has_members)
                network_count(l->network, l->inbox.members);
        if (l->publish_position == spool_position(l->spool))
                return;
        l->publish_position = spool_position(l->spool);
        network_publish(l->network);
}

/* Begins a branch after a clone of the running machine was found; the clone does the same. */
static void link_part_from_clone(struct link *l)
{
        if (l->status.clone == spool_instance(l->spool))
                spool_part(l->spool);
}

static int64_t link_wake_at(const struct link *l)
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
static void link_begin_hosts(struct link *l)
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
               struct network *network, struct journal *journal, uint64_t lost_records)
{
        l->config = c;
        l->journal = journal;
        l->spool = spool;
        l->network = network;
        l->now = clock_ms();
        l->kept = spool_kept(spool);
        bool of_use = l->kept->layout == LINK_LAYOUT && l->kept->generation <= NUMBER_GENERATION_MAX;
        if (!of_use)
                *l->kept = (struct link_kept){.layout = LINK_LAYOUT};
        notices_init(&l->notices, &l->kept->notice_number);
        link_begin_hosts(l);
        inject_init(&l->inject, run_dir);
        int r = inbox_init(&l->inbox, inbox, spool);
        if (r < 0)
                return r;
        log_started(journal, l);
        if (lost_records > 0) {
                log_lost(journal, lost_records);
                inbox_note_missing(&l->inbox, lost_records);
        }
        if (spool_foreign(spool) > 0)
                log_left(journal, spool_foreign(spool));
        return 0;
}

int64_t link_work(struct link *l)
{
        l->now = clock_ms();
        from_chatd_connect(l);
        bool more = from_chatd_take(l);
        link_tell_network(l);
        link_part_from_clone(l);
        inject_flush(&l->inject, l->now);
        if (l->reading != LINK_WAITS)
                more |= from_hosts_take(l);
        int64_t wake = clock_earlier(link_wake_at(l), log_status(l));
        return more ? l->now : wake;
}

int64_t link_drain(struct link *l)
{
        l->now = clock_ms();
        return from_chatd_drain(l);
}

void link_end(struct link *l)
{
        deliver_drop(l);
        inject_close(&l->inject);
}
