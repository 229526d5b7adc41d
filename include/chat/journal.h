/* Writes structured entries to the journal, or lines to standard error if that is not the journal.
 *
 * Writing to the journal blocks while journald is stopped. So a separate thread writes, from a queue of fixed size, and
 * the other threads only put events into the queue. An event that finds the queue full is counted, and the count is
 * logged when there is room again. Texts must be clean (safe-text.h), so that an entry is never more than one line.
 *
 * `lock` guards the queue and the fields about it, so there are no atomics. `change` tells the thread that there is an
 * event, or that it must end. The thread does not hold the lock while it writes. `program` and `to_journal` are set
 * before the thread starts, and do not change.
 */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "message-ids.h"

enum {
        JOURNAL_QUEUE_BYTES = 1024 * 1024, /* an event has about 300 bytes, more if it quotes a message */
        JOURNAL_EVENT_MAX_BYTES = 5120,    /* enough for the longest message and its fields */
        JOURNAL_EVENT_MAX_FIELDS = 16,
        JOURNAL_STOP_MAX_MS = 500,
        JOURNAL_RETRY_S = 1, /* how often the thread tries to log the number of lost events while there is no journal */
};

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* The fields of an event, in the form that journald takes: "NAME=value", one behind another, each ended by a 0, MESSAGE
 * first. */
struct journal_event {
        size_t size;
        unsigned fields;
        char data[JOURNAL_EVENT_MAX_BYTES]; /* the queue holds only the first `size` bytes */
};

struct journal {
        const char *program; /* the prefix of each line on standard error */
        bool to_journal;     /* false: to standard error */
        pthread_t thread;
        pthread_mutex_t lock; /* guards the fields below */
        pthread_cond_t change;
        size_t first, used_bytes; /* the used bytes of the queue: where they begin and how many there are */
        uint64_t drops;
        bool is_failing; /* the journal did not take the last event */
        bool is_stopping;
        char queue[JOURNAL_QUEUE_BYTES]; /* events, one behind another; the queue wraps around at its end */
};

