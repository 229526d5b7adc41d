/* What a client of JSON asks for: one object for each request. chat-json(5) lists them. */
#pragma once

#include "web.h"

/* Obeys a line, or says what is wrong with it. */
void requests_take(struct web *w, struct slice line);

/* Says that a line was too long. */
void requests_refuse_long(struct web *w);

/* Returns how many more requests can wait for their answers. */
size_t requests_free(const struct web *w);

/* Finds the request of this number, and forgets it and those before it: answers come in order. Writes it to
 * `request`. Returns false if there is none: then `request` is all zeros. */
bool requests_answered(struct web *w, uint64_t number, struct web_request *request);

/* Forgets all requests, because their answers may be lost. */
void requests_forget(struct web *w);
