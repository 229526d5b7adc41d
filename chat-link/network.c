#include "network.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>

#include "connection.h"
#include "inbound.h"
#include "reader.h"
#include "report.h"
#include "resend.h"
#include "stream.h"
#include "twin.h"

#define MEMBERS_UNKNOWN UINT64_MAX

enum {
        NETWORK_STOP_MS = 3000,
        NETWORK_FLUSH_MS = 1000,
        NETWORK_ASK_AGAIN_MS = 10000, /* without JetStream: the interval at which the server is asked for it */
};

struct network {
        struct config config; /* a copy: see network_end() */
        struct spool *spool;
        struct report report;
        struct inbound inbound;
        struct connection connection;
        struct stream stream;
        struct resend resend;
        struct reader reader;
        struct twin twin;
        pthread_t thread;
        int work; /* an eventfd: the thread has work */
        /* A thread that sets one of the two flags releases its earlier work, which a thread that reads the flag
         * acquires. The default order is stronger than needed, and costs nothing for flags that are set once. */
        int64_t stop_deadline; /* ms of CLOCK_MONOTONIC; set before `is_stopping` */
        atomic_bool is_stopping;
        atomic_bool is_stopped; /* no thread but the one that has set this uses the network */
        atomic_uint_least64_t members;

        /* Only the thread uses these; ms of CLOCK_MONOTONIC. */
        int64_t alive_at;        /* when the next ALIVE is due */
        int64_t retry_at;        /* when to try again after a failure */
        int64_t ask_again_at;    /* when to ask for JetStream again */
        bool in_doubt;           /* the next chunk may be stored already */
        uint64_t stream_request; /* the request for which the stream's end was determined; 0: none */
        char alive_subject[STREAM_NAME_BYTES + HOST_MAX_BYTES];
        uint8_t message[MESSAGE_MAX_BYTES];
};

/* ---- the thread's work with a connection ---- */

static void network_begin(struct network *n)
{
        n->alive_at = n->retry_at = 0;
        n->in_doubt = true;
        twin_connect(&n->twin, clock_ms());
        if (!stream_open(&n->stream, n->connection.nc) || !reader_listen(&n->reader))
                atomic_store(&n->connection.is_lost, true);
}

static void network_close_all(struct network *n)
{
        inbound_close(&n->inbound);
        stream_close(&n->stream);
        connection_close(&n->connection);
        reader_close(&n->reader);
}

static void network_say_how_far(const struct network *n, struct message *alive)
{
        struct spool_progress progress[1 + MESSAGE_BRANCHES_MAX];
        size_t count = spool_progress(n->spool, progress, sizeof(progress) / sizeof(progress[0]));
        alive->instance = progress[0].instance;
        alive->position = progress[0].records;
        for (size_t i = 1; i < count; i++)
                alive->branches[alive->branches_count++] =
                        (struct message_branch){.instance = progress[i].instance, .position = progress[i].records};
}

static void network_say_alive(struct network *n, int64_t now)
{
        uint8_t payload[FRAME_MAX_BYTES];
        struct message m = {.type = MESSAGE_ALIVE, .members = atomic_load(&n->members)};
        if (now < n->alive_at)
                return;
        n->alive_at = now + ALIVE_INTERVAL_MS;
        if (m.members == MEMBERS_UNKNOWN)
                return;
        network_say_how_far(n, &m);
        twin_say(&n->twin, &m, now);
        size_t size = message_encode(payload, sizeof(payload), &m);
        natsConnection_Publish(n->connection.nc, n->alive_subject, payload, (int)size);
}

/* Returns the size of the message with the chunk, or 0 if there is none. */
static size_t network_make_message(struct network *n, struct spool_chunk *chunk)
{
        uint8_t *records = n->message + MESSAGE_HEADER_BYTES;
        if (!spool_next(n->spool, chunk, records, DATAGRAM_MAX_BYTES))
                return 0;
        struct message m = {.type = MESSAGE_SAID, .instance = chunk->instance, .position = chunk->first};
        message_encode(n->message, MESSAGE_HEADER_BYTES, &m);
        return MESSAGE_HEADER_BYTES + chunk->size;
}

