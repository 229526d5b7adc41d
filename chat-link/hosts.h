/* What this host knows of the others: how much of what they said is here, and whether they are there.
 *
 * All of it lies in memory that outlives the process (spool_kept()), and is right after kill -9 at any instruction:
 * what belongs together is written into the slot that is not in use, and taken into use by one store.
 *
 * Of a host's records all before `expected` are here. A message that begins before that was stored twice; one that
 * begins behind it shows that something is missing. That is known of each of the last HOSTS_INSTANCES_MAX instances of a
 * host: hosts that have one label by mistake speak in turns. A message that is read again, because what we made of it may have
 * been lost on the way to chatd, is no news: its number is not above that of the last one that was news. What was left
 * out of it the first time is left out again, and what was missing before it is missing again: that is kept of the last
 * HOSTS_IRREGULAR_MAX messages of which it has to be.
 *
 * A host is there while it is heard (ALIVE); HOSTS_LOST_MS without, and it is away. People are told once, several hosts
 * together. It is bounded: of more than HOSTS_MAX hosts the one that was away for longest is forgotten, or the newest
 * is not taken.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

enum {
        HOSTS_MAX = 64,
        HOSTS_IRREGULAR_MAX = 256,
        HOSTS_INSTANCES_MAX = 3,
        HOSTS_OTHERS_MAX = 2, /* besides the last two: while one gives way to another there are three more */
        HOSTS_LACKS_MAX = 4,  /* instances of a host of which something lacks */
        HOSTS_PROCESSES_MAX = 4,
        HOSTS_AGAIN = 3, /* when so many came again, each within HOSTS_LOST_MS, hosts are several */
        HOSTS_LOST_MS = 10000,
        /* For how long others may wait for what one host is asked for, in all. A tenth of the time that passes comes
         * back. */
        HOSTS_CREDIT_MS = 10000,
        HOSTS_CREDIT_SHARE = 10,
};

enum host_told {
        HOST_UNKNOWN, /* people have not heard of it yet */
        HOST_HERE,
        HOST_AWAY,
};

struct host_said {
        uint64_t instance; /* of its spool; 0: nothing is known */
        uint64_t expected; /* the position of the next record */
        uint64_t number;   /* of the message that said so */
};

/* Zeros: a free place. */
struct host {
        char label[HOST_MAX_BYTES + 1];
        uint8_t told; /* enum host_told: what people were told of it last */
        uint8_t current;
        struct host_said said[2]; /* the other one is what was current before, if its number is lower */
        uint64_t members;         /* people there, when it was heard last */
};

/* What is known of an instance of a host, if it is none of `said`. Zeros: nothing. */
struct host_other {
        uint64_t instance, expected;
};

/* What outlives the process, too: behind what an earlier version kept. */
struct hosts_others {
        struct host_other all[HOSTS_MAX][HOSTS_OTHERS_MAX];
};

/* A message of a host. */
struct hosts_message {
        uint64_t instance, position, count; /* `count` records from `position` on */
        uint64_t number;                    /* that of its first record here */
        uint64_t own;                       /* so many of the instance are known here, as they were said here */
        bool follows;                       /* the instance is known to have begun after another one that is known */
};

struct hosts_irregular {
        uint64_t number;  /* of a message; 0: none */
        uint64_t skipped; /* how many of its records, from its start, are not news and are left out */
        uint64_t missing; /* how many are missing before it */
        /* How many an unknown instance had before it: those may have come, or somebody else speaks as that host. */
        uint64_t unseen;
};

/* An instance of a host, of which it says that it has said everything up to `position`. */
struct hosts_instance {
        uint64_t instance, position;
        uint64_t own; /* as in a message */
};

struct hosts_lack {
        uint64_t instance; /* 0: none */
        uint64_t expected; /* the position that lacks */
        int64_t since_ms, said_ms;
};

