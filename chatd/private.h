/* Private messages, and the search for a member by name. */
#pragma once

#include "chat.h"

void private_take(struct chat *chat, struct member *m, const struct frame *f);

/* Answers FIND. */
void private_find(struct chat *chat, struct member *m, const struct frame *f);
