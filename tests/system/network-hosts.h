/* Hosts in this process. Each has chat-link's own side of NATS, with real servers (nats.h), and a spool in memory.
 *
 * A host says numbered lines. The hosts that get them check that none is missing, comes twice or out of order.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <nats/nats.h>

#include <chat/clock.h>

#include "../../chat-link/network.h"
#include "../../chat-link/spool.h"

#include "harness.h"
#include "nats.h"

enum {
        HOSTS_MAX = 4,
        SAY_MORE_MS = 5000, /* see all_have_all() */
};

struct spool {
        pthread_mutex_t lock;
        uint64_t instance;
        uint64_t appended, released;  /* records: number i has the text of text_of(i) */
        uint64_t chunk;               /* how many are in the current chunk; 0: there is none */
        size_t padding;               /* bytes of each record's text */
        uint64_t chunk_max;           /* records */
        uint64_t shown;               /* chunks, including repeated ones */
        uint64_t kept_from;           /* earlier records can no longer be read */
        struct spool_progress before; /* another branch; zeros: there is none */
};

/* The records that a host got from another host. */
struct heard {
        char host[HOST_MAX_BYTES + 1];
        bool begun;
        uint64_t next;                             /* the position of the next record */
        uint64_t alive;                            /* messages */
        int64_t alive_ms;                          /* when the last ALIVE came */
        int64_t gap_ms;                            /* the longest time between two ALIVE */
        uint64_t members, position;                /* as the last ALIVE stated */
        uint64_t before_instance, before_position; /* of the earlier instance in the last ALIVE that had one */
};

struct host {
        struct config config;
        struct spool *spool;
        struct network *network; /* NULL: it does not run */
        struct network_status status;
        int wake;
        struct network_place place; /* of the last message */
        unsigned begins;
        unsigned garbage, garbage_expected; /* malformed messages */
        bool deaf;                          /* it does not fetch */
        bool gaps;                          /* it may miss records */
        bool lossy; /* its servers may lose records, which it gets again, or store records twice */
        struct heard heard[HOSTS_MAX];
};

extern struct host *hosts[HOSTS_MAX]; /* the hosts of the test */

struct host *host_make(const char *label);
void host_add_server(struct host *h, const char *url);
void host_run(struct host *h);

/* Stops a host, which must not take long. */
void host_halt(struct host *h);

/* Makes a host with these servers and starts it. */
struct host *host_start(const char *label, struct nats *const *servers, int count);

/* Makes a directory for files of the test, which end_test() removes. */
const char *make_files(void);

/* Cleans up after a test that passed or failed. */
int end_test(void **state);

/* Returns the records that `h` got from the host with this label. */
struct heard *heard_of(struct host *h, const char *label);

/* Takes the messages that came for all hosts. */
void fetch(void);

/* Waits for an event of any host. */
void wait_for_event(int64_t deadline, const char *what);

#define UNTIL(condition)                                                                                               \
        for (int64_t deadline_ = clock_ms() + DEADLINE_MS; fetch(), !(condition);)                                     \
        wait_for_event(deadline_, #condition)

/* Lets a host say this number of lines. */
void say(struct host *h, uint64_t records);

/* Returns true if `h` got all records of `from`. */
bool has_all(struct host *h, struct host *from);

/* Returns true if all hosts got all records of a and b. A server may also lose the last record, which shows only after
 * a further one, so this lets a and b say more from time to time. Between real links, signs of life show it. */
bool all_have_all(struct host *a, struct host *b, struct host *c, int64_t *say_more_ms);

/* Returns true if the host is connected, and gets messages. */
bool reads(const struct host *h);

/* Waits until the server has the subscription of a host that reads. The host's signs of life take the same way, so
 * after some of them the server has it. */
void until_subscribed(struct host *a, struct host *b);

/* Makes a connection of the test's own. */
natsConnection *connect_to(const struct nats *server, jsCtx **js);
void disconnect(natsConnection *nc, jsCtx *js);

/* Asks a host for lost records. Returns how many the answer has, from `from` on. */
uint64_t ask_in_vain_or_not(struct host *h, struct host *whom, uint64_t instance, uint64_t position, uint64_t from);

/* Returns the name of one of the stream's consumers (static), and writes the subject to which it sends. */
char *any_consumer(jsCtx *js, char *subject, size_t size);

#define NETWORK_TEST(name) cmocka_unit_test_teardown(name, end_test)

/* Runs the tests. Returns the exit status. NATS frees all memory at the end, so that leak checkers find none. */
#define RUN_NETWORK_TESTS(tests)                                                                                       \
        (nats_available() ? network_tests_end(RUN_TESTS(tests, NULL, NULL)) : network_tests_skip())
int network_tests_end(int failed);
int network_tests_skip(void);
