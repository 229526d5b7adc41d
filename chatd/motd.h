/* The message of the day: the first text for a newcomer, after its greeting.
 *
 * A session gets it in one TEXT when it becomes a member by its HELLO. If the next chatd takes the HELLO again, it
 * sends the TEXT again, too. Sessions show a number once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct batch;
struct member;

enum {
        MOTD_MAX_LINES = 20,
        MOTD_MAX_BYTES = 2000, /* clean, with the LF between lines */
        MOTD_NUMBER = 1,       /* the number of its TEXT */
};

enum {
        MOTD_E_CUT = 1, /* the file exceeds these limits, and the rest was left out */
};

struct motd {
        size_t len; /* 0: there is none */
        char text[MOTD_MAX_BYTES];
};

/* Reads the file, cleans it as a session cleans its input (chat/safe-text.h), and leaves out empty lines at its end.
 * Returns 0, MOTD_E_CUT, or a negative errno: then there is no message. */
int motd_read(struct motd *motd, const char *path);

/* Adds the message to the batch for `m`, if there is one. */
void motd_send(const struct motd *motd, struct batch *b, uint64_t epoch, struct member *m);
