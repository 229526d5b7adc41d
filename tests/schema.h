/* Checks the lines of JSON of a test against the schemas in chat-web/, by tests/validate-json, which reads them from a
 * pipe. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define SCHEMA_COMMAND "exec tests/validate-json chat-web/%s.schema.json >&2"

/* Begins to check lines, which the caller writes to the stream. `what` is "event" or "request". */
static inline FILE *schema_open(const char *what)
{
        char command[sizeof(SCHEMA_COMMAND) + 16];
        snprintf(command, sizeof(command), SCHEMA_COMMAND, what);
        FILE *f = popen(command, "we");
        if (!f)
                abort();
        return f;
}

/* Waits until all lines are checked. Returns the number of failures: 1 if a line was wrong, which standard error says,
 * otherwise 0. */
static inline int schema_close(FILE *f)
{
        return pclose(f) != 0;
}
