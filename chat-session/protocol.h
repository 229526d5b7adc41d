/* Recognises the protocol of a client by its first bytes. A web page can make a visitor's browser send any text to a
 * port of this host, behind the line and headers of an HTTP request. Scanners, TLS and ssh clients connect by mistake.
 * Nothing that they send may be said in the chat. Pure functions: bytes in, an answer out.
 *
 * A person who types "GET well soon" must not be turned away: a protocol is recognised by its whole first line, or by
 * bytes that nobody types.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/wire.h>

enum protocol {
        PROTOCOL_CHAT, /* no sign of another protocol */
        PROTOCOL_HTTP, /* and related protocols: RTSP, SIP */
        PROTOCOL_TLS,
        PROTOCOL_SSH,
        PROTOCOL_PROXY, /* a proxy states its client's address, and no proxy was expected */
        PROTOCOL_IRC,
        PROTOCOL_BINARY,
        PROTOCOLS,
};

enum { PROTOCOL_FIRST_BYTES = 32 }; /* the most that protocol_of_bytes() looks at */

/* Returns the protocol of the first bytes of a connection. `at_once` states that they came within a moment, as from a
 * program; otherwise they may be single keys. */
enum protocol protocol_of_bytes(const uint8_t *bytes, size_t size, bool at_once);

/* Returns the protocol of the first line of a connection that is not empty. `whole` is false for the first
 * TEXT_MAX_BYTES of a longer line. */
enum protocol protocol_of_line(struct slice line, bool whole);

/* Returns the protocol's name, for the journal. */
const char *protocol_name(enum protocol protocol);

/* Returns the answer to the client, in its own protocol if that has a way to say that this is a chat. `head` asks for
 * an HTTP response without its body. */
struct slice protocol_answer(enum protocol protocol, bool head);
