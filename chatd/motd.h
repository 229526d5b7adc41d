/* The message of the day: the first text for a newcomer, after its greeting.
 *
 * It goes to a session as one TEXT, when the session becomes a member by its HELLO. If a HELLO is met again after a
 * restart the TEXT goes out again, too: sessions show one number once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct batch;
struct member;

enum {
        MOTD_MAX_LINES = 20,
        MOTD_MAX_BYTES = 2000, /* clean, with the LF between lines */
        MOTD_NUMBER = 1,       /* of its TEXT */
};

enum {
        MOTD_E_CUT = 1, /* the file is longer than these limits, and the rest is left out */
};

struct motd {
        size_t len; /* 0: there is none */
        char text[MOTD_MAX_BYTES];
};

/* Reads the file, cleans it as a session cleans its input (chat/safe-text.h), and leaves out empty lines at its end.
 * Returns 0, MOTD_E_CUT, or a negative errno and no message. */
int motd_read(struct motd *motd, const char *path);

/* Adds the message to the batch for `m`, if there is one. */
void motd_send(const struct motd *motd, struct batch *b, uint64_t epoch, struct member *m);
