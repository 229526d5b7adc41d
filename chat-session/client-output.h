/* Writes to the client's connection.
 *
 * Output waits in the buffer of `struct client`. When the buffer is full, whole lines are skipped and counted, until
 * the client has taken half of the buffer: a slow client loses lines itself and harms nobody else. The pages of the
 * buffer that were never used cost no memory.
 *
 * While the connection is lent, chatd writes to it, and the session does not: loan.h.
 */
#pragma once

#include "client.h"

/* Puts a line of `n` parts and its CR LF into the buffer. Skips and counts the line if it does not fit. */
void client_line(struct client *c, const struct slice *parts, size_t n);

/* Returns how many bytes such a line has. */
size_t client_line_bytes(const struct slice *parts, size_t n);

/* Begins a line of at most `size` bytes that the caller writes itself. Returns the place for it, or counts the line as
 * skipped and returns NULL. The caller writes the line and its CR LF there, and calls client_end_line(). */
char *client_begin_line(struct client *c, size_t size);
void client_end_line(struct client *c, const char *end);

/* Completes a line whose beginning the client has: puts its rest, at most OUTLET_LINE_MAX_BYTES, in front of the waiting
 * output. If the rest does not fit, ends the line and counts it as skipped. There is always room for the rest of an
 * indivisible line. */
void client_rest(struct client *c, const char *rest, size_t size);

/* Ends a line whose rest will not come. If the line is indivisible, nothing more is written. */
void client_give_up_rest(struct client *c);

/* Puts bytes into the buffer unchanged. Does nothing if they do not fit. */
void client_raw(struct client *c, const void *data, size_t size);

/* Returns the place for `size` bytes that are no line, or NULL if they do not fit. The caller writes there, and
 * client_commit() makes the bytes up to `end` output. */
char *client_reserve(struct client *c, size_t size);
void client_commit(struct client *c, const char *end);

/* Takes the last `size` bytes of the waiting output back. They must have been put in since the last client_flush(). Returns
 * them; they stay valid until something is put into the buffer. */
const char *client_take_back(struct client *c, size_t size);

/* Returns true if output waits. */
bool client_waits(const struct client *c);

/* Returns how many bytes still fit into the buffer. There is always room for client_give_up_rest() in addition. */
size_t client_room(const struct client *c);

/* Writes what the client takes now. */
void client_flush(struct client *c);

/* Returns how many lines were skipped since the last call, once the client has taken half of the buffer; before that,
 * 0. The caller must tell the client at once. */
uint64_t client_take_skipped(struct client *c);

/* Returns true if something was written since the last call. */
bool client_sent(struct client *c);
