/* The state of the link, which all of its parts share. link.h describes the link. */
#pragma once

#include <chat/journal.h>

#include "config.h"
#include "gap.h"
#include "hosts.h"
#include "inbox.h"
#include "inject.h"
#include "network.h"
#include "notices.h"

enum {
        LINK_HELLO_MS = 5000,  /* how long the link waits for the answer to HELLO before it sends HELLO again */
        LINK_STATUS_MS = 1000, /* the least interval of status updates */
        LINK_LOG_MS = 10000,   /* the least interval of log entries for a changed status */
        LINK_GRACE_MS = 3000, /* after this time without taking messages, the link does not know which hosts are away */
        LINK_FULL_MS = 100,   /* the interval of checks of a full spool */
        /* the least interval of log entries for ignored messages, and for records that were fetched again */
        LINK_IGNORED_MS = 60000,
        /* How long the link waits for an announced record before it looks for it: the record may be on its way. */
        LINK_LACK_MS = 1500,
        /* How long the record is missing until the stream is read anew. Each further time comes after double the
         * time. */
        LINK_LACK_STORED_MS = 5000,
        LINK_LACK_LOST_MS = 30000, /* how long a record of a stream is missing until its host is asked for it */
        LINK_ANEW_MAX_MS = 120000,
        /* fields that are added at the end need no other layout: they are zeros in data of an earlier version */
        LINK_LAYOUT = 2,
};

/* The data that the link keeps in the spool's file. hosts.h describes `hosts`. */
struct link_kept {
        uint64_t layout;        /* LINK_LAYOUT; any other value is of another version, whose data cannot be used */
        uint64_t generation;    /* of the stream that is read */
        uint64_t begin;         /* the sequence at which the link began to read the stream */
        uint64_t stream;        /* the identity of the stream, see struct network_place; stored after the two above */
        uint64_t notice_number; /* the number of the last notice of missing lines that chatd took */
        struct hosts_kept hosts;
        char network[HOST_MAX_BYTES + 1]; /* the network of those hosts; empty: an earlier version kept them */
        struct hosts_others others;
};

/* The progress of reading the network. It goes from the first state to the last, and back to LINK_REWOUND if chatd lost
 * its queue. */
enum link_reading {
        LINK_WAITS,   /* chatd has not sent the number to begin at */
        LINK_REWOUND, /* network_read() was called, and its BEGIN has not come */
        LINK_READS,
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
        int64_t now; /* ms of CLOCK_MONOTONIC */
        enum link_reading reading;
        int64_t idle_at;           /* when the link last had no message left to take */
        bool full;                 /* the inbox is not read: the spool is full, or chatd has not been found */
        int64_t hello_at;          /* when HELLO is sent again; 0: chatd answered it */
        uint64_t relayed_number;   /* chatd relayed everything up to this number */
        uint64_t publish_position; /* the spool's position that was passed to the network */
        uint64_t lines_in;         /* records of other hosts since the start */
        uint64_t repeats;          /* of `lines_in`, the records that NATS had lost */
        /* the message that is being injected */
        struct network_message *message;
        struct wire_reader records;   /* records of `message` that were not injected yet */
        uint64_t next, skip;          /* the number of the next record; how many records are to be left out */
        struct gap gap;               /* the gap before `message` */
        int64_t reread_at, reread_ms; /* when the stream may be read anew, and how long to wait then */
        struct notices notices;
        /* the parts of the status that were logged or shown so far */
        struct network_status status;
        int64_t status_at, log_at, ignored_at, repeats_at;
        bool is_link_logged, is_twin_logged;
        uint64_t twin_signs; /* signs of another host with the same label that were examined */
        int64_t twin_at;     /* when the last such sign came; 0: never */
        char logged_problem[512];
        char status_line[2048]; /* the last STATUS= text */
        uint64_t ignored_count, logged_ignored_count, logged_refusals, logged_repeats, logged_damage;
};
