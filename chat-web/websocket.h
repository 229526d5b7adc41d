/* A WebSocket (RFC 6455): the handshake, frames from the client, and control frames to the client. wslay parses frames.
 *
 * Each message is one JSON object. A client that violates the protocol is sent a code, and the connection ends:
 * 1002 for a wrong frame, 1003 for a binary message, 1007 for text that is not UTF-8, 1009 for a message of more than
 * 8192 bytes. There are no extensions.
 */
#pragma once

#include "http.h"
#include "web.h"

enum { WEBSOCKET_PING_MS = 25000 }; /* how often a PING is sent: proxies end a connection that is silent for a minute */

/* Prepares for frames. Call it once, before the session enters its sandbox. */
void websocket_begin(struct web *w);

/* Returns true if the key of a request is one: 16 bytes in base64. */
bool websocket_is_key(struct slice key);

/* Accepts a request for a WebSocket at `ms`, since 1970. The request must have a key. */
void websocket_accept(struct web *w, uint64_t ms);

/* Takes bytes of frames, and obeys the messages in them. */
void websocket_take(struct web *w, const uint8_t *bytes, size_t n);

/* Sends a PING, which keeps proxies from ending a silent connection. */
void websocket_ping(struct web *w);

/* Sends a close frame with this code, unless one was sent. */
void websocket_close(struct web *w, unsigned code);
