/* The knowledge of this host about other hosts: how many of their records have arrived, and which hosts are there.
 *
 * The data lies in the spool's file (spool_kept()) and survives kill -9 at any instruction: new data is written into
 * the slot that is not in use, and one store takes that slot into use.
 *
 * All records of a host before `expected` are here. A message that begins before `expected` was stored twice; a message
 * that begins behind it shows that records are missing. HOSTS_INSTANCES_MAX instances of a host are known, because
 * hosts that have one label by mistake speak in turns. A message is read again if chatd may have lost its records. The
 * last HOSTS_IRREGULAR_MAX irregular messages are remembered, so that a message has the same result when it is read
 * again.
 *
 * A host is here while its ALIVE messages arrive. It is away after HOSTS_LOST_MS without one. If there are more than
 * HOSTS_MAX hosts, the host that was away for longest is forgotten, or the newest host is not taken.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/answer.h>

enum {
        HOSTS_MAX = 64,
        HOSTS_NEWS_MAX_BYTES = ANSWER_ROOMS_MAX_BYTES, /* has room for all of them */
        HOSTS_IRREGULAR_MAX = 256,
        HOSTS_INSTANCES_MAX = 3,
        HOSTS_OTHERS_MAX = 2, /* besides the last two, for the time in which one instance gives way to another */
        HOSTS_LACKS_MAX = 4,  /* instances of a host with missing records */
        HOSTS_PROCESSES_MAX = 4,
        HOSTS_AGAIN = 3, /* a label that came again this often, each time within HOSTS_LOST_MS, is of several hosts */
        HOSTS_LOST_MS = 10000,
        /* The total time for which others may wait for answers of one host. A tenth of the time that passes is added
         * again. */
        HOSTS_CREDIT_MS = 10000,
        HOSTS_CREDIT_SHARE = 10,
};

enum host_state {
        HOST_UNKNOWN, /* members have not been told of it */
        HOST_HERE,
        HOST_AWAY,
};

struct host_progress {
        uint64_t instance;          /* of its spool; 0: nothing is known */
        uint64_t expected_position; /* the position of its next record */
        uint64_t number;            /* the number of the message that set `expected_position` */
};

/* A host. Zeros: a free place. */
struct host {
        char label[HOST_MAX_BYTES + 1];
        uint8_t state; /* enum host_state: what members were last told */
        uint8_t current;
        /* the slot that is not current has the previous progress, if its number is lower */
        struct host_progress progress[2];
        uint64_t members; /* members on that host when its last ALIVE arrived */
};

/* An instance of a host that is in none of the host's `progress`. Zeros: free. */
struct host_other {
        uint64_t instance, expected_position;
};

/* The other instances. They lie behind the data that an earlier version kept, and outlive the process as it does. */
struct hosts_others {
        struct host_other all[HOSTS_MAX][HOSTS_OTHERS_MAX];
};

/* A message of a host. */
struct hosts_message {
        uint64_t instance, position, count; /* `count` records from `position` on */
        uint64_t number;                    /* the number of its first record on this host */
        uint64_t own_records; /* how many records of the instance are known here because this host sent them */
        bool follows;         /* the instance began after another known instance */
};

struct hosts_irregular {
        uint64_t number;        /* the number of a message; 0: free */
        uint64_t skip;          /* how many of its first records are left out because they are no news */
        uint64_t missing_count; /* how many records are missing before it */
        /* How many records an unknown instance had before it. They may have arrived, or another sender uses that host's
         * label. */
        uint64_t unseen_count;
};

/* An instance of a host. The host says that it has sent all records up to `position`. */
struct hosts_instance {
        uint64_t instance, position;
        uint64_t own_records; /* as in struct hosts_message */
};

struct hosts_lack {
        uint64_t instance;          /* 0: none */
        uint64_t expected_position; /* the position of the record that is missing */
        int64_t since_ms;           /* since when it is missing */
        int64_t report_ms;          /* when the host last said that it has the record */
};

/* The data that outlives the process. Zeros: no host is known. */
struct hosts_kept {
        struct host all[HOSTS_MAX];
        struct hosts_irregular irregular[HOSTS_IRREGULAR_MAX];
        uint64_t irregular_next; /* the index of the oldest in `irregular` */
};

