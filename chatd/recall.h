/* Makes members of the notes (notes.h) that the chatd before left. */
#pragma once

#include "departed.h"
#include "queued.h"
#include "roster.h"

/* Adds a member for each note there is, called and placed as it was before what is in the queue; and the ids of marked
 * ones to `departed`. Returns 0 or a negative errno. */
int recall_members(struct roster *r, struct departed *departed, const struct queued *queued);
