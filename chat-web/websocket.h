/* A WebSocket (RFC 6455): the handshake, frames from the client, and control frames to it. wslay parses frames.
 *
 * Each message is one JSON object. A client that violates the protocol is told by a code, and the connection ends:
 * 1002 for a wrong frame, 1003 for a binary message, 1007 for text that is not UTF-8, 1009 for a message of more than
 * 8192 bytes. There are no extensions.
 */
#pragma once

#include "http.h"
#include "web.h"

enum { WEBSOCKET_PING_MS = 25000 }; /* how often: proxies end a connection that is silent for a minute */

/* Prepares for frames. Call it once, before the session enters its sandbox. */
void websocket_begin(struct web *w);

/* Returns true if the key of a request is one: 16 bytes in base64. */
bool websocket_is_key(struct slice key);

/* Answers a request that asks for a WebSocket at `ms`, since 1970, and has a key. */
void websocket_accept(struct web *w, uint64_t ms);

/* Takes bytes of frames, and obeys the messages in them. */
void websocket_take(struct web *w, const uint8_t *bytes, size_t n);

void websocket_ping(struct web *w);

/* Says that no more comes, unless that was said. */
void websocket_close(struct web *w, unsigned code);
