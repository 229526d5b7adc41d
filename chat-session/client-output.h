/* Writes to the client's connection.
 *
 * Output waits in the buffer of `struct client`. When the buffer is full, whole lines are skipped and counted, until
 * the client has taken half of the buffer: a slow client loses lines itself and costs nobody else anything. The pages
 * of the buffer that were never used cost no memory.
 *
 * chatd writes to a connection that is lent, and the session does not at that time: loan.h.
 */
#pragma once

#include "client.h"

/* Puts a line of `n` parts and its CR LF into the buffer. Skips and counts the line if it does not fit. */
void client_line(struct client *c, const struct slice *parts, size_t n);

/* Returns how many bytes such a line has. */
size_t client_line_bytes(const struct slice *parts, size_t n);

/* Begins a line of at most `size` bytes, for a caller that writes it otherwise. Returns its place, or NULL after it has
 * counted the line as skipped. The caller writes the line there, with what ends it, and calls client_end_line(). */
char *client_begin_line(struct client *c, size_t size);
void client_end_line(struct client *c, const char *end);

/* Completes a line of which the client has the first `has` bytes: puts the rest in front of the waiting output. If the
 * rest does not fit, ends the line and counts it as skipped. */
void client_rest(struct client *c, const struct slice *parts, size_t n, size_t has);

/* Ends a line of which the client has the beginning, because the rest will not come. */
void client_give_up_rest(struct client *c);

/* Puts bytes into the buffer unchanged. Does nothing if they do not fit. */
void client_raw(struct client *c, const void *data, size_t size);

/* Returns the place for `size` bytes that are no line, or NULL if they do not fit. They are not there before
 * client_commit() says where they end. */
char *client_reserve(struct client *c, size_t size);
void client_commit(struct client *c, const char *end);

/* Returns true if output waits. */
bool client_waits(const struct client *c);

/* Returns the bytes that still fit into the buffer. There is always room for client_give_up_rest() in addition. */
size_t client_room(const struct client *c);

/* Writes what the client takes now. */
void client_flush(struct client *c);

/* Returns how many lines were skipped since the last call, once the client has taken half of the buffer; before that,
 * 0. The caller must tell the client at once. */
uint64_t client_take_skipped(struct client *c);

/* Returns true if something was written since the last call. */
bool client_sent(struct client *c);
