/* Finds out if a client sends each key when it is pressed, or shows and edits a line itself and sends it whole. A user
 * whose client sends keys is told once how to see them. Editing ends for a client that sends whole lines.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal.h"

/* One read from the client, and the state of the line being typed. */
struct keys_read {
        const uint8_t *bytes;
        size_t size;
        size_t old_len; /* the bytes of the line before this read */
        size_t new_len; /* the bytes of the line after it */
        bool is_edited; /* the line was edited here */
};

/* Notes a read whose bytes were taken already. If the reads show which kind of client this is, shows the user a notice
 * or ends the editing. */
void keys_watch(struct terminal *t, const struct keys_read *read);
