/* Makes members from the notes (notes.h) that the previous chatd left. */
#pragma once

#include "departures.h"
#include "leftover.h"
#include "roster.h"

/* Adds a member for each note, with the name and room that it had before the frames in the queue. Adds the ids of
 * members that had left to `departures`. Returns 0 or a negative errno. */
int recall_members(struct roster *r, struct departures *departures, struct leftover *queued);