static bool network_publish_unstored(struct network *n, size_t size)
{
        natsConnection *nc = n->connection.nc;
        natsStatus s = natsConnection_Publish(nc, n->stream.said_subject, n->message, (int)size);
        if (s == NATS_OK)
                s = natsConnection_FlushTimeout(nc, NETWORK_FLUSH_MS);
        if (s != NATS_OK)
                report_problem(&n->report, PROBLEM_PUBLISHING, "cannot publish: %s", natsStatus_GetText(s));
        return s == NATS_OK;
}

/* Returns 1 if the chunk is stored, 0 if the next call must publish it, or -1 if this call failed. */
static int network_publish_stored(struct network *n, const struct spool_chunk *chunk, size_t size)
{
        if (n->in_doubt) {
                int result = stream_has(&n->stream, chunk);
                n->in_doubt = result < 0;
                return result;
        }
        n->in_doubt = !stream_publish(&n->stream, n->message, size);
        return n->in_doubt ? -1 : 1;
}

/* Makes at most one request for the chunk. Returns false if it failed. */
static bool network_publish_chunk(struct network *n, const struct spool_chunk *chunk, size_t size)
{
        int result;
        if (n->stream.state == STREAM_NONE)
                result = network_publish_unstored(n, size) ? 1 : -1;
        else
                result = network_publish_stored(n, chunk, size);
        if (atomic_load(&n->is_stopping))
                return false; /* the spool may be gone */
        if (result > 0) {
                spool_release(n->spool);
                report_no_problem(&n->report, PROBLEM_PUBLISHING);
                report_stuck(&n->report, false);
        }
        return result >= 0;
}

/* Returns true if it is certain that there is a stream, or that there is no JetStream. Nothing is sent or read before
 * that. */
static bool network_is_settled(struct network *n, int64_t now)
{
        if (n->stream.state == STREAM_NONE && now >= n->ask_again_at) {
                n->ask_again_at = now + NETWORK_ASK_AGAIN_MS;
                n->stream.state = STREAM_ASK_ACCOUNT;
        }
        return n->stream.state == STREAM_READY || n->stream.state == STREAM_NONE;
}

enum progress { FAILED = -1, NOTHING_TO_DO, DONE };

/* Makes at most one request, the most urgent one. */
static enum progress network_advance(struct network *n, int64_t now)
{
        struct spool_chunk chunk;
        if (!network_is_settled(n, now))
                return stream_step(&n->stream) ? DONE : FAILED;
        connection_is_good(&n->connection);
        report_stored(&n->report, n->stream.state == STREAM_READY);
        uint64_t request = inbound_needs_subscription(&n->inbound, now);
        if (request != 0) {
                if (request != n->stream_request) {
                        n->stream_request = request;
                        stream_refresh(&n->stream);
                        return DONE;
                }
                n->stream_request = 0;
                if (inbound_is_behind(&n->inbound, n->stream.identity, n->stream.last, now)) {
                        report_problem(&n->report, PROBLEM_READING,
                                       "the stream %s ends before what was read of it: "
                                       "waiting for a server that has all of it",
                                       n->stream.name);
                        return FAILED;
                }
                return reader_subscribe(&n->reader, &n->stream) ? DONE : FAILED;
        }
        size_t size = network_make_message(n, &chunk);
        if (size > 0)
                return network_publish_chunk(n, &chunk, size) ? DONE : FAILED;
        report_stuck(&n->report, false);
        return NOTHING_TO_DO;
}

/* Does all work that is due. Returns the latest time for the next call. */
static int64_t network_work(struct network *n, int64_t now)
{
        if (connection_is_over(&n->connection, now))
                network_close_all(n);
        if (!n->connection.nc) {
                if (connection_check(&n->connection, now))
                        network_begin(n);
                return n->connection.nc ? now : connection_wake_ms(&n->connection);
        }
        network_say_alive(n, now);
        int64_t next = clock_earlier(n->alive_at, resend_work(&n->resend, n->connection.nc, now));
        if (now < n->retry_at)
                return clock_earlier(n->retry_at, next);
        switch (network_advance(n, now)) {
        case DONE:
                return now;
        case NOTHING_TO_DO:
                return next;
        default:
                report_stuck(&n->report, true);
                stream_doubt(&n->stream);
                n->retry_at = clock_ms() + STREAM_RETRY_MS;
                return clock_earlier(n->retry_at, next);
        }
}

