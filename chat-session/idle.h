/* Gives memory back while nothing happens. A session needs its large buffers for moments, and hours may pass between
 * them. The kernel fills the pages with zeros when they are next used.
 */
#pragma once

#include <stdint.h>

struct session;

/* A session is idle when nothing has happened for so long, and up to IDLE_SPREAD_MS more. */
enum { IDLE_AFTER_MS = 5000, IDLE_SPREAD_MS = 1000 };

/* Notes that something happens. */
void idle_end(struct session *s);

/* If the session has become idle and nothing waits for the client or chatd, gives back all large buffers and the unused
 * stack. */
void idle_check(struct session *s);

/* Returns when idle_check() must be called, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t idle_due(const struct session *s);
