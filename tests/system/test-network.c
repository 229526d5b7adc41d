/* chat-link's side of NATS, with real servers: what one host says reaches the others, whatever happens to the servers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nats/nats.h>

#include <chat/clock.h>

#include "../../chat-link/network.h"

#include "harness.h"
#include "nats.h"

/* ---- a spool in memory ---- */

enum { SPOOL_RECORDS_MAX = 1 << 20 };

struct spool {
        pthread_mutex_t lock;
        uint64_t instance;
        uint64_t appended, released; /* records: number i has the text of text_of(i) */
        uint64_t chunk;              /* how many are in the chunk that was shown; 0: none was */
        size_t padding;              /* bytes of each record's text */
        uint64_t chunk_max;          /* records */
        uint64_t shown;              /* chunks, again ones too */
};

static struct spool *spool_make(uint64_t instance)
{
        struct spool *s = calloc(1, sizeof(*s));
        assert_non_null(s);
        pthread_mutex_init(&s->lock, NULL);
        s->instance = instance;
        s->padding = 20;
        s->chunk_max = 7;
        return s;
}

static void spool_free(struct spool *s)
{
        pthread_mutex_destroy(&s->lock);
        free(s);
}

uint64_t spool_instance(const struct spool *s)
{
        return s->instance;
}

uint64_t spool_position(const struct spool *s)
{
        struct spool *m = (struct spool *)(uintptr_t)s;
        pthread_mutex_lock(&m->lock);
        uint64_t position = s->appended;
        pthread_mutex_unlock(&m->lock);
        return position;
}

uint64_t spool_waiting(const struct spool *s)
{
        struct spool *m = (struct spool *)(uintptr_t)s;
        pthread_mutex_lock(&m->lock);
        uint64_t waiting = s->appended - s->released;
        pthread_mutex_unlock(&m->lock);
        return waiting;
}

bool spool_next(struct spool *s, struct spool_chunk *chunk, uint8_t *buffer, size_t max)
{
        char text[TEXT_MAX_BYTES + 1];
        pthread_mutex_lock(&s->lock);
        if (s->chunk == 0)
                s->chunk = s->appended - s->released < s->chunk_max ? s->appended - s->released : s->chunk_max;
        *chunk = (struct spool_chunk){.first = s->released, .count = s->chunk, .data = buffer};
        for (uint64_t i = 0; i < s->chunk; i++) {
                snprintf(text, sizeof(text), "line %llu %0*d", (unsigned long long)(s->released + i), (int)s->padding,
                         0);
                struct record rec = {.kind = RECORD_LINE,
                                     .id = 7,
                                     .number = s->released + i,
                                     .name = slice_of("ann"),
                                     .text = slice_of(text)};
                size_t size = record_encode(buffer + chunk->size, max - chunk->size, &rec);
                if (size == 0) {
                        chunk->count = s->chunk = i;
                        break;
                }
                chunk->size += size;
        }
        s->shown += s->chunk > 0;
        pthread_mutex_unlock(&s->lock);
        return chunk->count > 0;
}

void spool_release(struct spool *s)
{
        pthread_mutex_lock(&s->lock);
        s->released += s->chunk;
        s->chunk = 0;
        pthread_mutex_unlock(&s->lock);
}

/* ---- hosts ---- */

enum { HOSTS_MAX = 4 };

/* What a host got of another's. */
struct heard {
        char host[HOST_MAX_BYTES + 1];
        bool begun;
        uint64_t next;              /* the position of the next record */
        uint64_t alive;             /* messages */
        int64_t alive_ms;           /* when the last came */
        int64_t gap_ms;             /* the longest time between two */
        uint64_t members, position; /* as the last said */
};

struct host {
        struct config config;
        struct spool *spool;
        struct network *network; /* NULL: does not run */
        struct network_status status;
        int wake;
        struct network_place place; /* of the last message */
        unsigned begins;
        bool deaf; /* does not fetch */
        bool gaps; /* may miss something */
        struct heard heard[HOSTS_MAX];
};

static struct host *hosts[HOSTS_MAX]; /* those of the test */

static struct host *host_make(const char *label)
{
        size_t i = 0;
        struct host *h = calloc(1, sizeof(*h));
        assert_non_null(h);
        for (; hosts[i]; i++)
                assert_true(i < HOSTS_MAX - 1);
        hosts[i] = h;
        strcpy(h->config.network, "net");
        snprintf(h->config.host, sizeof(h->config.host), "%s", label);
        h->config.retention_s = RETENTION_DEFAULT_S;
        h->spool = spool_make(0x1000 + i);
        h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return h;
}

