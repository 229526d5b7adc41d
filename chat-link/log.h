/* What an administrator is told of the link: entries in the journal, and the line in `systemctl status`. All of it
 * comes at a bounded rate, however long something is broken.
 */
#pragma once

#include <stdint.h>

#include <chat/journal.h>

struct link;

void log_started(struct journal *j, const struct link *l);
void log_stopped(struct journal *j, const struct link *l);

/* After a power loss: `lines` that other hosts have not got, or MISSED_UNKNOWN. */
void log_lost(struct journal *j, uint64_t lines);

/* Network= was changed: `lines` waited for hosts of the former network. */
void log_left(struct journal *j, uint64_t lines);

/* chatd does not take us; `why` is clean text. */
void log_refused(struct journal *j, const char *why);

/* Hosts came, went or returned; `text` says which. */
void log_hosts(struct journal *j, const char *text);

/* Looks at the state of the link, and tells what is new and due. Returns when more is due: ms of CLOCK_MONOTONIC. */
int64_t log_status(struct link *l);
