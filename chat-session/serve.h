/* The program around a session, for every kind of client: its descriptors, settings, signals and sandbox. */
#pragma once

#include <getopt.h>

#include <chat/settings.h>

#include "visit.h"

enum { SERVE_OWN_OPTIONS_MAX = 4 };

/* A program for clients of one or more kinds. All of them have the options in serve.c, and those of the settings. */
struct serve_program {
        const char *name;
        enum settings_program reads;                      /* whose settings it has */
        const char *purpose;                              /* for the help, in lines */
        const char *help;                                 /* on its own options, in lines */
        struct option options[SERVE_OWN_OPTIONS_MAX + 1]; /* its own, for getopt_long(3), and zeros behind them */
        /* Takes one of these. Returns -1 if the program goes on. Otherwise prints the reason on standard error and returns
         * the exit status. `name` is the name by which the program was called. */
        int (*take)(void *own, int option, const char *argument, const char *name);
};

struct serve_options {
        struct session_options session;
        struct settings settings;
        const char *config; /* NULL: the default */
        bool no_sandbox;
};

/* What the options are before they are read. They are not all zeros, so the linker puts them beside other data that each
 * session writes. Behind the large buffers of a program, they would take another page of memory. */
#define SERVE_DEFAULTS                                                                                                 \
        {                                                                                                              \
                .session = {.dir = RUN_DIR_DEFAULT }                                                                   \
        }

/* Reads the command line and the settings into `o`, which is SERVE_DEFAULTS, and takes the descriptors that the launcher
 * passed. `own` is for take(). Returns -1 if the session is to run. Otherwise prints the reason on standard error, or what
 * was asked for on standard output, and returns the exit status. An error in the file of settings costs only its line,
 * and is logged. */
int serve_begin(struct serve_options *o, const struct serve_program *p, int argc, char **argv, void *own);

/* Serves the client on standard input and output, in the sandbox, until it has left. `me` is the state of its kind.
 * Returns the exit status. `session` is all zeros. */
int serve_client(const struct serve_options *o, const struct serve_program *p, struct session *session,
                 const struct kind *kind, void *me);
