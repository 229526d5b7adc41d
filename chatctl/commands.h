/* The commands of chatctl: a table.
 *
 * To add a command: a row in the table, and a function in the file of its group (showing.h, speaking.h, moderation.h,
 * tokens.h).
 */
#pragma once

struct chatctl;

/* Options that not every command takes, as getopt_long() returns them. */
#define OPTIONS_OF_SOME "nfNRkdoO"

struct command {
        const char *name;
        /* Does the command. `argv` has its words, beginning with its name, and ends with NULL. Returns an exit
         * status. */
        int (*run)(struct chatctl *c, int argc, char **argv);
        int arguments_min, arguments_max; /* number of arguments */
        const char *options;              /* those out of OPTIONS_OF_SOME that it takes */
        const char *arguments;
        const char *help; /* NULL: it is not listed */
};

/* Returns the command of this name, or NULL. */
const struct command *commands_find(const char *name);

/* Prints what --help prints. */
void commands_print_help(void);
