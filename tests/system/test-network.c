/* chat-link's side of NATS, with real servers: lines of one host reach the others, whatever happens to the servers. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nats/nats.h>

#include <chat/clock.h>

#include "../../chat-link/gap.h"
#include "../../chat-link/inbound.h"

#include "harness.h"
#include "nats-credentials.h"
#include "nats.h"

/* ---- a spool in memory ---- */

enum { SPOOL_RECORDS_MAX = 1 << 20 };

struct spool {
        pthread_mutex_t lock;
        uint64_t instance;
        uint64_t appended, released; /* records: number i has the text of text_of(i) */
        uint64_t chunk;              /* how many are in the current chunk; 0: there is none */
        size_t padding;              /* bytes of each record's text */
        uint64_t chunk_max;          /* records */
        uint64_t shown;              /* chunks, including repeated ones */
        uint64_t kept_from;          /* earlier records can no longer be read */
        struct spool_said before;    /* another branch; zeros: there is none */
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

/* Fills a chunk with those of `count` records from `first` on that fit. */
static void fill_chunk(const struct spool *s, struct spool_chunk *chunk, uint64_t first, uint64_t count,
                       uint8_t *buffer, size_t max)
{
        char text[TEXT_MAX_BYTES + 1];
        *chunk = (struct spool_chunk){.instance = s->instance, .first = first, .data = buffer};
        for (; chunk->count < count; chunk->count++) {
                uint64_t number = first + chunk->count;
                snprintf(text, sizeof(text), "line %llu %0*d", (unsigned long long)number, (int)s->padding, 0);
                struct record rec = {.kind = RECORD_LINE,
                                     .id = 7,
                                     .number = number,
                                     .name = slice_of("ann"),
                                     .text = slice_of(text)};
                size_t size = record_encode(buffer + chunk->size, max - chunk->size, &rec);
                if (size == 0)
                        break;
                chunk->size += size;
        }
}

bool spool_read(struct spool *s, uint64_t instance, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer,
                size_t max)
{
        assert_true(instance == s->instance);
        pthread_mutex_lock(&s->lock);
        uint64_t first = position > s->kept_from ? position : s->kept_from;
        fill_chunk(s, chunk, first, first < s->appended ? s->appended - first : 0, buffer, max);
        pthread_mutex_unlock(&s->lock);
        return chunk->count > 0;
}

uint64_t spool_own(const struct spool *s, uint64_t instance)
{
        return instance == s->instance ? spool_position(s) : 0;
}

size_t spool_said(const struct spool *s, struct spool_said *said, size_t max)
{
        struct spool *m = (struct spool *)(uintptr_t)s;
        assert_true(max > 1);
        pthread_mutex_lock(&m->lock);
        said[0] = (struct spool_said){.instance = s->instance, .records = s->released};
        said[1] = s->before;
        pthread_mutex_unlock(&m->lock);
        return s->before.instance != 0 ? 2 : 1;
}

bool spool_next(struct spool *s, struct spool_chunk *chunk, uint8_t *buffer, size_t max)
{
        pthread_mutex_lock(&s->lock);
        if (s->chunk == 0)
                s->chunk = s->appended - s->released < s->chunk_max ? s->appended - s->released : s->chunk_max;
        fill_chunk(s, chunk, s->released, s->chunk, buffer, max);
        s->chunk = chunk->count;
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

enum { HOSTS_MAX = 4, SAY_MORE_MS = 5000 };

/* What a host got from another one. */
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
        bool gaps;                          /* it may miss something */
        bool lossy; /* its servers may lose something, which it gets again, or store something twice */
        struct heard heard[HOSTS_MAX];
};

static struct host *hosts[HOSTS_MAX]; /* the hosts of the test */

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
        struct pollfd wake = {.fd = h->wake, .events = POLLIN};
        eventfd_t ignored;
        if (!h->network)
                return;
        int64_t start = clock_ms();
        int64_t deadline = network_stop(h->network);
        assert_true(clock_ms() - start < 1000); /* it does not wait */
        while (!network_has_stopped(h->network) && clock_ms() < deadline && poll(&wake, 1, 10000) > 0)
                eventfd_read(h->wake, &ignored);
        network_end(h->network);
        h->network = NULL;
        assert_true(clock_ms() - start < 4000); /* the host reports its end */
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

static char files[32]; /* the directory of the test's own files; empty: none */

static const char *make_files(void)
{
        strcpy(files, "/tmp/chat-files.XXXXXX");
        assert_non_null(mkdtemp(files));
        return files;
}

/* Cleans up after a test, whether it passed or failed. */
static int end_test(void **state)
{
        int garbage = 0;
        (void)state;
        if (files[0])
                shell("rm -rf %s", files);
        files[0] = '\0';
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                if (!hosts[i])
                        continue;
                garbage |= hosts[i]->garbage != hosts[i]->garbage_expected;
                host_halt(hosts[i]);
                close(hosts[i]->wake);
                spool_free(hosts[i]->spool);
                free(hosts[i]);
                hosts[i] = NULL;
        }
        nats_stop_all();
        return garbage;
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

/* Gets what the servers lost from the host that said it, as chat-link/link.c does: a server of a nats-server 2.9.10
 * cluster may have lost what the others have. */
static void have_again(struct host *h, struct heard *from, uint64_t instance, uint64_t end)
{
        static struct gap gap; /* static, because it may own something when the test fails */
        enum gap_step step = GAP_MISSING;
        struct record rec;
        uint64_t missing;
        for (int64_t deadline = clock_ms() + DEADLINE_MS; step != GAP_CLOSED;) {
                struct pollfd wake = {.fd = h->wake, .events = POLLIN};
                eventfd_t ignored;
                if (step == GAP_MISSING) /* the host is not there at the moment */
                        gap_open(&gap, from->host, instance, from->next, end, false, clock_ms());
                step = gap_next(&gap, h->network, clock_ms(), &rec, &missing);
                if (step == GAP_RECORD) {
                        assert_true(rec.number == from->next++);
                        gap_advance(&gap, 1, clock_ms());
                } else if (step == GAP_WAITS && poll(&wake, 1, 20) > 0) {
                        eventfd_read(h->wake, &ignored);
                }
                if (clock_ms() > deadline)
                        fail_msg("%s does not get records %llu to %llu of %s", h->config.host,
                                 (unsigned long long)from->next, (unsigned long long)end, from->host);
        }
}

static void take_said(struct host *h, struct message *m, struct heard *from)
{
        struct record rec;
        char text[64];
        uint64_t number = m->position;
        if ((!from->begun || h->gaps) && number > from->next)
                from->next = number;
        from->begun = true;
        if (number > from->next && h->lossy)
                have_again(h, from, m->instance, number);
        for (; record_next(&m->records, &rec) > 0; number++) {
                /* Without a majority a server does not say what it will store when there is one again, so that is sent
                 * once more. chat-link/hosts.c skips it. */
                if (h->lossy && number < from->next)
                        continue;
                if (number != from->next || rec.number != number)
                        fail_msg("%s got record %llu (%llu) of %s instead of %llu", h->config.host,
                                 (unsigned long long)number, (unsigned long long)rec.number, from->host,
                                 (unsigned long long)from->next);
                int size = snprintf(text, sizeof(text), "line %llu ", (unsigned long long)number);
                assert_true(rec.text.len > (size_t)size && memcmp(rec.text.at, text, (size_t)size) == 0);
                from->next++;
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
        if (m->before_count == 0)
                return;
        from->before_instance = m->before[0].instance;
        from->before_position = m->before[0].position;
}

static void take(struct host *h, const struct network_message *got)
{
        struct message m;
        if (got->event == NETWORK_BEGIN) {
                h->begins++;
                h->place = got->place;
                return;
        }
        if (strcmp(got->host, "c") == 0 && got->size == 0)
                return; /* a marker */
        assert_string_not_equal(got->host, h->config.host);
        if (message_decode(&m, got->data, got->size) != 0) {
                h->garbage++;
                return;
        }
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
        poll(fds, n, 20); /* the spool and the servers give no events */
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

/* Returns true if `h` got everything that `from` said. */
static bool has_all(struct host *h, struct host *from)
{
        return heard_of(h, from->config.host)->next == from->spool->appended;
}

/* Returns true if all got everything that a and b said. A server may lose the last of it, too. That shows only when
 * more is said, so this says more from time to time; between real links signs of life show it. */
static bool all_have_all(struct host *a, struct host *b, struct host *c, int64_t *say_more_ms)
{
        if (has_all(a, b) && has_all(b, a) && has_all(c, a) && has_all(c, b))
                return true;
        if (clock_ms() > *say_more_ms) {
                say(a, 1);
                say(b, 1);
                *say_more_ms = clock_ms() + SAY_MORE_MS;
        }
        return false;
}

static bool reads(const struct host *h)
{
        return h->begins > 0 && h->status.connected && !h->status.stuck;
}

/* ---- tests ---- */

/* Waits until the server has the subscription of a host that reads: the host's signs of life take the same way, so
 * after some of them the server has it. */
static void until_subscribed(struct host *a, struct host *b)
{
        uint64_t of_a = heard_of(b, a->config.host)->alive, of_b = heard_of(a, b->config.host)->alive;
        UNTIL(heard_of(b, a->config.host)->alive > of_a + 2 && heard_of(a, b->config.host)->alive > of_b + 2);
}

static void test_without_jetstream(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        until_subscribed(a, b);
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

        /* a host that was away gets what was said in that time, and only that */
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
        a->lossy = b->lossy = c->lossy = true;
        UNTIL(reads(a) && reads(b) && reads(c) && a->status.stored && b->status.stored && c->status.stored);
        /* The hosts made the stream at the same time: one may have begun with one that was replaced since. */
        for (int i = 0; i < 3; i++) {
                host_halt(hosts[i]);
                host_run(hosts[i]);
        }
        UNTIL(reads(a) && reads(b) && reads(c));
        UNTIL(a->place.stream == b->place.stream && b->place.stream == c->place.stream);
        unsigned begins[] = {a->begins, b->begins, c->begins};
        for (int round = 0; round < 3; round++) {
                struct nats *victim = servers[round % 3];
                for (int i = 0; i < 20; i++) {
                        say(a, 10);
                        say(b, 5);
                        fetch();
                }
                if (round == 1)
                        host_halt(c);
                nats_signal(victim, SIGKILL);
                say(a, 100);
                UNTIL(spool_waiting(a->spool) == 0 && spool_waiting(b->spool) == 0);
                nats_run(victim);
                say(a, 100);
                if (round == 1)
                        host_run(c);
                int64_t say_more_ms = clock_ms() + SAY_MORE_MS;
                UNTIL(all_have_all(a, b, c, &say_more_ms));
        }
        /* it is the same stream */
        assert_int_equal(a->begins, begins[0]);
        assert_int_equal(b->begins, begins[1]);
        assert_int_equal(c->begins, begins[2] + 1);
}

static void test_a_server_is_killed(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        UNTIL(has_all(b, a));
        for (int i = 0; i < 5; i++) {
                say(a, 500);
                fetch();
                nats_signal(server, SIGKILL);
                say(a, 10);
                UNTIL(!a->status.connected && !b->status.connected);
                UNTIL(strstr(a->status.problem, "Servers="));
                nats_run(server);
                UNTIL(has_all(b, a));
        }
        UNTIL(!*a->status.problem && !*b->status.problem);
        assert_int_equal(b->begins, 1); /* it is the same stream */
}

static void test_a_server_that_hangs(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        nats_signal(server, SIGSTOP);
        say(a, 100);
        host_halt(b);
        UNTIL(!a->status.connected);
        UNTIL(strstr(a->status.problem, "does not answer"));
        host_run(b);
        nats_signal(server, SIGCONT);
        UNTIL(has_all(b, a));
}

static void test_alive_while_jetstream_is_not(void **state)
{
        (void)state;
        struct nats *servers[3];
        nats_prepare_cluster(servers, 3);
        for (int i = 0; i < 3; i++)
                nats_run(servers[i]);
        struct host *a = host_start("a", servers, 1), *b = host_start("b", servers, 1);
        a->lossy = b->lossy = true;
        UNTIL(reads(a) && reads(b) && a->status.stored && b->status.stored);
        nats_signal(servers[1], SIGKILL);
        nats_signal(servers[2], SIGKILL);
        say(a, 100);
        UNTIL(a->status.stuck); /* b is stuck only if its consumer was on another server */
        struct heard *heard = heard_of(b, "a");
        *heard = (struct heard){.host = "a", .next = heard->next, .begun = heard->begun};
        UNTIL(heard->alive >= 12 && a->status.stuck);
        assert_in_range(heard->gap_ms, 0, 3000);
        assert_true(a->status.connected && a->status.stored);
        assert_non_null(strstr(a->status.problem, "JetStream"));
        nats_run(servers[1]);
        nats_run(servers[2]);
        UNTIL(has_all(b, a) && !a->status.stuck && !b->status.stuck);
        assert_string_equal(a->status.problem, "");
}

/* Makes a connection of the test's own. */
static natsConnection *connect_to(const struct nats *server, jsCtx **js)
{
        natsConnection *nc = NULL;
        assert_int_equal(natsConnection_ConnectTo(&nc, server->url), NATS_OK);
        if (js)
                assert_int_equal(natsConnection_JetStream(js, nc, NULL), NATS_OK);
        return nc;
}

static void disconnect(natsConnection *nc, jsCtx *js)
{
        jsCtx_Destroy(js);
        natsConnection_Destroy(nc);
}

static void test_another_stream(void **state)
{
        (void)state;
        jsCtx *js;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        UNTIL(has_all(b, a));
        struct network_place old = b->place;
        natsConnection *nc = connect_to(server, &js);
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        UNTIL(a->begins == 2 && b->begins == 2 && reads(a) && reads(b));
        assert_true(b->place.stream != old.stream && b->place.sequence == 0);
        say(a, 100);
        UNTIL(has_all(b, a));
        host_halt(b);
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        say(a, 100);
        UNTIL(spool_waiting(a->spool) == 0); /* into another stream again */
        b->gaps = true;                      /* it may miss what is said from now on, so not this */
        host_run(b);
        UNTIL(b->begins == 3 && reads(b));
        say(a, 1);
        UNTIL(has_all(b, a));
        disconnect(nc, js);
}

/* Returns the name of one of the stream's consumers (static), and writes where it sends to. */
static char *any_consumer(jsCtx *js, char *subject, size_t size)
{
        static char name[64];
        jsConsumerInfoList *list = NULL;
        UNTIL(js_Consumers(&list, js, "chat-net", NULL, NULL) == NATS_OK && list->Count > 0);
        snprintf(name, sizeof(name), "%s", list->List[0]->Name);
        if (subject)
                snprintf(subject, size, "%s", list->List[0]->Config->DeliverSubject);
        jsConsumerInfoList_Destroy(list);
        return name;
}

/* Returns true if JetStream refuses because the leader changes. Any other problem must be stated in words, too. */
static bool lacks_a_leader(const struct host *h)
{
        assert_null(strstr(h->status.problem, "says:  ("));
        return strstr(h->status.problem, "JetStream says: its servers are just choosing another leader") != NULL;
}

static void test_the_leader_steps_down(void **state)
{
        (void)state;
        struct nats *servers[3];
        nats_prepare_cluster(servers, 3);
        for (int i = 0; i < 3; i++)
                nats_run(servers[i]);
        struct host *a = host_start("a", servers, 3), *b = host_start("b", servers, 3);
        a->lossy = b->lossy = true;
        UNTIL(reads(a) && reads(b) && a->status.stored && b->status.stored);
        natsConnection *nc = connect_to(servers[0], NULL);
        bool lacked = false;
        for (int round = 0; round < 3 || (round < 100 && !lacked); round++) {
                natsMsg *answer = NULL;
                natsConnection_RequestString(&answer, nc, "$JS.API.STREAM.LEADER.STEPDOWN.chat-net", "", 5000);
                natsMsg_Destroy(answer);
                for (int i = 0; i < 20; i++) {
                        say(a, 10);
                        say(b, 5);
                        fetch();
                }
                UNTIL((lacked |= lacks_a_leader(a) || lacks_a_leader(b), has_all(b, a) && has_all(a, b)));
        }
        assert_true(lacked);
        UNTIL(!*a->status.problem && !*b->status.problem);
        disconnect(nc, NULL);
}

static void test_a_consumer_is_lost(void **state)
{
        (void)state;
        jsCtx *js;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        host_halt(a);
        host_run(a);
        for (int i = 0; i < 2; i++) { /* the consumers of a and b, and an earlier one of a */
                say(a, 100);
                js_DeleteConsumer(js, "chat-net", any_consumer(js, NULL, 0), NULL, NULL);
                say(a, 100);
        }
        js_DeleteConsumer(js, "chat-net", any_consumer(js, NULL, 0), NULL, NULL);
        say(a, 100);
        say(b, 100);
        UNTIL(has_all(b, a) && has_all(a, b));
        assert_int_equal(b->begins, 1);
        disconnect(nc, js);
}

static void publish(natsConnection *nc, const char *subject, const char *reply, const void *data, int size)
{
        assert_int_equal(natsConnection_PublishRequest(nc, subject, reply ? reply : "", data, size),
                         reply ? NATS_OK : NATS_INVALID_ARG);
        if (!reply)
                assert_int_equal(natsConnection_Publish(nc, subject, data, size), NATS_OK);
}

static void test_hostile_messages(void **state)
{
        (void)state;
        jsCtx *js;
        char inbox[128], huge[200000] = "";
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        say(a, 10);
        UNTIL(has_all(b, a));
        uint64_t before = b->status.ignored;
        static const char *const kinds[] = {"said", "alive"};
        static const char *const labels[] = {"UPPER", "-x", "x-", "a_b", "\xc3\xa4", "0123456789012345678901234"};
        for (size_t k = 0; k < 2; k++) {
                char subject[128];
                for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
                        snprintf(subject, sizeof(subject), "chat.net.%s.%s", kinds[k], labels[i]);
                        publish(nc, subject, NULL, "x", 1);
                }
                snprintf(subject, sizeof(subject), "chat.net.%s.x", kinds[k]);
                publish(nc, subject, NULL, huge, sizeof(huge));
                snprintf(subject, sizeof(subject), "chat.net.%s.garbage", kinds[k]);
                publish(nc, subject, NULL, "x", 1);
                publish(nc, subject, NULL, "", 0);
                snprintf(subject, sizeof(subject), "chat.net.%s.b", kinds[k]);
                publish(nc, subject, NULL, "x", 1);
        }
        UNTIL(b->garbage >= 3 && a->garbage >= 5);
        UNTIL(b->status.ignored == before + 14);

        /* messages to the consumer's own inbox */
        any_consumer(js, inbox, sizeof(inbox));
        publish(nc, inbox, NULL, "x", 1);
        say(a, 10);
        UNTIL(has_all(b, a));
        static const char *const replies[] = {"$JS.ACK", "$JS.ACK.chat-net.x.1.1.1.1.1",
                                              "$JS.ACK.chat-net.x.1.99999999999999999999999.2.1.1", "$JS.ACK.......",
                                              "$JS.ACK.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18"};
        for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
                any_consumer(js, inbox, sizeof(inbox));
                publish(nc, inbox, replies[i], "x", 1);
                say(a, 10);
                UNTIL(has_all(b, a));
        }
        say(b, 10);
        UNTIL(has_all(a, b));
        assert_int_equal(b->begins, 1);
        assert_in_range(a->garbage, 5, 6); /* one of two ALIVE messages may be dropped for the other */
        assert_in_range(b->garbage, 3, 4);
        a->garbage_expected = a->garbage;
        b->garbage_expected = b->garbage;
        disconnect(nc, js);
}

/* Waits for the answer to a question, and decodes it. */
static struct network_message *ask(struct host *h, struct host *whom, uint64_t instance, uint64_t position,
                                   struct message *again)
{
        struct network_message *answer = NULL;
        while (!answer) { /* a question may be lost */
                int64_t again_at = clock_ms() + GAP_ASK_MS;
                network_ask(h->network, whom->config.host, instance, position);
                UNTIL((answer = network_answer(h->network)) || clock_ms() > again_at);
        }
        assert_int_equal(message_decode(again, answer->data, answer->size), 0);
        assert_int_equal(again->type, MESSAGE_AGAIN);
        assert_string_equal(answer->host, whom->config.host);
        assert_true(again->instance == instance && again->asked == position);
        return answer;
}

/* Asks and returns how many records the answer has. */
static uint64_t ask_in_vain_or_not(struct host *h, struct host *whom, uint64_t instance, uint64_t position,
                                   uint64_t from)
{
        struct message again;
        struct record rec;
        uint64_t count = 0;
        struct network_message *answer = ask(h, whom, instance, position, &again);
        assert_true(again.position == from);
        while (record_next(&again.records, &rec) > 0)
                assert_true(rec.number == from + count++);
        free(answer);
        return count;
}

static void test_what_was_lost_is_said_again(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 1000);
        a->spool->padding = 3000;
        a->spool->kept_from = 20;
        uint64_t instance = a->spool->instance;
        uint64_t count = ask_in_vain_or_not(b, a, instance, 10, 20);
        assert_in_range(count, 15, 22); /* as many as fit into a message */
        assert_int_equal(ask_in_vain_or_not(b, a, instance, 998, 998), 2);
        assert_int_equal(ask_in_vain_or_not(b, a, instance, 1000, UINT64_MAX), 0);
        assert_int_equal(ask_in_vain_or_not(a, b, b->spool->instance, 0, UINT64_MAX), 0);
}