/* Returns true if standard error is the journal, whose device and inode systemd states (systemd.exec(5)). */
static inline bool journal_is_stderr(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;
        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

/* Appends a field. A field that does not fit is left out. */
__attribute__((format(printf, 2, 3))) static inline void journal_field(struct journal_event *e, const char *format, ...)
{
        size_t room = sizeof(e->data) - e->size;
        va_list args;

        if (e->fields == JOURNAL_EVENT_MAX_FIELDS)
                return;
        va_start(args, format);
        int n = vsnprintf(e->data + e->size, room, format, args);
        va_end(args);
        if (n < 0 || (size_t)n >= room)
                return;
        e->size += (size_t)n + 1;
        e->fields++;
}

/* Appends the fields that every event has: a level of syslog(3), the id by which `journalctl MESSAGE_ID=` finds all
 * events of this kind, and the kind in a word. */
static inline void journal_describe(struct journal_event *e, int priority, enum event event)
{
        journal_field(e, "PRIORITY=%d", priority);
        journal_field(e, "MESSAGE_ID=%s", event_kind(event)->id);
        journal_field(e, "CHAT_EVENT=%s", event_kind(event)->word);
}

/* Returns false if the journal did not take the event. */
static inline bool journal_write_one(const struct journal *j, const struct journal_event *e)
{
        struct iovec iov[JOURNAL_EVENT_MAX_FIELDS];
        const char *at = e->data;

        if (!j->to_journal) {
                fprintf(stderr, "%s: %s\n", j->program, at + sizeof("MESSAGE=") - 1);
                return true;
        }
        if (access(JOURNAL_SOCKET, F_OK) < 0)
                return false; /* sd_journal_sendv() would report a success */
        for (unsigned i = 0; i < e->fields; i++) {
                size_t len = strlen(at);
                iov[i] = (struct iovec){(char *)at, len};
                at += len + 1;
        }
        return sd_journal_sendv(iov, (int)e->fields) >= 0;
}

static inline void journal_describe_dropped(struct journal_event *e, uint64_t dropped)
{
        journal_field(e, "MESSAGE=events that were not logged, because the journal did not take them: %" PRIu64,
                      dropped);
        journal_describe(e, LOG_WARNING, EVENT_DROPPED);
        journal_field(e, "CHAT_DROPPED=%" PRIu64, dropped);
}

static inline void journal_wait_for_change(struct journal *j)
{
        struct timespec until;
        if (j->drops == 0) {
                pthread_cond_wait(&j->change, &j->lock);
                return;
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += JOURNAL_RETRY_S;
        if (pthread_cond_timedwait(&j->change, &j->lock, &until) == ETIMEDOUT)
                j->is_failing = false; /* try again */
}

static inline void journal_queue_put(struct journal *j, const void *data, size_t size)
{
        size_t at = (j->first + j->used_bytes) % JOURNAL_QUEUE_BYTES;
        size_t before_end = size < JOURNAL_QUEUE_BYTES - at ? size : JOURNAL_QUEUE_BYTES - at;
        memcpy(j->queue + at, data, before_end);
        memcpy(j->queue, (const char *)data + before_end, size - before_end);
        j->used_bytes += size;
}

static inline void journal_queue_take(struct journal *j, void *data, size_t size)
{
        size_t before_end = size < JOURNAL_QUEUE_BYTES - j->first ? size : JOURNAL_QUEUE_BYTES - j->first;
        memcpy(data, j->queue + j->first, before_end);
        memcpy((char *)data + before_end, j->queue, size - before_end);
        j->first = (j->first + size) % JOURNAL_QUEUE_BYTES;
        j->used_bytes -= size;
}

/* Takes the next event, or makes an event with the number of lost events. Returns the number of events that `e` stands
 * for, or 0 if there is nothing to write now. */
static inline uint64_t journal_next_event(struct journal *j, struct journal_event *e)
{
        uint64_t dropped = j->drops;
        if (j->used_bytes > 0) {
                journal_queue_take(j, e, offsetof(struct journal_event, data));
                journal_queue_take(j, e->data, e->size);
                return 1;
        }
        if (dropped == 0 || j->is_failing)
                return 0;
        *e = (struct journal_event){0};
        journal_describe_dropped(e, dropped);
        j->drops = 0;
        return dropped;
}

static inline void *journal_write_all(void *arg)
{
        struct journal *j = arg;
        struct journal_event e;

        pthread_mutex_lock(&j->lock);
        for (;;) {
                uint64_t events = journal_next_event(j, &e);
                if (events == 0 && j->is_stopping)
                        break;
                if (events == 0) {
                        journal_wait_for_change(j);
                        continue;
                }
                pthread_mutex_unlock(&j->lock);
                bool taken = journal_write_one(j, &e);
                pthread_mutex_lock(&j->lock);
                j->is_failing = !taken;
                if (!taken)
                        j->drops += events;
        }
        pthread_mutex_unlock(&j->lock);
        return NULL;
}

/* Starts the thread. `program` is not copied. Returns NULL if there is no memory or no thread. */
static inline struct journal *journal_start(const char *program)
{
        struct journal *j = calloc(1, sizeof(*j));
        if (!j)
                return NULL;
        pthread_mutex_init(&j->lock, NULL);
        pthread_cond_init(&j->change, NULL);
        j->program = program;
        j->to_journal = journal_is_stderr();
        if (pthread_create(&j->thread, NULL, journal_write_all, j) != 0) {
                free(j);
                return NULL;
        }
        return j;
}

/* Waits up to JOURNAL_STOP_MAX_MS until the queued events are written, and ends the thread. */
static inline void journal_stop(struct journal *j)
{
        struct timespec until;
        pthread_mutex_lock(&j->lock);
        j->is_stopping = true;
        pthread_cond_signal(&j->change);
        pthread_mutex_unlock(&j->lock);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += JOURNAL_STOP_MAX_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_timedjoin_np(j->thread, NULL, &until) == 0)
                free(j); /* otherwise the journal is stuck, and the process ends while the thread still runs */
}

/* Queues `e` to be logged, or counts it as lost if the queue is full. */
static inline void journal_write(struct journal *j, const struct journal_event *e)
{
        size_t size = offsetof(struct journal_event, data) + e->size;
        pthread_mutex_lock(&j->lock);
        if (size <= JOURNAL_QUEUE_BYTES - j->used_bytes)
                journal_queue_put(j, e, size);
        else
                j->drops++;
        pthread_cond_signal(&j->change);
        pthread_mutex_unlock(&j->lock);
}