static void *network_run(void *user)
{
        struct network *n = user;
        struct pollfd event = {.fd = n->work, .events = POLLIN};
        eventfd_t value;
        while (!atomic_load(&n->is_stopping)) {
                int64_t next = network_work(n, clock_ms()), now = clock_ms(), ms = next > now ? next - now : 0;
                if (poll(&event, 1, ms < 60000 ? (int)ms : 60000) > 0)
                        eventfd_read(n->work, &value);
        }
        network_close_all(n);
        nats_ReleaseThreadMemory();
        atomic_store(&n->is_stopped, connection_is_quiet(&n->connection, n->stop_deadline));
        report_wake(&n->report);
        return NULL;
}

/* ---- functions for other threads ---- */

static void network_free(struct network *n)
{
        inbound_destroy(&n->inbound);
        resend_destroy(&n->resend);
        connection_destroy(&n->connection);
        report_destroy(&n->report);
        close(n->work);
        free(n);
}

/* Starts the thread with all signals blocked: they are for the calling thread. */
static int network_start_thread(struct network *n)
{
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int error = pthread_create(&n->thread, NULL, network_run, n);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return error;
}

struct network *network_start(const struct config *c, struct spool *s, int wake)
{
        struct network *n = calloc(1, sizeof(*n));
        if (!n)
                return NULL;
        n->config = *c;
        n->spool = s;
        n->members = MEMBERS_UNKNOWN;
        n->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (n->work < 0) {
                free(n);
                return NULL;
        }
        report_init(&n->report, wake);
        inbound_init(&n->inbound, &n->report, n->config.host, n->work);
        connection_init(&n->connection, &n->config, &n->report, n->work);
        stream_init(&n->stream, &n->config, &n->report);
        resend_init(&n->resend, &n->config, s, &n->report, n->work);
        twin_init(&n->twin);
        reader_init(&n->reader, &n->connection, &n->inbound, &n->resend, &n->twin);
        snprintf(n->alive_subject, sizeof(n->alive_subject), "chat.%s.alive.%s", c->network, c->host);
        int error = network_start_thread(n);
        if (error != 0) {
                network_free(n);
                errno = error;
                return NULL;
        }
        return n;
}

int64_t network_stop(struct network *n)
{
        n->stop_deadline = clock_ms() + NETWORK_STOP_MS;
        atomic_store(&n->is_stopping, true);
        inbound_close(&n->inbound);
        eventfd_write(n->work, 1);
        return n->stop_deadline;
}

bool network_has_stopped(const struct network *n)
{
        return atomic_load(&n->is_stopped);
}

/* The name service can block the thread for longer than the caller wants to wait. Then the thread and all memory that
 * it may use stay, except for the memory of the caller. */
void network_end(struct network *n)
{
        struct timespec until = clock_timespec(n->stop_deadline);
        int error = pthread_clockjoin_np(n->thread, NULL, CLOCK_MONOTONIC, &until);
        report_end(&n->report);
        if (error != 0)
                pthread_detach(n->thread);
        else if (n->is_stopped)
                network_free(n);
}

void network_read(struct network *n, struct network_place from)
{
        if (from.stream != 0)
                n->stream.exists = true;
        inbound_ask(&n->inbound, from);
        eventfd_write(n->work, 1);
}

void network_publish(struct network *n)
{
        eventfd_write(n->work, 1);
}

void network_count(struct network *n, uint64_t members)
{
        atomic_store(&n->members, members);
}

struct network_message *network_next(struct network *n)
{
        return inbound_next(&n->inbound);
}

void network_ask(struct network *n, const char *host, uint64_t instance, uint64_t position)
{
        resend_ask(&n->resend, host, instance, position);
}

struct network_message *network_answer(struct network *n)
{
        return resend_answer(&n->resend);
}

void network_read_anew(struct network *n)
{
        inbound_read_anew(&n->inbound);
}

void network_get_status(struct network *n, struct network_status *status)
{
        report_get(&n->report, status);
}