static void test_hostile_questions_and_answers(void **state)
{
        (void)state;
        jsCtx *js;
        static uint8_t data[MESSAGE_MAX_BYTES + 1];
        char subject[128];
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        static const char *const subjects[] = {"chat.net.ask.EVIL.a", "chat.net.again._.a", "chat.net.ask.evil.a",
                                               "chat.net.again.evil.a"};
        for (size_t i = 0; i < 4; i++) {
                publish(nc, subjects[i], NULL, "", 0);
                publish(nc, subjects[i], NULL, "x", 1);
                publish(nc, subjects[i], NULL, data, sizeof(data));
        }
        UNTIL(a->status.ignored == 12);
        /* more questions, from more hosts, than can wait, and answers without a question */
        struct message m = {.type = MESSAGE_ASK, .instance = a->spool->instance};
        say(a, 100);
        for (int i = 0; i < 3000; i++) {
                m.type = i % 2 ? MESSAGE_ASK : MESSAGE_AGAIN;
                snprintf(subject, sizeof(subject), "chat.net.%s.h%d.a", i % 2 ? "ask" : "again", i % 300);
                publish(nc, subject, NULL, data, (int)message_encode(data, sizeof(data), &m));
        }
        UNTIL(has_all(b, a));
        assert_int_equal(ask_in_vain_or_not(b, a, a->spool->instance, 10, 10), 90);
        assert_null(network_answer(a->network));
        say(b, 100);
        UNTIL(has_all(a, b));
        disconnect(nc, js);
}

