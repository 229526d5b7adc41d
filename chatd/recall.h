/* Makes members of the notes (notes.h) that the previous chatd left. */
#pragma once

#include "departed.h"
#include "leftover.h"
#include "roster.h"

/* Adds a member for each note, with the name and room before the frames in the queue; adds the ids of marked notes to
 * `departed`. Returns 0 or a negative errno. */
int recall_members(struct roster *r, struct departed *departed, const struct leftover *queued);
