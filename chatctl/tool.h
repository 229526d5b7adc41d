/* The parts that all commands of chatctl share: options, the connection to chatd, errors, and the confirmation of
 * changes.
 *
 * Functions that return an exit status have printed an error unless it is EXIT_SUCCESS.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "asking.h"

/* Exit statuses besides EXIT_SUCCESS, EXIT_FAILURE and EXIT_USAGE. */
enum {
        EXIT_NOT_RUNNING = 3,
        EXIT_DENIED = 4,
        EXIT_NOBODY = 5,
        EXIT_STAYS = 6,
        EXIT_QUEUED = 7,
};

struct column;

struct options {
        const char *dir, *name, *room;
        const char *output;
        bool json, legend, follow, kill, strict, help, version;
        size_t lines;         /* -n; 0: not given, SIZE_MAX: all */
        unsigned option_bits; /* a bit for each of OPTIONS_OF_SOME (options.h) */
};

struct chatctl {
        struct options options;
        struct asking asking;
        const char *program;
};

/* Prints an error on standard error, and with --json as an object on standard output, too. Returns `status`. */
__attribute__((format(printf, 3, 4))) int tool_complain(const struct chatctl *c, int status, const char *format, ...);

/* Prints an error as an object on standard output. */
void tool_print_error(const char *text);

/* Prints why asking_make() failed: `error` is a negative errno. Returns an exit status. */
int tool_complain_of_error(const struct chatctl *c, int error);

/* Prints the error in the end of an answer. Returns an exit status. */
int tool_complain_of_end(const struct chatctl *c);

/* Returns true if the answer ended with this status (chat/control.h). */
bool tool_ended_with(const struct chatctl *c, const char *status);

/* Makes a request of `words`, which end with NULL. Returns an exit status: EXIT_SUCCESS if the answer ended with
 * CONTROL_OK. */
int tool_ask(struct chatctl *c, const char *const words[]);

/* Makes the request of this one word, and prints the records of the answer: as a table, or with --json as an array.
 * Returns an exit status. */
int tool_list(struct chatctl *c, const char *request, const struct column *columns);

/* Confirms that `what` was done: with --json prints an object, which has `value` under `key`. Returns EXIT_SUCCESS. */
int tool_confirm_with(const struct chatctl *c, const char *what, const char *key, const char *value);

/* Confirms that `what` was done to `whom`: with --json prints an object, which also has `value` under `key`. Returns
 * EXIT_SUCCESS. */
int tool_confirm_and(const struct chatctl *c, const char *what, const char *whom, const char *key, const char *value);

/* Confirms that `what` was done to `whom`, a name or another object of a command. Returns EXIT_SUCCESS. */
int tool_confirm(const struct chatctl *c, const char *what, const char *whom);

/* Takes SIGINT and SIGTERM from now on: they interrupt waiting calls. Returns a flag that they set. */
const volatile sig_atomic_t *tool_watch_signals(void);