/* A message that looks like one of the consumer's own is an ordinary message if a host sent it: it does not hide the
 * messages behind it. */
static void test_messages_with_headers(void **state)
{
        (void)state;
        jsCtx *js;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        static const char *const headers[][2] = {
                {"Status", "100"}, {"Status", "503"}, {"Nats-Last-Consumer", "99"}, {"Nats-Consumer-Stalled", "x"}};
        for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
                natsMsg *msg = NULL;
                assert_int_equal(natsMsg_Create(&msg, "chat.net.said.evil", NULL, NULL, 0), NATS_OK);
                assert_int_equal(natsMsgHeader_Set(msg, "Status", "100"), NATS_OK);
                assert_int_equal(natsMsgHeader_Set(msg, headers[i][0], headers[i][1]), NATS_OK);
                assert_int_equal(natsConnection_PublishMsg(nc, msg), NATS_OK);
                natsMsg_Destroy(msg);
        }
        a->garbage_expected = b->garbage_expected = 4;
        UNTIL(a->garbage == 4 && b->garbage == 4);
        say(a, 10);
        UNTIL(has_all(b, a));
        assert_int_equal(b->begins, 1);
        disconnect(nc, js);
}

/* The identities of messages are public, and a server takes two messages with one identity for one: yet no host can be
 * silenced. */
