/* The header in which a proxy names its client, in front of the client's bytes: the PROXY protocol, versions 1 and 2, of
 * HAProxy's doc/proxy-protocol.txt. Pure functions: bytes in, an answer out. peer.h reads them from a connection.
 *
 * Version 1 is a line: "PROXY TCP4 192.168.1.7 192.168.1.10 54321 8889", or TCP6, or UNKNOWN with anything behind it, and
 * CR LF. Version 2 is binary, with fields behind the addresses (TLVs). Of these the checksum is verified, and the others
 * are skipped.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
        PROXY_LINE_MAX_BYTES = 107,    /* so says the protocol, with CR LF */
        PROXY_HEADER_MAX_BYTES = 4096, /* of version 2, with its fields; nginx takes as many */
};

enum proxy_kind {
        PROXY_CLIENT,  /* it names the address of its client */
        PROXY_UNKNOWN, /* its client has no TCP address */
        PROXY_LOCAL,   /* the connection is the proxy's own, as for a health check */
};

/* Returns how many bytes to read next, behind the `size` that were read: never more than the header has, so that what
 * follows stays for others to read. Returns 0 if the header is whole, -EPROTO if these are not the beginning of one, or
 * -EMSGSIZE if it is longer than it may be. */
ssize_t proxy_wants(const uint8_t *bytes, size_t size);

/* Reads a header that is whole. Returns its proxy_kind; PROXY_CLIENT sets `source`, in which an IPv4 address is mapped into
 * IPv6. Returns -EPROTO if it is malformed, or -EBADMSG if its checksum is wrong. */
int proxy_parse(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size);
