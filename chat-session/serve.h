/* The program around a session, for every kind of client: its descriptors, settings, signals and sandbox. */
#pragma once

#include <chat/settings.h>

#include "visit.h"

struct serve_options {
        const char *program; /* its name, for errors */
        struct session_options session;
        enum settings_program reads; /* whose settings the program has */
        struct settings settings;
        const char *config; /* NULL: the default */
        bool no_sandbox;
};

/* The options of every kind of client, for getopt_long(3), beside those of settings_add_options(). */
#define SERVE_LONG_OPTIONS                                                                                             \
        {"config", required_argument, NULL, 'c'}, {"run-dir", required_argument, NULL, 'd'},                           \
                {"proxied", no_argument, NULL, 'x'}, {"no-sandbox", no_argument, NULL, 's'},                           \
                {"help", no_argument, NULL, 'h'},                                                                      \
        {                                                                                                              \
                "version", no_argument, NULL, 'v'                                                                      \
        }

/* Sets the settings to their defaults. Call it first. These three keep the table of settings out of the other files: each
 * file that uses it has a copy. */
void serve_init(struct serve_options *o);

/* Appends the options of the program's settings to the array for getopt_long(), as settings_add_options() does. */
void serve_add_options(const struct serve_options *o, struct option *options);

/* Prints the help on these options on standard output. */
void serve_print_options(const struct serve_options *o);

/* Takes one of these options, or one of the settings, as getopt_long(3) returned it. Returns -1 if the program goes on,
 * otherwise its exit status. */
int serve_take_option(struct serve_options *o, int option, const char *program,
                      void (*print_usage)(const struct serve_options *o));

/* Takes the descriptors that the launcher passed, and reads the settings. Returns -1 if the session is to run. Otherwise
 * prints the reason on standard error and returns the exit status. An error in the file of settings costs only its line,
 * and is logged. */
int serve_begin(struct serve_options *o);

/* Serves the client on standard input and output, in the sandbox, until it has left. `me` is the state of its kind.
 * Returns the exit status. `session` is all zeros. */
int serve_client(struct serve_options *o, struct session *session, const struct kind *kind, void *me);
