/* The program around a session, for every kind of client: its descriptors, settings, signals and sandbox. */
#pragma once

#include <chat/settings.h>

#include "visit.h"

struct serve_options {
        const char *program; /* its name, for errors */
        struct session_options session;
        struct settings settings;
        const char *config; /* NULL: the default */
        bool no_sandbox;
};

/* Takes the descriptors that the launcher passed, and reads the settings. Returns -1 if the session is to run. Otherwise
 * prints the reason on standard error and returns the exit status. An error in the file of settings costs only its line,
 * and is logged. */
int serve_begin(struct serve_options *o);

/* Serves the client on standard input and output, in the sandbox, until it has left. `me` is the state of its kind.
 * Returns the exit status. `session` is all zeros. */
int serve_client(struct serve_options *o, struct session *session, const struct kind *kind, void *me);
