/* Several lines in one read are a paste. An unknown command in it is text. "exit" and /quit leave only as the last line
 * of it. A summary behind the paste names the commands that were obeyed, and the first that did not end the session.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        PASTE_NOTED_BYTES = 36, /* for the names of commands: the notice fits a row of 80 columns */
        PASTE_STAYED_BYTES = 8, /* for "exit" or the name of a command that leaves */
};

struct paste {
        bool is_one; /* the last read was a paste */
        size_t obeyed;
        char noted[PASTE_NOTED_BYTES];   /* the names of the commands that were obeyed */
        char stayed[PASTE_STAYED_BYTES]; /* the first "exit" or /quit before the last line; or "" */
};

struct session;

/* Begins a read. It is a paste if it has two line ends; CR LF counts as one. */
void paste_begin(struct paste *p, const uint8_t *bytes, size_t size);

/* Notes a command that was obeyed. */
void paste_note_obeyed(struct paste *p, const char *name);

/* Notes a command that leaves and was not obeyed. `name` has less than PASTE_STAYED_BYTES. */
void paste_note_stayed(struct paste *p, const char *name);

/* Shows the summary if there is one and the client has not left. */
void paste_tell(struct session *s, const struct paste *p);
