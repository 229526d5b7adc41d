/* The events of the chat, out of the journal (sd-journal(3)). */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct events_options {
        const char *name; /* only those of somebody who has, or had, this name; NULL: all */
        const char *room; /* only what was said in this room; NULL: all */
        size_t last;      /* so many of the past; SIZE_MAX: all */
        bool follow;      /* and those to come, until `*stop` */
        bool json;        /* an object for each, on a line of its own */
        const volatile sig_atomic_t *stop;
};

/* Prints them on standard output. Returns whether there were any, 0 or 1, or a negative errno: -EACCES where this user
 * may not read the journal. */
int events_print(const struct events_options *o);
