/* Gives memory back while nothing happens. A session needs its large buffers for moments, and hours may pass between
 * them. The kernel fills the pages with zeros when they are next used.
 */
#pragma once

#include <stdint.h>

struct session;

enum { IDLE_AFTER_MS = 5000 }; /* a session is idle when nothing has happened for so long */

/* Notes that something happens. */
void idle_end(struct session *s);

/* If the session has just become idle, gives back the stack that is not used, and all large buffers if they are empty. */
void idle_check(struct session *s);

/* Returns when idle_check() must be called, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t idle_due(const struct session *s);
