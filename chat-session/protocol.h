/* What a client speaks, from its first bytes. A web page can make a visitor's browser send anything to a port of this
 * host behind the line and headers of an HTTP request; scanners, TLS and ssh clients come by mistake. None of them is to be
 * heard. Pure functions: bytes in, an answer out.
 *
 * A person who types "GET well soon" is a person: a protocol is recognised by its whole first line, or by bytes that nobody
 * types.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/wire.h>

enum protocol {
        PROTOCOL_CHAT, /* nothing says otherwise */
        PROTOCOL_HTTP, /* and its kin: RTSP, SIP */
        PROTOCOL_TLS,
        PROTOCOL_SSH,
        PROTOCOL_PROXY, /* a proxy says where somebody comes from, and was not expected */
        PROTOCOL_IRC,
        PROTOCOL_BINARY,
        /* a proxy was to say where somebody comes from, and … */
        PROTOCOL_HEADER_MISSING,   /* said nothing in time */
        PROTOCOL_HEADER_CUT_SHORT, /* ended in the middle of it */
        PROTOCOL_HEADER_MALFORMED,
        PROTOCOL_HEADER_TOO_LONG,
        PROTOCOL_HEADER_CHECKSUM, /* had another checksum than it stated */
        PROTOCOLS,
};

enum { PROTOCOL_FIRST_BYTES = 32 }; /* that protocol_of_bytes() looks at, at most */

/* Returns what the first bytes of a connection are of. `at_once` says that they came within a moment, as a program sends
 * them; else they may be single keys. */
enum protocol protocol_of_bytes(const uint8_t *bytes, size_t size, bool at_once);

/* Returns what the first line of a connection that is not empty is of. `whole` is false for the first TEXT_MAX_BYTES of a
 * longer one. */
enum protocol protocol_of_line(struct slice line, bool whole);

/* Returns what it is where peer_identify_proxied() failed with `error`, a negative errno. */
enum protocol protocol_of_header(int error);

/* Returns the protocol's name, for the journal: NOT_CHAT_HEADER (chat/frame.h) and what is wrong, where a proxy's header is. */
const char *protocol_name(enum protocol protocol);

/* Returns what to answer, in the protocol where it has a way to say that this is a chat. `head` asks for an HTTP response
 * without its body. */
struct slice protocol_answer(enum protocol protocol, bool head);
