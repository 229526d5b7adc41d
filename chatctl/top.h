/* The chat as it is now, again each second. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "asking.h"

struct top_options {
        size_t times; /* how often; 0: until `*stop` */
        bool json;    /* an object for each second, on a line of its own */
        bool legend;  /* with headings */
        bool systemd; /* which knows what it refused; else the chat runs without it */
        const volatile sig_atomic_t *stop;
};

/* Prints it on standard output: on a terminal that can, over what was there. Returns 0, a negative errno as asking_make(), or
 * 1 where the answer ended otherwise than with CONTROL_OK. */
int top_run(struct asking *a, const struct top_options *o);
