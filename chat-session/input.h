/* The bytes of a terminal: telnet commands and keys are obeyed here, and lines come out (lines.h).
 *
 * - A client that does not speak chat is turned away before anything of it is said (protocol.h).
 * - ^C discards the line, and the second one leaves.
 * - Several lines in one read are a paste (paste.h).
 * - The reads tell a client that sends single keys from one that sends whole lines (keys.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"
#include "terminal.h"

enum {
        INPUT_READ_MAX_BYTES = 4096,
        INPUT_AYT_MS = 60 * 1000, /* IAC AYT is answered once in that time */
        INPUT_CLEAN_PER_BYTE = 4, /* the most bytes of clean text that a byte can become: a TAB does */
        /* The clean form of what was read earlier and comes out with this input, and room for BYE. */
        INPUT_ROOM_RESERVED = INPUT_CLEAN_PER_BYTE * TEXT_MAX_BYTES + 256,
};

/* Prepares to take input. `emit` gets the lines, with the terminal as its user. */
void input_begin(struct terminal *t, lines_emit *emit);

/* Takes the bytes of one read. */
void input_take(struct terminal *t, const uint8_t *bytes, size_t n);

/* Takes what was typed of the last line: no more input comes. */
void input_end(struct terminal *t);

/* Obeys ^C. `is_key` is false for a telnet command, which may have been a byte of a character. */
void input_interrupt(struct terminal *t, bool is_key);

/* Tells a client in its own protocol that this is a chat, and begins to leave. `head` as for protocol_answer(). */
void input_turn_away(struct terminal *t, enum protocol protocol, bool head);

/* Returns true if only line ends follow in this read. */
bool input_is_at_end(const struct input *in);
