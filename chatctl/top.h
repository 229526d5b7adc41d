/* The current state of the chat, shown again each second. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "asking.h"

struct top_options {
        size_t times; /* how often; 0: until `*stop` */
        bool json;    /* an object for each second, on a line of its own */
        bool legend;  /* with headings */
        bool systemd; /* the chat runs under systemd, which knows how many connections it refused */
        const volatile sig_atomic_t *stop;
};

/* Prints the chat on standard output; on a terminal that can do it, each screen replaces the one before. Returns 0, a
 * negative errno as asking_make(), or 1 if the answer ended otherwise than with CONTROL_OK. */
int top_run(struct asking *a, const struct top_options *o);
