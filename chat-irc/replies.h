/* Answers and notices of chatd as messages of IRC. */
#pragma once

#include <chat/answer.h>

#include "irc.h"

/* Take an answer to a request, and a notice that answers none: see struct kind. */
void replies_answer(void *me, const struct frame *f);
void replies_notice(void *me, const struct answer *a);