static void test_nobody_is_silenced(void **state)
{
        (void)state;
        jsCtx *js;
        jsPubOptions options;
        char id[64];
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        jsPubOptions_Init(&options);
        options.MsgId = id;
        for (int i = 0; i < 200; i++) {
                snprintf(id, sizeof(id), "%016llx-0-%d", (unsigned long long)spool_instance(a->spool), i);
                assert_int_equal(js_Publish(NULL, js, "chat.net.said.c", "", 0, &options, NULL), NATS_OK);
        }
        say(a, 1);
        UNTIL(has_all(b, a));
        disconnect(nc, js);
}

static void test_a_host_that_does_not_fetch(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        a->spool->padding = 3000;
        a->spool->chunk_max = 20;
        say(a, 10000); /* the server sends more and more ahead */
        UNTIL(has_all(b, a));
        b->deaf = true;
        say(a, 10000);
        UNTIL(spool_waiting(a->spool) == 0);
        b->deaf = false;
        UNTIL(has_all(b, a));
        b->deaf = true;
        say(a, 2000);
        UNTIL(spool_waiting(a->spool) == 0);
        host_halt(b);
        b->deaf = false;
        host_run(b);
        UNTIL(has_all(b, a));
        assert_int_equal(b->begins, 2);
}

static void test_reading_again(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        for (unsigned i = 0; i < 50; i++) {
                say(a, 300);
                UNTIL(heard_of(b, "a")->next > i * 300);
                network_read(b->network, b->place);
                UNTIL(b->begins > i + 1);
        }
        UNTIL(has_all(b, a));
        assert_int_equal(b->begins, 51);
        network_read(b->network, (struct network_place){0}); /* from now on */
        UNTIL(b->begins == 52);
        say(a, 10);
        UNTIL(has_all(b, a));

        /* "now" is the time of network_read(), not that of the connection */
        struct host *c = host_make("c");
        host_add_server(c, server->url);
        c->network = network_start(&c->config, c->spool, c->wake);
        UNTIL(c->status.stored);
        say(a, 10);
        UNTIL(has_all(b, a));
        network_read(c->network, c->place);
        UNTIL(c->begins == 1);
        assert_true(c->place.sequence == b->place.sequence);
}

/* The queue alone, open to a consumer of a stream that has 10 messages. */
struct queue {
        struct report report;
        struct inbound in;
        int work;
        uint64_t generation;
};

static void queue_open(struct queue *q, uint64_t created, uint64_t last, uint64_t expected_behind)
{
        struct network_place behind;
        q->generation = inbound_open(&q->in, created, last, &behind);
        assert_true(behind.stream == created && behind.sequence == expected_behind);
        assert_false(inbound_needs_subscription(&q->in, clock_ms()));
}

static void queue_make(struct queue *q)
{
        q->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        report_init(&q->report, -1);
        inbound_init(&q->in, &q->report, "a", q->work);
        assert_false(inbound_needs_subscription(&q->in, clock_ms()));
        inbound_ask(&q->in, (struct network_place){0});
        assert_true(inbound_needs_subscription(&q->in, clock_ms()));
        queue_open(q, 5, 10, 10);
}

static void queue_free(struct queue *q)
{
        inbound_destroy(&q->in);
        report_destroy(&q->report);
        close(q->work);
}

static void queue_put(struct queue *q, const char *host, uint64_t sequence, uint64_t consumer_sequence)
{
        struct inbound_message m = {
                .host = host, .data = "", .sequence = sequence, .consumer_sequence = consumer_sequence};
        inbound_said(&q->in, q->generation, &m);
}

static void queue_expect(struct queue *q, enum network_event event, uint64_t sequence)
{
        struct network_message *m = inbound_next(&q->in);
        assert_non_null(m);
        assert_int_equal(m->event, event);
        assert_int_equal(m->place.sequence, sequence);
        free(m);
}