/* What outlives the process. Zeros: nothing is known. */
struct hosts_kept {
        struct host all[HOSTS_MAX];
        struct hosts_irregular irregular[HOSTS_IRREGULAR_MAX];
        uint64_t irregular_next; /* which of them is the oldest */
};

/* Several hosts that have one label, by the numbers of their connections (message.h): one that comes again behind others is
 * there beside them. A late message makes two come again, its own and that of the host that is there. */
struct hosts_twins {
        uint64_t processes[HOSTS_PROCESSES_MAX]; /* the last one first; 0: none */
        unsigned again;                          /* how often one came again … */
        int64_t again_ms;                        /* … the last time */
        int64_t there_ms;                        /* when it was known last that there are several; 0: never */
        bool told;
};

struct hosts {
        struct hosts_kept *kept; /* in memory of its user, and so is the next */
        struct hosts_others *others;
        struct host *all; /* those of `kept` */
        int64_t heard_ms[HOSTS_MAX];
        int64_t credit_ms[HOSTS_MAX]; /* when all of its credit is there again */
        struct hosts_lack lacks[HOSTS_MAX][HOSTS_LACKS_MAX];
        struct hosts_twins twins[HOSTS_MAX];
        uint64_t turned_away; /* messages of hosts that found no place */
};

/* Takes what was kept into use; what cannot be a host is forgotten. Those that people believe to be here have
 * HOSTS_LOST_MS from now to be heard. `h` begins as zeros. `now_ms` is of CLOCK_MONOTONIC, here and below. */
void hosts_init(struct hosts *h, struct hosts_kept *kept, struct hosts_others *others, int64_t now_ms);

/* Forgets the host `label`, if it is known. */
void hosts_forget(struct hosts *h, const char *label);

/* A message of the host `label` came. Returns in what it is irregular. With a host that finds no place everything is left
 * out. */
struct hosts_irregular hosts_said(struct hosts *h, const char *label, const struct hosts_message *m);

/* The highest number that hosts_said() was given of a message that was news. */
uint64_t hosts_last_number(const struct hosts *h);

/* The host `label` is there, with a connection of this number, or 0 where that is not known. */
void hosts_alive(struct hosts *h, const char *label, uint64_t members, uint64_t process, int64_t now_ms);

/* Returns the label of hosts that are several (`*several`), or that are one again, where that was not returned before; else
 * NULL. */
const char *hosts_twin_news(struct hosts *h, int64_t now_ms, bool *several);

/* It says how far it is with `count` instances, the newest first. Returns for how many ms nothing came of one of them although
 * something of that lacks, for the one that lacks longest, whose place is `*which`; 0 where nothing does. Instances that
 * are older than all that are known here do not count; where none is known, the newest does if the host is. `*follows` is
 * as in a message. */
int64_t hosts_lack_ms(struct hosts *h, const char *label, const struct hosts_instance *all, size_t count,
                      int64_t now_ms, size_t *which, bool *follows);

/* Others waited so long for what it was asked for. */
void hosts_charge(struct hosts *h, const char *label, int64_t ms, int64_t now_ms);

/* Whether it may be asked. */
bool hosts_has_credit(const struct hosts *h, const char *label, int64_t now_ms);

/* Whether it is there, as people believe or could be told now; HOST_UNKNOWN where nothing ever came from it. */
enum host_told hosts_state(const struct hosts *h, const char *label, int64_t now_ms);

/* Writes what people are to be told of hosts that came, went or returned, one kind at a time, and takes note that they
 * were. Returns the length of the text, clean and terminated, or 0 where there is nothing to tell. */
size_t hosts_news(struct hosts *h, int64_t now_ms, char text[static TEXT_MAX_BYTES]);

/* When hosts_news() may have something to tell by the mere passing of time, or INT64_MAX. */
int64_t hosts_wake_ms(const struct hosts *h, int64_t now_ms);

/* "b (12 people), c (away), web (2 people, several hosts)" for the status; cut where it does not fit. Returns how many hosts are here. */
size_t hosts_describe(const struct hosts *h, char *text, size_t size);
