/* Complaints about events that any client can cause, such as ignored datagrams. They are counted, and logged at a
 * limited rate, so that no client can fill the journal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct journal;

enum {
        WARNINGS_MAX = 12, /* more than there are kinds of warnings */
        WARNING_MAX_BYTES = 64,
        WARNING_MS = 5000, /* the shortest time between two entries of one kind */
        IGNORED_REPORT_MS = 5000,
};

/* Entries of one kind; all zeros: there was none. */
struct complaint {
        int64_t entry_ms;        /* when the last entry was logged, CLOCK_MONOTONIC; 0: never */
        uint64_t unlogged_count; /* how many events were not logged since then */
};

/* A failure that may occur with each frame. */
struct warning {
        char what[WARNING_MAX_BYTES]; /* empty: it has not occurred */
        struct complaint complaint;
};

/* Reasons to ignore a datagram. */
enum ignored {
        IGNORED_MALFORMED, /* too short, too long, or with a tail */
        IGNORED_VERSION,
        IGNORED_TYPE,     /* of a later version, or not allowed for its sender */
        IGNORED_USER,     /* from a user that may not send frames */
        IGNORED_FORGED,   /* with an id other than its sender's */
        IGNORED_STRANGER, /* from a session, or the link, that sent no HELLO */
        /* a second HELLO, or a line whose number is not above the last one, or is the highest possible number */
        IGNORED_REPEATED,
        IGNORED_SECOND, /* a HELLO of a process that is a member already, under another id */
        /* a HELLO whose inbox is no socket of the session user; for the link, of chatd's own user */
        IGNORED_INBOX,
        IGNORED_UNCLEAN, /* with text that is not safe for a terminal, or with an invalid name */
        IGNORED_KINDS,
};

struct complaints {
        struct journal *log;
        uint64_t ignored_counts[IGNORED_KINDS]; /* datagrams since they were last logged */
        uint64_t ignored_total;                 /* datagrams since the start */
        int64_t report_ms;                      /* when ignored datagrams were last logged, CLOCK_MONOTONIC; 0: never */
        struct warning warnings[WARNINGS_MAX];  /* filled from the start; the last one is shared by all further kinds */
};

/* Returns true if an event of this kind is to be logged now; `*unlogged` is then the number of events before it that
 * were not logged. Returns false if it is not to be logged, and counts it. */
bool complaint_is_due(struct complaint *c, uint64_t *unlogged);

/* Counts a datagram, or a record in one, that is ignored. */
void complaints_ignore(struct complaints *c, enum ignored why);

/* Logs a failure that any client can cause, at a limited rate. Failures with the same `what` are of one kind. */
void complaints_warn(struct complaints *c, const char *what, int error);

/* Logs ignored datagrams, once per IGNORED_REPORT_MS at most. Returns the time at which the next entry is due, in ms of
 * CLOCK_MONOTONIC, or INT64_MAX if nothing is left to log. */
int64_t complaints_report(struct complaints *c, int64_t now_ms);