static void host_add_server(struct host *h, const char *url)
{
        snprintf(h->config.servers[h->config.servers_count++], sizeof(config_value), "%s", url);
}

static void host_run(struct host *h)
{
        h->network = network_start(&h->config, h->spool, h->wake);
        assert_non_null(h->network);
        network_count(h->network, 3);
        network_read(h->network, h->place);
}

static void host_halt(struct host *h)
{
        int64_t start = clock_ms();
        if (h->network)
                network_stop(h->network);
        h->network = NULL;
        assert_true(clock_ms() - start < 4000);
}

/* Makes a host with these servers and starts it. */
static struct host *host_start(const char *label, struct nats *const *servers, int count)
{
        struct host *h = host_make(label);
        for (int i = 0; i < count; i++)
                host_add_server(h, servers[i]->url);
        host_run(h);
        return h;
}

static int end_test(void **state)
{
        (void)state;
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                if (!hosts[i])
                        continue;
                host_halt(hosts[i]);
                close(hosts[i]->wake);
                spool_free(hosts[i]->spool);
                free(hosts[i]);
                hosts[i] = NULL;
        }
        nats_stop_all();
        return 0;
}

static struct heard *heard_of(struct host *h, const char *label)
{
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                if (!h->heard[i].host[0])
                        snprintf(h->heard[i].host, sizeof(h->heard[i].host), "%s", label);
                if (strcmp(h->heard[i].host, label) == 0)
                        return &h->heard[i];
        }
        fail_msg("%s hears of %s", h->config.host, label);
        return NULL;
}

static void take_said(struct host *h, struct message *m, struct heard *from)
{
        struct record rec;
        char text[64];
        uint64_t number = m->position;
        if ((!from->begun || h->gaps) && number > from->next)
                from->next = number;
        from->begun = true;
        for (; record_next(&m->records, &rec) > 0; number++, from->next++) {
                if (number != from->next || rec.number != number)
                        fail_msg("%s got record %llu (%llu) of %s instead of %llu", h->config.host,
                                 (unsigned long long)number, (unsigned long long)rec.number, from->host,
                                 (unsigned long long)from->next);
                int size = snprintf(text, sizeof(text), "line %llu ", (unsigned long long)number);
                assert_true(rec.text.len > (size_t)size && memcmp(rec.text.at, text, (size_t)size) == 0);
        }
}

static void take_alive(const struct message *m, struct heard *from)
{
        int64_t now = clock_ms();
        if (from->alive++ > 0 && now - from->alive_ms > from->gap_ms)
                from->gap_ms = now - from->alive_ms;
        from->alive_ms = now;
        from->members = m->members;
        from->position = m->position;
}

static void take(struct host *h, const struct network_message *got)
{
        struct message m;
        if (got->event == NETWORK_BEGIN) {
                h->begins++;
                h->place = got->place;
                return;
        }
        assert_int_equal(message_decode(&m, got->data, got->size), 0);
        assert_string_not_equal(got->host, h->config.host);
        assert_true(h->begins > 0 || got->event == NETWORK_ALIVE);
        if (got->event == NETWORK_ALIVE) {
                take_alive(&m, heard_of(h, got->host));
                return;
        }
        assert_true(got->place.stream == h->place.stream);
        assert_true(got->place.stream == 0 ? got->place.sequence == 0 : got->place.sequence > h->place.sequence);
        h->place = got->place;
        take_said(h, &m, heard_of(h, got->host));
}

/* Takes what came for all hosts. */
static void fetch(void)
{
        eventfd_t ignored;
        for (size_t i = 0; i < HOSTS_MAX && hosts[i]; i++) {
                struct network_message *m;
                if (!hosts[i]->network)
                        continue;
                eventfd_read(hosts[i]->wake, &ignored);
                network_get_status(hosts[i]->network, &hosts[i]->status);
                while (!hosts[i]->deaf && (m = network_next(hosts[i]->network))) {
                        take(hosts[i], m);
                        free(m);
                }
        }
}

