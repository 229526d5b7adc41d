/* Makes members of the notes (notes.h) that the previous chatd left. */
#pragma once

#include "departures.h"
#include "leftover.h"
#include "roster.h"

/* Adds a member for each note, with the name and room before the frames in the queue; adds the ids of marked notes to
 * `departures`. Returns 0 or a negative errno. */
int recall_members(struct roster *r, struct departures *departures, const struct leftover *queued);
