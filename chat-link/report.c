#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <chat/safe-text.h>

void report_init(struct report *r, int wake)
{
        *r = (struct report){.wake = wake};
        pthread_mutex_init(&r->lock, NULL);
}

void report_destroy(struct report *r)
{
        pthread_mutex_destroy(&r->lock);
}

static void report_wake_up(const struct report *r)
{
        if (r->wake >= 0)
                eventfd_write(r->wake, 1);
}

void report_wake(struct report *r)
{
        pthread_mutex_lock(&r->lock);
        report_wake_up(r);
        pthread_mutex_unlock(&r->lock);
}

void report_end(struct report *r)
{
        pthread_mutex_lock(&r->lock);
        r->wake = -1;
        pthread_mutex_unlock(&r->lock);
}

/* Writes the text cleaned to `clean`, which has `size` bytes. */
static void report_clean_text(char *clean, size_t size, const char *text)
{
        struct text_cleaner c = {0};
        size_t n = 0;
        for (; *text && size - n > 2 * (size_t)TEXT_CLEAN_MAX; text++)
                n += text_clean(&c, (uint8_t)*text, clean + n);
        n += text_clean_end(&c, clean + n);
        clean[n] = '\0';
}

static void report_set_problem(struct report *r, enum problem part, const char *text)
{
        const char *first = "";
        pthread_mutex_lock(&r->lock);
        snprintf(r->problems[part], sizeof(r->problems[part]), "%s", text);
        for (size_t i = 0; i < PROBLEMS && !*first; i++)
                first = r->problems[i];
        if (strcmp(r->status.problem, first) != 0) {
                snprintf(r->status.problem, sizeof(r->status.problem), "%s", first);
                report_wake_up(r);
        }
        pthread_mutex_unlock(&r->lock);
}

void report_problem(struct report *r, enum problem part, const char *format, ...)
{
        char text[2 * sizeof(r->status.problem)], clean[sizeof(r->status.problem)];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        report_clean_text(clean, sizeof(clean), text);
        report_set_problem(r, part, clean);
}

void report_no_problem(struct report *r, enum problem part)
{
        report_set_problem(r, part, "");
}

static void report_set_flag(struct report *r, bool *flag, bool value)
{
        pthread_mutex_lock(&r->lock);
        if (*flag != value) {
                *flag = value;
                report_wake_up(r);
        }
        pthread_mutex_unlock(&r->lock);
}

void report_connected(struct report *r, const char *server)
{
        pthread_mutex_lock(&r->lock);
        r->status.is_connected = server != NULL;
        if (server) {
                memset(r->problems, 0, sizeof(r->problems));
                r->status.problem[0] = '\0';
        }
        r->status.is_stored = false;
        r->status.is_stuck = server != NULL; /* until the features of the server are known */
        snprintf(r->status.server, sizeof(r->status.server), "%s", server ? server : "");
        report_wake_up(r);
        pthread_mutex_unlock(&r->lock);
}

void report_stored(struct report *r, bool stored)
{
        report_set_flag(r, &r->status.is_stored, stored);
}

void report_stuck(struct report *r, bool stuck)
{
        report_set_flag(r, &r->status.is_stuck, stuck);
}

static void report_count(struct report *r, uint64_t *counter)
{
        pthread_mutex_lock(&r->lock);
        (*counter)++;
        report_wake_up(r);
        pthread_mutex_unlock(&r->lock);
}

void report_ignored(struct report *r)
{
        report_count(r, &r->status.ignored_count);
}

void report_twin(struct report *r, uint64_t clone)
{
        pthread_mutex_lock(&r->lock);
        r->status.twin++;
        r->status.clone = clone;
        report_wake_up(r);
        pthread_mutex_unlock(&r->lock);
}

void report_get(struct report *r, struct network_status *status)
{
        pthread_mutex_lock(&r->lock);
        *status = r->status;
        pthread_mutex_unlock(&r->lock);
}
