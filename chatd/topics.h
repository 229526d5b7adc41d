/* Topics that members set, remove or ask for. If a topic cannot be noted, it is not set, and the member is told so. */
#pragma once

#include "chat.h"

void topics_take(struct chat *chat, struct member *m, const struct frame *f);
