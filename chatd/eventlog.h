/* chatd's events: structured entries in the journal, or lines on standard error where that is not the journal.
 *
 * Writing to the journal blocks while journald is stopped. So a thread of its own writes, from a queue of fixed size;
 * the relay only ever puts an event into it. What finds no place is counted, and the count is logged when there is
 * place again. Texts must be clean (chat/text.h): an entry is never more than one line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct eventlog;

/* What is known of a member that joins or leaves; see systemd.journal-fields(7) for the form of the fields. */
struct eventlog_member {
        uint64_t id;
        const char *name, *address;
        size_t members; /* how many there are now */
        /* of a member that leaves: */
        enum leave_reason reason;
        double seconds;
        uint64_t lines_in, lines_out, skipped;
};

/* Starts the thread. Returns NULL without memory or threads. */
struct eventlog *eventlog_start(void);

/* Waits a moment for what is queued to be written, then ends the thread. */
void eventlog_stop(struct eventlog *log);

void eventlog_join(struct eventlog *log, const struct eventlog_member *m);
void eventlog_leave(struct eventlog *log, const struct eventlog_member *m);
/* The link to other hosts said HELLO, or its inbox is gone. */
void eventlog_link(struct eventlog *log, bool there);
void eventlog_started(struct eventlog *log, uint64_t epoch, size_t recovered);
void eventlog_stopped(struct eventlog *log, size_t members, uint64_t lines);
/* `what` is a list of counts and reasons, clean text. */
void eventlog_ignored(struct eventlog *log, uint64_t datagrams, const char *what);
/* Something failed and chatd goes on; `error` is a negative errno. */
void eventlog_warning(struct eventlog *log, const char *what, int error);
