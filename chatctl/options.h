/* The options of chatctl. */
#pragma once

struct chatctl;
struct command;

/* Reads the options into `c->options`; `optind` is the index of the command then. With --help or --version the rest is
 * not read. Returns an exit status; an error was printed unless it is EXIT_SUCCESS. */
int options_parse(struct chatctl *c, int argc, char **argv);

/* Checks that the command takes all options that were given. Returns the same as options_parse(). */
int options_check(const struct chatctl *c, const struct command *command);
