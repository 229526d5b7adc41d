/* Clients that are programs: they send and get JSON objects, one in a line (chat-json(5)). Their state is struct web
 * (web.h). */
#pragma once

#include "../chat-session/kind.h"

#include "web.h"

extern const struct kind json_kind;

/* The functions of this kind that browser_kind() uses, too. kind.h describes them. */
void json_begin(void *me, struct session *s);
size_t json_may_read(const void *me);
void json_introduce(struct web *w);
int64_t json_due(const void *me);
void json_tick(void *me);
