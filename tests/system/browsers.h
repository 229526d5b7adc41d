/* Browsers as a server sees them: requests by HTTP, and WebSockets (RFC 6455). Any client's connection will do: one to
 * a socket of the chat, one to a web server, or a program that adds TLS.
 *
 * Frames are masked with zeros, so a trace shows their text. client_expect() finds text in the frames of the server,
 * which are not masked.
 */
#pragma once

#include "harness.h"

/* Connects to a port of 127.0.0.1 from this address. Gives the client the name that it has in the chat. */
struct client *browser_connect(const char *from, int port);

/* Sends a request for a path, with these fields besides Host. Each field ends with "\r\n". */
void browser_ask(struct client *c, const char *path, const char *host, const char *fields);

/* Waits for the head of an answer with this status. */
void browser_expect_status(struct client *c, int status);

/* Asks for a WebSocket. Does not read the answer. */
void browser_ask_for_websocket(struct client *c, const char *host, const char *fields);

/* Opens a WebSocket, waits for the welcome, and takes the name in it as the client's. */
void browser_open_websocket(struct client *c, const char *host, const char *fields);

/* Sends a message in a frame. */
void browser_send(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Enters a room, and waits for the answer. */
void browser_join(struct client *c, const char *room);

/* Asserts that the client and the witness (witness.h) get each other's lines, each once, in the lobby. `what` tells this
 * client from others. */
void browser_assert_chat(struct client *c, const char *what, int n);
