/* The header in which a proxy names its client, in front of the client's bytes: the PROXY protocol, versions 1 and 2,
 * of HAProxy's doc/proxy-protocol.txt. Pure functions: bytes in, an answer out. peer.h reads the bytes from a
 * connection.
 *
 * Version 1 is a line: "PROXY TCP4 192.168.1.7 192.168.1.10 54321 8889", or with TCP6, or UNKNOWN with anything behind
 * it, and CR LF. Version 2 is binary, with fields (TLVs) behind the addresses. The checksum among them is verified; the
 * others are skipped.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
        PROXY_LINE_MAX_BYTES = 107,    /* the protocol's limit, with CR LF */
        PROXY_HEADER_MAX_BYTES = 4096, /* of version 2, with its fields; nginx takes as many */
};

enum proxy_kind {
        PROXY_CLIENT,  /* the header names the client's address */
        PROXY_UNKNOWN, /* the client has no TCP address */
        PROXY_LOCAL,   /* the connection is the proxy's own, as for a health check */
};

/* Returns how many bytes to read next, behind the `size` that were read: never beyond the header, so that the rest
 * stays unread. Returns 0 if the header is complete, -EPROTO if the bytes are not the beginning of a header, or
 * -EMSGSIZE if the header is too long. */
ssize_t proxy_wants(const uint8_t *bytes, size_t size);

/* Reads a complete header. Returns its proxy_kind. For PROXY_CLIENT sets `source`; an IPv4 address is mapped into IPv6.
 * Returns -EPROTO if the header is malformed, or -EBADMSG if its checksum is wrong. */
int proxy_parse(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size);
