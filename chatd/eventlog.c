#include "eventlog.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

/* One per kind of event, for ever: `journalctl MESSAGE_ID=…` finds them, the catalog explains them. */
#define ID_STARTED "e2f34a8cb7fc42d98226c7d701dd8484"
#define ID_STOPPED "4e2dc9713d894f468da68ca6f1e09621"
#define ID_JOIN "e4ba5524c796434bb1ce3995dddb35da"
#define ID_LEAVE "3e16bd3502be441989cf976e6599e015"
#define ID_IGNORED "da0d9fb4bed347cdb8d9eb5eb633f4c4"
#define ID_WARNING "3e598fcfcfad47dea0b9c667a8eb0455"
#define ID_LINK "fe5da1c6e1034ea6b7b25f15e27e6e85"
#define ID_LINK_GONE "fa4f3b7f6d814b7c8cf0f9c6ac8e1a36"
#define ID_DROPPED "33a666207f9d466bb9e289c13b831f9a"

enum {
        QUEUE_MAX_EVENTS = 1024,
        EVENT_MAX_BYTES = 1024,
        EVENT_MAX_FIELDS = 16,
        STOP_MAX_MS = 500,
        RETRY_S = 1, /* how often the number of lost events is tried while there is no journal */
};

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Fields as journald takes them, "NAME=value", the first is MESSAGE; one behind another, each ended by a 0. */
struct event {
        unsigned fields;
        size_t size;
        char data[EVENT_MAX_BYTES];
};

struct eventlog {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        size_t first, count;
        uint64_t dropped;
        bool failing; /* the last event was not taken */
        bool stopping;
        bool to_journal;
        struct event queue[QUEUE_MAX_EVENTS];
};

/* Whether standard error is the journal: systemd states its device and inode, systemd.exec(5). */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;
        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

__attribute__((format(printf, 2, 3))) static void field(struct event *e, const char *format, ...)
{
        size_t room = sizeof(e->data) - e->size;
        va_list args;

        if (e->fields == EVENT_MAX_FIELDS)
                return;
        va_start(args, format);
        int n = vsnprintf(e->data + e->size, room, format, args);
        va_end(args);
        if (n < 0 || (size_t)n >= room)
                return; /* cannot happen with names and addresses of their bounded size */
        e->size += (size_t)n + 1;
        e->fields++;
}

/* Returns false when the journal did not take it. */
static bool write_event(const struct eventlog *log, const struct event *e)
{
        struct iovec iov[EVENT_MAX_FIELDS];
        const char *at = e->data;

        if (!log->to_journal) {
                fprintf(stderr, "chatd: %s\n", at + sizeof("MESSAGE=") - 1);
                return true;
        }
        if (access(JOURNAL_SOCKET, F_OK) < 0)
                return false; /* sd_journal_sendv() would call that a success */
        for (unsigned i = 0; i < e->fields; i++) {
                size_t len = strlen(at);
                iov[i] = (struct iovec){(char *)at, len};
                at += len + 1;
        }
        return sd_journal_sendv(iov, (int)e->fields) >= 0;
}

static void describe_dropped(struct event *e, uint64_t dropped)
{
        field(e, "MESSAGE=events that were not logged, because the journal did not take them: %" PRIu64, dropped);
        field(e, "PRIORITY=%d", LOG_WARNING);
        field(e, "MESSAGE_ID=" ID_DROPPED);
        field(e, "CHAT_EVENT=dropped");
        field(e, "CHAT_DROPPED=%" PRIu64, dropped);
}

static void wait_for_change(struct eventlog *log)
{
        struct timespec until;
        if (log->dropped == 0) {
                pthread_cond_wait(&log->changed, &log->lock);
                return;
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += RETRY_S;
        if (pthread_cond_timedwait(&log->changed, &log->lock, &until) == ETIMEDOUT)
                log->failing = false; /* try again */
}

/* Takes the next event, or the number of those that were lost. Returns how many events that stands for, or 0 where there
 * is nothing to write now. */
static uint64_t next_event(struct eventlog *log, struct event *e)
{
        uint64_t dropped = log->dropped;
        if (log->count > 0) {
                *e = log->queue[log->first];
                log->first = (log->first + 1) % QUEUE_MAX_EVENTS;
                log->count--;
                return 1;
        }
        if (dropped == 0 || log->failing)
                return 0;
        *e = (struct event){0};
        describe_dropped(e, dropped);
        log->dropped = 0;
        return dropped;
}

static void *write_events(void *arg)
{
        struct eventlog *log = arg;
        struct event e;

        pthread_mutex_lock(&log->lock);
        for (;;) {
                uint64_t events = next_event(log, &e);
                if (events == 0 && log->stopping)
                        break;
                if (events == 0) {
                        wait_for_change(log);
                        continue;
                }
                pthread_mutex_unlock(&log->lock);
                bool taken = write_event(log, &e);
                pthread_mutex_lock(&log->lock);
                log->failing = !taken;
                if (!taken)
                        log->dropped += events;
        }
        pthread_mutex_unlock(&log->lock);
        return NULL;
}

struct eventlog *eventlog_start(void)
{
        struct eventlog *log = calloc(1, sizeof(*log));
        if (!log)
                return NULL;
        pthread_mutex_init(&log->lock, NULL);
        pthread_cond_init(&log->changed, NULL);
        log->to_journal = stderr_is_journal();
        if (pthread_create(&log->thread, NULL, write_events, log) != 0) {
                free(log);
                return NULL;
        }
        return log;
}

void eventlog_stop(struct eventlog *log)
{
        struct timespec until;
        pthread_mutex_lock(&log->lock);
        log->stopping = true;
        pthread_cond_signal(&log->changed);
        pthread_mutex_unlock(&log->lock);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += STOP_MAX_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_timedjoin_np(log->thread, NULL, &until) == 0)
                free(log); /* else the journal is stuck: the process ends under the thread */
}

