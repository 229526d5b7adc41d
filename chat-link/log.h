/* Reports the state of the link to administrators: by entries in the journal, and by the line in `systemctl status`.
 * All reports are limited in rate, however long a problem lasts.
 */
#pragma once

#include <stdint.h>

#include <chat/journal.h>

struct link;

void log_started(struct journal *j, const struct link *l);
void log_stopped(struct journal *j, const struct link *l);

/* Logs a power loss: other hosts did not get `lines`, or MISSED_UNKNOWN. */
void log_lost(struct journal *j, uint64_t lines);

/* Logs a change of Network=: `lines` waited for hosts of the former network. */
void log_left(struct journal *j, uint64_t lines);

/* Logs that chatd refuses the link; `why` is clean text. */
void log_refused(struct journal *j, const char *why);

/* Logs hosts that came, went or returned; `text` says which. */
void log_hosts(struct journal *j, const char *text);

/* Reports changes of the link's state that are due. Returns the time at which more is due, ms of CLOCK_MONOTONIC. */
int64_t log_status(struct link *l);
