/* Prints the events of the chat that are in the journal (sd-journal(3)). */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct entries_options {
        const char *name; /* only events of a person who has or had this name; NULL: all */
        const char *room; /* only what was said in this room; NULL: all */
        size_t last;      /* how many past events; SIZE_MAX: all */
        bool follow;      /* new events, too, until `*stop` */
        bool json;        /* an object for each event, on a line of its own */
        const volatile sig_atomic_t *stop;
};

/* Prints the events on standard output. Returns 1 if there were any, 0 if there were none, or a negative errno: -EACCES
 * if this user may not read the journal. */
int entries_print(const struct entries_options *o);