/* Several hosts that have one label, told apart by the numbers of their connections (message.h). A number that comes
 * again after others belongs to a host that is there beside them. A late message makes two numbers come again: its own,
 * and that of the host that is there. */
struct hosts_twins {
        uint64_t processes[HOSTS_PROCESSES_MAX]; /* the latest first; 0: free */
        unsigned repeats;                        /* how often a number came again */
        int64_t repeat_ms;                       /* when a number came again last */
        int64_t twin_ms;                         /* when it was last known that there are several hosts; 0: never */
        bool is_announced;                       /* hosts_twin_news() returned it */
};

struct hosts {
        struct hosts_kept *kept; /* in memory of the caller, as is `others` */
        struct hosts_others *others;
        struct host *all;             /* the hosts in `kept` */
        int64_t alive_ms[HOSTS_MAX];  /* when the last ALIVE of the host arrived */
        int64_t credit_ms[HOSTS_MAX]; /* when the host has its full credit again */
        struct hosts_lack lacks[HOSTS_MAX][HOSTS_LACKS_MAX];
        struct hosts_twins twins[HOSTS_MAX];
        uint64_t refusals; /* messages of hosts that found no place */
};

/* Takes the kept data into use, and forgets entries that cannot be a host. Hosts that members believe to be here have
 * HOSTS_LOST_MS from now to send an ALIVE. `h` begins as zeros. `now_ms` is of CLOCK_MONOTONIC, here and below. */
void hosts_init(struct hosts *h, struct hosts_kept *kept, struct hosts_others *others, int64_t now_ms);

/* Forgets the host `label`, if it is known. */
void hosts_forget(struct hosts *h, const char *label);

/* Takes note of a message of the host `label`. Returns how the message is irregular. All of its records are left out if
 * there is no place for the host. */
struct hosts_irregular hosts_said(struct hosts *h, const char *label, const struct hosts_message *m);

/* Returns the highest number of a message that hosts_said() took as news. */
uint64_t hosts_last_number(const struct hosts *h);

/* Notes that the host `label` is there. `process` is the number of its connection, or 0 if it is not known. */
void hosts_alive(struct hosts *h, const char *label, uint64_t members, uint64_t process, int64_t now_ms);

/* Returns a label that turned out to be that of several hosts (`*several`), or of one host again, once for each change.
 * Returns NULL if there is none. */
const char *hosts_twin_news(struct hosts *h, int64_t now_ms, bool *several);

/* Takes note of how many records the host `label` has sent of each of its `count` instances, the newest first. Of the
 * instances with missing records, takes the one whose records have been missing for longest: sets `*index` to it, and
 * returns for how many ms nothing of it has arrived. Returns 0 if no instance has missing records. Instances older than
 * all that are known here do not count; if none is known, the newest counts if the host is known. `*follows` is as in
 * struct hosts_message. */
int64_t hosts_lack_ms(struct hosts *h, const char *label, const struct hosts_instance *all, size_t count,
                      int64_t now_ms, size_t *index, bool *follows);

/* Charges the host `label` for the time that others waited for its answers. */
void hosts_charge(struct hosts *h, const char *label, int64_t ms, int64_t now_ms);

/* Returns true if the host `label` may be asked. */
bool hosts_has_credit(const struct hosts *h, const char *label, int64_t now_ms);

/* Returns HOST_HERE or HOST_AWAY, the state that members know or could be told now. Returns HOST_UNKNOWN if no message
 * of the host ever arrived. */
enum host_state hosts_state(const struct hosts *h, const char *label, int64_t now_ms);

/* Writes the news of hosts that came, went or returned, one kind at a time, to `list`, and notes that members were
 * told. Returns false if there is no news. */
bool hosts_news(struct hosts *h, int64_t now_ms, uint8_t list[static HOSTS_NEWS_MAX_BYTES], struct answer *news);

/* Returns the time at which hosts_news() may have news without any message, or INT64_MAX. */
int64_t hosts_wake_ms(const struct hosts *h, int64_t now_ms);

/* Writes "b (12 people), c (away), web (2 people, several hosts)" for the status, cut to `size`. Returns how many hosts
 * are here. */
size_t hosts_describe(const struct hosts *h, char *text, size_t size);
