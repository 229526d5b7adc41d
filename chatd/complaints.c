#include "complaints.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <chat/clock.h>

#include "eventlog.h"

bool complaint_is_due(struct complaint *c, uint64_t *unlogged)
{
        int64_t now = clock_ms();
        if (c->entry_ms != 0 && now - c->entry_ms < WARNING_MS) {
                c->unlogged_count++;
                return false;
        }
        *unlogged = c->unlogged_count;
        *c = (struct complaint){.entry_ms = now};
        return true;
}

void complaints_ignore(struct complaints *c, enum ignored why)
{
        c->ignored_counts[why]++;
        c->ignored_total++;
}

void complaints_warn(struct complaints *c, const char *what, int error)
{
        char text[WARNING_MAX_BYTES + 64];
        uint64_t unlogged;
        struct warning *w = c->warnings, *end = c->warnings + WARNINGS_MAX;
        while (w < end - 1 && w->what[0] != '\0' && strcmp(w->what, what) != 0)
                w++;
        if (!complaint_is_due(&w->complaint, &unlogged))
                return;
        snprintf(text, sizeof(text), "%s (and %" PRIu64 " times since that was logged last)", what, unlogged);
        eventlog_warning(c->log, unlogged > 0 ? text : what, error);
        snprintf(w->what, sizeof(w->what), "%s", what);
}

/* Describes all ignored datagrams, and sets their counts to zero. */
static void complaints_describe(struct complaints *c, char *what, size_t size)
{
        static const char *const names[IGNORED_KINDS] = {
                [IGNORED_MALFORMED] = "malformed",      [IGNORED_VERSION] = "of an unknown version",
                [IGNORED_TYPE] = "of a wrong type",     [IGNORED_USER] = "of another user",
                [IGNORED_FORGED] = "with another's id", [IGNORED_STRANGER] = "of no member",
                [IGNORED_REPEATED] = "repeated",        [IGNORED_SECOND] = "of a second member in one process",
                [IGNORED_INBOX] = "without an inbox",   [IGNORED_UNCLEAN] = "with unclean text",
        };
        size_t len = 0;
        for (int i = 0; i < IGNORED_KINDS; i++) {
                if (c->ignored_counts[i] > 0)
                        len += (size_t)snprintf(what + len, size - len, "%s%" PRIu64 " %s", len > 0 ? ", " : "",
                                                c->ignored_counts[i], names[i]);
                c->ignored_counts[i] = 0;
        }
}

int64_t complaints_report(struct complaints *c, int64_t now_ms)
{
        char what[512];
        uint64_t all = 0;
        for (int i = 0; i < IGNORED_KINDS; i++)
                all += c->ignored_counts[i];
        if (all == 0)
                return INT64_MAX;
        if (c->report_ms != 0 && now_ms - c->report_ms < IGNORED_REPORT_MS)
                return c->report_ms + IGNORED_REPORT_MS;
        complaints_describe(c, what, sizeof(what));
        eventlog_ignored(c->log, all, what);
        c->report_ms = now_ms;
        return INT64_MAX;
}