static void test_only_what_follows_is_taken(void **state)
{
        (void)state;
        struct queue q;
        queue_make(&q);
        queue_expect(&q, NETWORK_BEGIN, 10);
        queue_put(&q, "b", 11, 1);
        queue_put(&q, "a", 12, 2); /* our own message */
        queue_put(&q, "b", 13, 3);
        inbound_heartbeat(&q.in, q.generation, 3);
        assert_false(inbound_needs_subscription(&q.in, clock_ms()));
        assert_true(inbound_needs_subscription(&q.in, clock_ms() + INBOUND_SILENCE_MS + 1));
        queue_put(&q, "b", 15, 5); /* one is missing */
        queue_put(&q, "b", 14, 4);
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        queue_expect(&q, NETWORK_SAID, 11);
        queue_expect(&q, NETWORK_SAID, 13);
        assert_null(inbound_next(&q.in));

        uint64_t old = q.generation;
        queue_open(&q, 5, 20, 13);
        queue_put(&q, "b", 13, 1); /* this one came already */
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        queue_open(&q, 5, 20, 13);
        queue_put(&q, NULL, 19, 1); /* not from the consumer */
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        queue_open(&q, 5, 20, 13);
        inbound_lose(&q.in, old);
        inbound_said(&q.in, old, &(struct inbound_message){.host = "b", .sequence = 14, .consumer_sequence = 1});
        assert_false(inbound_needs_subscription(&q.in, clock_ms()));
        inbound_heartbeat(&q.in, q.generation, 1); /* there was one */
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        assert_null(inbound_next(&q.in));

        queue_open(&q, 6, 20, 20); /* another stream, with as many messages */
        queue_put(&q, "b", 21, 1);
        queue_expect(&q, NETWORK_BEGIN, 20);
        inbound_ask(&q.in, (struct network_place){.stream = 6, .sequence = 3}); /* what waits is dropped */
        queue_open(&q, 6, 20, 3);
        queue_expect(&q, NETWORK_BEGIN, 3);
        assert_null(inbound_next(&q.in));
        inbound_ask(&q.in, (struct network_place){.stream = 6, .sequence = 30}); /* beyond its end */
        queue_open(&q, 6, 20, 20);
        queue_expect(&q, NETWORK_BEGIN, 20);
        queue_free(&q);
}

static void *put_many(void *user)
{
        struct queue *q = user;
        for (uint64_t i = 1; i <= NETWORK_QUEUE_MAX + 1; i++)
                queue_put(q, "b", 10 + i, i);
        return NULL;
}

static void test_a_full_queue_blocks(void **state)
{
        (void)state;
        struct queue q;
        pthread_t thread;
        bool blocked = false;
        queue_make(&q);
        queue_expect(&q, NETWORK_BEGIN, 10);
        assert_int_equal(pthread_create(&thread, NULL, put_many, &q), 0);
        for (int64_t deadline = clock_ms() + DEADLINE_MS; !blocked; assert_true(clock_ms() < deadline)) {
                pthread_mutex_lock(&q.in.lock);
                blocked = q.in.blocked;
                assert_in_range(q.in.said, 0, NETWORK_QUEUE_MAX);
                pthread_mutex_unlock(&q.in.lock);
        }
        assert_false(inbound_needs_subscription(&q.in, clock_ms() + 10 * INBOUND_SILENCE_MS));
        queue_expect(&q, NETWORK_SAID, 11);
        pthread_join(thread, NULL);
        for (uint64_t i = 2; i <= NETWORK_QUEUE_MAX + 1; i++)
                queue_expect(&q, NETWORK_SAID, 10 + i);
        queue_free(&q);
}

static void test_two_hosts_of_one_name(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("a", &server, 1),
                    *c = host_start("c", &server, 1);
        UNTIL(a->status.twin > 0 && b->status.twin > 0 && heard_of(a, "c")->alive > 0);
        assert_int_equal(c->status.twin, 0);
        assert_true(a->status.clone == 0 && b->status.clone == 0);
        /* both are asked for the missing records, and the host that has them answers */
        a->spool->appended = 70;
        b->spool->appended = 50;
        for (int i = 0; i < 10; i++) {
                assert_int_equal(ask_in_vain_or_not(c, a, a->spool->instance, 40, 40), 30);
                assert_int_equal(ask_in_vain_or_not(c, b, b->spool->instance, 40, 40), 10);
        }
}

/* A clone of a running machine has the instance of the original. */
static void test_a_cloned_machine(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *clone = host_make("a"), *c = host_start("c", &server, 1);
        host_add_server(clone, server->url);
        clone->spool->instance = a->spool->instance;
        host_run(clone);
        UNTIL(a->status.twin > 0 && clone->status.twin > 0);
        assert_true(a->status.clone == a->spool->instance && clone->status.clone == a->spool->instance);
        assert_int_equal(c->status.twin, 0);
        a->spool->before = (struct spool_said){.instance = a->spool->instance, .records = 12};
        a->spool->instance = 0x2000;
        UNTIL(a->status.clone == 0 && clone->status.clone == 0 && heard_of(c, "a")->before_instance != 0);
        assert_true(heard_of(c, "a")->before_instance == clone->spool->instance);
        assert_int_equal(heard_of(c, "a")->before_position, 12);
        /* a host that is killed and started again, or connects again, is not its own twin */
        host_halt(clone);
        host_halt(a);
        uint64_t heard = heard_of(c, "a")->alive;
        for (int i = 0; i < 3; i++) {
                host_run(a);
                UNTIL(heard_of(c, "a")->alive > heard);
                assert_int_equal(a->status.twin, 0);
                heard = heard_of(c, "a")->alive;
                host_halt(a);
        }
}

