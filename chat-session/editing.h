/* Editing in a session: while it is on, what the client types goes through the editor (editor.h) and not through
 * `lines`, and the half-typed line is drawn anew behind what others say.
 *
 * It is on where the user wants it (/edit on), or where the client came with an offer that only a telnet in a terminal
 * makes: its window's size (NAWS, RFC 1073) and characters as they are typed (SUPPRESS-GO-AHEAD, RFC 858). Then we echo
 * (RFC 857). To a client that sent no telnet command we send none before its user says so: nc would show it.
 *
 * The row is drawn in the client's buffer behind everything else, once for all that came, and not while more than a few
 * lines wait there: so it costs a slow client next to nothing. What comes behind it erases it first (client.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "uplink.h"

/* The room in the uplink's queue without which no line is taken that may be longer than what was typed, as one from the
 * history: it is not what input_may_read() counts with. */
enum { EDITING_ROOM_BYTES = UPLINK_QUEUE_MAX_BYTES * 3 / 4 };

struct session;

/* Turns it on or off. */
void editing_turn(struct session *s, bool on);

/* Turns it on where the client offers that, and the settings let it. */
void editing_accept(struct session *s);

/* Takes a byte that the client typed, or that was pasted: then a TAB is text, and completes nothing. Returns whether it
 * was ^C. A line that becomes too long goes out in pieces, as without editing (lines.h). */
bool editing_push(struct session *s, uint8_t byte, bool pasted);

/* Completes the word before the cursor, also to one of these names, which are the answer to COMPLETE; and takes the keys
 * that waited for it. */
void editing_complete(struct session *s, struct slice names);

/* Takes the keys that wait for an answer to COMPLETE, which will not come, or not in time. */
void editing_give_up(struct session *s);

/* Forgets what was typed of the line. */
void editing_discard(struct session *s);

/* Turns it off, and tells the user why. */
void editing_refuse(struct session *s, const char *why);

/* Draws the row where need be and there is room. Returns whether it did. */
bool editing_draw(struct session *s);
