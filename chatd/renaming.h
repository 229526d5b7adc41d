/* Names that members take.
 *
 * A new name is noted before any member is told (changes.h). If it cannot be noted, the member keeps its name, and is
 * told so.
 */
#pragma once

#include "chat.h"

void renaming_take(struct chat *chat, struct member *m, const struct frame *f);