static void test_what_was_stored_is_not_sent_again(void **state)
{
        (void)state;
        jsCtx *js;
        jsStreamConfig config;
        jsStreamInfo *info = NULL;
        jsPubAck *ack = NULL;
        jsPubOptions options;
        struct nats *server = nats_start(true, "");
        natsConnection *nc = connect_to(server, &js);
        /* a stream that does not recognise repeated messages */
        jsStreamConfig_Init(&config);
        config.Name = "chat-net";
        config.Subjects = (const char *[]){"chat.net.said.*"};
        config.SubjectsLen = 1;
        config.Duplicates = 100 * 1000000;
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 5);
        UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0);
        host_halt(a);

        jsPubOptions_Init(&options); /* until JetStream has forgotten */
        options.MsgId = "marker";
        for (bool again = false, forgotten = false; !forgotten; again = true) {
                assert_int_equal(js_Publish(&ack, js, "chat.net.said.c", "", 0, &options, NULL), NATS_OK);
                forgotten = again && !ack->Duplicate;
                jsPubAck_Destroy(ack);
        }
        a->spool->released = 0; /* it died before it noted that */
        a->spool->chunk = 5;
        say(a, 5);
        host_run(a);
        UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0);
        assert_int_equal(js_GetStreamInfo(&info, js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(info->State.Msgs, 2 + 2); /* those of a, and the markers */
        jsStreamInfo_Destroy(info);
        disconnect(nc, js);
}

/* ---- wrong servers and settings ---- */

/* Waits until the host reports this problem. The report must not have the secrets of the settings. */
static void until_problem(struct host *h, const char *text)
{
        UNTIL(strstr(h->status.problem, text));
        assert_null(strstr(h->status.problem, "secret"));
        assert_null(strstr(h->status.server, "secret"));
        assert_null(strchr(h->status.problem, '\n'));
}

static void test_nobody_listens(void **state)
{
        (void)state;
        struct nats *server = nats_prepare(false, "");
        struct host *a = host_make("a");
        host_run(a);
        until_problem(a, "Servers= in link.conf names no server");
        host_halt(a);
        host_add_server(a, server->url);
        host_run(a);
        until_problem(a, "no NATS server at");
        nats_run(server);
        UNTIL(reads(a) && !*a->status.problem);
        nats_signal(server, SIGKILL);
        until_problem(a, "no NATS server at");
        assert_false(a->status.connected);
        host_halt(a);
        strcpy(a->config.servers[0], "nats://ann:secret@no-such-host.invalid:4222");
        host_run(a);
        until_problem(a, "nats://no-such-host.invalid:4222 of Servers= in link.conf has no address");
}

/* Answers every connection with `answer`, for ever, and closes it. If `answer` is NULL, does neither. */
static void serve_nonsense(int listener, const char *answer)
{
        for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
                if (!answer)
                        continue;
                if (write(fd, answer, strlen(answer)) < 0)
                        _exit(1);
                close(fd);
        }
        _exit(0);
}

static long resident_kib(void)
{
        return strtol(shell("sed -n 's/VmRSS: *//p' /proc/%d/status", (int)getpid()), NULL, 10);
}

static void test_what_is_no_nats_server(void **state)
{
        (void)state;
        static const char *const answers[] = {
                NULL,
                "",
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "INFO {\r\n",
                "INFO {\"max_payload\":-1}\r\nPONG\r\n",
                "INFO {\"server_id\":\"x\",\"max_payload\":1048576,\"headers\":true}\r\n",
                "INFO {\"server_id\":\"x\",\"max_payload\":1048576}\r\nPONG\r\n-ERR 'x'\r\n"};
        long before = resident_kib();
        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
                struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
                socklen_t size = sizeof(address);
                int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
                assert_int_equal(listen(listener, 16), 0);
                getsockname(listener, (struct sockaddr *)&address, &size);
                pid_t pid = process_fork();
                if (pid == 0)
                        serve_nonsense(listener, answers[i]);
                struct host *a = host_make("a");
                snprintf(a->config.servers[a->config.servers_count++], sizeof(config_value), "nats://127.0.0.1:%d",
                         ntohs(address.sin_port));
                host_run(a);
                until_problem(a, a->config.servers[0]);
                kill(pid, SIGKILL);
                process_wait(pid);
                close(listener);
                until_problem(a, "no NATS server at");
                end_test(NULL);
        }
        assert_true(resident_kib() - before < 50 * 1024);
}

static void test_user_and_password(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "authorization { user: ann, password: \"secret-42\" }");
        struct host *a = host_start("a", &server, 1);
        until_problem(a, "it wants User= and Password=");
        host_halt(a);
        strcpy(a->config.user, "ann");
        strcpy(a->config.password, "secret-41");
        host_run(a);
        until_problem(a, "it does not know User= and Password= of link.conf");
        host_halt(a);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://ann:secret-41@%s:%d", server->address, NATS_PORT);
        a->config.user[0] = a->config.password[0] = '\0';
        host_run(a);
        until_problem(a, "user and password in Servers=");
        host_halt(a);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://ann:secret-42@%s:%d", server->address, NATS_PORT);
        host_run(a);
        UNTIL(reads(a));
        assert_string_equal(a->status.server, server->url);
        host_halt(a);
        strcpy(a->config.servers[0], server->url);
        strcpy(a->config.user, "ann");
        strcpy(a->config.password, "secret-42");
        host_run(a);
        UNTIL(reads(a) && !*a->status.problem);
}

static void test_permissions(void **state)
{
        (void)state;
        struct nats *server = nats_start(
                true, "authorization { users: [\n"
                      "{ user: mute, password: x, permissions: { publish: { deny: \"chat.net.said.>\" } } },\n"
                      "{ user: deaf, password: x, permissions: { subscribe: { deny: \"chat.net.alive.*\" } } },\n"
                      "{ user: nojs, password: x, permissions: { publish: { deny: \"$JS.>\" } } },\n"
                      /* as in chat-link(8) */
                      "{ user: fit, password: x, permissions: {\n"
                      "    publish: [\"chat.net.*.a\", \"chat.net.*.a.*\", \"$JS.API.INFO\", \"$JS.FC.>\",\n"
                      "      \"$JS.API.STREAM.INFO.chat-net\", \"$JS.API.STREAM.CREATE.chat-net\",\n"
                      "      \"$JS.API.STREAM.MSG.GET.chat-net\", \"$JS.API.CONSUMER.CREATE.chat-net\"]\n"
                      "    subscribe: [\"chat.net.*.*\", \"chat.net.*.*.a\", \"_INBOX.a.>\"] } },\n"
                      "{ user: other, password: x } ] }");
        struct host *fit = host_make("a"), *other = host_make("b");
        host_add_server(fit, server->url);
        host_add_server(other, server->url);
        strcpy(fit->config.password, "x");
        strcpy(fit->config.user, "fit");
        strcpy(other->config.password, "x");
        strcpy(other->config.user, "other");
        host_run(fit); /* makes the stream */
        UNTIL(reads(fit) && fit->status.stored);
        host_run(other);
        UNTIL(reads(other) && other->status.stored);
        say(fit, 100);
        say(other, 100);
        UNTIL(has_all(other, fit) && has_all(fit, other) && heard_of(other, "a")->alive > 0);
        for (size_t i = 0; i < 2; i++) {
                network_ask(hosts[i]->network, hosts[1 - i]->config.host, hosts[1 - i]->spool->instance, 99);
                struct network_message *answer;
                UNTIL((answer = network_answer(hosts[i]->network)));
                free(answer);
        }
        assert_string_equal(fit->status.problem, "");
        host_halt(fit);
        host_halt(other);
        struct host *a = fit;
        strcpy(a->config.user, "mute");
        host_run(a);
        UNTIL(reads(a));
        assert_string_equal(a->status.problem, "");
        say(a, 1);
        until_problem(a, "ublish to \"chat.net.said.a\"");
        UNTIL(a->status.stuck);
        host_halt(a);
        strcpy(a->config.user, "deaf");
        host_run(a);
        until_problem(a, "ubscription to \"chat.net.alive.*\"");
        UNTIL(spool_waiting(a->spool) == 0);
        host_halt(a);
        strcpy(a->config.user, "nojs");
        host_run(a);
        until_problem(a, "ublish to \"$JS.API.INFO\"");
        UNTIL(a->status.stuck);
        assert_true(a->status.connected && !a->status.stored);
}