/* Waits for an event of any host. */
static void wait_for_event(int64_t deadline, const char *what)
{
        struct pollfd fds[HOSTS_MAX];
        nfds_t n = 0;
        for (; n < HOSTS_MAX && hosts[n]; n++)
                fds[n] = (struct pollfd){.fd = hosts[n]->wake, .events = POLLIN};
        if (clock_ms() > deadline) {
                for (size_t i = 0; i < n; i++)
                        print_error("%s: %s%s%s %s\n", hosts[i]->config.host,
                                    hosts[i]->status.connected ? "connected " : "",
                                    hosts[i]->status.stored ? "stored " : "", hosts[i]->status.stuck ? "stuck" : "",
                                    hosts[i]->status.problem);
                fail_msg("waited %d ms for: %s", DEADLINE_MS, what);
        }
        poll(fds, n, 20); /* the spool, and what a server does, give none */
}

#define UNTIL(condition)                                                                                               \
        for (int64_t deadline_ = clock_ms() + DEADLINE_MS; fetch(), !(condition);)                                     \
        wait_for_event(deadline_, #condition)

static void say(struct host *h, uint64_t records)
{
        pthread_mutex_lock(&h->spool->lock);
        h->spool->appended += records;
        pthread_mutex_unlock(&h->spool->lock);
        if (h->network)
                network_publish(h->network);
}

/* Whether `h` got all that `from` said. */
static bool has_all(struct host *h, struct host *from)
{
        return heard_of(h, from->config.host)->next == from->spool->appended;
}

static bool reads(const struct host *h)
{
        return h->begins > 0 && h->status.connected && !h->status.stuck;
}

/* ---- tests ---- */

static void test_without_jetstream(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        UNTIL(heard_of(a, "b")->alive > 0 && heard_of(b, "a")->alive > 0); /* then their subscriptions are there */
        assert_false(a->status.stored);
        assert_string_equal(a->status.server, server->url);
        assert_string_equal(a->status.problem, "");
        assert_true(a->place.stream == 0 && a->place.sequence == 0);
        say(a, 1000);
        say(b, 500);
        UNTIL(has_all(b, a) && has_all(a, b));
        UNTIL(heard_of(b, "a")->position == 1000);
        assert_int_equal(heard_of(b, "a")->members, 3);
        assert_int_equal(a->begins, 1);
}

static void test_jetstream(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b) && a->status.stored && b->status.stored);
        say(a, 1000);
        say(b, 500);
        UNTIL(has_all(b, a) && has_all(a, b));
        assert_true(b->place.stream != 0 && b->place.sequence > 100);

        /* what is said while it is away is there when it is back, and only that */
        host_halt(b);
        say(a, 1000);
        say(b, 20);
        UNTIL(spool_waiting(a->spool) == 0);
        host_run(b);
        UNTIL(has_all(b, a) && has_all(a, b));
        assert_int_equal(b->begins, 2);
}

static void test_a_cluster_loses_servers(void **state)
{
        (void)state;
        struct nats *servers[3];
        nats_prepare_cluster(servers, 3);
        for (int i = 0; i < 3; i++)
                nats_run(servers[i]);
        struct host *a = host_start("a", servers, 3), *b = host_start("b", servers, 3),
                    *c = host_start("c", servers, 3);
        UNTIL(reads(a) && reads(b) && reads(c) && a->status.stored && b->status.stored && c->status.stored);
        for (int round = 0; round < 6; round++) {
                struct nats *victim = servers[round % 3];
                for (int i = 0; i < 20; i++) {
                        say(a, 10);
                        say(b, 5);
                        fetch();
                }
                if (round == 2)
                        host_halt(c);
                nats_signal(victim, SIGKILL);
                say(a, 100);
                UNTIL(spool_waiting(a->spool) == 0 && spool_waiting(b->spool) == 0);
                nats_run(victim);
                say(a, 100);
                if (round == 2)
                        host_run(c);
                UNTIL(has_all(a, b) && has_all(b, a) && has_all(c, a) && has_all(c, b));
        }
        assert_int_equal(a->begins, 1);
        assert_int_equal(c->begins, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_test)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_without_jetstream),
                TEST(test_jetstream),
                TEST(test_a_cluster_loses_servers),
        };
        if (!nats_available()) {
                fprintf(stderr, "No nats-server to test with: skipped.\n");
                return 0;
        }
        int failed = RUN_TESTS(tests, NULL, NULL);
        nats_CloseAndWait(0);
        return failed;
}
