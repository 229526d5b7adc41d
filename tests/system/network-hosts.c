#include "network-hosts.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../chat-link/gap.h"

/* ---- a spool in memory ---- */

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

/* Fills a chunk with as many of the `count` records from `first` on as fit. */
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

size_t spool_progress(const struct spool *s, struct spool_progress *said, size_t max)
{
        struct spool *m = (struct spool *)(uintptr_t)s;
        assert_true(max > 1);
        pthread_mutex_lock(&m->lock);
        said[0] = (struct spool_progress){.instance = s->instance, .records = s->released};
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

struct host *hosts[HOSTS_MAX];

struct host *host_make(const char *label)
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

void host_add_server(struct host *h, const char *url)
{
        snprintf(h->config.servers[h->config.servers_count++], sizeof(config_value), "%s", url);
}

void host_run(struct host *h)
{
        h->network = network_start(&h->config, h->spool, h->wake);
        assert_non_null(h->network);
        network_count(h->network, 3);
        network_read(h->network, h->place);
}

void host_halt(struct host *h)
{
        struct pollfd wake = {.fd = h->wake, .events = POLLIN};
        eventfd_t ignored;
        if (!h->network)
                return;
        int64_t start = clock_ms();
        int64_t deadline = network_stop(h->network);
        assert_true(clock_ms() - start < 1000); /* the call does not wait */
        while (!network_has_stopped(h->network) && clock_ms() < deadline && poll(&wake, 1, 10000) > 0)
                eventfd_read(h->wake, &ignored);
        network_end(h->network);
        h->network = NULL;
        assert_true(clock_ms() - start < 4000); /* the host reports its end */
}

struct host *host_start(const char *label, struct nats *const *servers, int count)
{
        struct host *h = host_make(label);
        for (int i = 0; i < count; i++)
                host_add_server(h, servers[i]->url);
        host_run(h);
        return h;
}

static char files[32]; /* the directory of the test's own files; empty: none */

const char *make_files(void)
{
        strcpy(files, "/tmp/chat-files.XXXXXX");
        assert_non_null(mkdtemp(files));
        return files;
}

int end_test(void **state)
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

struct heard *heard_of(struct host *h, const char *label)
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

/* Gets lost records from the host that said them, as chat-link/link.c does. A server in a cluster of nats-server 2.9.10
 * may have lost records that the others have. */
static void have_again(struct host *h, struct heard *from, uint64_t instance, uint64_t end)
{
        static struct gap gap; /* static, because it may own memory when the test fails */
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
                /* Without a majority, a server does not report which messages it will store later, so they are sent
                 * once more. chat-link/hosts.c skips the second copy. */
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
        if (m->branches_count == 0)
                return;
        from->before_instance = m->branches[0].instance;
        from->before_position = m->branches[0].position;
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

void fetch(void)
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

void wait_for_event(int64_t deadline, const char *what)
{
        struct pollfd fds[HOSTS_MAX];
        nfds_t n = 0;
        for (; n < HOSTS_MAX && hosts[n]; n++)
                fds[n] = (struct pollfd){.fd = hosts[n]->wake, .events = POLLIN};
        if (clock_ms() > deadline) {
                for (size_t i = 0; i < n; i++)
                        print_error("%s: %s%s%s %s\n", hosts[i]->config.host,
                                    hosts[i]->status.is_connected ? "connected " : "",
                                    hosts[i]->status.is_stored ? "stored " : "",
                                    hosts[i]->status.is_stuck ? "stuck" : "", hosts[i]->status.problem);
                fail_msg("waited %d ms for: %s", DEADLINE_MS, what);
        }
        poll(fds, n, 20); /* the spool and the servers give no events */
}

void say(struct host *h, uint64_t records)
{
        pthread_mutex_lock(&h->spool->lock);
        h->spool->appended += records;
        pthread_mutex_unlock(&h->spool->lock);
        if (h->network)
                network_publish(h->network);
}

bool has_all(struct host *h, struct host *from)
{
        return heard_of(h, from->config.host)->next == from->spool->appended;
}

bool all_have_all(struct host *a, struct host *b, struct host *c, int64_t *say_more_ms)
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

bool reads(const struct host *h)
{
        return h->begins > 0 && h->status.is_connected && !h->status.is_stuck;
}

/* ---- what tests do ---- */

void until_subscribed(struct host *a, struct host *b)
{
        uint64_t of_a = heard_of(b, a->config.host)->alive, of_b = heard_of(a, b->config.host)->alive;
        UNTIL(heard_of(b, a->config.host)->alive > of_a + 2 && heard_of(a, b->config.host)->alive > of_b + 2);
}

natsConnection *connect_to(const struct nats *server, jsCtx **js)
{
        natsConnection *nc = NULL;
        assert_int_equal(natsConnection_ConnectTo(&nc, server->url), NATS_OK);
        if (js)
                assert_int_equal(natsConnection_JetStream(js, nc, NULL), NATS_OK);
        return nc;
}

void disconnect(natsConnection *nc, jsCtx *js)
{
        jsCtx_Destroy(js);
        natsConnection_Destroy(nc);
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
        assert_true(again->instance == instance && again->question_position == position);
        return answer;
}

uint64_t ask_in_vain_or_not(struct host *h, struct host *whom, uint64_t instance, uint64_t position, uint64_t from)
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

char *any_consumer(jsCtx *js, char *subject, size_t size)
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

int network_tests_end(int failed)
{
        if (failed == 0)
                nats_CloseAndWait(0);
        return failed;
}

int network_tests_skip(void)
{
        fprintf(stderr, "No nats-server to test with: skipped.\n");
        return 0;
}
