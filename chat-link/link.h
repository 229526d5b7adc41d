/* The link: ties chatd, the spool, the network and what is known of other hosts together.
 *
 * Out: what is in the inbox goes to the spool, from where the network thread publishes it. In: messages of other hosts
 * become records for chatd. The number of a record says where in the stream it is from:
 *
 *   generation (13 bits) | sequence of its message in the stream (36 bits) | index in the message (14 bits)
 *
 * chatd keeps the number of the last that it relayed, and tells it with WELCOME; so after kill -9 of either of them the
 * link knows what to read again, and chatd what it has already. The generation grows when another stream takes the
 * place of the one before. Without JetStream nothing can be read again, and the sequence only counts messages.
 *
 * What is missing before a message has the first of the message's indices. It is had from the host that said it, and
 * what that does not have any more is told to people, in its place.
 */
#pragma once

#include <chat/journal.h>

#include "config.h"
#include "gap.h"
#include "hosts.h"
#include "inbox.h"
#include "inject.h"
#include "network.h"

enum {
        LINK_HELLO_MS = 5000,  /* how long chatd has to answer HELLO before it is said again */
        LINK_STATUS_MS = 1000, /* the status is updated that often at most … */
        LINK_LOG_MS = 10000,   /* … and a change of it logged */
        LINK_GRACE_MS = 3000,  /* who does not look at messages for so long does not know who is away */
        LINK_FULL_MS = 100,    /* how often a full spool is looked at again */
        LINK_NOTICES_MAX = 16, /* that wait for chatd: then no message is looked at, and the oldest news of hosts are
                                    given up for the next; never that something is missing */
        LINK_NOTICES_ROOM = LINK_NOTICES_MAX + 1, /* one message that is begun may say that something is missing */
        LINK_TELLS_MAX = 8,                       /* where so many wait, none for one member alone is added */
        LINK_IGNORED_MS = 60000, /* what was ignored is logged that often at most, and what was had again */
        /* How long something may be said to be there that did not come, before it is looked for: it may be on its way.
         * */
        LINK_LACK_MS = 1500,
        LINK_LACK_STORED_MS = 5000, /* … in a stream, which is read anew then, and again after double the time; and … */
        LINK_LACK_LOST_MS = 30000, /* … until it is asked for */
        LINK_ANEW_MAX_MS = 120000,
        LINK_LAYOUT = 2, /* fields behind others are added without a change: zeros where an earlier version kept it */
};

/* What the link keeps in the spool's file; only what hosts.h says of it is in `hosts`. */
struct link_kept {
        uint64_t layout;     /* LINK_LAYOUT, or it is of another version and nothing of it can be used */
        uint64_t generation; /* of the stream that is read … */
        uint64_t begin;      /* … where in it we began, a sequence … */
        uint64_t stream;     /* … and which one that is, struct network_place; stored behind it */
        uint64_t told;       /* the number that is meant by the last notice of missing lines that chatd got */
        struct hosts_kept hosts;
        char network[HOST_MAX_BYTES + 1]; /* whose hosts those are; empty: an earlier version kept them */
        struct hosts_others others;
};

struct link {
        const struct config *config;
        struct journal *journal;
        struct spool *spool;
        struct network *network;
        struct link_kept *kept;
        struct hosts hosts;
        struct inbox inbox;
        struct inject inject;
        int64_t now;        /* ms of CLOCK_MONOTONIC */
        bool reading;       /* chatd said from where on: the network hands messages over */
        bool rewound;       /* … and its BEGIN did not come yet */
        int64_t looked_at;  /* when all messages there were had been looked at */
        bool full;          /* the inbox is not read now: the spool is full, or chatd was not found yet */
        int64_t hello_at;   /* when HELLO is said again; 0: it was answered */
        uint64_t known;     /* chatd relayed everything up to this number */
        uint64_t published; /* the spool's position that the network was told of */
        uint64_t lines_in;  /* records of other hosts since the start */
        uint64_t had_again; /* of them, those that NATS had lost */
        /* the message that is being injected */
        struct network_message *message;
        struct wire_reader records; /* what is left of it */
        uint64_t next, skip;        /* the number of its next record; how many are left out */
        struct gap gap;             /* before it */
        int64_t anew_at, anew_ms;   /* when the stream may be read anew, and how long to wait then */
        /* notices that wait */
        struct link_notice {
                uint64_t number; /* of a record that it says is missing; 0: it is of something else */
                uint64_t to;     /* the member that it is for; 0: everybody */
                char text[512];
        } notices[LINK_NOTICES_ROOM];
        size_t first_notice, notices_count;
        uint64_t noticed, telling; /* the number of the last that was noted; of the one that goes out */
        /* what was said of the state so far */
        struct network_status status;
        int64_t status_at, log_at, ignored_at, had_again_at;
        bool logged_linked, logged_twin;
        uint64_t twin_signs; /* of a host that has our label, which were looked at */
        int64_t twin_at;     /* when there was the last; 0: never */
        char logged_problem[512];
        char notified[2048]; /* STATUS= */
        uint64_t ignored, ignored_logged, turned_away_logged, had_again_logged, damaged_logged;
};

/* Begins to work with the inbox's socket `inbox`. `lost` is what spool_open() said. The rest stays the caller's and
 * must outlive it. `l` begins as zeros. Returns 0 or a negative errno. */
int link_begin(struct link *l, const struct config *c, const char *run_dir, int inbox, struct spool *spool,
               struct network *network, struct journal *journal, uint64_t lost);

/* Does all that can be done now. Returns when there may be more to do: ms of CLOCK_MONOTONIC. */
int64_t link_work(struct link *l);

/* Takes what is in the inbox into the spool, and does nothing else: while chat-link waits for the network's end, after
 * which the next one begins. Returns as link_work() does. */
int64_t link_drain(struct link *l);

/* Closes what link_begin() opened. */
void link_end(struct link *l);
