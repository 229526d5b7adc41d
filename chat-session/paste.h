/* Several lines in one read are a paste. An unknown command in it is text; what leaves does so only as its last line. A
 * summary behind the paste says which commands were obeyed, and which did not leave.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        PASTE_NOTED_BYTES = 36, /* for the names of commands: the notice fits a row of 80 columns */
        PASTE_STAYED_BYTES = 8, /* for the name of one that leaves */
};

struct paste {
        bool is_one; /* what was read last is a paste */
        size_t obeyed;
        char noted[PASTE_NOTED_BYTES];   /* the names of what was obeyed */
        char stayed[PASTE_STAYED_BYTES]; /* the first that would have left, were it not for what follows; or "" */
};

struct session;

/* Begins with what was read: it is a paste where two line ends are in it, CR LF counting as one. */
void paste_begin(struct paste *p, const uint8_t *bytes, size_t size);

/* A command was obeyed. */
void paste_note_obeyed(struct paste *p, const char *name);

/* A command that leaves was not obeyed. `name` has less than PASTE_STAYED_BYTES. */
void paste_note_stayed(struct paste *p, const char *name);

/* Shows the summary, where there is one and the client has not left. */
void paste_tell(struct session *s, const struct paste *p);
