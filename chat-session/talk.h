/* What a kind of client (kind.h) may ask of its session. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/wire.h>

#include "client-output.h"

struct session;

/* Joins the chat under `name`, or under the name that the connection gives if `name` is empty. A kind that is
 * KIND_JOINS_LATER calls this once, before it says or requests anything. A name that is too long is cut. */
void talk_introduce(struct session *s, struct slice name);

/* Takes the client for one at this address, as a proxy says. Call it before talk_introduce(). */
void talk_is_at(struct session *s, const struct sockaddr_in6 *address);

/* Says a line, clean text (chat/safe-text.h) of at most TEXT_MAX_BYTES. There must be talk_room(). */
void talk_say(struct session *s, struct slice text);

/* Says a line in a room, for a client that roams. Returns the number of the line. */
uint64_t talk_say_in(struct session *s, struct slice room, struct slice text);

/* Sends a request to chatd, which counts as `cost` lines, 1 to 255. `f` has its type, name and text. There must be
 * talk_room(). Returns the number by which chatd will answer. */
uint64_t talk_request(struct session *s, struct frame f, unsigned cost);

/* Returns the room in the queue to chatd, in bytes. A line takes UPLINK_LINE_OVERHEAD_BYTES besides its text, a request
 * UPLINK_REQUEST_OVERHEAD_BYTES (uplink.h). */
size_t talk_room(const struct session *s);

/* Returns the version of frames that chatd speaks; 0: it is not known yet. */
unsigned talk_version(const struct session *s);

/* Returns true if chatd has taken everything that the client said and requested, as far as the session knows. It may
 * learn that a second late, unless the last was a request. */
bool talk_is_settled(const struct session *s);

/* Returns true if there is no chatd now. */
bool talk_is_away(const struct session *s);

/* Lets the client be announced, because it sent what only a person or a chat client sends. */
void talk_arrive(struct session *s);

/* Begins to leave, unless the session is leaving already. */
void talk_leave(struct session *s, enum leave_reason reason);

/* Begins to leave because the client does not speak the kind's protocol. The journal names the one that it speaks. */
void talk_not_chat(struct session *s, const char *protocol);

/* Returns true until the session begins to leave. Until then input counts. */
bool talk_is_open(const struct session *s);

/* Returns the buffer for output to the client. A kind may put lines and bytes into it, and ask for its room. */
struct client *talk_client(struct session *s);

/* Returns how many lines chatd wrote to the client by itself: the kind knows nothing of them. */
uint64_t talk_lines_lent(const struct session *s);

/* Return the name under which others see the client, its address, and its id. */
struct slice talk_name(const struct session *s);
struct slice talk_address(const struct session *s);
uint64_t talk_id(const struct session *s);

/* Returns the time at which the session last woke, in ms of CLOCK_MONOTONIC. */
int64_t talk_now(const struct session *s);
