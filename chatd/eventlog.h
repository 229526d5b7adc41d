/* chatd's events, and what an administrator reads of each (chat/journal.h). None of these blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

struct journal;

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

void eventlog_join(struct journal *log, const struct eventlog_member *m);
void eventlog_leave(struct journal *log, const struct eventlog_member *m);
/* A member took another name. */
void eventlog_rename(struct journal *log, uint64_t id, const char *was, const char *name, const char *address);
/* The link to other hosts said HELLO, or its inbox is gone. */
void eventlog_link(struct journal *log, bool there);
void eventlog_started(struct journal *log, uint64_t epoch, size_t recovered);
void eventlog_stopped(struct journal *log, size_t members, uint64_t lines);
/* `what` is a list of counts and reasons, clean text. */
void eventlog_ignored(struct journal *log, uint64_t datagrams, const char *what);
/* Something failed and chatd goes on; `error` is a negative errno. */
void eventlog_warning(struct journal *log, const char *what, int error);
/* Something in the settings is wrong, or was not taken as it is: one line, clean. */
void eventlog_settings(struct journal *log, const char *what);
/* The settings were read again, and taken, or not. */
void eventlog_reload(struct journal *log, bool taken);
