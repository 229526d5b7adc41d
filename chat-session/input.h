/* Takes the bytes of a terminal: obeys telnet commands and keys, and emits lines (lines.h).
 *
 * - A client whose first bytes are of another protocol is turned away (protocol.h).
 * - ^C discards the line, and the second one leaves.
 * - Several lines in one read are a paste (paste.h).
 * - The size of the reads shows whether a client sends single keys or whole lines (keys.h).
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
        INPUT_CLEAN_PER_BYTE = 4, /* the most bytes of clean text for one byte of input; a TAB becomes so many */
        /* Room for BYE, and for the clean form of earlier input that comes out together with this input. */
        INPUT_ROOM_RESERVED = INPUT_CLEAN_PER_BYTE * TEXT_MAX_BYTES + 256,
};

/* Prepares to take input. `emit` gets the lines, with the terminal as its user. */
void input_begin(struct terminal *t, lines_emit *emit);

/* Takes the bytes of one read. */
void input_take(struct terminal *t, const uint8_t *bytes, size_t n);

/* Ends the input: takes what was typed of the last line. */
void input_end(struct terminal *t);

/* Obeys ^C. `is_key` is false for a telnet command, which telnet may have made of a byte of a character. */
void input_interrupt(struct terminal *t, bool is_key);

/* Tells a client in its own protocol that this is a chat, and begins to leave. `head` as for protocol_answer(). */
void input_turn_away(struct terminal *t, enum protocol protocol, bool head);

/* Returns true if only line ends follow in this read. */
bool input_is_at_end(const struct input *in);
