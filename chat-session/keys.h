/* Some clients send each key when it is pressed. Their users are told once how to see what they type. Other clients show and
 * edit a line themselves, and send it whole. Such a client is not edited here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys {
        uint8_t reads; /* of a single key, up to as many as tell that the client sends keys */
        bool told;     /* its user was told how to see them, or knows */
};

struct session;

/* One read from the client, and the state of the line that the client types. */
struct keys_read {
        const uint8_t *bytes;
        size_t size;
        size_t had;  /* the bytes of the line before this read */
        size_t has;  /* the bytes of the line after it */
        bool edited; /* the line was edited here */
};

/* Takes note of a read whose bytes were taken already. Shows the user a notice, or ends the editing, where the reads tell
 * which kind of client this is. */
void keys_watch(struct session *s, const struct keys_read *read);