static void enqueue(struct eventlog *log, const struct event *e)
{
        pthread_mutex_lock(&log->lock);
        if (log->count < QUEUE_MAX_EVENTS) {
                struct event *slot = &log->queue[(log->first + log->count++) % QUEUE_MAX_EVENTS];
                slot->fields = e->fields;
                slot->size = e->size;
                memcpy(slot->data, e->data, e->size);
        } else {
                log->dropped++;
        }
        pthread_cond_signal(&log->changed);
        pthread_mutex_unlock(&log->lock);
}

static const char *const reasons[LEAVE_REASONS] = {
        [LEAVE_EXIT] = "exit",       [LEAVE_EOF] = "end of file",       [LEAVE_INTERRUPT] = "interrupt",
        [LEAVE_RESET] = "reset",     [LEAVE_TERMINATED] = "terminated", [LEAVE_KILLED] = "killed",
        [LEAVE_TIMEOUT] = "timeout",
};

static const char *reason_text(enum leave_reason reason)
{
        return reason > 0 && reason < LEAVE_REASONS ? reasons[reason] : "unknown";
}

static void describe_member(struct event *e, const struct eventlog_member *m)
{
        field(e, "CHAT_NAME=%s", m->name);
        field(e, "CHAT_ADDR=%s", m->address);
        field(e, "CHAT_SESSION=%016" PRIx64, m->id);
        field(e, "CHAT_PID=%" PRIu64, m->id >> 32);
        field(e, "CHAT_MEMBERS=%zu", m->members);
}

void eventlog_join(struct eventlog *log, const struct eventlog_member *m)
{
        struct event e = {0};
        field(&e, "MESSAGE=%s joined", m->name);
        field(&e, "PRIORITY=%d", LOG_INFO);
        field(&e, "MESSAGE_ID=" ID_JOIN);
        field(&e, "CHAT_EVENT=join");
        describe_member(&e, m);
        enqueue(log, &e);
}

void eventlog_leave(struct eventlog *log, const struct eventlog_member *m)
{
        struct event e = {0};
        const char *reason = reason_text(m->reason);
        field(&e, "MESSAGE=%s left after %.1f s (%s); lines in: %" PRIu64 ", out: %" PRIu64, m->name, m->seconds,
              reason, m->lines_in, m->lines_out);
        field(&e, "PRIORITY=%d", LOG_INFO);
        field(&e, "MESSAGE_ID=" ID_LEAVE);
        field(&e, "CHAT_EVENT=leave");
        describe_member(&e, m);
        field(&e, "CHAT_REASON=%s", reason);
        field(&e, "CHAT_SECONDS=%.3f", m->seconds);
        field(&e, "CHAT_LINES_IN=%" PRIu64, m->lines_in);
        field(&e, "CHAT_LINES_OUT=%" PRIu64, m->lines_out);
        field(&e, "CHAT_SKIPPED=%" PRIu64, m->skipped);
        enqueue(log, &e);
}

void eventlog_link(struct eventlog *log, bool there)
{
        struct event e = {0};
        field(&e, "MESSAGE=%s",
              there ? "the link to other hosts is there"
                    : "the inbox of the link to other hosts is gone: they miss what is said here");
        field(&e, "PRIORITY=%d", there ? LOG_INFO : LOG_WARNING);
        field(&e, "MESSAGE_ID=%s", there ? ID_LINK : ID_LINK_GONE);
        field(&e, "CHAT_EVENT=%s", there ? "link" : "link-gone");
        enqueue(log, &e);
}

void eventlog_started(struct eventlog *log, uint64_t epoch, size_t recovered)
{
        struct event e = {0};
        field(&e, "MESSAGE=started; members found: %zu", recovered);
        field(&e, "PRIORITY=%d", LOG_INFO);
        field(&e, "MESSAGE_ID=" ID_STARTED);
        field(&e, "CHAT_EVENT=start");
        field(&e, "CHAT_EPOCH=%016" PRIx64, epoch);
        field(&e, "CHAT_MEMBERS=%zu", recovered);
        enqueue(log, &e);
}

void eventlog_stopped(struct eventlog *log, size_t members, uint64_t lines)
{
        struct event e = {0};
        field(&e, "MESSAGE=stopped; members that stay connected: %zu, lines relayed: %" PRIu64, members, lines);
        field(&e, "PRIORITY=%d", LOG_INFO);
        field(&e, "MESSAGE_ID=" ID_STOPPED);
        field(&e, "CHAT_EVENT=stop");
        field(&e, "CHAT_MEMBERS=%zu", members);
        field(&e, "CHAT_LINES=%" PRIu64, lines);
        enqueue(log, &e);
}

void eventlog_ignored(struct eventlog *log, uint64_t datagrams, const char *what)
{
        struct event e = {0};
        field(&e, "MESSAGE=datagrams ignored: %s", what);
        field(&e, "PRIORITY=%d", LOG_WARNING);
        field(&e, "MESSAGE_ID=" ID_IGNORED);
        field(&e, "CHAT_EVENT=ignored");
        field(&e, "CHAT_IGNORED=%" PRIu64, datagrams);
        enqueue(log, &e);
}

void eventlog_warning(struct eventlog *log, const char *what, int error)
{
        struct event e = {0};
        field(&e, "MESSAGE=%s: %s", what, strerror(-error));
        field(&e, "PRIORITY=%d", LOG_WARNING);
        field(&e, "MESSAGE_ID=" ID_WARNING);
        field(&e, "CHAT_EVENT=warning");
        field(&e, "ERRNO=%d", -error);
        enqueue(log, &e);
}
