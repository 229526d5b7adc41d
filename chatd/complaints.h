/* Complaints: what any client can cause, such as a datagram that is ignored, is counted, and logged at a limited rate,
 * so that no client fills the journal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct journal;

enum {
        WARNINGS_MAX = 12, /* kinds of warnings: more than there are */
        WARNING_MAX_BYTES = 64,
        WARNING_MS = 5000, /* the least interval of entries of one kind */
        IGNORED_REPORT_MS = 5000,
};

/* Entries of one kind; all zeros: there was none. */
struct complaint {
        int64_t entry_ms;        /* when the last one was logged, CLOCK_MONOTONIC; 0: never */
        uint64_t unlogged_count; /* how many were not logged since then */
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
        /* HELLO twice, or a line's number that is not above the last one or is the highest possible */
        IGNORED_REPEATED,
        IGNORED_SECOND, /* HELLO of a process that is a member already, under another id */
        /* HELLO with an inbox that is no socket of the session user, or, for the link, of chatd's own user */
        IGNORED_INBOX,
        IGNORED_UNCLEAN, /* text that a terminal must not get, or an invalid name */
        IGNORED_KINDS,
};

struct complaints {
        struct journal *log;
        uint64_t ignored_counts[IGNORED_KINDS]; /* datagrams since they were last logged */
        uint64_t ignored_total;                 /* datagrams since the start */
        int64_t report_ms;                      /* when they were last logged, CLOCK_MONOTONIC; 0: never */
        struct warning warnings[WARNINGS_MAX];  /* the first ones are in use; the last one is for any kind */
};

/* Returns true if an entry of this kind is to be logged now, and `*unlogged` tells how many before it were not. Else
 * counts it as one that is not logged. */
bool complaint_is_due(struct complaint *c, uint64_t *unlogged);

/* Counts a datagram, or a record in one, that is ignored. */
void complaints_ignore(struct complaints *c, enum ignored why);

/* Logs a failure that any client can cause. Each text is a kind. */
void complaints_warn(struct complaints *c, const char *what, int error);

/* Logs ignored datagrams, once per IGNORED_REPORT_MS at most. Returns when the next entry is due, in ms of
 * CLOCK_MONOTONIC; INT64_MAX while nothing is left to log. */
int64_t complaints_report(struct complaints *c, int64_t now_ms);