/* The permissions that chat-link(8) says a host needs, and no more. */
static void test_least_permissions(void **state)
{
        (void)state;
        struct nats *server =
                nats_start(true, "authorization { users: [ { user: u, password: x, permissions: {\n"
                                 "publish: [\"chat.net.*.*\", \"chat.net.*.*.*\", \"$JS.FC.>\", \"$JS.API.INFO\",\n"
                                 "\"$JS.API.STREAM.INFO.chat-net\", \"$JS.API.STREAM.CREATE.chat-net\",\n"
                                 "\"$JS.API.STREAM.MSG.GET.chat-net\", \"$JS.API.CONSUMER.CREATE.chat-net\"]\n"
                                 "subscribe: [\"chat.net.*.*\", \"chat.net.*.*.*\", \"_INBOX.*.>\"] } } ] }");
        struct host *a = host_make("a"), *b = host_make("b");
        for (int i = 0; i < 2; i++) {
                host_add_server(hosts[i], server->url);
                strcpy(hosts[i]->config.user, "u");
                strcpy(hosts[i]->config.password, "x");
                host_run(hosts[i]);
        }
        UNTIL(reads(a) && reads(b));
        for (int i = 0; i < 2; i++) {
                a->spool->padding = 3000; /* so that flow control is needed, too */
                say(a, 1000);
                UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0);
                assert_string_equal(a->status.problem, "");
                assert_string_equal(b->status.problem, "");
                nats_signal(server, SIGKILL); /* then what was stored must be requested */
                nats_run(server);
                say(a, 10);
                UNTIL(has_all(b, a));
                UNTIL(reads(a) && reads(b) && !*a->status.problem && !*b->status.problem);
        }
}

static void test_messages_that_are_too_small(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "max_payload: 10000, max_pending: 100000");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        until_problem(a, "max_payload");
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        UNTIL(has_all(b, a));
        a->spool->padding = 3000;
        say(a, 7);
        UNTIL(a->status.stuck);
        until_problem(a, "max_payload");
        say(b, 100);
        UNTIL(has_all(a, b));
}

static void test_how_many_replicas(void **state)
{
        (void)state;
        jsCtx *js;
        jsStreamInfo *info = NULL;
        struct nats *servers[2];
        nats_prepare_cluster(servers, 2);
        nats_run(servers[0]);
        nats_run(servers[1]);
        struct host *a = host_start("a", servers, 2);
        until_problem(a, "StreamReplicas=1 in link.conf goes on with less");
        assert_true(a->status.stuck && !a->status.stored);
        struct host *b = host_make("b");
        host_add_server(b, servers[0]->url);
        b->config.replicas = 1;
        host_run(b);
        UNTIL(reads(b) && b->status.stored);
        UNTIL(reads(a) && a->status.stored && !*a->status.problem); /* it uses the existing stream */
        host_halt(b);
        b->config.replicas = 2; /* this can be changed */
        host_run(b);
        UNTIL(b->begins == 2 && reads(b));
        natsConnection *nc = connect_to(servers[0], &js);
        assert_int_equal(js_GetStreamInfo(&info, js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(info->Config->Replicas, 2);
        jsStreamInfo_Destroy(info);
        host_halt(b);
        b->config.replicas = 3; /* this cannot be changed */
        host_run(b);
        until_problem(b, "cannot set StreamReplicas= and StreamRetention=");
        UNTIL(b->begins == 3 && reads(b) && b->status.stored);
        say(b, 10);
        UNTIL(has_all(a, b));
        disconnect(nc, js);
}

static int64_t retention(jsCtx *js, jsStreamInfo **info)
{
        assert_int_equal(js_GetStreamInfo(info, js, "chat-net", NULL, NULL), NATS_OK);
        int64_t ns = (*info)->Config->MaxAge;
        return ns / 1000000000;
}

static void test_the_stream(void **state)
{
        (void)state;
        jsCtx *js;
        jsStreamInfo *info = NULL;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1);
        UNTIL(reads(a) && a->status.stored);
        natsConnection *nc = connect_to(server, &js);
        assert_int_equal(retention(js, &info), RETENTION_DEFAULT_S);
        assert_int_equal(info->Config->SubjectsLen, 1);
        assert_string_equal(info->Config->Subjects[0], "chat.net.said.*");
        assert_int_equal(info->Config->Replicas, 1);
        assert_int_equal(info->Config->Storage, js_FileStorage);
        assert_int_equal(info->Config->Retention, js_LimitsPolicy);
        assert_int_equal(info->Config->Discard, js_DiscardOld);
        assert_int_equal(info->Config->Duplicates, INT64_C(120) * 1000000000);
        assert_false(info->Config->AllowDirect);
        char description[64];
        snprintf(description, sizeof(description), "chat-link %016llx", (unsigned long long)a->place.stream);
        assert_string_equal(info->Config->Description, description);
        jsStreamInfo_Destroy(info);
        host_halt(a);
        a->config.retention_s = 60;
        host_run(a);
        UNTIL(a->begins == 2 && reads(a));
        assert_int_equal(retention(js, &info), 60);
        assert_string_equal(info->Config->Description, description);
        assert_int_equal(info->Config->Duplicates, INT64_C(60) * 1000000000);
        jsStreamInfo_Destroy(info);
        host_halt(a);
        a->config.retention_s = RETENTION_DEFAULT_S; /* the default was not asked for */
        host_run(a);
        UNTIL(a->begins == 3 && reads(a));
        assert_int_equal(retention(js, &info), 60);
        jsStreamInfo_Destroy(info);

        /* another program's stream of this name */
        host_halt(a);
        jsStreamConfig config;
        jsStreamConfig_Init(&config);
        config.Name = "chat-net";
        config.Subjects = (const char *[]){"other.*"};
        config.SubjectsLen = 1;
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        host_run(a);
        until_problem(a, "somebody else's");
        UNTIL(a->status.stuck);

        /* another stream takes our subjects, and ours is missing */
        config.Name = "everything";
        config.Subjects = (const char *[]){"chat.>"};
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        until_problem(a, "cannot make the stream chat-net: the stream everything takes its subjects, chat.net.said.*");
        assert_int_equal(js_DeleteStream(js, "everything", NULL, NULL), NATS_OK);
        UNTIL(!*a->status.problem && a->status.stored && !a->status.stuck);

        /* our stream does not take the largest messages */
        config.Name = "chat-net";
        config.Subjects = (const char *[]){"chat.net.said.*"};
        config.MaxMsgSize = MESSAGE_MAX_BYTES - 1;
        host_halt(a);
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        host_run(a);
        until_problem(a, "the stream chat-net takes messages of");
        until_problem(a, "max_msg_size");
        UNTIL(a->status.stored && !a->status.stuck);
        config.MaxMsgSize = MESSAGE_MAX_BYTES;
        assert_int_equal(js_UpdateStream(NULL, js, &config, NULL, NULL), NATS_OK);
        host_halt(a);
        host_run(a);
        UNTIL(a->status.stored && !a->status.stuck && !*a->status.problem);
        disconnect(nc, js);
}

static void test_jetstream_comes_later(void **state)
{
        (void)state;
        char settings[128];
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        until_subscribed(a, b);
        say(a, 100);
        UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0); /* otherwise it is sent again, and comes twice */
        assert_false(b->status.stored);
        nats_signal(server, SIGTERM);
        snprintf(settings, sizeof(settings), "%s/nats.conf", server->dir);
        shell("echo 'jetstream { store_dir: \"%s/store\" }' >>%s", server->dir, settings);
        nats_run(server);
        UNTIL(a->status.stored && b->status.stored && b->begins == 2 && a->begins == 2);
        assert_true(b->place.stream != 0);
        say(a, 100);
        UNTIL(has_all(b, a));
}

