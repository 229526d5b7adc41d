/* Editing in a session. While it is on, the client's input goes through the editor (editor.h) and not through `lines`,
 * and the half-typed line is drawn again behind each line of others.
 *
 * Editing is on if the user asks for it (/edit on), or if the client began with two offers that only a telnet in a
 * terminal makes. The offers are the size of its window (NAWS, RFC 1073) and characters as they are typed
 * (SUPPRESS-GO-AHEAD, RFC 858). The session then echoes (RFC 857). Before its user asks for editing, no telnet command
 * goes to a client that sent none: nc would show it.
 *
 * The row is drawn once behind all new output, and only while few lines wait in the client's buffer, so it costs a slow
 * client next to nothing. The next line erases the row first (screen.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "uplink.h"

/* A line from the history may be longer than the keys that called it up. typed_may_read() does not reserve room for
 * that, so such a line is taken only if the uplink's queue has this much room. */
enum { EDITING_ROOM_BYTES = UPLINK_QUEUE_MAX_BYTES * 3 / 4 };

struct terminal;

/* Turns editing on or off. */
void editing_turn(struct terminal *t, bool on);

/* Turns editing on if the client offers it and the settings allow it. */
void editing_accept(struct terminal *t);

/* Takes a byte that the client typed. If it was pasted, a TAB is text and completes nothing. Returns true if the byte
 * was ^C. A line that becomes too long goes out in pieces, as without editing (lines.h). */
bool editing_push(struct terminal *t, uint8_t byte, bool pasted);

/* Takes the answer to the request COMPLETE of this number, if TAB still waits for it: completes the word before the
 * cursor, also to one of `names`. Then takes the keys that waited for the answer. */
void editing_complete(struct terminal *t, uint64_t number, struct slice names);

/* Takes the keys that wait for an answer to COMPLETE, without the answer. */
void editing_give_up(struct terminal *t);

/* Forgets what was typed of the line. */
void editing_discard(struct terminal *t);

/* Turns editing off, and tells the user why. */
void editing_refuse(struct terminal *t, const char *why);

/* Draws the row if it must be drawn and there is room. Returns true if it drew. */
bool editing_draw(struct terminal *t);
