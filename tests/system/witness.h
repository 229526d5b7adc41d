/* A plain client that is shown everything that is relayed, for tests inside a booted systemd. */
#pragma once

#include "booted.h"

extern struct client *witness; /* NULL: it is not connected */

/* Let the witness join before a test, and leave after it. */
int witness_join(void **state);
int witness_leave(void **state);

/* Waits until the witness is told that `c` left, and frees `c`. */
void witness_sees_leave(struct client *c);