/* ---- TLS ---- */

/* Makes an authority NAME.pem, and for `host` a certificate and key of it, NAME-host.pem and NAME-key.pem. */
static void make_certificates(const char *dir, const char *name, const char *host)
{
        shell("cd %s && exec 2>/dev/null && P='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes' &&"
              " openssl req -x509 $P -subj /CN=%s -days 2 -keyout ca.key -out %s.pem &&"
              " openssl req $P -subj /CN=x -keyout %s-key.pem -out x.csr &&"
              " printf 'subjectAltName=%s\n' >x.ext &&"
              " openssl x509 -req -in x.csr -CA %s.pem -CAkey ca.key -CAcreateserial -days 2 -extfile x.ext"
              " -out %s-host.pem",
              dir, name, name, name, host, name, name);
}

static void set_file(config_value value, const char *dir, const char *file)
{
        snprintf(value, sizeof(config_value), "%s/%s", dir, file);
}

/* Starts a server with TLS on localhost, with the certificate of authority `name`. */
static struct nats *start_tls(const char *dir, const char *name, int port, const char *more)
{
        char settings[512];
        snprintf(settings, sizeof(settings),
                 "listen: \"127.0.0.1:%d\", tls { cert_file: \"%s/%s-host.pem\", key_file: \"%s/%s-key.pem\", %s }",
                 port, dir, name, dir, name, more);
        struct nats *server = nats_prepare(false, settings);
        nats_run_elsewhere(server, "127.0.0.1", port);
        return server;
}

/* Runs the host until it reports this problem, or with NULL until there is none. */
static void run_until(struct host *h, const char *problem)
{
        host_run(h);
        if (problem)
                until_problem(h, problem);
        else
                UNTIL(reads(h) && !*h->status.problem);
        host_halt(h);
        memset(&h->status, 0, sizeof(h->status));
        h->begins = 0;
}

static void test_tls(void **state)
{
        (void)state;
        char more[256];
        const char *dir = make_files();
        int port = port_free(), strict = port_free(), elsewhere = port_free(), without = port_free();
        struct host *a = host_make("a");
        a->config.servers_count = 1;
        make_certificates(dir, "right", "DNS:localhost");
        make_certificates(dir, "wrong", "DNS:localhost");
        make_certificates(dir, "other", "DNS:elsewhere,IP:127.0.0.1");

        start_tls(dir, "right", port, "timeout: 5");
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", port);
        run_until(a, "set CAFile= to who signed its certificate");
        snprintf(a->config.servers[0], sizeof(config_value), "tls://localhost:%d", port);
        run_until(a, "set CAFile= to who signed its certificate");
        set_file(a->config.ca_file, dir, "wrong.pem");
        run_until(a, "see CAFile=");
        set_file(a->config.ca_file, dir, "none.pem");
        run_until(a, "cannot use CAFile=");
        set_file(a->config.ca_file, dir, "right.pem");
        run_until(a, NULL);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", port);
        run_until(a, NULL);

        snprintf(more, sizeof(more), "ca_file: \"%s/wrong.pem\", verify: true", dir);
        start_tls(dir, "right", strict, more);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", strict);
        run_until(a, "CertificateFile=");
        set_file(a->config.certificate_file, dir, "right-host.pem");
        run_until(a, "cannot use CertificateFile=");
        set_file(a->config.key_file, dir, "right-key.pem");
        run_until(a, "no connection to");
        set_file(a->config.certificate_file, dir, "wrong-host.pem");
        set_file(a->config.key_file, dir, "wrong-key.pem");
        run_until(a, NULL);

        start_tls(dir, "other", elsewhere, "timeout: 5");
        set_file(a->config.ca_file, dir, "other.pem");
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", elsewhere);
        run_until(a, "the host name in Servers=");
        snprintf(a->config.servers[0], sizeof(config_value), "nats://127.0.0.1:%d", elsewhere);
        run_until(a, NULL);

        snprintf(more, sizeof(more), "listen: \"127.0.0.1:%d\"", without);
        nats_run_elsewhere(nats_prepare(false, more), "127.0.0.1", without);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://127.0.0.1:%d", without);
        run_until(a, "has no TLS");
}

static void test_a_credentials_file(void **state)
{
        (void)state;
        const char *dir = make_files();
        credentials_make(dir);
        struct nats *server = nats_prepare(false, "");
        shell("cat %s/operator.conf >>%s/nats.conf", dir, server->dir);
        nats_run(server);
        struct host *a = host_make("a");
        host_add_server(a, server->url);
        run_until(a, "it wants User= and Password=, or CredentialsFile=");
        set_file(a->config.credentials_file, dir, "stranger.creds");
        run_until(a, "it does not know CredentialsFile=");
        set_file(a->config.credentials_file, dir, "none.creds");
        run_until(a, "cannot use CredentialsFile=");
        set_file(a->config.credentials_file, dir, "user.creds");
        run_until(a, NULL);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_test)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_without_jetstream),
                TEST(test_jetstream),
                TEST(test_a_cluster_loses_servers),
                TEST(test_a_server_is_killed),
                TEST(test_a_server_that_hangs),
                TEST(test_alive_while_jetstream_is_not),
                TEST(test_another_stream),
                TEST(test_the_leader_steps_down),
                TEST(test_a_consumer_is_lost),
                TEST(test_hostile_messages),
                TEST(test_what_was_lost_is_said_again),
                TEST(test_hostile_questions_and_answers),
                TEST(test_messages_with_headers),
                TEST(test_nobody_is_silenced),
                TEST(test_a_host_that_does_not_fetch),
                TEST(test_reading_again),
                TEST(test_only_what_follows_is_taken),
                TEST(test_a_full_queue_blocks),
                TEST(test_two_hosts_of_one_name),
                TEST(test_a_cloned_machine),
                TEST(test_what_was_stored_is_not_sent_again),
                TEST(test_nobody_listens),
                TEST(test_what_is_no_nats_server),
                TEST(test_user_and_password),
                TEST(test_permissions),
                TEST(test_least_permissions),
                TEST(test_messages_that_are_too_small),
                TEST(test_how_many_replicas),
                TEST(test_the_stream),
                TEST(test_jetstream_comes_later),
                TEST(test_tls),
                TEST(test_a_credentials_file),
        };
        if (!nats_available()) {
                fprintf(stderr, "No nats-server to test with: skipped.\n");
                return 0;
        }
        int failed = RUN_TESTS(tests, NULL, NULL);
        if (failed == 0)
                nats_CloseAndWait(0); /* frees all memory, so that leak checkers find nothing */
        return failed;
}
