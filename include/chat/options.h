/* The checks that every program makes of its command line. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "paths.h"

enum {
        EXIT_USAGE = 2,
        EXIT_KERNEL = 71,   /* EX_OSERR, sysexits.h(3): the kernel lacks what chatd needs */
        EXIT_SETTINGS = 78, /* EX_CONFIG */
};

/* Returns true if nothing follows the options, so that argv[rest] is the end of the command line, and if `run_dir` can
 * be a run directory. Otherwise prints the error on standard error. */
static inline bool options_are_right(int argc, char *const argv[], int rest, const char *run_dir)
{
        if (rest < argc) {
                fprintf(stderr, "%s: unexpected argument '%s'; see --help\n", argv[0], argv[rest]);
                return false;
        }
        if (run_dir[0] == '\0' || strlen(run_dir) > RUN_DIR_MAX_BYTES) {
                fprintf(stderr, "%s: --run-dir takes a path of 1 to %zu bytes\n", argv[0], RUN_DIR_MAX_BYTES);
                return false;
        }
        return true;
}
