/* Names that members take.
 *
 * A new name is noted before any member is told (changes.h). One that cannot be noted is not taken, and the member is
 * told so.
 */
#pragma once

#include "chat.h"

void renaming_take(struct chat *chat, struct member *m, const struct frame *f);
