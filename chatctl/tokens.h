/* The command about tokens, with which programs say lines. */
#pragma once

struct chatctl;

/* Does the command. `argv` has its words: its name, "add", "list" or "remove", and perhaps a name; it ends with NULL.
 * Returns an exit status. */
int tokens_run(struct chatctl *c, int argc, char **argv);
